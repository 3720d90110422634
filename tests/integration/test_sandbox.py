"""The sandbox by itself: the Bot API as Telegram speaks it, OpenAI's transcription, the control API."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import resource
import signal
import socket
import sqlite3
import struct
import subprocess
import time
import unittest
import urllib.error
import urllib.parse

from sandbox_case import ALICE, BORIS, BOUNDARY, PNG, TOKEN, SandboxTest, disagreement, keyboard, multipart, sound
from stack import BUILD, Stack, until


class TokensAndParametersTest(SandboxTest):
    def test_the_bot_has_the_id_of_its_token(self):
        me = self.result("getMe", token="777:abc")
        self.assertEqual((777, True, "Aisha", "aisha_sandbox_bot"),
                         (me["id"], me["is_bot"], me["first_name"], me["username"]))
        self.assertEqual(777, self.stack.state()["bot"]["id"])

    def test_malformed_tokens_are_unauthorized(self):
        for token in ("0:abc", "abc", "12", "12:", "-5:abc", ":x", "12:a%20b", "99999999999999999999:a"):
            with self.subTest(token=token):
                self.assertEqual((401, "Unauthorized"), self.refusal("getMe", token=token))

    def test_unknown_methods_are_not_found(self):
        self.assertEqual((404, "Not Found"), self.refusal("getMoney"))
        self.assertEqual(404, self.fetch(f"/bot{TOKEN}")[0])

    def test_method_names_do_not_depend_on_case(self):
        self.assertEqual(4242, self.call("GETme")["result"]["id"])

    def test_what_is_not_simulated_is_refused_as_by_telegram(self):
        self.refuses("BOT_VERIFIER_FORBIDDEN", "verifyUser", user_id=ALICE)
        self.refuses("user not found", "verifyUser", user_id=77)
        self.refuses("business connection not found", "getBusinessAccountStarBalance", business_connection_id="x")
        self.assertEqual({"gifts": []}, self.result("getAvailableGifts"))

    def test_parameters_come_in_four_encodings(self):
        markup = json.dumps(keyboard([("A", "a")]))
        flat = {"chat_id": str(ALICE), "text": "ünï & 😀", "reply_markup": markup}
        path = f"/bot{TOKEN}/sendMessage"
        form = urllib.parse.urlencode(flat)
        body, kind = multipart(flat)
        answers = {
            "query": self.fetch(f"{path}?{form}"),
            "form": self.fetch(path, form.encode(), "application/x-www-form-urlencoded"),
            "multipart": self.fetch(path, body, kind),
            "json": self.fetch(path, json.dumps(flat).encode(), "application/json; charset=utf-8"),
            "nested json": self.fetch(path, json.dumps(flat | {"chat_id": ALICE, "reply_markup": json.loads(markup)})
                                      .encode(), "application/json"),
        }
        for name, (status, _, body) in answers.items():
            with self.subTest(encoding=name):
                self.assertEqual(200, status, body)
                message = json.loads(body)["result"]
                self.assertEqual("ünï & 😀", message["text"])
                self.assertEqual(keyboard([("A", "a")]), message["reply_markup"])

    def test_a_body_wins_over_the_query(self):
        status, _, body = self.fetch(f"/bot{TOKEN}/sendMessage?chat_id={ALICE}&text=query", b'{"text":"body"}',
                                     "application/json")
        self.assertEqual((200, "body"), (status, json.loads(body)["result"]["text"]))

    def test_missing_parameters_are_named_in_telegrams_words(self):
        self.refuses("chat_id is empty", "sendMessage", text="x")
        self.refuses("message text is empty", "sendMessage", chat_id=ALICE)
        self.refuses("message text is empty", "sendMessage", chat_id=ALICE, text="")
        self.refuses("text must be non-empty", "sendMessage", chat_id=ALICE, text=" \n ")
        self.refuses("message identifier is not specified", "deleteMessage", chat_id=ALICE)
        self.refuses("there is no document in the request", "sendDocument", chat_id=ALICE)

    def test_a_broken_json_body_has_no_parameters(self):
        for body in (b"{", b"[1]", b"hello", b"[" * 10000, b'{"chat_id":' + b"[" * 1000 + b"]" * 1000 + b"}"):
            with self.subTest(body=body[:20]):
                status, _, answer = self.fetch(f"/bot{TOKEN}/sendMessage", body, "application/json")
                self.assertEqual((400, "Bad Request: chat_id is empty"), (status, json.loads(answer)["description"]))

    def test_wrong_types_are_refused(self):
        sent = self.say()
        for params in ({"chat_id": [ALICE]}, {"text": "x", "entities": 5}, {"text": "x", "entities": ["bold"]},
                       {"text": "x", "entities": [{"type": "bold", "offset": "0", "length": 1}]},
                       {"text": "x", "reply_parameters": {"message_id": {}}}, {"text": "x", "reply_markup": 7},
                       {"text": "x", "reply_markup": "{"}, {"text": "x", "message_thread_id": "five"},
                       {"text": "x", "reply_markup": {"inline_keyboard": {}}},
                       {"text": "x", "reply_markup": {"inline_keyboard": [{}]}}):
            with self.subTest(params=params):
                code, _ = self.refusal("sendMessage", **({"chat_id": ALICE, "text": "x"} | params))
                self.assertEqual(400, code)
        self.assertEqual([sent["message_id"]], [m["message_id"] for m in self.stack.bot_messages(ALICE)])

    def test_parameters_are_limited(self):
        status, _, answer = self.fetch(f"/bot{TOKEN}/sendMessage", b'{"text":"' + b"x" * 1200000 + b'"}',
                                       "application/json")
        self.assertEqual((413, "Request Entity Too Large"), (status, json.loads(answer)["description"]))

    def test_text_must_be_utf8(self):
        for text in (b"%FF", b"%C0%80", b"%ED%A0%80", b"%F4%90%80%80", b"%E2%82"):
            status, _, _ = self.fetch(f"/bot{TOKEN}/sendMessage", b"chat_id=1001&text=" + text,
                                      "application/x-www-form-urlencoded")
            self.assertEqual(400, status, text)

    def test_broken_multipart_is_refused(self):
        body, kind = multipart({"chat_id": ALICE, "text": "x"})
        for broken, with_kind in ((body[:-10], kind), (body[5:], kind), (b"", kind.replace("5d0c", "else")),
                                  (body, "multipart/form-data"), (body.replace(b"name=", b"nome="), kind),
                                  (body.replace(b"Content-D", b"\r\nContent-D"), kind)):
            with self.subTest(size=len(broken), kind=with_kind):
                status, _, _ = self.fetch(f"/bot{TOKEN}/sendMessage", broken, with_kind)
                self.assertEqual(400, status)

    def test_unknown_parameters_are_ignored_but_noted(self):
        self.say(parse_mod="HTML")
        self.assertEqual(["parse_mod"], self.stack.requests("sendMessage")[-1]["ignored"])


class UpdatesTest(SandboxTest):
    def test_updates_come_in_order_until_they_are_confirmed(self):
        self.stack.send(ALICE, "two")
        first = self.updates()
        self.assertEqual(["/start", "two"], [u["message"]["text"] for u in first])
        self.assertEqual(first, self.updates())
        self.assertEqual(first[1:], self.updates(offset=first[1]["update_id"]))
        self.assertEqual([], self.updates(offset=first[1]["update_id"] + 1))
        self.assertEqual([], self.updates())

    def test_a_limit_is_kept_within_its_bounds(self):
        for number in range(4):
            self.stack.send(ALICE, str(number))
        self.assertEqual(2, len(self.updates(limit=2)))
        self.assertEqual(1, len(self.updates(limit=-5)))
        self.assertEqual(5, len(self.updates(limit=1000)))

    def test_a_negative_offset_keeps_the_newest(self):
        for number in range(3):
            self.stack.send(ALICE, str(number))
        self.assertEqual(["1", "2"], [u["message"]["text"] for u in self.updates(offset=-2)])
        self.assertEqual(2, len(self.updates()))

    def test_a_long_poll_wakes_for_an_update(self):
        last = self.updates()[-1]["update_id"]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            poll = pool.submit(self.updates, offset=last + 1, timeout=50)
            until(lambda: self.stack.state()["bot"]["polling_seconds_ago"] == 0, "the poll waits")
            started = time.monotonic()
            self.stack.send(ALICE, "wake")
            self.assertEqual("wake", poll.result(30)[0]["message"]["text"])
            self.assertLess(time.monotonic() - started, 20)

    def test_a_long_poll_ends_empty_after_its_timeout(self):
        last = self.updates()[-1]["update_id"]
        started = time.monotonic()
        self.assertEqual([], self.updates(offset=last + 1, timeout=1))
        self.assertGreaterEqual(time.monotonic() - started, 0.9)

    def test_a_second_poll_ends_the_first_with_a_conflict(self):
        last = self.updates()[-1]["update_id"]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            first = pool.submit(self.refusal, "getUpdates", offset=last + 1, timeout=50)
            until(lambda: self.stack.state()["bot"]["polling_seconds_ago"] == 0, "the first poll waits")
            second = pool.submit(self.updates, offset=last + 1, timeout=50)
            self.assertEqual((409, "Conflict: terminated by other getUpdates request; make sure that only one bot "
                                   "instance is running"), first.result(30))
            self.stack.send(ALICE, "for the second")
            self.assertEqual("for the second", second.result(30)[0]["message"]["text"])

    def test_a_poller_that_has_gone_is_forgotten(self):
        last = self.updates()[-1]["update_id"]
        host, port = self.stack.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port))
        connection.request("GET", f"/bot{TOKEN}/getUpdates?timeout=50&offset={last + 1}")
        until(lambda: self.stack.state()["bot"]["polling_seconds_ago"] == 0, "the poll waits")
        connection.close()
        until(lambda: self.stack.state()["bot"]["polling_seconds_ago"] > 0, "the poll is over")
        self.assertTrue(self.stack.state()["bot"]["polling"])

    def test_only_allowed_kinds_are_queued(self):
        sent = self.say(reply_markup=keyboard([("A", "a")]))
        last = self.updates(allowed_updates=["callback_query"])[-1]["update_id"]
        self.stack.send(ALICE, "not wanted")
        self.stack.press(ALICE, sent["message_id"], data="a")
        kinds = [set(u) - {"update_id"} for u in self.updates(offset=last + 1)]
        self.assertEqual([{"callback_query"}], kinds)
        self.assertEqual(["callback_query"], self.result("getWebhookInfo")["allowed_updates"])
        self.updates(allowed_updates=[])
        self.stack.send(ALICE, "wanted again")
        self.assertFalse(self.stack.update(chat_member={"any": 1})["queued"])
        self.assertEqual("wanted again", self.updates()[-1]["message"]["text"])

    def test_delete_webhook_can_drop_what_is_pending(self):
        self.assertTrue(self.result("deleteWebhook"))
        self.assertEqual(1, self.result("getWebhookInfo")["pending_update_count"])
        self.assertTrue(self.result("deleteWebhook", drop_pending_updates=True))
        self.assertEqual([], self.updates())

    def test_raw_updates_pass_as_they_are(self):
        self.updates(offset=-1)
        last = self.updates()[-1]["update_id"]
        self.assertTrue(self.stack.update(surprise={"deep": [1, {"x": None}]})["queued"])
        self.assertTrue(self.stack.update(update_id=last + 50, message={"message_id": 1})["queued"])
        self.assertEqual([{"update_id": last + 1, "surprise": {"deep": [1, {"x": None}]}},
                          {"update_id": last + 50, "message": {"message_id": 1}}], self.call(
                              "getUpdates", offset=last + 1)["result"])


class MessagesTest(SandboxTest):
    def test_a_message_appears_in_the_chat(self):
        sent = self.say("hi")
        self.assertEqual(("hi", ALICE, 4242), (sent["text"], sent["chat"]["id"], sent["from"]["id"]))
        self.assertEqual(sent, self.stack.last_bot_message(ALICE))
        self.stack.wait_event(type="message", message_id=sent["message_id"])

    def test_who_never_wrote_cannot_be_written_to(self):
        self.assertEqual((403, "Forbidden: bot can't initiate conversation with a user"),
                         self.refusal("sendMessage", chat_id=BORIS, text="x"))
        self.refuses("chat not found", "sendMessage", chat_id=999999, text="x")
        self.refuses("chat not found", "sendMessage", chat_id="@nobody", text="x")

    def test_what_has_no_place_here_is_refused(self):
        self.refuses("message thread not found", "sendMessage", chat_id=ALICE, text="x", message_thread_id=5)
        self.refuses("business connection not found", "sendMessage", chat_id=ALICE, text="x",
                     business_connection_id="b")
        self.refuses("chat is not a channel direct messages chat", "sendMessage", chat_id=ALICE, text="x",
                     direct_messages_topic_id=5)
        self.assertTrue(self.say(protect_content=True)["has_protected_content"])

    def test_who_blocked_the_bot_is_out_of_reach(self):
        self.updates(offset=-1)
        self.stack.api("/sandbox/block", {"user_id": ALICE, "blocked": True})
        self.assertEqual((403, "Forbidden: bot was blocked by the user"),
                         self.refusal("sendMessage", chat_id=ALICE, text="x"))
        self.assertEqual("kicked", self.updates()[-1]["my_chat_member"]["new_chat_member"]["status"])
        self.stack.api("/sandbox/block", {"user_id": ALICE, "blocked": False})
        self.say("again")

    def test_the_length_is_counted_in_characters_after_parsing(self):
        self.say("😀" * 4096)
        self.say("<b>" + "я" * 4096 + "</b>", parse_mode="HTML")
        self.refuses("message is too long", "sendMessage", chat_id=ALICE, text="x" * 4097)
        self.refuses("text is too long", "sendMessage", chat_id=ALICE, text="x" * 40000)

    def test_html_becomes_entities(self):
        text = ('<b>bold <i>both</i></b> 😀<u>u</u><s>s</s><tg-spoiler>x</tg-spoiler><span class="tg-spoiler">y</span> '
                '<a href="https://e.org/?a=1&amp;b=2">l</a> <code>c</code> <pre><code class="language-c">p</code></pre>'
                '<blockquote expandable>q</blockquote> &lt;&#33;&quot; & &nbsp;')
        sent = self.say(text, parse_mode="html")
        self.assertEqual("bold both 😀usxy l c pq <!\" & &nbsp;", sent["text"])
        units = sent["text"].encode("utf-16-le")
        found = {(e["type"], units[2 * e["offset"]:2 * (e["offset"] + e["length"])].decode("utf-16-le"),
                  e.get("url") or e.get("language")) for e in sent["entities"]}
        self.assertEqual({("bold", "bold both", None), ("italic", "both", None), ("underline", "u", None),
                          ("strikethrough", "s", None), ("spoiler", "x", None), ("spoiler", "y", None),
                          ("text_link", "l", "https://e.org/?a=1&b=2"), ("code", "c", None), ("pre", "p", "c"),
                          ("expandable_blockquote", "q", None)}, found)

    def test_what_is_wrong_with_html_is_said_where(self):
        for text, error in (("<x>a</x>", "Unsupported start tag \"x\" at byte offset 0"),
                            ("я<b>a", "Can't find end tag corresponding to start tag \"b\""),
                            ("a</b>", "Unexpected end tag at byte offset 1"),
                            ("<b>a</i>", "Unmatched end tag at byte offset 4, expected \"</b>\", found \"</i>\""),
                            ("a <b", "Unclosed start tag at byte offset 2"),
                            ("5 < 6", "Unsupported start tag \"\" at byte offset 2"),
                            ("<b>a</b", "Unclosed end tag at byte offset 4"),
                            ("<span>a</span>",
                             "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0"),
                            ("<b>" * 100 + "a" + "</b>" * 100, "Too many nested tags")):
            with self.subTest(text=text[:20]):
                self.refuses("can't parse entities: " + error, "sendMessage", chat_id=ALICE, text=text,
                             parse_mode="HTML")
        self.refuses("unsupported parse_mode", "sendMessage", chat_id=ALICE, text="x", parse_mode="RTF")

    def test_markdown_becomes_entities(self):
        text = ("*bold _both_* 😀__u__~s~||x|| [l](https://e.org/a\\)b) `c\\`_` ```py\np=1\n``` 1\\.5\n>q1\n>q2 *b*\n"
                "end\n>more||")
        sent = self.say(text, parse_mode="MarkdownV2")
        self.assertEqual("bold both 😀usx l c`_ p=1\n 1.5\nq1\nq2 b\nend\nmore", sent["text"])
        units = sent["text"].encode("utf-16-le")
        found = {(e["type"], units[2 * e["offset"]:2 * (e["offset"] + e["length"])].decode("utf-16-le"),
                  e.get("url") or e.get("language")) for e in sent["entities"]}
        self.assertEqual({("bold", "bold both", None), ("italic", "both", None), ("underline", "u", None),
                          ("strikethrough", "s", None), ("spoiler", "x", None), ("code", "c`_", None),
                          ("text_link", "l", "https://e.org/a)b"), ("pre", "p=1\n", "py"), ("bold", "b", None),
                          ("blockquote", "q1\nq2 b", None), ("expandable_blockquote", "more", None)}, found)

    def test_what_is_wrong_with_markdown_is_said(self):
        for text, error in (("a.", "Character '.' is reserved and must be escaped with the preceding '\\'"),
                            ("a > b", "Character '>' is reserved and must be escaped with the preceding '\\'"),
                            ("я *b", "Can't find end of Bold entity at byte offset 3"),
                            ("a ```b", "Can't find end of Pre entity at byte offset 2"),
                            ("[a](b", "Can't find end of a URL at byte offset 3"),
                            ("![a](http://b.c)", "Custom emoji entity must contain a tg://emoji URL")):
            with self.subTest(text=text):
                self.refuses("can't parse entities: " + error, "sendMessage", chat_id=ALICE, text=text,
                             parse_mode="MarkdownV2")

    def test_given_entities_follow_the_trimmed_text(self):
        sent = self.say("  bold ", entities=[{"type": "bold", "offset": 2, "length": 5}])
        self.assertEqual(("bold", [{"type": "bold", "offset": 0, "length": 4}]), (sent["text"], sent["entities"]))

    def test_commands_are_found(self):
        message = self.stack.send(ALICE, "/start and 😀 /help@some_bot but not a/b or http://x/y")
        self.assertEqual([("bot_command", 0, 6), ("bot_command", 14, 14), ("url", 44, 10)],
                         [(e["type"], e["offset"], e["length"]) for e in message["entities"]])

    def test_buttons_are_checked(self):
        def refused(button):
            return self.refusal("sendMessage", chat_id=ALICE, text="x", reply_markup={"inline_keyboard": [[button]]})

        self.say(reply_markup=keyboard([("A", "я" * 32)]))
        self.assertEqual((400, "Bad Request: BUTTON_DATA_INVALID"), refused({"text": "A", "callback_data": "x" * 65}))
        for empty in ({"text": "A"}, {"text": "A", "callback_data": ""}):
            self.assertEqual((400, "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in "
                                   "the inline keyboard"), refused(empty))
        self.assertEqual((400, "Bad Request: can't parse inline keyboard button: Can't find field \"text\""),
                         refused({"callback_data": "a"}))
        self.assertEqual(400, refused({"text": "A", "callback_data": "a", "url": "https://e.org"})[0])
        self.assertEqual(400, refused({"text": "A", "url": "not a url"})[0])
        sent = self.say(reply_markup={"inline_keyboard": [[{"text": 5, "callback_data": 7}]]})
        self.assertEqual(keyboard([("5", "7")]), sent["reply_markup"])
        self.assertEqual((400, "Bad Request: can't parse inline keyboard button: Field \"callback_data\" must be of "
                               "type String"), refused({"text": "A", "callback_data": ["a"]}))
        self.refuses("object expected as reply markup", "sendMessage", chat_id=ALICE, text="x", reply_markup=[1])
        self.refuses("reply markup is too long", "sendMessage", chat_id=ALICE, text="x",
                     reply_markup=keyboard(*[[("A", "a")]] * 101))

    def test_a_reply_carries_the_original(self):
        first = self.say("first")
        reply = self.say("second", reply_parameters={"message_id": first["message_id"]})
        self.assertEqual(first, reply["reply_to_message"])
        self.refuses("message to be replied not found", "sendMessage", chat_id=ALICE, text="x",
                     reply_parameters={"message_id": 99999})
        self.say(reply_parameters={"message_id": 99999, "allow_sending_without_reply": True})

    def test_an_edit_replaces_text_and_keyboard(self):
        sent = self.say(reply_markup=keyboard([("A", "a")]))
        where = {"chat_id": ALICE, "message_id": sent["message_id"]}
        edited = self.result("editMessageText", text="<b>new</b>", parse_mode="HTML", **where)
        self.assertEqual("new", edited["text"])
        self.assertNotIn("reply_markup", edited)
        self.assertIn("edit_date", edited)
        self.assertEqual(edited, self.stack.last_bot_message(ALICE))
        edited = self.result("editMessageReplyMarkup", reply_markup=keyboard([("B", "b")]), **where)
        self.assertEqual(("new", keyboard([("B", "b")])), (edited["text"], edited["reply_markup"]))
        self.stack.wait_event(type="edit", message_id=sent["message_id"])

    def test_an_edit_must_change_something(self):
        markup = keyboard([("A", "a")])
        sent = self.say(reply_markup=markup)
        where = {"chat_id": ALICE, "message_id": sent["message_id"]}
        same = ("message is not modified: specified new message content and reply markup are exactly the same as a "
                "current content and reply markup of the message")
        self.refuses(same, "editMessageText", text=" hello ", reply_markup=markup, **where)
        self.refuses(same, "editMessageReplyMarkup", reply_markup=markup, **where)
        self.result("editMessageText", text="hello", **where)
        self.refuses(same, "editMessageText", text="hello", **where)

    def test_only_the_bots_own_messages_can_be_edited(self):
        mine = self.stack.send(ALICE, "mine")
        self.refuses("message can't be edited", "editMessageText", chat_id=ALICE, text="x",
                     message_id=mine["message_id"])
        self.refuses("message to edit not found", "editMessageText", chat_id=ALICE, message_id=99999, text="x")
        sent = self.say()
        self.refuses("there is no caption in the message to edit", "editMessageCaption", chat_id=ALICE,
                     message_id=sent["message_id"], caption="x")

    def test_deleting_removes_messages(self):
        sent = [self.say(str(number))["message_id"] for number in range(3)]
        self.assertTrue(self.result("deleteMessage", chat_id=ALICE, message_id=sent[0]))
        self.refuses("message to delete not found", "deleteMessage", chat_id=ALICE, message_id=sent[0])
        self.assertTrue(self.result("deleteMessages", chat_id=ALICE, message_ids=[99999, *sent]))
        self.assertEqual([], self.stack.bot_messages(ALICE))
        self.stack.wait_event(type="delete", message_id=sent[2])
        self.assertEqual(400, self.refusal("deleteMessages", chat_id=ALICE, message_ids=list(range(1, 102)))[0])

    def test_a_chat_action_is_one_of_telegrams(self):
        self.refuses("wrong parameter action in request", "sendChatAction", chat_id=ALICE, action="dancing")

    def test_a_chat_action_shows_until_a_message_comes(self):
        self.assertTrue(self.result("sendChatAction", chat_id=ALICE, action="typing"))
        self.assertEqual("typing", self.stack.chat(ALICE)["typing"])
        self.say()
        self.assertIsNone(self.stack.chat(ALICE)["typing"])
        self.refuses("wrong parameter action in request", "sendChatAction", chat_id=ALICE, action="dancing")

    def test_a_pressed_button_is_answered_once(self):
        sent = self.say(reply_markup=keyboard([("A", "a")], [("B", "b"), ("C", "c")]))
        query_id = self.stack.press(ALICE, sent["message_id"], row=1, column=1)
        query = self.updates()[-1]["callback_query"]
        self.assertIsNone(disagreement(query, "CallbackQuery"))
        self.assertEqual((query_id, "c", sent), (query["id"], query["data"], query["message"]))
        self.assertEqual(ALICE, query["from"]["id"])
        self.refuses("MESSAGE_TOO_LONG", "answerCallbackQuery", callback_query_id=query_id, text="x" * 201)
        self.assertTrue(self.result("answerCallbackQuery", callback_query_id=query_id, text="done", show_alert=True))
        event = self.stack.wait_event(type="answer_callback", callback_query_id=query_id)
        self.assertEqual(("done", True), (event["text"], event["show_alert"]))
        for spent in (query_id, "12345"):
            self.refuses("query is too old and response timeout expired or query ID is invalid", "answerCallbackQuery",
                         callback_query_id=spent)

    def test_commands_are_shown_by_scope_and_language(self):
        def commands(*names):
            return [{"command": name, "description": name} for name in names]

        self.result("setMyCommands", commands=commands("start", "help"))
        self.result("setMyCommands", commands=commands("ru_start"), language_code="ru")
        self.assertEqual(["start", "help"], [c["command"] for c in self.stack.chat(ALICE)["commands"]])
        self.assertEqual(commands("ru_start"), self.stack.chat(BORIS)["commands"])
        self.result("setMyCommands", commands=commands("mine"), scope={"type": "chat", "chat_id": ALICE})
        self.assertEqual(commands("mine"), self.stack.chat(ALICE)["commands"])
        self.assertEqual(commands("start", "help"), self.result("getMyCommands"))
        self.assertEqual([], self.result("getMyCommands", scope={"type": "all_private_chats"}))
        self.result("deleteMyCommands", scope={"type": "chat", "chat_id": ALICE})
        self.assertEqual(2, len(self.stack.chat(ALICE)["commands"]))
        self.refuses("BOT_COMMAND_INVALID", "setMyCommands", commands=commands("Start"))
        self.refuses("chat not found", "setMyCommands", commands=commands("a"), scope={"type": "chat", "chat_id": 5})
        self.assertEqual(400, self.refusal("setMyCommands", commands=commands("a"), scope={"type": "moon"})[0])
        self.assertEqual(400, self.refusal("setMyCommands", commands=commands("a"), language_code="russian")[0])

    def test_the_bots_texts_are_kept_by_language(self):
        self.result("setMyDescription", description="all", language_code="")
        self.result("setMyDescription", description="по-русски", language_code="ru")
        self.assertEqual({"description": "all"}, self.result("getMyDescription"))
        self.assertEqual({"description": "по-русски"}, self.result("getMyDescription", language_code="ru"))
        self.assertEqual("Aisha", self.result("getMe")["first_name"])
        self.result("setMyName", name="Zara")
        self.assertEqual("Zara", self.result("getMe")["first_name"])

    def test_the_menu_button_is_everybodys_or_a_chats(self):
        self.assertEqual({"type": "default"}, self.result("getChatMenuButton"))
        self.result("setChatMenuButton", menu_button={"type": "commands"})
        self.assertEqual({"type": "commands"}, self.result("getChatMenuButton", chat_id=ALICE))
        self.result("setChatMenuButton", chat_id=ALICE, menu_button={"type": "default"})
        self.assertEqual({"type": "default"}, self.result("getChatMenuButton", chat_id=ALICE))
        self.assertEqual({"type": "commands"}, self.result("getChatMenuButton"))
        self.refuses("chat not found", "setChatMenuButton", chat_id=5)


class ReplyMarkupTest(SandboxTest):
    """What stands below a chat's text field."""

    TEA = {"keyboard": [[{"text": "Tea"}, {"text": "Coffee"}]], "resize_keyboard": True,
           "input_field_placeholder": "What will it be?"}

    def below(self, chat=ALICE):
        return self.stack.chat(chat)["reply_markup"]

    def test_a_keyboard_stays_until_it_is_removed(self):
        self.assertIsNone(self.below())
        after = self.stack.revision()
        sent = self.say(reply_markup=self.TEA)
        self.assertNotIn("reply_markup", sent)
        kept = self.TEA | {"message_id": sent["message_id"]}
        self.assertEqual(kept, self.below())
        self.assertEqual(kept, self.stack.wait_event(after, type="reply_markup", chat_id=ALICE)["reply_markup"])
        self.say()
        self.say(reply_markup=keyboard([("A", "a")]))
        self.stack.send(ALICE, "Tea")
        self.assertEqual(kept, self.below())
        self.assertIsNone(self.below(BORIS))
        after = self.stack.revision()
        self.say(reply_markup={"remove_keyboard": True})
        self.assertIsNone(self.below())
        self.assertIsNone(self.stack.wait_event(after, type="reply_markup", chat_id=ALICE)["reply_markup"])

    def test_a_new_keyboard_takes_the_place_of_the_old(self):
        self.say(reply_markup=self.TEA)
        sent = self.result("sendDocument", chat_id=ALICE, reply_markup={"keyboard": [["Yes"]]},
                           files=[("document", "a.txt", "text/plain", b"x")])
        self.assertEqual({"keyboard": [[{"text": "Yes"}]], "message_id": sent["message_id"]}, self.below())

    def test_a_keyboard_goes_with_its_message(self):
        first = self.say(reply_markup=self.TEA)
        second = self.say(reply_markup=self.TEA)
        self.result("deleteMessage", chat_id=ALICE, message_id=first["message_id"])
        self.assertEqual(second["message_id"], self.below()["message_id"])
        self.result("deleteMessages", chat_id=ALICE, message_ids=[second["message_id"]])
        self.assertIsNone(self.below())

    def test_a_key_for_one_time_is_used_once(self):
        self.say(reply_markup=self.TEA | {"one_time_keyboard": True})
        self.stack.send(ALICE, "neither")
        self.assertNotIn("used", self.below())
        after = self.stack.revision()
        self.stack.send(ALICE, "Coffee")
        self.assertTrue(self.below()["used"])
        self.assertTrue(self.stack.wait_event(after, type="reply_markup", chat_id=ALICE)["reply_markup"]["used"])
        self.say(reply_markup=self.TEA | {"one_time_keyboard": True})
        self.assertNotIn("used", self.below())

    def test_a_forced_reply_ends_with_the_answer(self):
        asked = self.say(reply_markup={"force_reply": True, "input_field_placeholder": "Your name"})
        self.assertEqual({"force_reply": True, "input_field_placeholder": "Your name",
                          "message_id": asked["message_id"]}, self.below())
        answer = self.stack.api("/sandbox/send", {"user_id": ALICE, "text": "Ann",
                                                  "reply_to_message_id": asked["message_id"]})["message"]
        self.assertEqual(asked, answer["reply_to_message"])
        self.assertEqual(answer, self.updates()[-1]["message"])
        self.assertIsNone(self.below())
        self.say(reply_markup=self.TEA | {"force_reply": True})
        voice = self.stack.upload(ALICE, sound(), reply_to_message_id=answer["message_id"])
        self.assertEqual("Ann", voice["reply_to_message"]["text"])
        self.assertNotIn("reply_to_message", voice["reply_to_message"])
        self.assertEqual(self.TEA["keyboard"], self.below()["keyboard"])
        self.assertNotIn("force_reply", self.below())

    def test_a_reply_to_nothing_is_refused(self):
        elsewhere = self.stack.send(BORIS, "not Alice's")
        for number in (99999, elsewhere["message_id"]):
            body = {"user_id": ALICE, "text": "x", "reply_to_message_id": number}
            self.assertEqual(400, self.control_refuses("/sandbox/send", body)[0])
            query = f"user_id={ALICE}&kind=document&reply_to_message_id={number}"
            self.assertEqual(400, self.control_refuses(f"/sandbox/upload?{query}", body=b"x")[0])
        self.assertEqual(1, len(self.stack.messages(ALICE)))

    def test_keys_are_texts_and_not_too_many(self):
        self.say(reply_markup={"keyboard": [["A", {"text": 5}, {"text": ""}], [], [""],
                                            [{"text": "Phone", "request_contact": True}]]})
        self.assertEqual([[{"text": "A"}, {"text": "5"}], [{"text": "Phone", "request_contact": True}]],
                         self.below()["keyboard"])
        kept = self.below()
        self.say(reply_markup={"keyboard": [[""], []]})
        self.assertEqual(kept, self.below())
        self.say(reply_markup={"keyboard": [[str(n) for n in range(20)]] * 30})
        self.assertEqual([12] * 25, [len(row) for row in self.below()["keyboard"]])
        for wrong in ({"keyboard": "A"}, {"keyboard": [[["A"]]]}, {"keyboard": [[{}]]}, {"keyboard": [[5]]},
                      {"remove_keyboard": False}, {"force_reply": False}, {}):
            with self.subTest(markup=wrong):
                self.assertEqual(400, self.refusal("sendMessage", chat_id=ALICE, text="x", reply_markup=wrong)[0])

    def test_reset_forgets_it(self):
        self.say(reply_markup=self.TEA)
        self.stack.api("/sandbox/reset", {})
        self.assertIsNone(self.below())


