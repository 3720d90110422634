"""A bad configuration is refused with its place, its cause and what to do, and nothing starts."""
import os
import unittest

from stack import BUILD, Stack


def plugin(name, folder="tests/plugins"):
    return f"[{name}]\npath = {os.path.join(BUILD, folder, name + '.so')}\n"


class Refused(unittest.TestCase):
    def refuse(self, plugins_ini, *wanted, aisha_ini=None, env=None):
        """Both `check` and `run` end with status 1 and say every wanted text; no database was made."""
        with Stack(plugins_ini=plugins_ini, aisha_ini=aisha_ini, env=env, host=False) as stack:
            for command in "check", "run":
                status, output = stack.run_host(command)
                self.assertEqual(status, 1, output)
                for text in wanted:
                    self.assertIn(text, output)
            self.assertFalse(os.path.exists(stack.path("aisha.db")), "something was started")
            self.assertEqual(stack.requests(), [], "Telegram was asked")

    def test_unknown_key_of_a_plugin(self):
        self.refuse("[home]\ncolour = red\n", "etc/plugins.ini:2:", "colour")

    def test_missing_plugin(self):
        self.refuse("[home]\n\n[nowhere]\n", "etc/plugins.ini:3:", '"nowhere" is missing', "nowhere/nowhere.so", "path")

    def test_wrong_abi(self):
        self.refuse("[home]\n" + plugin("wrong_abi"), "etc/plugins.ini:3:", "ABI 2", "ABI 1", "SDK")

    def test_two_plugins_with_one_command(self):
        self.refuse("[home]\n" + plugin("rival"), "etc/plugins.ini:2:", '"home"', '"rival"', "/start", "enabled = no")

    def test_circle_of_requirements(self):
        self.refuse(plugin("hen") + plugin("egg"), "etc/plugins.ini:1:", 'circle: "hen" requires "egg"')

    def test_requirement_that_nobody_fulfils(self):
        self.refuse(plugin("orphan"), "etc/plugins.ini:1:", '"orphan" requires "parents"')

    def test_over_long_line(self):
        self.refuse("[home]\n; fine\nenabled = " + "y" * 300 + "\n", "etc/plugins.ini:3:", "bytes")

    def test_tables_that_make_no_sense(self):
        self.refuse(plugin("sloppy"), "Bad Name", "no_such_text", "norun", "nowhere", "vioce", "Odd-one",
                    '"many": counters end in', '"unread" has no .read', '"untyped" has a type',
                    f'"no_such_text", which is in no catalogue: there is no {BUILD}/tests/plugins/locale with ru.json '
                    'and en.json; what has no "@" in front is the text itself')

    def test_metric_that_is_the_hosts(self):
        self.refuse(plugin("plugin_metrics"), "etc/plugins.ini:1:", "aisha_plugin_metrics_up", "one of the host")

    def test_file_that_is_no_plugin(self):
        self.refuse("[home]\n[fake]\npath = etc/aisha.ini\n", "etc/plugins.ini:3:", "cannot be loaded")

    def test_missing_file(self):
        with Stack(host=False) as stack:
            status, output = stack.run_host("--plugins", "etc/none.ini", "check")
            self.assertEqual(status, 1)
            self.assertIn("etc/none.ini", output)

    def test_unknown_key_of_the_host(self):
        self.refuse(None, "etc/aisha.ini:2:", "tokn", 'did you mean "token"',
                    aisha_ini="[telegram]\ntokn = 1:a\ntoken = 1:a\n")

    def test_missing_token(self):
        self.refuse(None, "BOT_TOKEN", "@BotFather", env={"BOT_TOKEN": ""})

    def test_all_mistakes_are_told_at_once(self):
        self.refuse("[nowhere]\n[home]\nx = 1\n", "etc/plugins.ini:1:", "etc/plugins.ini:3:", "etc/aisha.ini:",
                    aisha_ini="[telegram]\ntoken = 1:a\n[limits]\nmax_in_flight = many\n")


class Accepted(unittest.TestCase):
    def test_the_shipped_files_are_fine(self):
        with Stack(host=False) as stack:
            status, output = stack.run_host("check")
            self.assertEqual(status, 0, output)

    def test_an_empty_variable_is_none(self):
        empty = {name: "" for name in ("AISHA_MASTER_KEY", "ADMIN_IDS", "FAL_KEY", "REDIS_URL", "CDN_URL", "LOG_LEVEL")}
        with Stack(env=empty, host=False) as stack:
            status, output = stack.run_host("check")
            self.assertEqual(status, 0, output)

    def test_a_plugin_can_be_switched_off(self):
        with Stack(plugins_ini="[home]\n" + plugin("wrong_abi") + "enabled = no\n", host=False) as stack:
            status, output = stack.run_host("plugins")
            self.assertEqual(status, 0, output)
            self.assertIn("home", output)
            self.assertNotIn("wrong_abi", output)

    def test_migrations_are_shown_and_applied(self):
        with Stack(plugins_ini="[home]\n" + plugin("probe", "tests/plugins/probe"), host=False) as stack:
            for state, count in (("applied now", r"[1-9]\d*"), ("applied", 0)):
                status, output = stack.run_host("migrate")
                self.assertEqual(status, 0, output)
                self.assertRegex(output, rf"host +1  {state} +users, dialogues and the inbox\n")
                self.assertRegex(output, rf"probe +1  {state} +effects\n")
                self.assertRegex(output, rf"\n{count} applied now\n\Z")
            stack.sql("UPDATE schema_migrations SET checksum = 'x' WHERE owner = 'probe'")
            status, output = stack.run_host("migrate")
            self.assertEqual(status, 1)
            self.assertIn("probe: migration 1 was changed after it had been applied", output)

    def test_unknown_command_of_the_program(self):
        with Stack(host=False) as stack:
            status, output = stack.run_host("dance")
            self.assertEqual(status, 2)
            self.assertIn("usage:", output)


if __name__ == "__main__":
    unittest.main()
