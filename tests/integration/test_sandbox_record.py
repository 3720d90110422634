"""The sandbox's record of updates, playing them again, waiting and inspecting."""
import concurrent.futures
import unittest
import urllib.parse

from stack import ApiError, until
from wire import ALICE, BORIS, Wire

KEYBOARD = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}


class RecordTest(Wire):
    def recorded(self, **query):
        return self.stack.api("/sandbox/updates?" + urllib.parse.urlencode(query))

    def test_every_update_is_recorded(self):
        before = self.recorded()["last"]
        self.stack.send(ALICE, "one")
        self.stack.press(ALICE, self.say(reply_markup=KEYBOARD)["message_id"], data="a")
        updates = self.updates()
        self.updates(offset=updates[-1]["update_id"] + 1)
        record = self.recorded(after=before)
        self.assertEqual(updates, [entry["update"] for entry in record["updates"]], "also when they are fetched")
        self.assertEqual([before + 1, before + 2], [entry["n"] for entry in record["updates"]])
        self.assertLess(abs(record["updates"][0]["at"] - self.stack.api("/sandbox/clock")["now"]), 5)
        self.assertEqual(before + 2, record["last"])
        self.assertEqual(1, len(self.recorded(after=before, limit=1)["updates"]))
        self.assertNotIn("gap", record)
        self.assertTrue(self.recorded(after=1000000)["gap"])

    def test_what_the_bot_does_not_want_is_not_recorded(self):
        self.updates(allowed_updates=["callback_query"])
        before = self.recorded()["last"]
        self.stack.send(ALICE, "unheard")
        self.assertEqual(before, self.recorded()["last"])

    def test_reset_forgets(self):
        self.act("reset")
        self.assertEqual({"updates": [], "last": 0}, self.recorded())


class ReplayTest(Wire):
    def record(self):
        after = self.stack.api("/sandbox/updates")["last"]
        user = self.stack.user("Carol", id=55)
        self.stack.send(user, "first")
        self.advance(10)
        self.stack.send(user, "second")
        self.stack.press(user, self.say(chat_id=user, reply_markup=KEYBOARD)["message_id"], data="a")
        return self.stack.api(f"/sandbox/updates?after={after}")["updates"]

    def test_a_record_plays_again_in_an_empty_world(self):
        record = self.record()
        self.act("reset")
        self.assertEqual(3, self.act("replay", updates=record)["queued"])
        updates = self.call("getUpdates")["result"]
        self.assertEqual(["first", "second"], self.texts(updates[:2]))
        self.assertNotIn(record[0]["update"]["update_id"], [update["update_id"] for update in updates])
        self.assertEqual(["first", "second"], [message["text"] for message in self.stack.messages(55)])
        self.say("an answer", chat_id=55)
        self.result("answerCallbackQuery", callback_query_id=updates[2]["callback_query"]["id"])

    def test_ids_can_be_kept(self):
        record = self.record()
        self.act("reset")
        self.act("replay", updates=record, keep_ids=True)
        self.assertEqual([entry["update"] for entry in record], self.call("getUpdates")["result"])

    def test_plain_updates_play_too(self):
        message = {"message_id": 5, "date": 1, "chat": {"id": ALICE, "type": "private", "first_name": "Alice"},
                   "from": {"id": ALICE, "is_bot": False, "first_name": "Alice"}, "text": "by hand"}
        self.act("replay", updates=[{"message": message}, {"update_id": 1, "strange": {}}])
        updates = self.updates()
        self.assertEqual("by hand", updates[0]["message"]["text"])
        self.assertIn("strange", updates[1])

    def test_they_can_come_as_slowly_as_they_came(self):
        record = self.record()
        self.act("reset")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            playing = pool.submit(self.act, "replay", updates=record, speed=0.01)
            until(lambda: self.stack.state()["pending_update_count"] == 1, "the first is queued")
            self.advance(900)
            self.assertEqual(1, self.stack.state()["pending_update_count"])
            self.advance(200)
            until(lambda: self.stack.state()["pending_update_count"] > 1, "the second is queued")
            while not playing.done():
                self.advance(100)
            self.assertEqual(3, playing.result()["queued"])

    def test_what_makes_no_sense_is_refused(self):
        for body in ({}, {"updates": {}}, {"updates": [5]}, {"updates": [{}]}, {"updates": [{"a": 1, "b": 2}]},
                     {"updates": [], "speed": 0}, {"updates": [], "keep_ids": 1},
                     {"updates": [{"update_id": 0, "message": {}}]}):
            with self.subTest(body=body), self.assertRaises(ApiError) as caught:
                self.act("replay", **body)
            self.assertEqual(400, caught.exception.status)


