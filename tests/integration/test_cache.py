"""The cache as plugins use it, in memory and in Redis."""
import os
import unittest

from stack import BUILD, Stack

CACHE = "[cache]\npath = " + os.path.join(BUILD, "tests/plugins/cache/cache.so") + "\n"
INVALID, TIMEOUT = -1004, -1000


class Cache(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(Stack(plugins_ini=CACHE))
        self.ann = self.stack.user("Ann")
        self.seen = 0

    def call(self, text):
        """(what was returned, what was said)"""
        self.stack.send(self.ann, "/call " + text)
        return self.answer()

    def answer(self, who=None):
        message = self.stack.wait_message(who or self.ann, after=self.seen if who is None else 0)
        if who is None:
            self.seen = message["message_id"]
        number, what = message["text"].split(" ", 1)
        return int(number), what

    def test_values(self):
        self.assertEqual(self.call("get a"), (1, "nothing"))
        self.assertEqual(self.call("set a one"), (0, "set"))
        self.assertEqual(self.call("get a"), (0, "one"))
        self.assertEqual(self.call("delete a"), (0, "deleted"))
        self.assertEqual(self.call("get a"), (1, "nothing"))
        self.assertEqual(self.call("set " + "k" * 200 + " v"), (0, "set"))
        self.assertEqual(self.call("set " + "k" * 201 + " v"), (INVALID, "set"))
        self.assertEqual(self.call("transaction a"), (INVALID, "in a transaction"))

    def test_numbers_and_comparing(self):
        self.assertEqual(self.call("add n 5"), (0, "5"))
        self.assertEqual(self.call("add n -7"), (0, "-2"))
        self.assertEqual(self.call("get n"), (0, "-2"))
        self.assertEqual(self.call("cas c - one"), (0, "compared"))
        self.assertEqual(self.call("cas c - two"), (1, "compared"))
        self.assertEqual(self.call("cas c one two"), (0, "compared"))
        self.assertEqual(self.call("get c"), (0, "two"))
        self.assertEqual(self.call("add c 1"), (INVALID, "0"))

    def test_limits(self):
        self.assertEqual([self.call("allow a")[0] for _ in range(3)], [0, 0, 1])
        self.assertEqual(self.call("allow a"), (1, "later"))
        self.assertEqual(self.call("allow b"), (0, "now"))

    def test_waking(self):
        self.assertEqual(self.call("wait a 60000"), (0, "waiting"))
        ben = self.stack.user("Ben")
        self.stack.send(ben, "/call wake a")
        self.assertEqual(self.answer(ben), (0, "called"))
        self.assertEqual(self.answer(), (0, "woken"))
        self.assertEqual(self.call("wait a 1"), (0, "waiting"))
        self.assertEqual(self.answer(), (TIMEOUT, "woken"))


if __name__ == "__main__":
    unittest.main()