class FilesTest(SandboxTest):
    def download(self, file_id):
        path = self.result("getFile", file_id=file_id)["file_path"]
        status, _, content = self.fetch(f"/file/bot{TOKEN}/{path}")
        self.assertEqual(200, status)
        return content

    def test_a_document_is_uploaded_and_downloaded(self):
        content = bytes(range(256)) * 20 + b"\r\n--" + BOUNDARY[:10].encode()
        sent = self.result("sendDocument", chat_id=ALICE, caption="<i>c</i>", parse_mode="HTML",
                           files=[("document", "naïve \\\"x\\\".txt", "text/plain", content)])
        document = sent["document"]
        self.assertEqual(("naïve \"x\".txt", "text/plain", len(content), "c"),
                         (document["file_name"], document["mime_type"], document["file_size"], sent["caption"]))
        self.assertEqual(content, self.download(document["file_id"]))
        self.assertEqual(content, self.stack.api(f"/sandbox/files/{document['file_id']}"))
        again = self.result("sendDocument", chat_id=ALICE, document=document["file_id"])
        self.assertEqual(document, again["document"])

    def test_an_attached_part_may_have_any_name(self):
        sent = self.result("sendDocument", chat_id=ALICE, document="attach://other",
                           files=[("other", "a.bin", "application/octet-stream", b"abc")])
        self.assertEqual(b"abc", self.download(sent["document"]["file_id"]))
        self.assertEqual(400, self.refusal("sendDocument", chat_id=ALICE, document="attach://missing",
                                           files=[("other", "a.bin", "application/octet-stream", b"abc")])[0])

    def test_captions_can_be_edited_and_texts_of_files_not(self):
        sent = self.result("sendDocument", chat_id=ALICE, files=[("document", "a.txt", "text/plain", b"abc")])
        where = {"chat_id": ALICE, "message_id": sent["message_id"]}
        self.assertEqual("new", self.result("editMessageCaption", caption="new", **where)["caption"])
        self.assertNotIn("caption", self.result("editMessageCaption", **where))
        self.refuses("there is no text in the message to edit", "editMessageText", text="x", **where)
        self.refuses("message caption is too long", "editMessageCaption", caption="x" * 1025, **where)

    def test_files_that_cannot_be_sent(self):
        self.refuses("file must be non-empty", "sendDocument", chat_id=ALICE, files=[("document", "a", "a/b", b"")])
        self.refuses("wrong file identifier/HTTP URL specified", "sendDocument", chat_id=ALICE, document="nonsense")
        self.refuses("IMAGE_PROCESS_FAILED", "sendPhoto", chat_id=ALICE,
                     files=[("photo", "a.png", "image/png", b"abc")])
        voice = self.stack.upload(ALICE, sound())["voice"]
        self.assertEqual(400, self.refusal("sendDocument", chat_id=ALICE, document=voice["file_id"])[0])

    def test_a_file_takes_the_place_of_another_or_of_a_text(self):
        files = [("new", "p.png", "image/png", PNG)]
        sent = self.say("a text")
        where = {"chat_id": ALICE, "message_id": sent["message_id"]}
        media = {"type": "photo", "media": "attach://new", "caption": "<b>c</b>", "parse_mode": "HTML"}
        edited = self.result("editMessageMedia", media=media, files=files, **where)
        self.assertEqual(("c", 640), (edited["caption"], edited["photo"][-1]["width"]))
        self.assertNotIn("text", edited)
        media["media"] = edited["photo"][-1]["file_id"]
        description = self.refusal("editMessageMedia", media=media, **where)[1]
        self.assertTrue(description.startswith("Bad Request: message is not modified"), description)
        document = {"type": "document", "media": "attach://new"}
        edited = self.result("editMessageMedia", media=document, files=files, reply_markup=keyboard([("a", "b")]),
                             **where)
        self.assertIn("document", edited)
        self.assertFalse({"photo", "caption", "caption_entities"} & edited.keys())
        self.assertEqual(edited, self.stack.messages(ALICE)[-1])

    def test_media_that_cannot_take_a_place(self):
        where = {"chat_id": ALICE, "message_id": self.say("a text")["message_id"]}

        def refuses(description, message=where, **media):
            self.refuses(description, "editMessageMedia", media=media, **message)

        refuses("wrong file identifier/HTTP URL specified", type="photo", media="nonsense")
        refuses("can't parse InputMedia: media not found", type="photo", media="attach://nothing")
        refuses("message caption is too long", type="photo", media="x", caption="x" * 1025)
        refuses("message to edit not found", {"chat_id": ALICE, "message_id": 99999}, type="photo", media="x")
        self.assertEqual(400, self.refusal("editMessageMedia", media={"type": "voice", "media": "x"}, **where)[0])
        mine = self.stack.send(ALICE, "mine")["message_id"]
        refuses("message can't be edited", {"chat_id": ALICE, "message_id": mine}, type="photo", media="x")

    def test_files_are_fetched_from_this_machine_only(self):
        photo = self.result("sendPhoto", chat_id=ALICE, files=[("photo", "p.png", "image/png", PNG)])["photo"][-1]
        here = f"{self.stack.url}/sandbox/files/{photo['file_id']}"
        sent = self.result("sendPhoto", chat_id=ALICE, photo=here)["photo"][-1]
        self.assertEqual((640, 480), (sent["width"], sent["height"]))
        self.assertNotEqual(photo["file_id"], sent["file_id"])
        failed = "failed to get HTTP URL content"
        self.refuses(failed, "sendPhoto", chat_id=ALICE, photo="https://example.org/cat.png")
        self.refuses(failed, "sendPhoto", chat_id=ALICE, photo=self.stack.url + "/sandbox/files/nothing")
        self.refuses("wrong type of the web page content", "sendPhoto", chat_id=ALICE, photo=self.stack.url + "/")

    def test_photos_and_sounds_are_measured(self):
        photo = self.result("sendPhoto", chat_id=ALICE, files=[("photo", "p.png", "image/png", PNG)])["photo"]
        self.assertEqual((640, 480), (photo[-1]["width"], photo[-1]["height"]))
        audio = self.result("sendAudio", chat_id=ALICE, title="T", files=[("audio", "a.wav", "audio/wav", sound(1, 2))])
        self.assertEqual((2, "T"), (audio["audio"]["duration"], audio["audio"]["title"]))
        for method, name in (("sendVideo", "video"), ("sendAnimation", "animation"), ("sendVideoNote", "video_note")):
            self.assertIn(name, self.result(method, chat_id=ALICE, files=[(name, "v.mp4", "video/mp4", b"any")]))

    def test_a_voice_note_becomes_ogg_opus(self):
        for rate, channels in ((16000, 1), (44100, 2), (8000, 1), (96000, 1)):
            with self.subTest(rate=rate, channels=channels):
                sent = self.stack.upload(ALICE, sound(1, 1.5, rate=rate, channels=channels), file_name="v.wav")
                voice = sent["voice"]
                self.assertIsNone(disagreement(sent, "Message"))
                self.assertEqual((2, "audio/ogg"), (voice["duration"], voice["mime_type"]))
                path = self.result("getFile", file_id=voice["file_id"])["file_path"]
                self.assertRegex(path, r"^voice/file_\d+\.oga$")
                content = self.download(voice["file_id"])
                self.assertEqual((b"OggS", b"OpusHead"), (content[:4], content[28:36]))
                self.assertEqual((1, len(content)), (content[37], voice["file_size"]))

    def test_what_is_no_audio_is_no_voice_note(self):
        hostile = {"empty": b"", "text": b"not audio at all" * 100, "truncated": sound()[:40], "only a header": b"RIFF",
                   "ogg": b"OggS" + bytes(500), "flac": b"fLaC" + bytes(100), "mp3": b"\xff\xfb\x90" + bytes(50)}
        for name, content in hostile.items():
            with self.subTest(name=name):
                status, error = self.control_refuses(f"/sandbox/upload?user_id={ALICE}&kind=voice", body=content)
                self.assertEqual(400, status)
                self.assertIn("decoded", error)
                raw = self.stack.upload(ALICE, content, raw=1, duration=3)["voice"]
                self.assertEqual((3, len(content)), (raw["duration"], raw["file_size"]))
                self.assertEqual(content, self.download(raw["file_id"]))

    def test_every_kind_can_be_uploaded(self):
        for kind, content in (("audio", sound()), ("video_note", b"x"), ("video", b"x"), ("document", b"x"),
                              ("animation", b"x")):
            caption = {} if kind == "video_note" else {"caption": " /see me "}
            sent = self.stack.upload(ALICE, content, kind=kind, file_name="my.wav", **caption)
            self.assertIsNone(disagreement(sent, "Message"))
            if caption:
                self.assertEqual("/see me", sent["caption"])
                self.assertEqual([{"type": "bot_command", "offset": 0, "length": 4}], sent["caption_entities"])
            self.assertEqual(content, self.download(sent[kind]["file_id"]))
        for caption in ("", " "):
            self.assertNotIn("caption", self.stack.upload(ALICE, b"x", kind="document", caption=caption))
        self.assertEqual(400, self.control_refuses(f"/sandbox/upload?user_id={ALICE}&kind=video_note&caption=x",
                                                   body=b"x")[0])

    def test_large_files_cannot_be_downloaded(self):
        small = self.stack.upload(ALICE, b"x", kind="document", told_size=20 * 1024 * 1024)["document"]
        large = self.stack.upload(ALICE, b"x", kind="document", told_size=20 * 1024 * 1024 + 1)["document"]
        self.assertEqual(b"x", self.download(small["file_id"]))
        self.refuses("file is too big", "getFile", file_id=large["file_id"])
        self.refuses("wrong file_id or the file is temporarily unavailable", "getFile", file_id="nonsense")

    def test_a_path_works_only_after_get_file(self):
        document = self.stack.upload(ALICE, b"secret", kind="document", file_name="a.txt")["document"]
        number = int(self.result("getFile", file_id=document["file_id"])["file_path"].split("_")[1].split(".")[0])
        self.stack.upload(ALICE, b"other", kind="document", file_name="a.txt")
        self.assertEqual(404, self.fetch(f"/file/bot{TOKEN}/documents/file_{number + 1}.txt")[0])
        self.assertEqual(401, self.fetch(f"/file/botnonsense/documents/file_{number}.txt")[0])

    def test_files_are_shown_to_browsers_without_being_run(self):
        page = self.stack.upload(ALICE, b"<script>", kind="document", file_name="a.html", mime="text/html")["document"]
        status, headers, _ = self.fetch(f"/sandbox/files/{page['file_id']}")
        self.assertEqual((200, "application/octet-stream", "nosniff"),
                         (status, headers["Content-Type"], headers["X-Content-Type-Options"]))
        self.assertEqual(("attachment", "default-src 'none'; sandbox"),
                         (headers["Content-Disposition"], headers["Content-Security-Policy"]))
        for mime, shown in (("image/svg+xml", "application/octet-stream"), ("image/png", "image/png"),
                            ("audio/x\r\nX-Evil: 1", "application/octet-stream"),
                            ("audio/ogg; codecs=opus", "audio/ogg")):
            file = self.stack.upload(ALICE, b"<svg/>", kind="document", file_name="a", mime=mime)["document"]
            headers = self.fetch(f"/sandbox/files/{file['file_id']}")[1]
            self.assertEqual((shown, None), (headers["Content-Type"], headers["X-Evil"]), mime)
        voice = self.stack.upload(ALICE, sound())["voice"]
        self.assertEqual("audio/ogg", self.fetch(f"/sandbox/files/{voice['file_id']}")[1]["Content-Type"])


