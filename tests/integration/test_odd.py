"""Mistakes of plugins: what is said about them, and that nobody else suffers."""
import os
import shutil
import unittest

from stack import BUILD, Stack, until

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

    def test_null(self):
        self.ask("/null", "1 nulls")

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


class Stubborn(unittest.TestCase):
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

    def test_a_blob_store_that_fails_is_an_ordinary_failure(self):
        with Stack(plugins_ini=ODD) as stack:
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
