"""Polls and quizzes, without a host."""
import unittest

from sandbox_case import ALICE, BORIS, disagreement, keyboard
from test_sandbox_methods import MethodsTest, NOWHERE

ASK = {"chat_id": ALICE, "question": "Q", "options": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}


class PollsTest(MethodsTest):
    def ask(self, **params):
        return self.result("sendPoll", **(ASK | params))

    def vote(self, message, *ids, user=ALICE):
        return self.act("vote", user_id=user, chat_id=message["chat"]["id"], message_id=message["message_id"],
                        option_ids=list(ids))

    def counts(self, message):
        messages = self.stack.messages(message["chat"]["id"])
        shown = next(m for m in messages if m["message_id"] == message["message_id"])
        return [option["voter_count"] for option in shown["poll"]["options"]]

    def test_a_poll_is_asked(self):
        poll = self.ask(question=" Q ", options=["a", {"text": "b"}])["poll"]
        self.assertEqual(("Q", ["a", "b"], "regular", True, False, True, False, 0),
                         (poll["question"], [o["text"] for o in poll["options"]], poll["type"], poll["is_anonymous"],
                          poll["allows_multiple_answers"], poll["allows_revoting"], poll["is_closed"],
                          poll["total_voter_count"]))
        self.assertEqual("D", self.ask(description="<b>D</b>", description_parse_mode="HTML")["poll"]["description"])

    def test_polls_that_cannot_be(self):
        refused = (
            ("text must be non-empty", {"question": " "}),
            ('parameter "question" is required', {"question": ""}),
            ("poll question length must not exceed 300", {"question": "x" * 301}),
            ("poll must have at least one answer option", {"options": []}),
            ("poll can't have more than 12 options", {"options": ["x"] * 13}),
            ("text must be non-empty", {"options": ["a", "\n"]}),
            ("poll options length must not exceed 100", {"options": ["x" * 101]}),
            ("unsupported poll type specified", {"type": "survey"}),
            ("POLL_CLOSE_DATE_INVALID", {"open_period": 4}),
            ("correct quiz option list must be non-empty", {"type": "quiz"}),
            ("wrong quiz correct_option_id", {"type": "quiz", "correct_option_ids": [3]}),
            ("correct quiz option list must be increasing", {"type": "quiz", "correct_option_ids": [1, 0]}),
            ("MESSAGE_TOO_LONG", {"type": "quiz", "correct_option_ids": [0], "explanation": "x" * 201}),
            ("BUTTON_DATA_INVALID", {"reply_markup": keyboard([("A", "x" * 65)])}),
        )
        for description, params in refused:
            with self.subTest(params=params):
                self.refuses(description, "sendPoll", **(ASK | params))

    def test_votes_are_counted_and_told(self):
        group = self.group()
        sent = self.ask(is_anonymous=False, chat_id=group)
        self.vote(sent, 1)
        self.vote(sent, 2, user=BORIS)
        self.vote(sent, 0)
        self.vote(sent, 0)
        news = self.news()
        self.assertEqual(["poll_answer", "poll"] * 3, [next(iter(update)) for update in news])
        answer = news[0]["poll_answer"]
        self.assertEqual((sent["poll"]["id"], ALICE, [1], ["1"]), (answer["poll_id"], answer["user"]["id"],
                                                                   answer["option_ids"],
                                                                   answer["option_persistent_ids"]))
        self.assertEqual([[0, 1, 0], [0, 1, 1], [1, 0, 1]],
                         [[o["voter_count"] for o in update["poll"]["options"]] for update in news[1::2]])
        self.assertEqual([1, 0, 1], self.counts(sent))
        self.vote(sent)
        self.assertEqual(([], [0, 0, 1]), (self.news()[0]["poll_answer"]["option_ids"], self.counts(sent)))

    def test_an_anonymous_poll_tells_no_names(self):
        sent = self.ask(allows_multiple_answers=True)
        self.vote(sent, 0, 2)
        self.assertEqual([["poll"]], [list(update) for update in self.news()])
        self.assertEqual([1, 0, 1], self.counts(sent))

    def test_votes_that_do_not_count(self):
        sent = self.ask(type="quiz", correct_option_ids=[1], explanation="because")
        self.assertEqual(([1], "because"), (sent["poll"]["correct_option_ids"], sent["poll"]["explanation"]))
        where = {"user_id": ALICE, "message_id": sent["message_id"]}
        self.act_refused("one answer only", "vote", option_ids=[0, 1], **where)
        self.act_refused("no such option", "vote", option_ids=[3], **where)
        self.act_refused("must be a list", "vote", **where)
        self.vote(sent, 0)
        self.act_refused("vote again", "vote", option_ids=[1], **where)
        self.act_refused("no such poll", "vote", user_id=ALICE, message_id=9999, option_ids=[0])

    def test_a_poll_is_stopped(self):
        sent = self.ask(reply_markup=keyboard([("A", "a")]))
        where = {"chat_id": ALICE, "message_id": sent["message_id"]}
        self.vote(sent, 1)
        poll = self.result("stopPoll", **where)
        self.assertEqual((True, 1), (poll["is_closed"], poll["total_voter_count"]))
        self.assertTrue(self.news()[-1]["poll"]["is_closed"])
        shown = self.stack.messages(ALICE)[-1]
        self.assertEqual((True, None), (shown["poll"]["is_closed"], shown.get("reply_markup")))
        self.act_refused("closed", "vote", user_id=ALICE, message_id=sent["message_id"], option_ids=[0])
        self.refuses("poll has already been closed", "stopPoll", **where)
        self.refuses("message with poll to stop not found", "stopPoll", **NOWHERE)
        self.refuses("message is not a poll", "stopPoll", chat_id=ALICE, message_id=self.say()["message_id"])
        users = self.act("share", user_id=ALICE, poll={"question": "Q", "options": ["a"]})["message"]
        self.refuses("poll can't be stopped", "stopPoll", chat_id=ALICE, message_id=users["message_id"])

    def test_a_poll_ends_with_its_time(self):
        sent = self.ask(open_period=60)
        later = self.ask(open_period=600)
        self.assertEqual(sent["date"] + 60, sent["poll"]["close_date"])
        self.act("clock", advance_s=61)
        ended = self.updates(timeout=20)[0]["poll"]
        self.assertEqual((sent["poll"]["id"], True), (ended["id"], ended["is_closed"]))
        self.assertNotIn("close_date", ended)
        self.act_refused("closed", "vote", user_id=ALICE, message_id=sent["message_id"], option_ids=[0])
        self.vote(later, 0)

    def test_a_forward_shows_the_same_poll_and_a_copy_another(self):
        sent = self.ask()
        source = {"chat_id": ALICE, "from_chat_id": ALICE, "message_id": sent["message_id"]}
        forward = self.result("forwardMessage", **source)
        self.result("copyMessage", **source)
        copy = self.stack.messages(ALICE)[-1]
        self.vote(forward, 0)
        self.assertEqual([[1, 0, 0], [1, 0, 0], [0, 0, 0]],
                         [self.counts(message) for message in (sent, forward, copy)])
        for message in self.stack.messages(ALICE):
            self.assertIsNone(disagreement(message, "Message"))
        self.refuses("poll can't be stopped", "stopPoll", chat_id=ALICE, message_id=forward["message_id"])

    def test_a_poll_is_neither_text_nor_media(self):
        where = {"chat_id": ALICE, "message_id": self.ask()["message_id"]}
        self.refuses("there is no text in the message to edit", "editMessageText", text="x", **where)
        self.refuses("there is no caption in the message to edit", "editMessageCaption", caption="x", **where)
        self.refuses("message media can't be edited", "editMessageMedia", media={"type": "photo", "media": "x"},
                     **where)
        self.result("editMessageReplyMarkup", reply_markup=keyboard([("A", "a")]), **where)


if __name__ == "__main__":
    unittest.main()
