"""Inline mode in the sandbox: every kind of result, what is refused, chosen ones in chats; web apps and guests."""
import json
import threading
import unittest

from picture import png
from stack import ApiError, Stack, until

ANN, BOB = 1001, 1002
KEYBOARD = {"inline_keyboard": [[{"text": "b", "callback_data": "d"}]]}
TEXT = {"message_text": "*m*", "parse_mode": "MarkdownV2"}
INVOICE = {"title": "T", "description": "D", "payload": "P", "currency": "XTR", "prices": [{"label": "L", "amount": 5}]}


def article(**more):
    return {"type": "article", "id": "1", "title": "t", "input_message_content": TEXT} | more


class Inline(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(Stack(host=False))
        self.bot("getUpdates", allowed_updates=[])
        self.act("send", user_id=ANN, text="/start")
        self.updates()

    def bot(self, method, **params):
        try:
            return self.stack.api(f"/bot5:x/{method}", params)["result"]
        except ApiError as error:
            return error.status, json.loads(error.body)["description"]

    def act(self, call, **body):
        return self.stack.api(f"/sandbox/{call}", body)

    def wrong(self, method, wanted, **params):
        self.assertEqual(self.bot(method, **params), (400, f"Bad Request: {wanted}"))

    def updates(self):
        """What is new, as (kind, payload)."""
        new = self.bot("getUpdates")
        if new:
            self.bot("getUpdates", offset=new[-1]["update_id"] + 1)
        return [next((kind, value) for kind, value in update.items() if kind != "update_id") for update in new]

    def answer(self, *results, query="q", **more):
        """Asks and answers; the query's id."""
        asked = self.act("inline", user_id=ANN, query=query)["id"]
        self.updates()
        self.assertIs(self.bot("answerInlineQuery", inline_query_id=asked, results=list(results), **more), True)
        return asked

    def chosen(self, result):
        """What the message of that result says."""
        query = self.answer(result)
        message = self.act("choose", user_id=ANN, inline_query_id=query, result_id=result["id"])["inline_message_id"]
        return self.stack.api(f"/sandbox/inline/{message}")

    def refused(self, wanted, *results, **more):
        query = self.act("inline", user_id=ANN, query="q")["id"]
        self.wrong("answerInlineQuery", wanted, inline_query_id=query, results=list(results), **more)

    def test_results_that_say_something_else(self):
        bold = {"type": "bold", "offset": 0, "length": 1}
        self.assertEqual(self.chosen(article()), {"text": "m", "entities": [bold]})
        place = {"latitude": 1.5, "longitude": 2.5}
        for content, wanted in (
            (place, {"location": place}),
            (place | {"title": "T", "address": "A"},
             {"venue": {"location": place, "title": "T", "address": "A"}, "location": place}),
            ({"phone_number": "1", "first_name": "A"}, {"contact": {"phone_number": "1", "first_name": "A"}}),
            (INVOICE, {"invoice": {"title": "T", "description": "D", "start_parameter": "", "currency": "XTR",
                                   "total_amount": 5}}),
        ):
            shown = self.chosen(article(input_message_content=content))
            shown.pop("invoice_slug", None)
            self.assertEqual(shown, wanted)

    def test_files(self):
        for kind, type_, content in (("photo", "photo", png(4)), ("animation", "mpeg4_gif", b"x"),
                                     ("animation", "gif", b"x"), ("video", "video", b"x"),
                                     ("document", "document", b"x"), ("audio", "audio", b"x")):
            stored = self.stack.upload(ANN, content, kind=kind, duration=1)[kind]
            stored = stored[-1] if kind == "photo" else stored
            field = type_.removesuffix("_gif") + "_file_id"
            result = {"type": type_, "id": "1", "title": "t", "caption": "<b>c</b>", "parse_mode": "HTML",
                      field: stored["file_id"]}
            message = self.chosen(result)
            shown = message[kind][-1] if kind == "photo" else message[kind]
            self.assertEqual((shown["file_id"], message["caption"]), (stored["file_id"], "c"))
            self.refused("PHOTO_INVALID" if kind == "photo" else "DOCUMENT_INVALID", result | {field: "AgAC"})

    def test_addresses(self):
        photo = {"type": "photo", "id": "1", "photo_url": "https://example.org/p.jpg",
                 "thumbnail_url": "https://example.org/t.jpg", "photo_width": 10, "photo_height": 20}
        self.assertEqual(self.chosen(photo)["photo"], [{"url": "https://example.org/p.jpg", "width": 10, "height": 20}])
        self.refused("WEBDOCUMENT_URL_INVALID", photo | {"photo_url": "p.jpg"})
        document = {"type": "document", "id": "1", "title": "t", "document_url": "https://example.org/d",
                    "mime_type": "application/pdf"}
        self.assertEqual(self.chosen(document)["document"]["mime_type"], "application/pdf")

    def test_places_and_contacts(self):
        place = {"latitude": 1.5, "longitude": 2.5}
        self.assertEqual(self.chosen({"type": "location", "id": "1", "title": "t"} | place), {"location": place})
        self.assertIn("venue", self.chosen({"type": "venue", "id": "1", "title": "t", "address": "a"} | place))
        self.assertEqual(self.chosen({"type": "contact", "id": "1", "phone_number": "1", "first_name": "A"}),
                         {"contact": {"phone_number": "1", "first_name": "A"}})
        self.assertEqual(self.chosen({"type": "game", "id": "1", "game_short_name": "g"})["game"]["title"], "g")

    def test_what_is_refused(self):
        self.refused("too many inline query results specified", *(article(id=str(i)) for i in range(51)))
        self.refused("RESULT_ID_DUPLICATE", article(), article())
        self.refused("RESULT_ID_EMPTY", article(id=""))
        self.refused("RESULT_ID_INVALID", article(id="x" * 65))
        self.refused("ARTICLE_TITLE_EMPTY", article(title=""))
        self.refused("message text is empty", article(input_message_content={"message_text": ""}))
        self.refused("message is too long", article(input_message_content={"message_text": "x" * 4097}))
        self.refused("can't parse entities: Can't find end of Bold entity at byte offset 0",
                     article(input_message_content=TEXT | {"message_text": "*m"}))
        self.refused("STARS_INVOICE_INVALID",
                     article(input_message_content=INVOICE | {"prices": INVOICE["prices"] * 2}))
        self.refused("BUTTON_DATA_INVALID", article(reply_markup={
            "inline_keyboard": [[{"text": "b", "callback_data": "x" * 65}]]}))
        self.refused("NEXT_OFFSET_INVALID", article(), next_offset="x" * 65)
        self.refused("SWITCH_PM_TEXT_EMPTY", article(), button={"text": "", "start_parameter": "x"})
        self.refused("START_PARAM_INVALID", article(), button={"text": "b", "start_parameter": "a b"})
        self.refused("can't parse inline query results button: InlineQueryResultsButton must have exactly one optional "
                     "field", article(), button={"text": "b"})

    def test_the_answer_can_be_waited_for(self):
        query = self.act("inline", user_id=ANN, query="later")["id"]
        with self.assertRaises(ApiError) as caught:
            self.stack.api(f"/sandbox/inline/{query}/results")
        self.assertEqual(caught.exception.status, 408)
        found = []
        waiting = threading.Thread(
            target=lambda: found.append(self.stack.api(f"/sandbox/inline/{query}/results?timeout=20")))
        waiting.start()
        until(lambda: ("inline_query", "later") in [(kind, value.get("query")) for kind, value in self.updates()],
              "the bot is asked")
        self.bot("answerInlineQuery", inline_query_id=query, results=[article()], next_offset="2",
                 button={"text": "More", "start_parameter": "more"})
        waiting.join(20)
        self.assertEqual(([result["title"] for result in found[0]["results"]], found[0]["button"]["text"],
                          found[0]["next_offset"]), (["t"], "More", "2"))

    def test_a_chosen_result_in_a_chat(self):
        chat = self.act("chats", user_id=ANN, type="group", title="G")["id"]
        query = self.act("inline", user_id=ANN, query="q", chat_id=chat)["id"]
        self.assertEqual(self.updates()[-1][1]["chat_type"], "group")
        self.bot("answerInlineQuery", inline_query_id=query, results=[article(reply_markup=KEYBOARD)])
        self.act("choose", user_id=ANN, inline_query_id=query, result_id="1", chat_id=chat)
        (first, message), (second, chosen) = self.updates()
        self.assertEqual((first, message["via_bot"]["is_bot"], message["from"]["id"], message["text"]),
                         ("message", True, ANN, "m"))
        self.assertEqual((second, chosen["query"]), ("chosen_inline_result", "q"))
        self.act("press", user_id=BOB, chat_id=chat, message_id=message["message_id"], row=0, column=0)
        (_, press), = self.updates()
        self.assertEqual((press["inline_message_id"], "message" in press), (chosen["inline_message_id"], False))
        self.assertIs(self.bot("editMessageText", inline_message_id=chosen["inline_message_id"], text="new"), True)
        self.assertEqual(self.stack.messages(chat)[-1]["text"], "new")

    def test_an_invoice_that_was_chosen_is_paid(self):
        pay = {"inline_keyboard": [[{"text": "Pay", "pay": True}]]}
        query = self.answer(article(input_message_content=INVOICE, reply_markup=pay))
        self.act("choose", user_id=ANN, inline_query_id=query, result_id="1", chat_id=ANN)
        message = self.updates()[0][1]
        result = self.act("pay", user_id=ANN, message_id=message["message_id"], timeout=1)
        self.assertEqual((result["status"], self.updates()[0][1]["invoice_payload"]), ("timeout", "P"))

    def test_web_apps(self):
        query = self.act("web_app", user_id=ANN)["web_app_query_id"]
        self.wrong("answerWebAppQuery", "RESULT_ID_EMPTY", web_app_query_id=query, result=article(id=""))
        sent = self.bot("answerWebAppQuery", web_app_query_id=query, result=article(reply_markup=KEYBOARD))
        self.assertEqual(self.stack.api(f"/sandbox/inline/{sent['inline_message_id']}")["text"], "m")
        self.wrong("answerWebAppQuery", "query is too old and response timeout expired or query ID is invalid",
                   web_app_query_id=query, result=article())
        prepared = self.bot("savePreparedInlineMessage", user_id=ANN, result=article(), allow_user_chats=True)
        self.assertEqual(set(prepared), {"id", "expiration_date"})
        self.wrong("savePreparedInlineMessage", "USER_ID_INVALID", user_id=77, result=article())

    def test_guests(self):
        chat = self.act("chats", user_id=ANN, type="group", title="G", bot=False)["id"]
        query = self.act("guest", user_id=ANN, chat_id=chat, text="@bot help")["guest_query_id"]
        (kind, message), = self.updates()
        self.assertEqual((kind, message["guest_query_id"], message["text"]), ("guest_message", query, "@bot help"))
        sent = self.bot("answerGuestQuery", guest_query_id=query, result=article())
        answer = self.stack.messages(chat)[-1]
        self.assertEqual((answer["text"], answer["guest_bot_caller_user"]["id"]), ("m", ANN))
        self.assertIs(self.bot("editMessageText", inline_message_id=sent["inline_message_id"], text="new"), True)
        self.assertEqual(self.stack.messages(chat)[-1]["text"], "new")
        self.wrong("answerGuestQuery", "query is too old and response timeout expired or query ID is invalid",
                   guest_query_id=query, result=article())


if __name__ == "__main__":
    unittest.main()
