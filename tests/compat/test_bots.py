"""Bots written with other people's libraries, against the sandbox: what they do on Telegram they do here.

Each library has a bot in a file of its own, all with the same commands: ordinary code to which only the address of
the API is an option. They are driven as users would, by polling and by webhook.
"""
import hashlib
import json
import os
import signal
import unittest

import clients
from picture import png
from stack import Process, Stack, free_port, until
from wire import PEM

TOKEN = "123456:COMPAT"
SECRET = "compat-Secret_1"
POLLING, HTTP, HTTPS = "polling", "http", "https"  # how updates come: the latter two by webhook
BYTES = bytes(range(256)) * 500  # nothing that a text mode or an encoding leaves alone


class Bot:
    """A bot's process; it may be stopped and started again."""

    def __init__(self, stack, script, way, env):
        self.stack, self.is_webhook = stack, way != POLLING
        self.command = (clients.node if script.endswith(".mjs") else clients.python)(script)
        port = free_port()
        self.env = stack.base_env() | {
            "BOT_TOKEN": TOKEN, "API_ROOT": stack.url, "PICTURE": stack.path("picture.png"),
        } | env
        if way != POLLING:
            self.env |= {"WEBHOOK_URL": f"{way}://127.0.0.1:{port}/hook/{TOKEN}", "WEBHOOK_PORT": str(port),
                         "WEBHOOK_SECRET": SECRET}
        if way == HTTPS:
            self.env |= {"WEBHOOK_KEY": stack.path("key.pem"), "WEBHOOK_CERT": stack.path("cert.pem")}
        self.process = None

    def start(self):
        self.stack.api("/sandbox/clock", {"advance_s": 2})  # one setWebhook a second is what Telegram takes
        before = self.stack.newest_request()
        self.process = Process(self.command, self.stack.path("bot.log"), self.env, self.stack.folder)
        wanted = "setWebhook" if self.is_webhook else "getUpdates"

        def is_up():
            assert self.process.child.poll() is None, f"the bot ended: {self.process.output().decode()}"
            has_asked = self.stack.requests(wanted, after=before)
            return has_asked or not self.is_webhook and self.stack.state()["bot"]["polling"]

        until(is_up, "the bot takes updates")

    def stop(self):
        self.process.end()
        self.stack.check(self.process)


class Session:
    """A sandbox with a bot in it."""

    def __init__(self, script, way, env):
        self.stack = Stack(host=False)
        head = PEM.index(b"-----BEGIN CERTIFICATE")
        for name, content in (("picture.png", png(32, 32)), ("key.pem", PEM[:head]), ("cert.pem", PEM[head:])):
            with open(self.stack.path(name), "wb") as file:
                file.write(content)
        self.script, self.way, self.env = script, way, env
        self.bot = None

    def __enter__(self):
        self.stack.__enter__()
        try:
            self.bot = Bot(self.stack, self.script, self.way, self.env)
            self.bot.start()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        if self.bot and self.bot.process:
            output = self.bot.process.output().decode(errors="replace")
            self.bot.process.destroy()
            if output:
                print(f"---- the bot's output:\n{output}", flush=True)
        self.stack.__exit__(kind, value, trace)


class ReceivingTest:
    """What shows that updates come, whatever the way; the classes below say which bot, and how it gets them."""
    script = None
    env = {}
    way = None

    @classmethod
    def setUpClass(cls):
        cls.session = Session(cls.script, cls.way, cls.env)
        cls.session.__enter__()
        cls.stack, cls.bot = cls.session.stack, cls.session.bot

    @classmethod
    def tearDownClass(cls):
        cls.session.__exit__(None, None, None)

    def setUp(self):
        self.ann = self.stack.user("Ann")

    def tearDown(self):
        unknown = [(request["method"], request["ignored"]) for request in self.stack.requests() if "ignored" in request]
        self.assertEqual([], unknown, "every parameter of a library is one of the Bot API")

    def ask(self, text, answer, user=None):
        """The bot's message that has this in it, after the user has said that."""
        user = user or self.ann
        sent = self.stack.send(user, text)
        return self.stack.wait_message(user, answer, after=sent["message_id"])

    def ask_in_vain(self, text, refusal):
        """The same for what Telegram refuses; some libraries begin its words with a capital letter."""
        return self.ask(text, lambda message: refusal.lower() in message.get("text", "").lower())

    def answer_to(self, callback_query_id):
        def is_it(request):
            return request["params"].get("callback_query_id") == callback_query_id

        return self.stack.wait_request("answerCallbackQuery", is_it)["params"]

    def message(self, chat, message_id):
        return next(m for m in self.stack.messages(chat) if m["message_id"] == message_id)

    def test_a_command_with_its_payload(self):
        message = self.ask("/start promo-1", "Welcome, Ann: promo-1")
        self.assertEqual([["+1 (0)", "Same"]],
                         [[b["text"] for b in row] for row in message["reply_markup"]["inline_keyboard"]])

    def test_a_press_is_answered_and_the_message_edited(self):
        message = self.ask("/start", "Welcome")
        for count in (1, 2):
            query = self.stack.press(self.ann, message["message_id"], row=0, column=0)
            self.assertEqual(f"Counted {count}", self.answer_to(query)["text"])
            message = self.stack.wait_message(self.ann, f"Pressed {count} times")
            self.assertIn("edit_date", message)
            self.assertEqual(f"count:{count + 1}", message["reply_markup"]["inline_keyboard"][0][0]["callback_data"])

    def test_an_album_for_the_bot(self):
        for number in range(4):
            more = {"caption": "mine"} if number == 1 else {}
            self.stack.upload(self.ann, png(8 + number), kind="photo", media_group_id="77001", **more)
        self.stack.wait_message(self.ann, "album of 4: mine")

    def echoes(self):
        texts = [message["text"] for message in self.stack.bot_messages(self.ann)]
        return [text.removeprefix("echo: ") for text in texts if text.startswith("echo: ")]

    def test_a_restart_loses_nothing_and_doubles_nothing(self):
        self.ask("one", "echo: one")
        until(lambda: self.stack.state()["pending_update_count"] == 0, "the update is confirmed")
        self.bot.stop()
        for text in ("two", "three"):
            self.stack.send(self.ann, text)
        self.bot.start()
        self.stack.send(self.ann, "four")
        for text in ("two", "three", "four"):
            self.stack.wait_message(self.ann, f"echo: {text}")
        self.assertEqual(["four", "one", "three", "two"], sorted(self.echoes()))

    def test_a_killed_bot_loses_nothing(self):
        self.ask("one", "echo: one")
        self.bot.process.end(signal.SIGKILL)
        self.stack.send(self.ann, "two")
        self.bot.start()
        self.ask("three", "echo: three")
        self.stack.wait_message(self.ann, "echo: two")


