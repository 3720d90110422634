"""The sandbox's clock: what is dated, expires or waits follows it."""
import concurrent.futures
import os
import time
import unittest

from stack import ApiError, Stack
from wire import ALICE, TOKEN, Wire

HOUR, DAY = 3600, 86400


class ClockTest(Wire):
    def now(self):
        return self.stack.api("/sandbox/clock")["now"]

    def test_it_is_the_real_time_until_it_is_moved(self):
        clock = self.stack.api("/sandbox/clock")
        self.assertEqual(0, clock["offset_s"])
        self.assertLess(abs(clock["now"] - time.time()), 5)
        moved = self.advance(DAY)
        self.assertEqual(DAY, moved["offset_s"])
        self.assertLess(abs(moved["now"] - time.time() - DAY), 5)
        self.assertEqual(DAY + 1.5, self.advance(1.5)["offset_s"])
        self.assertLess(abs(self.act("clock", now=1234567890)["now"] - 1234567890), 5)
        self.assertEqual(0, self.act("clock", reset=True)["offset_s"])

    def test_what_is_no_time_is_refused(self):
        for body in ({}, {"advance_s": -1}, {"advance_s": "1"}, {"now": 0}, {"now": 1.5}, {"reset": False},
                     {"now": 1 << 31}, {"advance_s": 1, "reset": True}, {"advance_s": 1e300}, {"speed": 2}):
            with self.subTest(body=body), self.assertRaises(ApiError) as caught:
                self.act("clock", **body)
            self.assertEqual(400, caught.exception.status)
        self.assertEqual(0, self.stack.api("/sandbox/clock")["offset_s"])

    def test_who_watches_is_told(self):
        after = self.stack.revision()
        self.advance(60)
        event = self.stack.wait_event(after=after, type="clock")
        self.assertEqual(60, event["offset_s"])

    def test_messages_have_its_date(self):
        self.advance(10 * DAY)
        self.assertLess(abs(self.say()["date"] - self.now()), 5)
        sent = self.stack.send(ALICE, "from the future")
        self.assertLess(abs(sent["date"] - time.time() - 10 * DAY), 5)

    def test_a_message_cannot_be_deleted_after_48_hours(self):
        first, second = self.say()["message_id"], self.say()["message_id"]
        self.advance(48 * HOUR - 60)
        self.assertTrue(self.result("deleteMessage", chat_id=ALICE, message_id=first))
        self.advance(120)
        self.assertEqual((400, "Bad Request: message can't be deleted for everyone"),
                         self.refusal("deleteMessage", chat_id=ALICE, message_id=second))

    def test_updates_expire(self):
        self.stack.send(ALICE, "old")
        self.advance(DAY - 60)
        self.assertEqual(["old"], self.texts(self.updates()))
        self.advance(120)
        self.assertEqual([], self.updates())

    def test_links_to_files_expire(self):
        document = self.stack.upload(ALICE, b"content", kind="document")["document"]
        path = self.result("getFile", file_id=document["file_id"])["file_path"]
        self.advance(HOUR - 60)
        self.assertEqual(200, self.fetch(f"/file/bot{TOKEN}/{path}")[0])
        self.advance(120)
        self.assertEqual(404, self.fetch(f"/file/bot{TOKEN}/{path}")[0])
        self.result("getFile", file_id=document["file_id"])
        self.assertEqual(200, self.fetch(f"/file/bot{TOKEN}/{path}")[0])

    def test_a_press_can_no_longer_be_answered(self):
        markup = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
        query = self.stack.press(ALICE, self.say(reply_markup=markup)["message_id"])
        self.advance(120)
        self.assertEqual((400, "Bad Request: query is too old and response timeout expired or query ID is invalid"),
                         self.refusal("answerCallbackQuery", callback_query_id=query))

    def test_a_chat_action_lasts_five_seconds(self):
        self.result("sendChatAction", chat_id=ALICE, action="typing")
        self.assertEqual("typing", self.stack.chat(ALICE)["typing"])
        self.advance(6)
        self.assertIsNone(self.stack.chat(ALICE)["typing"])

    def test_it_wakes_a_poll_whose_time_has_come(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            poll = pool.submit(self.updates, timeout=50)
            self.poll_waits()
            self.advance(40)
            started = time.monotonic()
            self.advance(10)
            self.assertEqual([], poll.result(30))
            self.assertLess(time.monotonic() - started, 20)

    def test_it_wakes_a_delayed_call(self):
        self.stack.fault("getMe", delay_ms=600000)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            call = pool.submit(self.result, "getMe")
            self.stack.faults_met()
            self.advance(600)
            self.assertEqual(4242, call.result(30)["id"])

    def test_setting_it_back_prolongs_no_wait(self):
        self.advance(DAY)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            poll = pool.submit(self.updates, timeout=50)
            self.poll_waits()
            self.act("clock", reset=True)
            self.advance(50)
            self.assertEqual([], poll.result(30))

    def test_reset_sets_it_right(self):
        self.advance(DAY)
        self.act("reset")
        self.assertEqual(0, self.stack.api("/sandbox/clock")["offset_s"])


class RestartTest(unittest.TestCase):
    def test_it_goes_on_after_a_restart(self):
        with Stack(host=False) as stack:
            stack.api("/sandbox/clock", {"advance_s": DAY})
            self.assertEqual(0, stack.sandbox.end())
            os.remove(stack.sandbox.log)
            stack.start_sandbox()
            self.assertEqual(DAY, stack.api("/sandbox/clock")["offset_s"])
            self.assertLess(abs(stack.send(ALICE, "x")["date"] - time.time() - DAY), 5)


if __name__ == "__main__":
    unittest.main()
