"""The checker of what the sandbox says: it finds what is missing, unknown, of the wrong type or against the words."""
import copy
import unittest

import conformance

ANN = {"id": 7, "is_bot": False, "first_name": "Ann"}
CHAT = {"id": 7, "type": "private", "first_name": "Ann"}
TEXT = {"message_id": 1, "date": 5, "from": ANN, "chat": CHAT, "text": "hi"}
GROUP = {"id": -5, "type": "group", "title": "G"}
SIZE = {"file_id": "a", "file_unique_id": "u", "width": 9, "height": 9}


class Values(unittest.TestCase):
    def finds(self, wanted, value, kind):
        found = conformance.check(value, [kind], "x")
        self.assertTrue(any(wanted in text for text in found), f"{wanted} is not in {found}")

    def message(self, **changes):
        return {name: value for name, value in (TEXT | changes).items() if value is not None}

    def test_what_is_right_is_right(self):
        markup = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
        entities = [{"type": "bold", "offset": 0, "length": 4}, {"type": "code", "offset": 0, "length": 2}]
        channel = {"id": -1000000000007, "type": "channel", "title": "C"}
        for message in (TEXT, self.message(text="😀😀", entities=entities, reply_markup=markup, edit_date=5),
                        self.message(text=None, photo=[SIZE], caption="c", media_group_id="1"),
                        self.message(text=None, group_chat_created=True, chat=GROUP),
                        {"message_id": 1, "date": 5, "chat": channel, "text": "x"}):
            self.assertEqual([], conformance.check(message, ["Message"], "x"))
        self.assertEqual([], conformance.check(True, ["Message", "Boolean"], "x"))
        self.assertEqual([], conformance.check({"chat": CHAT, "message_id": 1, "date": 0},
                                               ["MaybeInaccessibleMessage"], "x"))

    def test_fields(self):
        self.finds("x.date is missing in Message", self.message(date=None), "Message")
        self.finds("x.user.is_bot is missing in User", {"status": "left", "user": {"id": 7}}, "ChatMember")
        self.finds("x.note is unknown to Message", self.message(note=1), "Message")
        self.finds("x.date is no Integer", self.message(date=5.5), "Message")
        self.finds("x.date is no Integer", self.message(date=True), "Message")
        self.finds("x.chat is no Chat", self.message(chat=[]), "Message")
        self.finds("x[1] is no String", ["a", 1], "Array of String")
        self.finds("x is no list", {}, "Array of String")
        self.finds("x.type is none of", CHAT | {"type": "room"}, "Chat")
        self.finds("x.is_topic_message is none of", self.message(is_topic_message=False), "Message")

    def test_alternatives_are_told_apart(self):
        self.finds("x.until_date is missing in ChatMemberBanned", {"status": "kicked", "user": ANN}, "ChatMember")
        self.finds("x.sender_user is missing in MessageOriginUser", {"type": "user", "date": 1}, "MessageOrigin")
        self.finds("x.date is missing in Message", {"chat": CHAT, "message_id": 1}, "MaybeInaccessibleMessage")

    def test_words(self):
        quiz = {"id": "1", "question": "?", "options": [], "total_voter_count": 3, "is_closed": False,
                "type": "regular", "is_anonymous": True, "allows_multiple_answers": False, "allows_revoting": False,
                "members_only": False}
        reply = self.message(reply_to_message=TEXT)
        for wanted, value, kind in (
                ("one content", self.message(dice={"emoji": "🎲", "value": 1}), "Message"),
                ("one content", self.message(text=None), "Message"),
                ("from is missing", self.message(**{"from": None}), "Message"),
                ("no further reply_to_message", self.message(reply_to_message=reply), "Message"),
                ("edit_date lies before", self.message(edit_date=4), "Message"),
                ("message_thread_id", self.message(is_topic_message=True), "Message"),
                ("a caption needs media", self.message(caption="c"), "Message"),
                ("media_group_id needs media", self.message(media_group_id="1"), "Message"),
                ("empty", self.message(text=""), "Message"),
                ("not within the text", self.message(entities=[{"type": "code", "offset": 1, "length": 2}]), "Message"),
                ("not in order", self.message(entities=[{"type": "bold", "offset": 1, "length": 1},
                                                        {"type": "code", "offset": 0, "length": 1}]), "Message"),
                ("a text_link has url", {"type": "text_link", "offset": 0, "length": 1}, "MessageEntity"),
                ("only a text_link", {"type": "bold", "offset": 0, "length": 1, "url": "u"}, "MessageEntity"),
                ("from small to large", self.message(text=None, photo=[SIZE, SIZE]), "Message"),
                ("a private chat", CHAT | {"title": "T"}, "Chat"), ("a group has", GROUP | {"id": 5}, "Chat"),
                ("lies below", GROUP | {"type": "supergroup"}, "Chat"),
                ("lies above", GROUP | {"id": -1000000000005}, "Chat"),
                ("is no forum", GROUP | {"is_forum": True}, "Chat"),
                ("no username", ANN | {"username": "@ann"}, "User"), ("no user's id", ANN | {"id": -1}, "User"),
                ("does one thing", {"text": "A"}, "InlineKeyboardButton"),
                ("edit_date", {"update_id": 1, "edited_message": TEXT}, "Update"),
                ("one member", {"update_id": 1, "message": TEXT, "edited_message": TEXT | {"edit_date": 5}}, "Update"),
                ("channel_post is of a private", {"update_id": 1, "channel_post": TEXT}, "Update"),
                ("either message", {"id": "1", "from": ANN, "chat_instance": "1", "data": "d"}, "CallbackQuery"),
                ("is a number", {"id": "1", "from": ANN, "chat_instance": "z", "data": "d", "message": TEXT},
                 "CallbackQuery"),
                ("more voters", quiz, "Poll")):
            with self.subTest(wanted):
                self.finds(wanted, value, kind)


class Answers(unittest.TestCase):
    def of(self, status, answer, method="sendMessage", **more):
        request = {"n": 1, "method": method, "status": status, "response": copy.deepcopy(answer)} | more
        return conformance.of_requests([request])

    def test_envelopes(self):
        error = {"ok": False, "error_code": 400, "description": "Bad Request"}
        self.assertEqual([], self.of(200, {"ok": True, "result": TEXT}))
        self.assertEqual([], self.of(400, error))
        self.assertEqual([], self.of(429, error | {"error_code": 429, "parameters": {"retry_after": 3}}))
        for status, answer in ((200, {"result": TEXT}), (500, {"ok": True, "result": TEXT}), (200, {"ok": True}),
                               (200, {"ok": True, "result": True}), (200, {"ok": True, "result": TEXT, "more": 1}),
                               (403, error), (400, error | {"result": 1}), (400, error | {"description": None}),
                               (400, error | {"parameters": {"wait": 1}})):
            with self.subTest(answer=answer):
                self.assertEqual(1, len(self.of(status, answer)))

    def test_faults_may_say_anything(self):
        self.assertEqual([], self.of(200, {"ok": True, "result": []}, fault=True))

    def test_what_is_no_method_of_telegram_is_passed_over(self):
        self.assertEqual([], self.of(200, {"text": "heard"}, method="transcription"))

    def test_updates(self):
        self.assertEqual([], conformance.of_updates([{"update_id": 1, "message": TEXT}]))
        self.assertEqual(["update.sound is unknown to Update"], conformance.of_updates([{"update_id": 1, "sound": {}}]))