class ReorderTest(Wire):
    def test_queues_change_places_and_keep_their_order(self):
        self.stack.send(BORIS, "/start")
        self.updates(offset=self.updates()[-1]["update_id"] + 1)
        self.act("faults", fault="reorder", count=4)
        for user, text in ((ALICE, "a1"), (BORIS, "b1"), (ALICE, "a2"), (BORIS, "b2")):
            self.assertEqual([], self.call("getUpdates")["result"])
            self.stack.send(user, text)
        self.assertEqual(["b1", "b2", "a1", "a2"], self.texts(self.call("getUpdates")["result"]))
        self.assertEqual([], self.faults())

    def test_nothing_is_held_back_for_long(self):
        self.act("faults", fault="reorder", count=4)
        self.stack.send(ALICE, "alone")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            poll = pool.submit(self.updates, timeout=50)
            self.poll_waits()
            self.advance(5)
            self.assertEqual(["alone"], self.texts(poll.result(30)))


class WaitTest(Wire):
    def wait(self, **query):
        return self.stack.api("/sandbox/wait?" + urllib.parse.urlencode(query))

    def test_what_has_happened_since_is_found(self):
        after = self.stack.revision()
        self.say("first")
        self.say("second words")
        event = self.wait(after=after, type="message", chat_id=ALICE, text="second")
        self.assertEqual("second words", event["message"]["text"])
        self.assertEqual("first", self.wait(after=after)["message"]["text"])

    def test_what_comes_is_waited_for(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            after = self.stack.revision()
            waiting = pool.submit(self.wait, after=after, text="menu", from_bot=1, timeout=50)
            self.stack.send(ALICE, "a menu, please")
            self.say("no")
            sent = self.say("the menu")
            self.assertEqual(sent["message_id"], waiting.result(30)["message_id"])

    def test_requests_are_waited_for(self):
        after = self.stack.state()["requests"]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(self.wait, requests_after=after, method="sendMessage", text="two", chat_id=ALICE)
            self.say("one")
            self.say("two")
            request = waiting.result(30)
        self.assertEqual(("sendMessage", "two", 200), (request["method"], request["params"]["text"], request["status"]))

    def test_what_does_not_come_is_said(self):
        with self.assertRaises(ApiError) as caught:
            self.wait(type="earthquake", timeout=0)
        self.assertEqual(408, caught.exception.status)
        with self.assertRaises(ApiError) as caught:
            self.wait(after="x")
        self.assertEqual(400, caught.exception.status)


class InspectTest(Wire):
    def test_all_of_a_chat(self):
        self.stack.send(ALICE, "pending")
        self.stack.send(BORIS, "of somebody else")
        sent = self.say(reply_markup={"keyboard": [["A"]]})
        self.result("pinChatMessage", chat_id=ALICE, message_id=sent["message_id"])
        self.result("sendChatAction", chat_id=ALICE, action="typing")
        self.act("faults", fault="flood", chat_id=ALICE, seconds=90)
        chat = self.stack.api(f"/sandbox/inspect?chat_id={ALICE}")
        self.assertEqual((ALICE, "open", "typing"), (chat["chat"]["id"], chat["standing"], chat["typing"]))
        self.assertTrue(85 < chat["flooded_seconds"] <= 90)
        self.assertIn(sent, chat["messages"])
        self.assertEqual(sent["message_id"], chat["pinned_message"]["message_id"])
        self.assertEqual([[{"text": "A"}]], chat["reply_markup"]["keyboard"])
        self.assertEqual("pending", chat["pending_updates"][0]["message"]["text"])
        self.assertNotIn("of somebody else", str(chat["pending_updates"]))
        with self.assertRaises(ApiError) as caught:
            self.stack.api("/sandbox/inspect?chat_id=77")
        self.assertEqual(404, caught.exception.status)

    def test_all_of_a_group(self):
        group = self.act("chats", user_id=ALICE, type="supergroup", title="G", is_forum=True)["id"]
        topic = self.act("topics", user_id=ALICE, chat_id=group, name="T")
        chat = self.stack.api(f"/sandbox/inspect?chat_id={group}")
        self.assertEqual("G", chat["chat"]["title"])
        self.assertIn(ALICE, [member["user"]["id"] for member in chat["members"]])
        self.assertIn(topic["message_thread_id"], [each["message_thread_id"] for each in chat["topics"]])
        self.assertIn("permissions", chat["info"])
        self.assertTrue(chat["pending_updates"])

    def test_the_state_says_what_is_set(self):
        self.advance(60)
        self.act("limits", enabled=True)
        state = self.stack.state()
        self.assertEqual(60, state["clock"]["offset_s"])
        self.assertTrue(state["limits"]["enabled"])
        self.assertEqual(self.result("getWebhookInfo"), state["webhook"])
        self.assertEqual(2, state["chats"])
        state = self.stack.state()
        self.assertEqual(self.stack.newest_request(), state["requests"])
        self.assertEqual(self.stack.api("/sandbox/updates")["last"], state["updates"])


if __name__ == "__main__":
    unittest.main()
