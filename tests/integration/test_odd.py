"""Mistakes of plugins: what is said about them, and that nobody else suffers."""
import os
import re
import shutil
import signal
import subprocess
import unittest

from stack import BUILD, Process, Stack, until

ODD = "[odd]\npath = " + os.path.join(BUILD, "tests/plugins/odd/odd.so") + "\n"
FAILED = "Something went wrong"


class Mistakes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack(plugins_ini=ODD))

    def setUp(self):
        self.ann = self.stack.user("Ann")

    def ask(self, text, wanted):
        sent = self.stack.send(self.ann, text)
        return self.stack.wait_message(self.ann, wanted, after=sent["message_id"])

    def wait_log(self, text):
        until(lambda: text.encode() in self.stack.host.output(), f"the log says {text}")

    def test_a_transaction_without_a_commit(self):
        self.ask("/open_tx", FAILED)
        self.wait_log("it returned within a transaction, without aisha_db_commit()")

    def test_sleeping_in_a_transaction(self):
        self.ask("/sleep_tx", FAILED)
        self.wait_log("aisha_sleep() within a transaction")

    def test_a_button_without_its_payload(self):
        self.ask("/no_payload", FAILED)
        self.wait_log('"choose" needs its payload')

    def test_computing_is_noticed(self):
        self.ask("/spin", "spun")
        self.wait_log('plugin odd, handler "/spin"')

    def wait_named(self, handler, update_text, after=0):
        """The log names plugin, handler and update with these words, behind its first bytes."""
        until(lambda: re.search(rf'odd: update=\d+ handler="{re.escape(handler)}" .*{re.escape(update_text)}'.encode(),
                                self.stack.host.output()[after:]), f"the log names {handler}: {update_text}")

    def test_bad_sql_is_named(self):
        for command, sql, why in (
                ("/sql", "SELECT absent FROM odd_rows WHERE value = $1", r"code=\w+ .*absent.*"),
                ("/sql", "INSERT INTO odd_rows (absent) VALUES ($1)", r"code=\w+ .*absent.*"),
                ("/sql_tx", "UPDATE odd_rows SET absent = $1", r"code=\w+ .*absent.*"),
                ("/sql", "DELETE FROM odd_rows WHERE value = $1 OR value = $2", r".*\b1 parameters?\b.*"),
                ("/sql_tx", "COMMIT", r".*COMMIT.* the host's: this runs in a transaction already.*")):
            with self.subTest(command=command, sql=sql):
                self.ask(f"{command} {sql}", FAILED)
                told = re.findall(rf'db: plugin odd, handler "{command}", update \d+: {why}, in: {re.escape(sql)}\n',
                                  self.stack.host.output().decode())
                self.assertEqual(len(told), 1, self.stack.host.output().decode())
        self.assertNotIn(b"a private value", self.stack.host.output())

    def test_an_error_is_named_and_apologised_for(self):
        self.ask("/einval", FAILED)
        self.wait_named("/einval", "failed: ")

    def test_a_text_that_is_nowhere(self):
        self.ask("/no_text", "forgotten")
        self.wait_named("/no_text", 'the text "forgotten" is in no catalogue: there is no '
                        f"{BUILD}/tests/plugins/odd/locale with ru.json and en.json")

    def test_a_notification_to_nobody(self):
        self.ask("/notify", FAILED)
        self.wait_named("/notify", f'not found: aisha_notify(): there is no user "{self.ann}"; it wants an id as '
                        "aisha_user_id() gives it (of a Telegram id: aisha_find_user())")

    def test_a_forgotten_answer_is_named(self):
        self.stack.send(self.ann, "/mute")
        self.wait_named("/mute", "has said nothing")
        message = self.ask("/mute_button", "press")
        revision = self.stack.revision()
        self.stack.press_text(self.ann, message, "Mute")
        self.stack.wait_event(after=revision, type="answer_callback")
        self.wait_named("callback mute", "has said nothing")

    def test_who_passes_it_on_has_forgotten_nothing(self):
        self.ask("/ask", "Which color?")
        sent = self.stack.upload(self.ann, b"x", kind="document")
        self.stack.wait_message(self.ann, "I am waiting for a text", after=sent["message_id"])
        self.assertNotIn(b'"message document"', self.stack.host.output())

    def test_there_is_an_end_to_messages(self):
        for text in ("/flood", "/flood on"):
            with self.subTest(text):
                sent = self.stack.send(self.ann, text)
                if text == "/flood":
                    self.stack.wait_message(self.ann, FAILED, after=sent["message_id"])
                self.wait_named("/flood", "to send more than 100" if text == "/flood" else "to send 500 messages")
                heard = [m for m in self.stack.bot_messages(self.ann) if m["message_id"] > sent["message_id"]]
                self.assertEqual(sum(m["text"] == "again" for m in heard), 100)

    def test_there_is_an_end_to_memory(self):
        for text in ("/hoard", "/hoard slowly"):
            with self.subTest(text):
                before = len(self.stack.host.output())
                self.ask(text, FAILED)
                self.wait_named("/hoard", "it wants more than 256 MB of memory", after=before)
                self.ask("/null", "nulls")  # the transaction is over
        self.assertEqual(self.stack.sql("SELECT count(*) FROM odd_rows WHERE value = 'hoard'"), [(0,)])

    def test_blocking_is_named_and_nobody_is_forgotten(self):
        eve = self.stack.user("Eve")
        self.stack.send(self.ann, "/block 2")
        self.stack.send(eve, "/null")
        self.stack.wait_message(self.ann, "blocked")
        self.stack.wait_message(eve, "nulls")
        until(lambda: re.search(rb'nothing else ran for \d+ ms because of plugin odd, handler "/block", update \d+',
                                self.stack.host.output()), "the log names it")

    def test_null(self):
        self.ask("/null", "nulls")

    def test_small_tools(self):
        self.ask('/tools a/b "é', '''same uuid, a%2Fb%20%22%C3%A9 in a URL, {"a/b \\"é":1} as JSON, name a/b "é''')

    def test_a_question_answered_by_a_button(self):
        first = self.ask("/ask", "Which color?")
        self.stack.press_text(self.ann, first, "Green")
        self.stack.wait_message(self.ann, "green for 42")
        revision = self.stack.revision()
        self.stack.press_text(self.ann, first, "Green")
        self.stack.wait_event(after=revision, type="answer_callback")
        self.ask("/ask", "Which color?")
        self.ask("red", "red for 42")

    def test_buttons_under_a_raw_call(self):
        message = self.ask("/raw", "raw")
        self.stack.press_text(self.ann, message, "Blue")
        self.stack.wait_message(self.ann, lambda m: m.get("text") == "blue")