class TranscriptionTest(SandboxTest):
    def transcribe(self, content, file_name="voice.ogg", key="Bearer sk-test", **fields):
        body, kind = multipart({"model": "gpt-transcribe"} | fields,
                               [("file", file_name, "audio/ogg", content)] if content is not None else [])
        headers = {"Authorization": key} if key else {}
        return self.fetch("/openai/v1/audio/transcriptions", body, kind, headers)

    def text(self, *args, **fields):
        status, headers, body = self.transcribe(*args, **fields)
        self.assertEqual(200, status, body)
        self.assertTrue(headers["x-request-id"])
        return json.loads(body)["text"]

    def error(self, *args, **fields):
        status, _, body = self.transcribe(*args, **fields)
        error = json.loads(body)["error"]
        self.assertEqual({"message", "type", "param", "code"}, set(error))
        return status, error["message"]

    def test_a_voice_note_is_heard(self):
        sent = self.stack.upload(ALICE, sound(phrases=3, seconds=0.6, pause=0.7))
        ogg = self.stack.api(f"/sandbox/files/{sent['voice']['file_id']}")
        self.assertEqual("[sandbox] heard 3.2 s of audio, 3 phrases", self.text(ogg))
        self.assertEqual("[sandbox] heard 0.5 s of audio, 1 phrase", self.text(sound(), "a.wav", language="en"))

    def test_short_pauses_do_not_split_a_phrase(self):
        self.assertIn("1 phrase", self.text(sound(phrases=3, pause=0.2), "a.wav"))
        self.assertIn("0 phrases", self.text(sound(level=0), "a.wav"))

    def test_scripted_texts_come_first_and_in_order(self):
        self.stack.transcription("first", "второй")
        self.assertEqual(["first", "второй"], [self.text(sound(), "a.wav") for _ in range(2)])
        self.assertIn("[sandbox]", self.text(sound(), "a.wav"))
        self.stack.transcription("never")
        self.stack.transcription()
        self.assertIn("[sandbox]", self.text(sound(), "a.wav"))

    def test_formats_of_the_answer(self):
        _, headers, body = self.transcribe(sound(), "a.wav", response_format="text")
        self.assertEqual("text/plain; charset=utf-8", headers["Content-Type"])
        self.assertEqual(b"[sandbox] heard 0.5 s of audio, 1 phrase\n", body)
        _, _, body = self.transcribe(sound(), "a.wav", model="whisper-1", response_format="verbose_json", language="ru")
        answer = json.loads(body)
        self.assertEqual((0.5, "ru", answer["text"]), (answer["duration"], answer["language"],
                                                       answer["segments"][0]["text"]))
        self.assertIn("not compatible", self.error(sound(), "a.wav", response_format="verbose_json")[1])

    def test_a_key_a_file_and_a_model_are_required(self):
        self.assertEqual(401, self.error(sound(), "a.wav", key=None)[0])
        self.assertEqual(401, self.error(sound(), "a.wav", key="Basic abc")[0])
        self.assertEqual(400, self.error(None)[0])
        self.assertEqual(400, self.error(sound(), "a.wav", model="")[0])
        self.assertEqual(404, self.error(sound(), "a.wav", model="gpt-9")[0])
        self.assertEqual(400, self.error(sound(), "a.wav", language="english")[0])

    def test_the_extension_must_be_supported_and_true(self):
        status, message = self.error(sound(), "voice.oga")
        self.assertEqual(400, status)
        self.assertTrue(message.startswith("Invalid file format. Supported formats:"))
        for name in ("voice", "voice.txt", ""):
            self.assertEqual(400, self.error(sound(), name)[0])
        self.assertEqual((400, "Audio file might be corrupted or unsupported"), self.error(sound(), "a.ogg"))

    def test_hostile_audio_is_refused(self):
        many_channels = bytearray(sound())
        many_channels[22:24] = struct.pack("<H", 100)
        for content in (b"", b"text" * 1000, sound()[:30], bytes(many_channels)[:60], b"OggS" * 50):
            self.assertEqual(400, self.error(content, "a.wav")[0])
        self.assertEqual((400, "Audio file is too short. Minimum audio length is 0.1 seconds."),
                         self.error(sound(1, 0.05), "a.wav"))

    def test_files_over_25_mb_are_refused(self):
        status, message = self.error(bytes(25 * 1024 * 1024 + 1), "a.wav")
        self.assertEqual(413, status)
        self.assertIn("26214400", message)

    def test_requests_are_logged_without_key_and_bytes(self):
        self.text(sound(), "a.wav", prompt="hint")
        entry = self.stack.requests("transcription")[-1]
        self.assertEqual("hint", entry["params"]["prompt"])
        self.assertEqual({"file_name": "a.wav", "content_type": "audio/ogg", "size": len(sound())},
                         entry["params"]["file"])
        self.assertNotIn("sk-test", json.dumps(self.stack.requests()))

    def test_other_addresses_are_refused_in_openais_shape(self):
        status, _, body = self.fetch("/openai/v1/embeddings", b"{}", "application/json")
        self.assertEqual((404, "invalid_request_error"), (status, json.loads(body)["error"]["type"]))
        status, _, body = self.fetch("/openai/v1/models", headers={"Authorization": "Bearer x"})
        self.assertIn("gpt-transcribe", [model["id"] for model in json.loads(body)["data"]])


