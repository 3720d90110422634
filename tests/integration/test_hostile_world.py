"""Whatever comes from outside: random updates of every kind, hostile in every text, and clients that drip, flood and
guess. Others are served meanwhile, everything is done in the end, and memory stays bounded."""
import collections
import contextlib
import http.client
import itertools
import json
import os
import random
import re
import socket
import threading
import time
import unittest

from notes import note
from spec_updates import Updates
from stack import BUILD, ROUNDS, Stack, until

PLUGINS = "[home]\n[updates]\npath = " + os.path.join(BUILD, "tests/plugins/updates/updates.so") + "\n"
UPDATES = 10000 if ROUNDS > 1 else 1000
MOST_MIB = 64  # by which the host may grow
SECRET = "s3cret_-"
# What AddressSanitizer keeps of freed memory would hide all else.
ENV = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"}


def memory_mib(stack):
    with open(f"/proc/{stack.host.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) / 1024


def ask_for_menu(test, stack, person):
    sent = stack.send(person, "/start")
    stack.wait_message(person, "What shall we do?", after=sent["message_id"])


class Hostile(unittest.TestCase):
    def check_growth(self, stack, before, what):
        after = memory_mib(stack)
        note(f"{what}: the host takes {before:.0f} MiB before and {after:.0f} MiB after")
        self.assertLess(after - before, MOST_MIB)

    def test_random_updates_of_every_kind(self):
        seed = int.from_bytes(os.urandom(4), "big")
        with self.subTest(seed=seed), Stack(plugins_ini=PLUGINS, env=ENV) as stack:
            ann, eve = stack.user("Ann"), stack.user("Eve")
            stack.send(eve, "/start")
            updates = Updates(random.Random(seed), eve)
            before = None
            for number, update in enumerate(itertools.islice(updates, UPDATES)):
                stack.update(**update)
                if number == UPDATES // 5:
                    self.finish(stack, ann)
                    before = memory_mib(stack)
            self.finish(stack, ann)
            self.check_growth(stack, before, f"{UPDATES} updates, seed {seed}")
            note(f"{len(updates.missing)} fields of all types have not been there")
            ask_for_menu(self, stack, eve)
            for what in (b"fatal", b"no memory", b"stays for the next start", b"cannot be read"):
                self.assertNotIn(what, stack.host.output())

    def finish(self, stack, ann):
        """Somebody else is answered, and all that came is done."""
        ask_for_menu(self, stack, ann)
        until(lambda: stack.state()["pending_update_count"] == 0 and self.inbox(stack) == 0, "all is done", timeout=120)

    def inbox(self, stack):
        return stack.sql("SELECT count(*) FROM inbox")[0][0]


class Clients(unittest.TestCase):
    """Who else finds the port that Telegram delivers to."""

    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack(plugins_ini=PLUGINS, mode="webhook",
                                                env=ENV | {"WEBHOOK_SECRET": SECRET}))
        cls.path = "/" + cls.stack.state()["bot"]["webhook_url"].split("/", 3)[3]
        cls.ann = cls.stack.user("Ann")
        ask_for_menu(cls, cls.stack, cls.ann)

    def connect(self):
        address, port = self.stack.listen.split(":")
        return socket.create_connection((address, int(port)), timeout=60)

    def deliver(self, connection, body, secret=SECRET):
        connection.request("POST", self.path, body, {"X-Telegram-Bot-Api-Secret-Token": secret})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def test_texts_that_no_json_can_hold(self):
        """Halves of surrogates, as some server may send them: passed over, and said so."""
        with contextlib.closing(http.client.HTTPConnection(self.stack.listen, timeout=60)) as connection:
            for number, text in enumerate((r"\ud800", r"\udc00x", r"\ud83d\ud83d", r"\ude00\ud83d", r"\uD8", "\\x")):
                update_id = 7_000_000 + number
                status, answer = self.deliver(connection, f'{{"update_id":{update_id},"message":{{"text":"{text}"}}}}')
                self.assertEqual((status, answer), (200, b"passed over\n"), text)
                self.assertIn(f"update={update_id} cannot be read".encode(), self.stack.host.output())
            status, _ = self.deliver(connection, r'{"update_id":7000100,"message":{"text":"a\u0000b"}}')
            self.assertEqual(status, 200)
        ask_for_menu(self, self.stack, self.ann)

    def test_who_drips_is_cut_off_and_delays_nobody(self):
        before, started = memory_mib(self.stack), time.monotonic()
        with contextlib.ExitStack() as clean:
            drips = [clean.enter_context(self.connect()) for _ in range(300)]
            left, number = drips, 0
            while left:
                text = f"POST {self.path} HTTP/1.1\r\nHost: a\r\nX-Number: {'1' * 1000}"
                left = [drip for drip in left if self.drip(drip, text[number % len(text)])]
                number += 1
                if number % 5 == 1:
                    ask_for_menu(self, self.stack, self.ann)
                self.assertLess(time.monotonic() - started, 60, f"{len(left)} still drip")
                time.sleep(0.2)  # that is what dripping is
        self.check_growth(before, "300 dripping clients")

    def drip(self, connection, character):
        """Sends one more character; False when the other side has had enough."""
        connection.setblocking(False)
        try:
            connection.send(character.encode())
            return connection.recv(1000, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def test_who_floods_delays_nobody(self):
        before, is_over, self.guesses = memory_mib(self.stack), threading.Event(), collections.Counter()
        floods = [self.flood_with_wrong_secrets, self.flood_without_reading, self.flood_with_connections]
        threads = [threading.Thread(target=flood, args=(is_over,)) for flood in floods]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                ask_for_menu(self, self.stack, self.ann)
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
        ask_for_menu(self, self.stack, self.ann)
        self.check_growth(before, f"{self.guesses[403]} wrong secrets and two other floods")
        self.assertGreaterEqual(self.guesses[403], 500)
        self.assertEqual(list(self.guesses), [403])
        self.assertNotIn(b"fatal", self.stack.host.output())

    def flood_with_wrong_secrets(self, is_over):
        with contextlib.closing(http.client.HTTPConnection(self.stack.listen, timeout=60)) as connection:
            number = 0
            while not is_over.is_set() or number < 500:
                status, _ = self.deliver(connection, json.dumps({"update_id": number, "message": {}}), f"guess{number}")
                self.guesses[status] += 1
                number += 1

    def flood_without_reading(self, is_over):
        """Asks and asks, and does not take the answers: the host stops reading, not growing."""
        request = f"GET {self.path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * 100
        with self.connect() as connection:
            connection.setblocking(False)
            while not is_over.wait(0.001):
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    connection.send(request)

    def flood_with_connections(self, is_over):
        while not is_over.wait(0.001):
            with contextlib.suppress(OSError), self.connect() as connection:
                connection.send(b"\x16\x03\x01\x02" * 10)

    def check_growth(self, before, what):
        after = memory_mib(self.stack)
        note(f"{what}: the host takes {before:.0f} MiB before and {after:.0f} MiB after")
        self.assertLess(after - before, MOST_MIB)


if __name__ == "__main__":
    unittest.main()