def is_sanitized():
    with open(os.path.join(BUILD, "host/aisha"), "rb") as file:
        return b"__asan_init" in file.read()


class Crashes(unittest.TestCase):
    def test_an_update_that_ends_the_process_does_so_three_times(self):
        endings = {"/die": -signal.SIGKILL}
        if not is_sanitized():  # a sanitizer has its own report of these
            endings |= {"/deep": -signal.SIGSEGV, "/crash": -signal.SIGSEGV}
        for text, status in endings.items():
            with self.subTest(text), Stack(plugins_ini=ODD) as stack:
                ann, eve = stack.user("Ann"), stack.user("Eve")
                stack.send(ann, text)
                self.assertEqual(stack.host_died(), status)
                stack.send(ann, "/null")  # comes after it, and does not suffer for it
                stack.send(eve, "/null")
                self.assertEqual(self.restart_until_it_lives(stack, status), 2)
                stack.wait_message(ann, FAILED)
                stack.wait_message(ann, "nulls")
                stack.wait_message(eve, "nulls")
                log = stack.host.output()
                where = rb'plugin odd, handler "%s", update (\d+)' % text.encode()
                update = re.search(rb"the last run ended within " + where, log)[1]
                self.assertEqual(len(re.findall(rb"the last run ended within " + where, log)), 3)
                self.assertIn(b"update=%s handler" % update, log)
                self.assertIn(b"the process has ended 3 times within it; it is not run again", log)
                if status == -signal.SIGSEGV:
                    self.assertRegex(log, rb"fatal: .* in coroutine " + where)
                stack.restart_host()  # and all is forgotten but what it did
                stack.send(eve, "/null")
                stack.wait_message(eve, "nulls", after=stack.last_bot_message(eve)["message_id"])

    def restart_until_it_lives(self, stack, status):
        """How often the host died after it was started."""
        for deaths in range(5):
            stack.host = Process(stack.host_command("run"), stack.path("host.log"), stack.host_env(), stack.folder)
            until(lambda: stack.host.child.poll() is not None or stack.is_healthy() and
                  b" is running with " in stack.host.output().rpartition(b"listening on port")[2],
                  "the host lives or dies")
            try:
                stack.host.child.wait(1)
            except subprocess.TimeoutExpired:
                return deaths
            self.assertEqual(stack.host.child.returncode, status)
        raise AssertionError("it dies for ever")


class WithOthers(unittest.TestCase):
    def test_who_ignores_cancelling_does_not_stop_others(self):
        with Stack(plugins_ini=ODD) as stack:
            ann, eve = stack.user("Ann"), stack.user("Eve")
            stack.send(ann, "/stubborn")
            stack.wait_message(ann, "for ever")
            stack.send(ann, "/cancel")
            until(lambda: b"was cancelled and does not end" in stack.host.output(), "it is noticed")
            stack.send(eve, "/null")
            stack.wait_message(eve, "1 nulls")
            self.assertEqual(stack.host.end(timeout=60), 1)
            self.assertIn(b"ending without it", stack.host.output())

    def test_credits_that_could_not_be_moved_leave_nothing_to_commit(self):
        with Stack(plugins_ini=ODD + "[home]\n[balance]\n") as stack:
            ann = stack.user("Ann")
            for text in ("/half", "/half back"):
                sent = stack.send(ann, text)
                stack.wait_message(ann, "none of it", after=sent["message_id"])
            self.assertEqual(stack.sql("SELECT value FROM odd_rows"), [])

    def test_a_question_that_was_passed_on_after_a_failed_write_stays(self):
        path = os.path.join(BUILD, "tests/plugins/nick/nick.so")
        with Stack(plugins_ini=f"[nick]\npath = {path}\n") as stack:
            ann = stack.user("Ann")
            for text, answer in (("/nick", "Which nick?"), ("taken", "noted"), ("taken", "noted"), ("free", "stored"),
                                 ("free", "noted")):
                sent = stack.send(ann, text)
                stack.wait_message(ann, answer, after=sent["message_id"])

    def test_a_blob_store_that_fails_is_an_ordinary_failure(self):
        with Stack(plugins_ini=ODD, env={"BLOB_URL": "file:files"}) as stack:
            ann = stack.user("Ann")
            shutil.rmtree(stack.path("files"))
            before = stack.newest_request()
            stack.send(ann, "/keep")
            stack.wait_message(ann, FAILED)
            stack.send(ann, "/null")
            stack.wait_message(ann, "1 nulls")
            self.assertEqual(len(stack.requests("sendMessage", after=before)), 2)


if __name__ == "__main__":
    unittest.main()
