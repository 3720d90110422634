"""Every kind of update as a plugin sees it: groups, topics, links, edits, inline mode, business chats, payments."""
import json
import os
import re
import unittest

from stack import BUILD, Stack, until

UPDATES = "[home]\n[updates]\npath = " + os.path.join(BUILD, "tests/plugins/updates/updates.so") + "\n"
BOT = "aisha_sandbox_bot"


def ini(*replacements):
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "etc", "aisha.ini"), encoding="utf-8") as file:
        text = file.read()
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text


def group(stack, user, **more):
    return stack.api("/sandbox/chats", {"user_id": user, "type": "supergroup", "title": "The group"} | more)["id"]


def send(stack, user, text, **place):
    return stack.api("/sandbox/send", {"user_id": user, "text": text} | place)["message"]


def logged(stack, text):
    until(lambda: text.encode() in stack.host.output(), f"the log has {text!r}")


SMALL = ini(("max_pending = 10000", "max_pending = 4"))


def is_paused(stack):
    """Whether the host has said that it takes no more."""
    if stack.mode == "webhook":
        info = stack.api("/bot123456:SANDBOX/getWebhookInfo")["result"]
        return "503" in info.get("last_error_message", "")
    return b"are waiting; taking no more" in stack.host.output()


class Questions(unittest.TestCase):
    def raw(self, stack, user, chat, language="en", **content):
        kind = {"type": "private", "first_name": "Ann"} if chat == user else {"type": "supergroup", "title": "G"}
        stack.update(message={"message_id": 900, "date": 1, "chat": {"id": chat} | kind,
                              "from": {"id": user, "is_bot": False, "first_name": "Ann",
                                       "language_code": language}} | content)

    def test_what_is_no_answer_gets_a_hint(self):
        hints = {"en": ("In answer to my question I am waiting for a text message. To leave it, send /cancel",
                        "In answer to my question I am waiting for a file. To leave it, send /cancel"),
                 "ru": ("В ответ на мой вопрос я жду текст. Чтобы отказаться от ответа, отправьте /cancel",
                        "В ответ на мой вопрос я жду файл. Чтобы отказаться от ответа, отправьте /cancel")}
        with Stack(plugins_ini=UPDATES) as stack:
            for language, (for_text, for_file) in hints.items():
                ann = stack.user(language_code=language)
                stack.send(ann, "/name")
                stack.wait_message(ann, "which name?")
                stack.upload(ann, b"x", kind="voice", raw=1)
                self.raw(stack, ann, ann, language, dice={"emoji": "🎲", "value": 3})
                self.raw(stack, ann, ann, language, delete_chat_photo=True)  # nobody has sent that
                stack.upload(ann, b"x", kind="document", caption="a")  # this somebody takes
                stack.send(ann, "Joe")
                stack.wait_message(ann, "hello, Joe")
                stack.send(ann, "/photos")
                stack.wait_message(ann, "send them")
                stack.send(ann, "which?")
                stack.wait_message(ann, for_file)
                stack.send(ann, "/cancel")
                last = stack.send(ann, "now?")["message_id"]
                stack.wait_message(ann, "/help", after=last)
                self.assertEqual([m["text"] for m in stack.bot_messages(ann)][:7],
                                 ["which name?", for_text, for_text, "album of 1: a", "hello, Joe", "send them",
                                  for_file])

    def test_a_group_gets_none(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            chat = group(stack, ann)
            stack.wait_message(chat, "in The group as member")
            send(stack, ann, "/name", chat_id=chat)
            stack.wait_message(chat, "which name?")
            self.raw(stack, ann, chat, dice={"emoji": "🎲", "value": 3})
            send(stack, ann, "Joe", chat_id=chat)
            stack.wait_message(chat, "hello, Joe")
            self.assertEqual([m["text"] for m in stack.bot_messages(chat)][1:], ["which name?", "hello, Joe"])


class Groups(unittest.TestCase):
    def test_commands_in_a_group(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            chat = group(stack, ann)
            stack.wait_message(chat, "in The group as member")
            send(stack, ann, "/where@another_bot 1", chat_id=chat)
            send(stack, ann, f"/where@{BOT.upper()}  2 ", chat_id=chat)
            stack.wait_message(chat, f"here chat={chat} topic=0 person={ann} args=2")
            send(stack, ann, "/where 3", chat_id=chat)
            stack.wait_message(chat, "args=3")
            self.assertEqual([m["text"] for m in stack.bot_messages(chat) if "args=1" in m["text"]], [])

    def test_a_group_is_not_bothered(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            chat = group(stack, ann)
            for text in ("hello everybody", "/nonsense", f"/nonsense@{BOT}"):
                send(stack, ann, text, chat_id=chat)
            send(stack, ann, "/where", chat_id=chat)
            stack.wait_message(chat, "here")
            self.assertEqual(len(stack.bot_messages(chat)), 2)

    def test_a_button_is_pressed_by_others_when_it_is_for_anyone(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann, bob = stack.user("Ann"), stack.user("Bob")
            chat = group(stack, ann)
            send(stack, ann, "/start", chat_id=chat)
            menu = stack.wait_message(chat, "Hello, Ann")
            answer = stack.api("/sandbox/press", {"user_id": bob, "chat_id": chat, "message_id": menu["message_id"],
                                                  "row": 0, "column": 0})
            event = stack.wait_event(type="answer_callback", callback_query_id=answer["callback_query_id"])
            self.assertTrue(event["show_alert"])

    def test_topics(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            chat = group(stack, ann, is_forum=True)
            send(stack, ann, "/where", chat_id=chat, message_thread_id=7)
            here = stack.wait_message(chat, f"here chat={chat} topic=7")
            self.assertEqual(here["message_thread_id"], 7)
            send(stack, ann, "/name", chat_id=chat, message_thread_id=7)
            stack.wait_message(chat, "which name?")
            send(stack, ann, "Eve", chat_id=chat, message_thread_id=8)  # elsewhere: no answer
            send(stack, ann, "Ann", chat_id=chat)
            send(stack, ann, "Bob", chat_id=chat, message_thread_id=7)
            hello = stack.wait_message(chat, "hello,")
            self.assertEqual((hello["text"], hello["message_thread_id"]), ("hello, Bob", 7))

    def test_the_direct_messages_of_a_channel(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            chat = group(stack, ann)
            stack.update(message={
                "message_id": 9, "date": 1, "from": {"id": ann, "is_bot": False, "first_name": "Ann"}, "text": "/where",
                "chat": {"id": chat, "type": "supergroup", "title": "D", "is_direct_messages": True},
                "direct_messages_topic": {"topic_id": 77}})
            # The sandbox has no such chats, but what is asked of it can be seen.
            stack.wait_request("sendMessage", lambda call: call["params"].get("direct_messages_topic_id") == 77)

    def test_one_topic_does_not_delay_another(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            chat = group(stack, ann, is_forum=True)
            send(stack, ann, "/sleep 3600000", chat_id=chat, message_thread_id=7)
            send(stack, ann, "/where", chat_id=chat, message_thread_id=8)
            stack.wait_message(chat, "topic=8")
            send(stack, ann, "/cancel", chat_id=chat, message_thread_id=7)

    def test_links(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            stack.send(ann, "/links")
            self.assertEqual(stack.wait_message(ann, "t.me")["text"],
                             f"https://t.me/{BOT}?start=promo-X1\nhttps://t.me/{BOT}?startgroup=ref_7\nnone")
            stack.send(ann, "/start promo-X1-y")
            stack.wait_message(ann, f"promo chat={ann} topic=0 person={ann} args=X1-y")
            for arg in ("promo", "where-1", "nonsense-2"):  # only what wants to be linked is
                after = stack.send(ann, f"/start {arg}")["message_id"]
                stack.wait_message(ann, "promo" if arg == "promo" else "Hello, Ann", after=after)
            chat = group(stack, ann)
            send(stack, ann, f"/start@{BOT} promo-G", chat_id=chat)
            stack.wait_message(chat, "args=G")


class Kinds(unittest.TestCase):
    def test_only_what_plugins_want_is_asked_for(self):
        with Stack(plugins_ini=UPDATES) as stack:
            method = "setWebhook" if stack.mode == "webhook" else "getUpdates"
            stack.send(stack.user(), "/where")  # ends the first poll
            allowed = stack.wait_request(method)["params"]["allowed_updates"]
            self.assertEqual(sorted(allowed), [
                "business_connection", "business_message", "callback_query", "chosen_inline_result", "edited_message",
                "inline_query", "message", "message_reaction", "my_chat_member", "poll", "poll_answer",
                "pre_checkout_query"])

    def test_an_edited_message(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            message = stack.send(ann, "hello")
            stack.api("/sandbox/edit", {"user_id": ann, "message_id": message["message_id"], "text": "/where"})
            stack.wait_message(ann, "edited: /where")

    def test_a_reaction_and_polls(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            stack.send(ann, "hello")
            user = {"id": ann, "is_bot": False, "first_name": "Ann"}
            stack.update(message_reaction={
                "chat": {"id": ann, "type": "private"}, "message_id": 3, "user": user, "date": 1, "old_reaction": [],
                "new_reaction": [{"type": "emoji", "emoji": "👍"}]})
            stack.wait_message(ann, "reaction 👍 to 3")
            stack.update(poll_answer={"poll_id": "55", "user": user, "option_ids": [0],
                                      "new_field": [{}, {"name": "x y"}]})
            logged(stack, "poll 55, new field x y")
            stack.update(poll={"id": "55", "question": "?", "options": [], "total_voter_count": 3, "type": "regular"})
            logged(stack, "poll 55 has 3 votes")


class Business(unittest.TestCase):
    def test_a_reply_is_on_behalf_of_the_account(self):
        with Stack(plugins_ini=UPDATES) as stack:
            boss, ann = stack.user("Boss"), stack.user("Ann")
            stack.send(boss, "hello")
            connection = stack.api("/sandbox/business", {"user_id": boss})["business_connection_id"]
            stack.wait_message(boss, "connected to your business")
            send(stack, ann, "how much?", business_connection_id=connection)
            reply = stack.wait_message(ann, "business: how much?")
            self.assertEqual(reply["business_connection_id"], connection)
            stack.press_text(ann, reply, "more")
            more = stack.wait_message(ann, "more of it")
            self.assertEqual(more["message_id"], reply["message_id"])
            edit = stack.wait_request("editMessageText")
            self.assertEqual(edit["params"]["business_connection_id"], connection)

    def test_progress_is_on_behalf_of_the_account(self):
        with Stack(plugins_ini=UPDATES) as stack:
            boss, ann = stack.user("Boss"), stack.user("Ann")
            connection = stack.api("/sandbox/business", {"user_id": boss})["business_connection_id"]
            send(stack, ann, "work", business_connection_id=connection)
            for text in ("one", "two", "worked"):
                stack.wait_message(ann, text)
            calls = [call for method in ("sendMessage", "sendChatAction", "editMessageText")
                     for call in stack.requests(method) if call["params"]["chat_id"] == ann]
            self.assertEqual({call["method"] for call in calls}, {"sendMessage", "sendChatAction", "editMessageText"})
            self.assertEqual({call["params"].get("business_connection_id") for call in calls}, {connection})

    def test_the_customers_of_others_are_told_nothing_about_us(self):
        with Stack(plugins_ini=UPDATES) as stack:
            boss, ann = stack.user("Boss"), stack.user("Ann")
            connection = stack.api("/sandbox/business", {"user_id": boss})["business_connection_id"]
            for text in ("fail", "ask"):
                send(stack, ann, text, business_connection_id=connection)
            logged(stack, "as it was told to")
            logged(stack, "there is nobody to ask")
            send(stack, ann, "/help", business_connection_id=connection)  # no command: it is not said to us
            stack.wait_message(ann, "business: /help")
            self.assertEqual(len(stack.bot_messages(ann)), 1)


class Inline(unittest.TestCase):
    def test_from_the_query_to_the_button(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann, bob = stack.user("Ann"), stack.user("Bob")
            query = stack.api("/sandbox/inline", {"user_id": ann, "query": "cats"})["id"]
            stack.wait_request("answerInlineQuery", lambda call: call["status"] == 200)
            message = stack.api("/sandbox/choose", {"user_id": ann, "inline_query_id": query,
                                                    "result_id": "1"})["inline_message_id"]
            logged(stack, "chosen 1")
            self.assertEqual(stack.api(f"/sandbox/inline/{message}")["text"], "cats")
            press = {"user_id": bob, "inline_message_id": message, "row": 0, "column": 0}
            pressed = stack.api("/sandbox/press", press)["callback_query_id"]
            until(lambda: stack.api(f"/sandbox/inline/{message}")["text"] == "more of it", "the message is edited")
            stack.wait_event(type="answer_callback", callback_query_id=pressed)


class Expiry(unittest.TestCase):
    """What nobody waits for any more is dropped and counted; it was in the inbox when the host died."""

    def check(self, seconds, dropped, kept):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            stack.send(ann, "/start")
            menu = stack.wait_message(ann, "Hello")
            stack.send(ann, "/sleep 3600000")  # the press waits behind it
            stack.press(ann, menu["message_id"], row=0, column=0)
            stack.api("/sandbox/inline", {"user_id": ann, "query": "slow"})
            stack.api("/sandbox/checkout", {"user_id": ann, "payload": "slow"})
            kinds = {"message", "callback_query", "inline_query", "pre_checkout_query"}
            until(lambda: kinds <= self.stored(stack), "all are in the inbox")
            stack.kill_host()
            stack.sql(f"UPDATE inbox SET received_at = received_at - {seconds}")
            before = stack.newest_request()
            stack.start_host()
            stack.send(ann, "/cancel")  # of the message, which does not expire; after the press
            stack.wait_message(ann, "cancelled")
            for kind in dropped:
                logged(stack, f"kind={kind} waited for")
                self.assertRegex(stack.host.output().decode(), f"kind={kind} waited .* was dropped, count=1")
            for kind in kept:
                self.assertNotIn(f"kind={kind} waited".encode(), stack.host.output())
            self.assertEqual(stack.requests("answerPreCheckoutQuery", after=before), [])

    def stored(self, stack):
        return {kind for row in stack.sql("SELECT updates FROM inbox") for update in json.loads(row[0])
                for kind in update}

    def test_a_short_time(self):
        self.check(20, ["pre_checkout_query"], ["inline_query", "callback_query", "message"])

    def test_a_longer_time(self):
        self.check(60, ["pre_checkout_query", "inline_query"], ["callback_query", "message"])

    def test_a_long_time(self):
        self.check(200, ["pre_checkout_query", "inline_query", "callback_query"], ["message"])


class Payments(unittest.TestCase):
    def checkout(self, stack, user, payload):
        return stack.api("/sandbox/checkout", {"user_id": user, "payload": payload})["id"]

    def answer(self, stack, query):
        return stack.wait_request("answerPreCheckoutQuery",
                                  lambda call: call["params"]["pre_checkout_query_id"] == query)

    def test_in_time_while_a_thousand_wait(self):
        with Stack(plugins_ini=UPDATES, env={"MAX_IN_FLIGHT": "50"}) as stack:
            ann = stack.user()
            self.send_a_thousand(stack, "/sleep 3600000")
            queries = [self.checkout(stack, ann, "ok") for _ in range(20)]
            for query in queries:
                call = self.answer(stack, query)  # after 10 s the sandbox would refuse it
                self.assertEqual((call["status"], call["params"]["ok"]), (200, True))
            stack.kill_host()
            stack.env["MAX_IN_FLIGHT"] = "2000"
            stack.start_host()  # all thousand at once
            query = self.checkout(stack, ann, "ok")
            self.assertEqual(self.answer(stack, query)["status"], 200)
            stack.kill_host()

    def send_a_thousand(self, stack, text):
        for number in range(1000):
            user = {"id": 5000 + number, "is_bot": False, "first_name": "U"}
            stack.update(message={"message_id": number + 1, "date": 1, "from": user,
                                  "chat": {"id": 5000 + number, "type": "private"}, "text": text})
        until(lambda: stack.state()["pending_update_count"] == 0, "all have been taken")

    def test_in_time_while_telegram_is_slow_for_a_thousand(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            stack.fault("sendMessage", count=1000, delay_ms=3000)  # 64 at once: that takes 47 s
            self.send_a_thousand(stack, "/where")
            for _ in range(5):
                call = self.answer(stack, self.checkout(stack, ann, "ok"))
                self.assertEqual((call["status"], call["params"]["ok"]), (200, True))
            stack.kill_host()

    def test_who_cannot_pay_is_told_so(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            queries = [self.checkout(stack, ann, payload) for payload in ("fail", "slow")]
            for query in queries:  # the slow one before Telegram gives up
                call = self.answer(stack, query)
                self.assertEqual((call["status"], call["params"]["ok"]), (200, False))
                self.assertTrue(call["params"]["error_message"])


    def test_a_payment_is_let_in_when_there_is_no_room(self):
        """By webhook; who polls cannot choose."""
        with Stack(plugins_ini=UPDATES, aisha_ini=SMALL, mode="webhook") as stack:
            people = [stack.user(f"User {i}") for i in range(6)]
            for person in people[:4]:
                stack.send(person, "/sleep 3000")
            until(lambda: stack.state()["pending_update_count"] == 0, "four are taken")
            query = self.checkout(stack, people[4], "ok")
            self.assertEqual(self.answer(stack, query)["status"], 200)
            stack.send(people[5], 'is this "pre_checkout_query"?')  # a text that only looks like one
            until(lambda: is_paused(stack), "the text is not let in")


class Limits(unittest.TestCase):
    def test_a_long_handler_is_named_once(self):
        with Stack(plugins_ini=UPDATES, aisha_ini=ini(("slow_handler_s = 30", "slow_handler_s = 1"))) as stack:
            ann, bob = stack.user("Ann"), stack.user("Bob")
            stack.send(ann, "/sleep 3600000")
            line = 'handler="/sleep" runs for over 1 s; work this long belongs into a job'
            logged(stack, line)
            stack.send(bob, "/sleep 2000")
            until(lambda: stack.host.output().count(line.encode()) == 2, "the second is named, too")
            stack.send(bob, "/where")
            stack.wait_message(bob, "here")
            self.assertEqual(stack.host.output().count(line.encode()), 2)
            stack.send(ann, "/cancel")
            stack.wait_message(ann, "cancelled")

    def test_of_many_long_handlers_a_few_are_named(self):
        with Stack(plugins_ini=UPDATES, aisha_ini=ini(("slow_handler_s = 30", "slow_handler_s = 1"))) as stack:
            for i in range(12):
                stack.send(stack.user(f"User {i}"), "/sleep 3600000")

            def told():
                output = stack.host.output()
                named = output.count(b'handler="/sleep" runs for over 1 s')
                return named, named + sum(map(int, re.findall(rb"(\d+) more handlers run for over 1 s", output)))
            until(lambda: told()[1] == 12, "all of them are told of")
            self.assertLess(told()[0], 12)

    def test_no_more_is_taken_than_there_is_room_for(self):
        with Stack(plugins_ini=UPDATES, aisha_ini=SMALL) as stack:
            people = [stack.user(f"User {i}") for i in range(6)]
            for person in people[:4]:
                stack.send(person, "/sleep 2000")
            until(lambda: stack.state()["pending_update_count"] == 0, "four are taken")
            for person in people[4:]:
                stack.send(person, "/where")
            until(lambda: is_paused(stack), "the host takes no more")
            self.assertEqual([stack.bot_messages(person) for person in people[4:]], [[], []])
            for person in people[4:]:
                stack.wait_message(person, "here")

if __name__ == "__main__":
    unittest.main()
