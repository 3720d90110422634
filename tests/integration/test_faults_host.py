"""Each of the sandbox's faults in the middle of a dialogue with the real host: it ends well, and nothing counts twice.

How long the host waits before it tries again is its own time, which the sandbox's clock does not move.
"""
import os
import re
import unittest

from stack import BUILD, MODE, ROOT, ApiError, Stack, until
from test_audio import AudioStack, speech

COUNTER = "[home]\n[counter]\npath = " + os.path.join(BUILD, "sdk/examples/counter/counter.so") + "\n"

# Whose orders are for calls; what takes effect and is not answered may be sent once more, but not counted again.
CALLS = {
    "429": {"method": "sendMessage", "retry_after": 1},
    "429 for an edit": {"method": "editMessageText", "retry_after": 1},
    "500": {"method": "sendMessage", "http": 500, "count": 2},
    "502 with a page": {"method": "sendMessage", "html": True},
    "reset": {"method": "sendMessage", "reset": True},
    "reset after": {"method": "editMessageText", "reset": True, "after": True},
    "drop": {"method": "editMessageText", "drop": True},
    "drop after": {"method": "sendMessage", "drop": True, "after": True},
    "delay": {"method": "sendMessage", "delay_ms": 1500},
    "truncated answer": {"method": "sendMessage", "truncate": True},
    "slow answer": {"method": "editMessageText", "bytes_per_second": 400},
    "nonsense": {"method": "sendMessage", "body": "{\"ok\":tru"},
    "a press is not answered": {"method": "answerCallbackQuery", "http": 502, "count": 2},
    "everything once": {"method": "*", "reset": True, "count": 4},
    "chance": {"method": "*", "probability": 0.2, "seed": 7, "http": 503, "seconds": 20},
}
# Members of an order for a call that none of these has, and where they are tested.
ELSEWHERE = {"error_code": "test_outbound.py", "description": "test_outbound.py", "error": "test_openai.py"}
FAL = {"fal_run": "test_fal_faults.py", "fal_webhook": "test_fal_faults.py"}


class FaultsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(plugins_ini=COUNTER)
        cls.stack.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    def setUp(self):
        self.stack.api("/sandbox/faults", method="DELETE")
        self.ann = self.stack.user("Ann")

    def order(self, **fault):
        return self.stack.api("/sandbox/faults", fault)["id"]

    def faults(self):
        return self.stack.api("/sandbox/faults")["faults"]

    def struck(self, after):
        """How many calls have been answered as was ordered; those that were only late or slow do not count."""
        return sum(request.get("fault", False) for request in self.stack.requests(after=after))

    def begin(self, user):
        self.stack.send(user, "/count")
        return self.stack.wait_message(user, "Count: 0")

    def add(self, user, message, count):
        self.stack.press_text(user, message, "+1")
        return self.stack.wait_message(user, f"Count: {count}")

    def finish(self, user, message, count):
        """Goes on and ends with numbers that show whether something has counted twice."""
        message = self.add(user, message, count + 1)
        self.stack.press_text(user, message, "Set")
        self.stack.wait_message(user, "Which number?")
        last = self.stack.send(user, "40")["message_id"]
        message = self.stack.wait_message(user, "Count: 40", after=last)
        self.add(user, message, 41)
        return message["message_id"]

    def nothing_follows(self, user, after):
        """All updates have been handled, and the number has stayed."""
        until(lambda: self.stack.state()["pending_update_count"] == 0, "the host has everything")
        self.stack.send(user, "/count")
        self.stack.wait_message(user, "Count: 41", after=after)

    def test_calls_that_fail(self):
        for name, fault in CALLS.items():
            with self.subTest(name):
                user, before = self.stack.user(name), self.stack.newest_request()
                order = self.order(**fault)
                last = self.finish(user, self.begin(user), 0)
                # A webhook's answer says it without a call.
                is_said_otherwise = MODE == "webhook" and fault["method"] == "answerCallbackQuery"
                if "seconds" in fault:
                    self.assertGreater(self.struck(before), 0, "it has been met")
                elif not is_said_otherwise:
                    self.assertNotIn(order, [left["id"] for left in self.faults()], "it has been met")
                self.stack.api("/sandbox/faults", method="DELETE")
                self.nothing_follows(user, last)

    def test_floods(self):
        for name, chat_id in (("of the chat", True), ("of all chats", False)):
            with self.subTest(name):
                user = self.stack.user("Flood")
                message = self.begin(user)
                before = self.stack.newest_request()
                self.order(fault="flood", seconds=3, **({"chat_id": user} if chat_id else {}))
                self.nothing_follows(user, self.finish(user, message, 0))
                statuses = [request["status"] for request in self.stack.requests(after=before)]
                self.assertTrue(1 <= statuses.count(429) <= 8, f"it asks, and waits: {statuses}")

    def test_updates_that_come_twice(self):
        message = self.begin(self.ann)
        self.order(fault="duplicate", count=3)
        self.nothing_follows(self.ann, self.finish(self.ann, message, 0))
        self.assertEqual([], self.faults())

    def test_ids_begin_anew_after_a_week(self):
        for _ in range(3):
            message = self.begin(self.ann)
            self.stack.api("/sandbox/clock", {"advance_s": 8 * 86400})
            last = self.finish(self.ann, message, 0)
            self.nothing_follows(self.ann, last)
            self.ann = self.stack.user("Next")

    def test_chaos(self):
        for seed in range(1, 4):
            with self.subTest(seed=seed):
                before = self.stack.newest_request()
                fault = self.order(fault="chaos", probability=0.4, seed=seed)
                ends = {}
                while self.struck(before) < 3 and len(ends) < 5:
                    user = self.stack.user("Chaos")
                    ends[user] = self.finish(user, self.begin(user), 0)
                self.stack.api(f"/sandbox/faults?id={fault}", method="DELETE")
                self.assertGreaterEqual(self.struck(before), 3)
                for user, last in ends.items():
                    self.nothing_follows(user, last)

    def test_updates_in_another_order(self):
        people = [self.stack.user(f"P{number}") for number in range(3)]
        messages = [self.begin(user) for user in people]
        before = self.stack.state()["updates"]
        self.order(fault="reorder", count=3)
        for user, message in zip(people, messages):
            self.stack.press_text(user, message, "+1")
        self.assertEqual([], self.faults())
        updates = self.stack.api(f"/sandbox/updates?after={before}")["updates"]
        self.assertEqual([item["update"]["callback_query"]["from"]["id"] for item in updates], people[::-1])
        for user in people:
            self.finish(user, self.stack.wait_message(user, "Count: 1"), 1)

    def test_a_user_who_blocks_the_bot_and_comes_back(self):
        message, before = self.begin(self.ann), self.stack.newest_request()
        fault = self.order(fault="block", user_id=self.ann)
        self.stack.press_text(self.ann, message, "+1")
        until(lambda: self.stack.state()["pending_update_count"] == 0, "the host has the press")
        until(lambda: any(request["status"] == 403 for request in self.stack.requests(after=before)),
              "the host is told that she has blocked it")
        self.stack.api(f"/sandbox/faults?id={fault}", method="DELETE")
        self.stack.send(self.ann, "/count")
        message = self.stack.wait_message(self.ann, "Count: 1", after=message["message_id"])
        self.finish(self.ann, message, 1)

    if MODE == "polling":
        def test_another_poller(self):
            message = self.begin(self.ann)
            self.order(fault="conflict", count=2)
            self.nothing_follows(self.ann, self.finish(self.ann, message, 0))
            self.assertEqual([], self.faults())

        def test_polls_that_fail(self):
            for fault in ({"reset": True}, {"html": True}, {"truncate": True}, {"body": "[1"}):
                with self.subTest(fault=fault):
                    user = self.stack.user("Poll")
                    self.order(method="getUpdates", count=2, **fault)
                    self.nothing_follows(user, self.finish(user, self.begin(user), 0))
                    self.assertEqual([], self.faults())
    else:
        def test_deliveries_whose_answer_is_lost(self):
            message = self.begin(self.ann)
            self.order(fault="cut_webhook", count=3)
            self.nothing_follows(self.ann, self.finish(self.ann, message, 0))
            self.assertEqual([], self.faults())

        def test_a_delivery_that_is_lost(self):
            message = self.begin(self.ann)
            self.order(fault="lost_webhook")
            self.stack.press_text(self.ann, message, "+1")
            until(lambda: not self.faults(), "the delivery is lost")
            self.finish(self.ann, message, 0)