class FaultsTest(SandboxTest):
    def test_a_fault_happens_as_often_as_ordered(self):
        self.stack.fault("sendMessage", count=2, error_code=500)
        for _ in range(2):
            self.assertEqual(1, self.stack.state()["faults"])
            self.assertEqual((500, "Internal Server Error"), self.refusal("sendMessage", chat_id=ALICE, text="x"))
        self.assertEqual(0, self.stack.state()["faults"])
        self.say()
        self.assertEqual(1, len(self.stack.bot_messages(ALICE)))

    def test_a_flood_limit_says_how_long_to_wait(self):
        self.stack.fault("sendMessage", retry_after=7)
        status, headers, body = self.fetch(f"/bot{TOKEN}/sendMessage?chat_id={ALICE}&text=x")
        self.assertEqual((429, "7"), (status, headers["Retry-After"]))
        self.assertEqual({"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 7",
                          "parameters": {"retry_after": 7}}, json.loads(body))

    def test_html_and_any_body_can_be_ordered(self):
        self.stack.fault("getMe", html=True)
        status, headers, body = self.fetch(f"/bot{TOKEN}/getMe")
        self.assertEqual((502, "text/html"), (status, headers["Content-Type"]))
        self.assertIn(b"<h1>502 Bad Gateway</h1>", body)
        self.stack.fault("getMe", http=200, body={"ok": True, "result": {"id": 5}})
        self.assertEqual(5, self.call("getMe")["result"]["id"])
        self.stack.fault("getMe", body="{ truncated")
        self.assertEqual(b"{ truncated", self.fetch(f"/bot{TOKEN}/getMe")[2])

    def test_a_connection_can_be_dropped_before_or_after_the_call(self):
        for after, count in ((False, 0), (True, 1)):
            self.stack.fault("sendMessage", drop=True, after=after)
            with self.assertRaises((urllib.error.URLError, http.client.HTTPException, ConnectionError)):
                self.fetch(f"/bot{TOKEN}/sendMessage?chat_id={ALICE}&text=x")
            self.assertEqual(count, len(self.stack.bot_messages(ALICE)))
        self.assertEqual([0, 0], [r["status"] for r in self.stack.requests("sendMessage")[-2:]])

    def test_an_answer_can_be_late(self):
        self.stack.fault("getMe", delay_ms=300)
        started = time.monotonic()
        self.assertEqual(4242, self.result("getMe")["id"])
        self.assertGreaterEqual(time.monotonic() - started, 0.3)

    def test_downloads_and_transcriptions_can_fail(self):
        document = self.stack.upload(ALICE, b"x", kind="document")["document"]
        path = self.result("getFile", file_id=document["file_id"])["file_path"]
        self.stack.fault("file", http=503)
        self.assertEqual(503, self.fetch(f"/file/bot{TOKEN}/{path}")[0])
        self.assertEqual(200, self.fetch(f"/file/bot{TOKEN}/{path}")[0])
        self.stack.fault("transcription", http=429, description="slow down")
        status, _, body = self.fetch("/openai/v1/audio/transcriptions", b"x", "application/json")
        self.assertEqual((429, "slow down"), (status, json.loads(body)["error"]["message"]))

    def test_orders_that_make_no_sense_are_refused(self):
        for order in ({}, {"method": 5}, {"method": "getMe", "count": 0}, {"method": "getMe", "http": 42},
                      {"method": "getMe", "delay_ms": -1}, {"method": "getMe", "html": "yes"},
                      {"method": "getMe", "colour": "red"}, {"method": "getMe", "description": 1}):
            with self.subTest(order=order):
                self.assertEqual(400, self.control_refuses("/sandbox/faults", order)[0])


