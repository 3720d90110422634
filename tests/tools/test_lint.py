"""Every rule of the lint catches a bad sample and lets a good one pass."""
import os
import tempfile
import unittest

import lint


class Lint(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def check(self, rule, path, text):
        self.write(path, text)
        return list(rule(lint.Tree(self.root)))

    def assert_include(self, path, include, allowed):
        found = self.check(lint.layering, path, f"#include {include}\n")
        self.assertEqual(not found, allowed, f"{path} includes {include}: {found}")
        os.remove(os.path.join(self.root, path))

    def test_more_than_one_long_function_in_ten_is_caught(self):
        short = "".join(f"int f{i}(void)\n{{\n    return {i};\n}}\n\n" for i in range(9))
        long = "int g(void)\n{\n" + "    work();\n" * 60 + "}\n"
        self.assertEqual(self.check(lint.function_length, "host/a.c", short + long), [])
        found = self.check(lint.function_length, "host/a.c", short + long + "\n" + long)
        self.assertEqual(len(found), 2)
        self.assertTrue(found[0].startswith("host/a.c:46: a function of 62 lines"), found)

    def test_long_files_and_headers_are_caught(self):
        self.assertEqual(self.check(lint.file_length, "host/a.c", "\n" * 600), [])
        self.assertEqual(len(self.check(lint.file_length, "host/a.c", "\n" * 601)), 1)
        self.assertEqual(len(self.check(lint.file_length, "host/b.h", "\n" * 251)), 2)

    def test_a_plugin_keeps_to_the_sdk_and_itself(self):
        for include, allowed in [("<aisha/db.h>", True), ("<aisha/service/speech.h>", True), ('"decode.h"', True),
                                 ('"plugins/audio/decode.h"', True), ("<libavformat/avformat.h>", True),
                                 ('"host/core/loop.h"', False), ('"plugins/home/menu.h"', False),
                                 ('"../home/menu.h"', False), ("<plugins/home/menu.h>", False)]:
            self.assert_include("plugins/audio/audio.c", include, allowed)

    def test_an_example_is_a_plugin(self):
        self.assert_include("sdk/examples/echo.c", "<aisha/plugin.h>", True)
        self.assert_include("sdk/examples/echo.c", '"host/bot/router.h"', False)

    def test_sdk_headers_need_libc_only(self):
        for include, allowed in [("<stdint.h>", True), ("<aisha/base.h>", True), ("<cjson/cJSON.h>", False),
                                 ("<event2/event.h>", False), ('"host/core/arena.h"', False)]:
            self.assert_include("sdk/include/aisha/x.h", include, allowed)

    def test_the_sandbox_reads_the_protocol_itself(self):
        for include, allowed in [('"host/core/loop.h"', True), ('"host/io/http_server.h"', True), ('"chat.h"', True),
                                 ('"host/telegram/parse.h"', False), ('"host/bot/router.h"', False),
                                 ("<aisha/bot_api.h>", False), ("<aisha/log.h>", True)]:
            self.assert_include("sdk/sandbox/main.c", include, allowed)

    def test_the_host_goes_downward_only(self):
        for path, include, allowed in [
            ("host/bot/router.c", '"host/telegram/poller.h"', True), ("host/bot/router.c", '"host/core/co.h"', True),
            ("host/telegram/poller.c", '"host/io/http.h"', True), ("host/main.c", '"host/bot/host.h"', True),
            ("host/telegram/poller.c", '"host/bot/router.h"', False), ("host/io/http.c", '"host/store/db.h"', False),
            ("host/core/loop.c", '"host/io/http.h"', False), ("host/bot/router.c", '"plugins/home/home.h"', False),
            ("host/new/thing.c", '"host/core/co.h"', False),
        ]:
            self.assert_include(path, include, allowed)

    def test_a_banned_call_is_caught_but_not_its_name_in_a_text(self):
        good = '/* strcpy(a, b) */\nint f(void)\n{\n    my_system();\n    return puts("use strcpy(a, b)");\n}\n'
        self.assertEqual(self.check(lint.banned_calls, "host/a.c", good), [])
        found = self.check(lint.banned_calls, "host/a.c", good.replace("my_system()", "system(x)"))
        self.assertEqual(found, ["host/a.c:4: calls system"])

    def test_who_calls_what_suspends_says_so(self):
        self.write("host/core/wait.h", "AISHA_ASYNC AISHA_CHECKED int wait_for(struct wait *w);\n")
        caller = "{}int use(struct wait *w)\n{{\n    return wait_for(w);\n}}\n"
        self.assertEqual(self.check(lint.async_marks, "host/a.c", caller.format("AISHA_ASYNC ")), [])
        found = self.check(lint.async_marks, "host/a.c", caller.format("static "))
        self.assertEqual(found, ["host/a.c:1: use calls wait_for without being AISHA_ASYNC"])

    def test_untidy_lines_are_caught(self):
        found = self.check(lint.layout, "a.py", "\tx\ny \n" + "z" * 121)
        self.assertEqual([problem.split(": ")[1] for problem in found],
                         ["tab", "white space at the end", "121 characters, at most 120",
                          "no newline at the end of the file"])
        self.assertEqual(self.check(lint.layout, "a.py", "x\n"), [])

    def test_leftovers_are_caught(self):
        for text in ("/* TO" + "DO later */", "# FIX" + "ME", "see /ho" + "me/me/notes", "https://pypi" + ".org/x"):
            self.assertEqual(len(self.check(lint.leftovers, "a.c", text + "\n")), 1, text)
        self.assertEqual(self.check(lint.leftovers, "a.c", 'mkstemp("XX' + 'XXXX"); /* home/start */\n'), [])


if __name__ == "__main__":
    unittest.main()