class BotTest(ReceivingTest):
    """The same, and what a bot does besides."""

    def test_an_edit_that_changes_nothing_is_understood(self):
        message = self.ask("/start", "Welcome")
        answer = self.answer_to(self.stack.press(self.ann, message["message_id"], row=0, column=1))
        self.assertIn("message is not modified", answer["text"].lower())
        self.assertIn(answer["show_alert"], (True, "true"))

    def test_marked_up_text(self):
        message = self.ask("/html", "bold & link")
        self.assertEqual([("bold", 0, 4, None), ("text_link", 7, 4, "https://example.org/")],
                         [(e["type"], e["offset"], e["length"], e.get("url")) for e in message["entities"]])

    def test_an_album_from_the_bot(self):
        report = self.ask("/album", "sent 3 of ")
        photos = [m for m in self.stack.bot_messages(self.ann) if "photo" in m]
        self.assertEqual(3, len(photos))
        self.assertEqual({report["text"].split()[-1]}, {m["media_group_id"] for m in photos})
        self.assertEqual(["three pictures"], [m["caption"] for m in photos if "caption" in m])
        self.assertEqual("italic", photos[0]["caption_entities"][0]["type"])
        for message in photos:
            self.assertEqual(png(32, 32), self.stack.api(f"/sandbox/files/{message['photo'][-1]['file_id']}"))

    def test_a_users_edit(self):
        sent = self.stack.send(self.ann, "first")
        self.stack.wait_message(self.ann, "echo: first")
        self.stack.api("/sandbox/edit", {"user_id": self.ann, "message_id": sent["message_id"], "text": "second"})
        answer = self.stack.wait_message(self.ann, "now it says: second")
        self.assertEqual(sent["message_id"], answer["reply_to_message"]["message_id"])

    def test_a_file_there_and_back(self):
        self.stack.upload(self.ann, BYTES, kind="document", file_name="some of it.bin")
        self.stack.wait_message(self.ann, f"{len(BYTES)} {hashlib.sha256(BYTES).hexdigest()}")
        for caption in ("the same by its id", "the same as an upload"):
            document = self.stack.wait_message(self.ann, caption)["document"]
            self.assertEqual(("some of it.bin", len(BYTES)), (document["file_name"], document["file_size"]))
            self.assertEqual(BYTES, self.stack.api(f"/sandbox/files/{document['file_id']}"))

    def test_a_keyboard(self):
        asked = self.ask("/keyboard", "Yes or no?")
        keyboard = self.stack.chat(self.ann)["reply_markup"]
        self.assertEqual(asked["message_id"], keyboard["message_id"])
        keys = [key if isinstance(key, str) else key["text"] for key in keyboard["keyboard"][0]]
        self.assertEqual(["Yes", "No"], keys)
        self.ask("Yes", "You chose Yes")
        self.assertIsNone(self.stack.chat(self.ann)["reply_markup"])

    def test_commands_are_listed(self):
        self.ask("/start", "Welcome")
        self.assertEqual(["start", "album"], [c["command"] for c in self.stack.chat(self.ann)["commands"]])

    def test_a_429_is_waited_for(self):
        bob = self.stack.user("Bob")
        self.ask("/start", "Welcome", bob)
        self.stack.fault("sendMessage", retry_after=1)
        self.stack.send(self.ann, f"/tell {bob} patience")
        self.stack.wait_message(bob, "patience")
        tries = [r["status"] for r in self.stack.requests("sendMessage") if r["params"]["text"] == "patience"]
        self.assertEqual([429, 200], tries)

    def test_a_403_of_a_user_who_has_blocked_the_bot(self):
        bob = self.stack.user("Bob")
        self.ask("/start", "Welcome", bob)
        self.stack.api("/sandbox/block", {"user_id": bob, "blocked": True})
        self.ask_in_vain(f"/tell {bob} hello", "403 Forbidden: bot was blocked by the user")

    def test_a_400_of_an_unknown_chat(self):
        self.ask_in_vain("/tell 99887766 hello", "400 Bad Request: chat not found")

    def test_an_inline_query(self):
        query = self.stack.api("/sandbox/inline", {"user_id": self.ann, "query": "hats"})["id"]
        request = self.stack.wait_request("answerInlineQuery", lambda r: r["params"]["inline_query_id"] == query)
        self.assertEqual(200, request["status"], request)
        chosen = self.stack.api("/sandbox/choose", {"user_id": self.ann, "inline_query_id": query, "result_id": "1"})
        self.assertEqual("inline: hats", self.stack.api(f"/sandbox/inline/{chosen['inline_message_id']}")["text"])

    # ---- payments

    def pay(self, **what):
        return self.stack.api("/sandbox/pay", {"user_id": self.ann} | what)

    def buy(self, payload=""):
        self.ask(f"/buy {payload}".rstrip(), lambda message: "invoice" in message)
        return self.pay(message_id=self.stack.last_bot_message(self.ann)["message_id"])

    def test_a_payment_and_its_refund(self):
        paid = self.buy("red hat")
        self.assertEqual("paid", paid["status"])
        charge = paid["telegram_payment_charge_id"]
        self.stack.wait_message(self.ann, f"paid 5 XTR for red hat: {charge}")
        self.ask(f"/refund {charge}", lambda message: message.get("text") == "refunded")
        self.ask_in_vain(f"/refund {charge}", "400 Bad Request: CHARGE_ALREADY_REFUNDED")

    def test_a_payment_that_the_bot_refuses(self):
        self.assertEqual(("refused", "Sold out"), tuple(map(self.buy("sold-out").get, ("status", "error_message"))))

    def test_a_payment_by_a_link(self):
        link = self.ask("/link", "https://t.me/")["text"]
        self.assertEqual("paid", self.pay(slug=link.split("$")[1])["status"])
        self.stack.wait_message(self.ann, "paid 5 XTR for hat")

    def test_a_group(self):
        group = self.stack.api("/sandbox/chats", {"user_id": self.ann, "type": "supergroup", "title": "Hats"})["id"]
        bob = self.stack.user("Bob")
        self.stack.api("/sandbox/members", {"chat_id": group, "user_id": bob, "status": "member"})
        self.stack.api("/sandbox/send", {"user_id": self.ann, "chat_id": group, "text": "/start"})
        message = self.stack.wait_message(group, "Welcome, Ann")
        self.stack.api("/sandbox/press", {"user_id": bob, "chat_id": group, "message_id": message["message_id"],
                                          "row": 0, "column": 0})
        self.stack.wait_message(group, "Pressed 1 times")


