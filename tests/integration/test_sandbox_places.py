"""The sandbox's groups, topics, business chats, albums and questions, without a host."""
import unittest

from stack import ApiError, Stack

ANN, BOB = 1001, 1002


class Places(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(Stack(host=False))
        self.bot("getUpdates", allowed_updates=[])

    def bot(self, method, **params):
        try:
            return self.stack.api(f"/bot5:x/{method}", params)["result"]
        except ApiError as error:
            return error.status, error.body

    def act(self, call, **body):
        return self.stack.api(f"/sandbox/{call}", body)

    def refused(self, call, wanted, **body):
        with self.assertRaises(ApiError) as caught:
            self.act(call, **body)
        self.assertEqual(caught.exception.status, 400)
        self.assertIn(wanted, caught.exception.body)

    def updates(self):
        """What is new, without the ids."""
        new = self.bot("getUpdates")
        if new:
            self.bot("getUpdates", offset=new[-1]["update_id"] + 1)
        return [{name: value for name, value in update.items() if name != "update_id"} for update in new]

    def test_a_group(self):
        chat = self.act("chats", user_id=ANN, type="group", title="G")
        self.assertLess(chat["id"], 0)
        change = self.updates()[0]["my_chat_member"]
        self.assertEqual((change["chat"], change["new_chat_member"]["status"]), (chat, "member"))
        message = self.act("send", user_id=BOB, chat_id=chat["id"], text="hi")["message"]
        self.assertEqual((message["chat"], message["from"]["id"]), (chat, BOB))
        self.assertEqual(self.updates(), [{"message": message}])
        self.assertEqual(self.bot("sendMessage", chat_id=chat["id"], text="x")["chat"], chat)
        self.assertEqual([m["text"] for m in self.stack.messages(chat["id"]) if "text" in m], ["hi", "x"])
        file = self.stack.upload(BOB, b"x", kind="document", chat_id=chat["id"])
        self.assertEqual(([{"message": file}], chat), (self.updates(), file["chat"]))
        with self.assertRaisesRegex(ApiError, "no such group"):
            self.stack.upload(BOB, b"x", kind="document", chat_id=-5)
        self.assertEqual([user["id"] for user in self.stack.state()["users"]], [ANN, BOB])
        self.assertNotEqual(self.act("chats", user_id=ANN, type="group", title="H")["id"], chat["id"])
        self.refused("chats", "type must be", user_id=ANN, type="private", title="G")
        self.refused("chats", "title must be", user_id=ANN, type="group", title="")
        self.refused("chats", "no such user", user_id=chat["id"], type="group", title="G")
        for wrong in (-5, BOB, 99):
            self.refused("send", "no such group", user_id=ANN, chat_id=wrong, text="x")
        self.refused("send", "no such user", user_id=chat["id"], text="x")

    def test_topics(self):
        forum = self.act("chats", user_id=ANN, type="supergroup", title="F", is_forum=True)["id"]
        plain = self.act("chats", user_id=ANN, type="supergroup", title="P")["id"]
        message = self.act("send", user_id=ANN, chat_id=forum, message_thread_id=7, text="x")["message"]
        self.assertTrue(message["is_topic_message"])
        answer = self.bot("sendMessage", chat_id=forum, message_thread_id=7, text="y")
        self.assertEqual((answer["message_thread_id"], answer["is_topic_message"]), (7, True))
        for chat, thread in ((forum, 1), (plain, 7), (ANN, 7)):
            self.act("send", user_id=ANN, text="open")
            status, body = self.bot("sendMessage", chat_id=chat, message_thread_id=thread, text="y")
            self.assertEqual(status, 400)
            self.assertIn("message thread not found", body)
        self.refused("send", "is no forum", user_id=ANN, chat_id=plain, message_thread_id=7, text="x")

    def test_business(self):
        connection = self.act("business", user_id=ANN)["business_connection_id"]
        self.assertEqual(self.updates()[0]["business_connection"]["user_chat_id"], ANN)
        message = self.act("send", user_id=BOB, business_connection_id=connection, text="x")["message"]
        self.assertEqual(self.updates(), [{"business_message": message}])
        self.assertEqual(self.bot("sendMessage", chat_id=BOB, text="y")[0], 403)  # he never wrote to the bot
        reply = self.bot("sendMessage", chat_id=BOB, text="y", business_connection_id=connection)
        self.assertEqual(reply["business_connection_id"], connection)
        self.refused("send", "no such connection", user_id=BOB, business_connection_id="x", text="x")

    def test_edits_and_albums(self):
        message = self.act("send", user_id=ANN, text="before")["message"]
        self.act("edit", user_id=ANN, message_id=message["message_id"], text="after")
        self.assertEqual([list(update) for update in self.updates()], [["message"], ["edited_message"]])
        self.refused("edit", "no such message", user_id=BOB, message_id=message["message_id"], text="x")
        self.refused("edit", "text must be", user_id=ANN, message_id=message["message_id"], text="")
        album = self.act("album", user_id=ANN, captions=["a", "", "c"])
        self.assertEqual([update["message"] for update in self.updates()], album["messages"])
        self.assertEqual({message["media_group_id"] for message in album["messages"]}, {album["media_group_id"]})
        self.refused("album", "captions must be", user_id=ANN, captions=[])
        self.refused("album", "captions must be", user_id=ANN, captions=["a", 5])

    def test_inline_mode(self):
        query = self.act("inline", user_id=ANN, query="q")["id"]
        self.assertEqual(self.updates()[0]["inline_query"]["query"], "q")
        result = {"type": "article", "id": "1", "title": "t", "input_message_content": {"message_text": "m"},
                  "reply_markup": {"inline_keyboard": [[{"text": "b", "callback_data": "d"}]]}}
        self.assertEqual(self.bot("answerInlineQuery", inline_query_id="x", results=[])[0], 400)
        self.assertIn("RESULT_ID_DUPLICATE",
                      self.bot("answerInlineQuery", inline_query_id=query, results=[result, result])[1])
        self.assertTrue(self.bot("answerInlineQuery", inline_query_id=query, results=[result]))
        self.assertIn("query is too old", self.bot("answerInlineQuery", inline_query_id=query, results=[])[1])
        self.refused("choose", "not answered with such a result", user_id=ANN, inline_query_id=query, result_id="2")
        message = self.act("choose", user_id=ANN, inline_query_id=query, result_id="1")["inline_message_id"]
        self.assertEqual(self.updates()[0]["chosen_inline_result"]["inline_message_id"], message)
        self.act("press", user_id=BOB, inline_message_id=message, row=0, column=0)
        press = self.updates()[0]["callback_query"]
        self.assertEqual((press["data"], press["inline_message_id"], "message" in press), ("d", message, False))
        self.assertIs(self.bot("editMessageText", inline_message_id=message, text="n"), True)
        self.assertEqual(self.stack.api(f"/sandbox/inline/{message}"), {"text": "n"})
        self.assertIn("not modified", self.bot("editMessageText", inline_message_id=message, text="n")[1])
        self.assertIn("MESSAGE_ID_INVALID", self.bot("editMessageText", inline_message_id="x", text="n")[1])
        self.refused("press", "no such message", user_id=ANN, inline_message_id="x", row=0, column=0)

    def test_checkout(self):
        query = self.act("checkout", user_id=ANN, payload="p", total_amount=5)["id"]
        self.assertEqual(self.updates()[0]["pre_checkout_query"]["total_amount"], 5)
        self.assertIn("error_message\\\" is required",
                      self.bot("answerPreCheckoutQuery", pre_checkout_query_id=query, ok=False)[1])
        self.assertIs(self.bot("answerPreCheckoutQuery", pre_checkout_query_id=query, ok=True), True)
        self.assertIn("query is too old", self.bot("answerPreCheckoutQuery", pre_checkout_query_id=query, ok=True)[1])


if __name__ == "__main__":
    unittest.main()
