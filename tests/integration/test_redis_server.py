"""A Redis that goes away under load and comes back: nothing is lost, doubled or answered from what is no longer so.

The numbers that are sent are summed up in dialogues, copies of which are in Redis: a copy that is out of date would be
a wrong sum.
"""
import json
import os
import signal
import threading
import time
import unittest
import urllib.error
import urllib.request

from servers import Redis
from notes import note
from prometheus import parse
from stack import BUILD, ROUNDS, Stack, free_port, until

TALLY = "[tally]\npath = " + os.path.join(BUILD, "tests/plugins/tally/tally.so") + "\n"
CHATS, (UPDATES, OUTAGE_S) = 20, (400, 2) if ROUNDS == 1 else (1500, 10)


def ready(stack):
    """Status and checks of /readyz by name."""
    try:
        answer = urllib.request.urlopen(f"http://{stack.listen}/readyz", timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, {check["name"]: check for check in json.load(answer)["checks"]}


class Outage(unittest.TestCase):
    def setUp(self):
        self.redis = self.enterContext(Redis(password="tea:@/%"))
        self.stack = self.enterContext(Stack(plugins_ini=TALLY, env={"REDIS_URL": self.redis.url}))
        self.people = [self.stack.user(f"User {i}") for i in range(CHATS)]
        self.sent = {person: [] for person in self.people}

    def send_all(self):
        for number in range(1, UPDATES + 1):
            person = self.people[number % CHATS]
            self.sent[person].append(number)
            self.stack.send(person, str(number))
            time.sleep(0.01)

    def under_load(self, trouble):
        for person in self.people:
            self.stack.send(person, "/begin")
        for person in self.people:
            self.stack.wait_message(person, "begun")
        sender = threading.Thread(target=self.send_all)
        sender.start()
        time.sleep(0.5)
        trouble()
        sender.join()
        for person in self.people:
            self.stack.send(person, "end")
        for person in self.people:
            total = sum(self.sent[person])
            self.stack.wait_message(person, lambda m, total=total: m["text"] == f"total {total}")
        rows = self.stack.sql("SELECT chat_id, number FROM tally_effects ORDER BY sequence")
        by_chat = {}
        for chat, number in rows:
            by_chat.setdefault(chat, []).append(number)
        self.assertEqual(by_chat, self.sent, "each once, in order")
        answers = 0
        for person, numbers in self.sent.items():
            texts = [m["text"] for m in self.stack.bot_messages(person) if m["text"].startswith("counted")]
            self.assertEqual(texts, [f"counted {number}" for number in numbers])
            answers += len(texts)
        note(f"{UPDATES} updates, {len(rows)} effects, {answers} answers")
        until(lambda: ready(self.stack)[0] == 200, "everything works again")

    def says_that_it_is_away(self):
        until(lambda: ready(self.stack)[0] == 503, "it says that it is not ready")
        redis = ready(self.stack)[1]["redis"]
        self.assertEqual(redis["status"], "failed")
        self.assertIn("REDIS_URL", redis["advice"])
        self.assertNotIn("tea", json.dumps(redis))
        self.assertTrue(self.stack.is_healthy())
        with urllib.request.urlopen(f"http://{self.stack.listen}/metrics", timeout=30) as answer:
            metrics = parse(answer.read())
        self.assertEqual((metrics["aisha_cache_up"].value(), metrics["aisha_database_up"].value()), (0, 1))

    def replies_go_on(self):
        begun, before = time.monotonic(), len(self.stack.sql("SELECT number FROM tally_effects"))
        until(lambda: len(self.stack.sql("SELECT number FROM tally_effects")) >= before + CHATS, "it goes on")
        return time.monotonic() - begun

    def logged(self, text):
        return self.stack.host.output().decode(errors="replace").count(text)

    def is_used(self):
        """Whether copies of dialogues come to be in it."""
        until(lambda: b"host:dialog/" in self.redis.cli("KEYS", "*").encode(), "it is used")

    def test_stopped_and_started_again(self):
        def trouble():
            self.is_used()
            self.redis.stop()
            self.says_that_it_is_away()
            self.replies_go_on()
            time.sleep(OUTAGE_S)
            self.redis.start()  # empty
            until(lambda: ready(self.stack)[0] == 200, "it is ready again")
            self.is_used()

        self.under_load(trouble)
        self.assertEqual(self.logged("is lost"), 1)
        self.assertEqual(self.logged("Redis is back"), 1)
        self.assertEqual(self.logged("tea"), 0)

    def test_killed(self):
        def trouble():
            for _ in range(3):
                self.redis.stop(signal.SIGKILL)
                time.sleep(0.2)
                self.redis.start()

        self.under_load(trouble)

    def test_paused(self):
        """Connections stay, and nothing answers; what it has is what it had before."""
        def trouble():
            self.is_used()
            self.redis.pause()
            self.says_that_it_is_away()
            self.assertLess(self.replies_go_on(), 10)
            time.sleep(OUTAGE_S)
            self.redis.resume()

        self.under_load(trouble)
        self.assertEqual(self.logged("Redis is back"), 1)

    def test_connections_are_cut(self):
        def trouble():
            for _ in range(10):
                self.redis.cli("CLIENT", "KILL", "TYPE", "normal")
                time.sleep(0.1)

        self.under_load(trouble)

    def test_the_host_starts_before_the_server(self):
        self.stack.stop_host()
        self.redis.stop()
        self.stack.start_host()
        self.says_that_it_is_away()
        self.assertEqual(self.logged("cannot be used"), 1)
        self.stack.send(self.people[0], "/begin")
        self.stack.wait_message(self.people[0], "begun")
        self.stack.send(self.people[0], "5")
        self.stack.wait_message(self.people[0], "counted 5")
        self.redis.start()
        until(lambda: ready(self.stack)[0] == 200, "it is ready")
        self.stack.send(self.people[0], "end")
        self.stack.wait_message(self.people[0], "total 5")

    def test_the_check_command_names_it(self):
        status, output = self.stack.run_host("check")
        self.assertRegex(output, r"(?m)^ok +redis")
        self.stack.env["REDIS_URL"] = f"redis://:hush@127.0.0.1:{free_port()}/0"
        status, output = self.stack.run_host("check")
        self.assertEqual(status, 1)
        self.assertRegex(output, r"(?m)^failed +redis .*refused\n.*REDIS_URL")
        self.assertNotIn("hush", output)


if __name__ == "__main__":
    unittest.main()