class CompleteTest(unittest.TestCase):
    def source(self, *names):
        with open(os.path.join(ROOT, *names), encoding="utf-8") as file:
            return file.read()

    def refusal(self, stack, **order):
        with self.assertRaises(ApiError) as refused:
            stack.api("/sandbox/faults", order)
        return str(refused.exception)

    def test_all_that_the_sandbox_can_do_wrong_is_here(self):
        kinds = re.findall(r"\[FAULT_\w+\] = \{\"(\w+)\"", self.source("sdk/sandbox/faults_order.c"))
        here = set(re.findall(r"\border\(fault=\"(\w+)\"", self.source(__file__)))
        self.assertEqual(sorted(kinds), sorted({"call"} | here | set(FAL)))
        for kind, where in FAL.items():
            self.assertIn(f'fault="{kind}"', self.source("tests/integration", where))
        with Stack(host=False) as stack:
            said = self.refusal(stack, fault="?").partition("fault must be ")[2]
            self.assertEqual(set(re.findall(r"\w+", said)), set(kinds) | {"or"})
            members = self.refusal(stack, method="*", x=1).partition("these are:")[2]
        ordered = {member for fault in CALLS.values() for member in fault}
        self.assertEqual(set(re.findall(r"\w+", members)), ordered | set(ELSEWHERE))
        for member, where in ELSEWHERE.items():
            self.assertRegex(self.source("tests/integration", where), rf"\b{member}=|\"{member}\":")


class DownloadTest(unittest.TestCase):
    def test_downloads_that_break_or_drag(self):
        with AudioStack() as stack:
            ann, voice = stack.user("Ann"), speech()
            for fault, answer in (({"reset": True}, "heard"), ({"bytes_per_second": 50000}, "heard"),
                                  ({"drop": True}, "heard"), ({"truncate": True}, "heard")):
                with self.subTest(fault=fault):
                    stack.api("/sandbox/faults", {"method": "file"} | fault)
                    stack.answer_to(stack.upload(ann, voice), answer)
                    self.assertEqual([], stack.api("/sandbox/faults")["faults"])
            stack.wait_for_no_temporary_files()


class LimitsTest(unittest.TestCase):
    def test_the_host_keeps_to_telegrams_limits(self):
        """With its own default rates nothing is refused, however much there is to say."""
        pace = {"OUTBOUND_RATE": "30", "OUTBOUND_CHAT_RATE": "1"}
        with Stack(plugins_ini=COUNTER, env=pace, sandbox_arguments=["--flood-limits"]) as stack:
            people = [stack.user(f"P{number}") for number in range(40)]
            for user in people:
                stack.send(user, "/count")
            messages = [stack.wait_message(user, "Count: 0") for user in people]
            for count in range(3):
                for user, message in zip(people, messages):
                    stack.press_text(user, message, "+1")
            for user in people:
                stack.wait_message(user, "Count: 3")
            refused = [request for request in stack.requests() if request["status"] == 429]
            self.assertEqual([], refused)


if __name__ == "__main__":
    unittest.main()