class WebhookTest(BotTest):
    def test_the_webhook_is_as_the_bot_has_set_it(self):
        info = self.stack.api(f"/bot{TOKEN}/getWebhookInfo")["result"]
        self.assertEqual(self.bot.env["WEBHOOK_URL"], info["url"])
        until(lambda: self.stack.state()["pending_update_count"] == 0, "all updates are taken")


V2, CLASSIC = "node-telegram-bot-api.mjs", "node-telegram-bot-api-classic.mjs"
BOTS = {
    "Aiogram": ("aiogram_bot.py", {}),
    "Grammy": ("grammy.mjs", {}),
    "NodeTelegramBotApi": (V2, {}),
    "NodeTelegramBotApi0": (CLASSIC, {"PACKAGE": "node-telegram-bot-api-v0"}),
    "NodeTelegramBotApi1": (CLASSIC, {"PACKAGE": "node-telegram-bot-api-v1"}),
    "PythonTelegramBot": ("python_telegram_bot.py", {}),
    "Telegraf": ("telegraf.mjs", {}),
}
WAYS = {"Polling": (BotTest, POLLING), "Webhook": (WebhookTest, HTTP), "OwnCertificate": (ReceivingTest, HTTPS)}

for bot, (file, settings) in BOTS.items():
    for name, (base, way) in WAYS.items():
        if file != V2 or way != HTTPS:  # version 2 leaves TLS to others
            members = {"script": file, "env": settings, "way": way, "__module__": __name__}
            globals()[f"{bot}{name}Test"] = type(f"{bot}{name}Test", (base, unittest.TestCase), members)