class ControlTest(SandboxTest):
    def test_the_first_users_are_there(self):
        users = {user["id"]: user for user in self.stack.state()["users"]}
        self.assertEqual(("Alice", "en"), (users[ALICE]["first_name"], users[ALICE]["language_code"]))
        self.assertEqual(("Борис", "ru"), (users[BORIS]["first_name"], users[BORIS]["language_code"]))

    def test_users_can_be_added(self):
        self.assertEqual(5, self.stack.user("Five", id=5))
        self.assertEqual(1003, self.stack.user("Next"))
        self.assertEqual(400, self.control_refuses("/sandbox/users", {"first_name": "Twice", "id": 5})[0])
        self.stack.wait_event(type="user", chat_id=1003)

    def test_bodies_are_checked(self):
        long = "x" * 4097
        for path, body in (("send", {}), ("send", {"user_id": 7, "text": "x"}), ("send", {"user_id": ALICE}),
                           ("send", {"user_id": ALICE, "text": 5}), ("send", {"user_id": ALICE, "text": long}),
                           ("send", {"user_id": "1001", "text": "x"}), ("send", {"user_id": ALICE, "text": " "}),
                           ("users", {}), ("users", {"first_name": ""}), ("users", {"first_name": "a", "id": -1}),
                           ("users", {"first_name": "a", "id": 1.5}), ("users", {"first_name": ["a"]}),
                           ("users", {"first_name": "a", "language_code": 5}), ("press", {"user_id": ALICE}),
                           ("press", {"user_id": ALICE, "message_id": 1}), ("updates", {}),
                           ("updates", {"update_id": 5}),
                           ("updates", {"update_id": "x", "message": {}}), ("updates", {"a": {}, "b": {}}),
                           ("block", {"user_id": ALICE}), ("transcription", {"texts": "x"}),
                           ("transcription", {"texts": [1]})):
            with self.subTest(path=path, body=str(body)[:40]):
                status, error = self.control_refuses(f"/sandbox/{path}", body)
                self.assertEqual(400, status)
                self.assertTrue(error)

    def test_bodies_that_are_no_objects_are_refused(self):
        for body in (b"[]", b"5", b"{", b"\xff\xfe", b"[" * 100000):
            self.assertEqual(400, self.control_refuses("/sandbox/send", body=body)[0])

    def test_queries_are_checked(self):
        for query in ("kind=voice", "user_id=x&kind=voice", f"user_id={ALICE}&kind=song", f"user_id={ALICE}",
                      f"user_id={ALICE}&kind=document&duration=-1", f"user_id={ALICE}&kind=document&caption=%FF"):
            self.assertEqual(400, self.control_refuses(f"/sandbox/upload?{query}", body=b"x")[0])
        self.assertEqual(400, self.control_refuses("/sandbox/events?after=x")[0])

    def test_unknown_paths_and_methods_are_refused(self):
        self.assertEqual(404, self.control_refuses("/sandbox/nothing")[0])
        self.assertEqual(404, self.control_refuses("/sandbox/chats/77/messages")[0])
        self.assertEqual(404, self.control_refuses(f"/sandbox/chats/{ALICE}/else")[0])
        self.assertEqual(404, self.control_refuses("/sandbox/files/nothing")[0])
        self.assertEqual(405, self.control_refuses("/sandbox/send")[0])
        self.assertEqual(405, self.control_refuses("/sandbox/state", {})[0])

    def test_other_sites_pages_are_kept_out(self):
        host = self.stack.url.removeprefix("http://")
        for origin, status in (("http://" + host, 200), ("http://evil.example", 403), ("null", 403),
                               ("https://" + host, 403)):
            answer = self.fetch("/sandbox/send", json.dumps({"user_id": ALICE, "text": "x"}).encode(),
                                headers={"Origin": origin})
            self.assertEqual(status, answer[0], origin)

    def test_buttons_can_be_pressed_by_place_or_data(self):
        sent = self.say(reply_markup=keyboard([("A", "a")]))
        for where in ({"row": 0, "column": 1}, {"row": -1, "column": 0}, {"data": ""}, {"data": "x" * 65}, {}):
            body = {"user_id": ALICE, "message_id": sent["message_id"]} | where
            self.assertEqual(400, self.control_refuses("/sandbox/press", body)[0])
        self.stack.press(ALICE, sent["message_id"], data="forged")
        self.assertEqual("forged", self.updates()[-1]["callback_query"]["data"])

    def test_events_wake_who_waits(self):
        after = self.stack.revision()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(self.stack.api, f"/sandbox/events?after={after}&timeout=50")
            self.stack.send(ALICE, "wake")
            events = waiting.result(30)["events"]
        self.assertEqual(("message", "wake"), (events[0]["type"], events[0]["message"]["text"]))
        self.assertEqual(after + 1, events[0]["revision"])

    def test_events_of_another_run_are_a_gap(self):
        self.assertTrue(self.stack.api("/sandbox/events?after=1")["gap"])
        self.assertTrue(self.stack.api("/sandbox/events?after=900000000000000&timeout=50")["gap"])
        self.assertNotIn("gap", self.stack.api(f"/sandbox/events?after={self.stack.revision()}"))

    def test_reset_forgets(self):
        self.stack.user("Extra")
        self.stack.fault("getMe", http=500)
        self.stack.transcription("never")
        self.stack.api("/sandbox/reset", {})
        self.assertEqual([], self.stack.messages(ALICE))
        self.assertEqual([], self.updates())
        self.assertEqual(2, len(self.stack.state()["users"]))
        self.result("getMe")

    def test_the_log_keeps_the_newest_requests(self):
        for number in range(2050):
            self.fetch(f"/bot{TOKEN}/getMe?number={number}")
        entries = self.stack.requests("getMe")
        self.assertEqual(2000, len(entries))
        self.assertEqual("2049", entries[-1]["params"]["number"])
        long = self.say("я" * 4096)
        entry = self.stack.requests("sendMessage")[-1]
        self.assertEqual(long["text"], entry["params"]["text"])
        self.assertIsInstance(entry["response"], (dict, str))


class ProgramTest(unittest.TestCase):
    @staticmethod
    def start_again(stack):
        os.remove(stack.sandbox.log)  # where the next one will say its port
        stack.start_sandbox()

    def test_a_second_start_finds_chats_files_and_updates(self):
        with Stack(host=False) as stack:
            user = stack.user("Zoë", id=77)
            stack.send(user, "before")
            stack.api(f"/bot{TOKEN}/sendMessage", {"chat_id": user, "text": "?", "reply_markup": {"keyboard": [["A"]]}})
            document = stack.upload(user, b"content", kind="document", file_name="a.txt")["document"]
            before, below, revision = stack.messages(user), stack.chat(user)["reply_markup"], stack.revision()
            self.assertEqual(0, stack.sandbox.end())
            self.start_again(stack)
            self.assertEqual(before, stack.messages(user))
            self.assertEqual([[{"text": "A"}]], below["keyboard"])
            self.assertEqual(below, stack.chat(user)["reply_markup"])
            self.assertEqual(b"content", stack.api(f"/sandbox/files/{document['file_id']}"))
            self.assertGreater(stack.revision(), revision)
            updates = stack.api(f"/bot{TOKEN}/getUpdates")["result"]
            self.assertEqual(2, len(updates))
            stack.api(f"/bot{TOKEN}/getUpdates?offset={updates[-1]['update_id'] + 1}")
            self.assertEqual(before[-1]["message_id"] + 1, stack.send(user, "after")["message_id"])

    def test_what_was_a_moment_ago_outlives_a_kill(self):
        def written(database):
            with contextlib.closing(sqlite3.connect(database)) as connection:
                return connection.execute("SELECT count(*) FROM rows WHERE kind = 'update'").fetchone()[0]

        with Stack(host=False) as stack:
            sent = [stack.send(ALICE, str(number))["message_id"] for number in range(100)]
            until(lambda: written(stack.path("sandbox/world.db")) == 100, "the last update is on disk")
            stack.sandbox.end(signal.SIGKILL)
            self.start_again(stack)
            self.assertEqual(sent, [m["message_id"] for m in stack.messages(ALICE)])
            self.assertEqual(100, len(stack.api(f"/bot{TOKEN}/getUpdates")["result"]))

    def test_two_thousand_connections_are_served_at_once(self):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        request = f"GET /bot{TOKEN}/getMe HTTP/1.1\r\nHost: sandbox\r\n\r\n".encode()
        with Stack(host=False) as stack, contextlib.ExitStack() as connections:
            address = ("127.0.0.1", urllib.parse.urlsplit(stack.url).port)
            sockets = [connections.enter_context(socket.create_connection(address, 30)) for _ in range(2000)]
            for connection in sockets:
                connection.sendall(request)
            for connection in sockets:
                self.assertIn(b'{"ok":true,"result":{"id":4242,', connection.recv(4096))

    def test_it_ends_while_polls_wait(self):
        with Stack(host=False) as stack, concurrent.futures.ThreadPoolExecutor() as pool:
            polls = [pool.submit(stack.api, f"/bot{TOKEN}/getUpdates?timeout=50"),
                     pool.submit(stack.api, f"/sandbox/events?after={stack.revision()}&timeout=50")]
            until(lambda: stack.state()["bot"]["polling_seconds_ago"] == 0, "the poll waits")
            self.assertEqual(0, stack.sandbox.end())
            concurrent.futures.wait(polls, 30)
            self.assertTrue(all(poll.done() for poll in polls))
            self.start_again(stack)

    def test_wrong_arguments_are_said(self):
        program = os.path.join(BUILD, "sdk/sandbox/aisha-sandbox")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            for arguments, status in ((["--listen", "nonsense"], 1), (["--listen", "127.0.0.1:99999"], 1),
                                      (["--listen", f"127.0.0.1:{taken.getsockname()[1]}"], 1),
                                      (["--data", "/dev/null/x"], 1), (["--wrong"], 2), (["extra"], 2),
                                      (["--help"], 0)):
                with self.subTest(arguments=arguments):
                    done = subprocess.run([program, *arguments], capture_output=True, check=False, timeout=30)
                    self.assertEqual(status, done.returncode, done)
                    self.assertTrue(done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
