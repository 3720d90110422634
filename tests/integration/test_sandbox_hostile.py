"""Calls of all methods with parameters that are half right: each gets an answer, and the sandbox lives."""
import http.client
import json
import os
import random
import re
import unittest

from stack import ROOT, ApiError, Stack

ANN, BOB = 1001, 1002
CALLS = 2500
ROUNDS = int(os.environ.get("AISHA_TEST_ROUNDS", "1"))
SLOW = {"pay", "replay", "reset", "clock", "faults"}  # or in the way of the others
UNTOUCHED = {"setWebhook", "deleteWebhook", "logOut", "close", "getUpdates"}  # they would end the others
TEXTS = ["", "x", "@g", "@nobody", "я" * 40, "http://a", "https://a.b/c", "attach://f", "x" * 70, "/a", "1001", "true",
         "0", "{", "[]", "XTR", "USD", "381764678:TEST:1", "static", "photo", "member", "<b>", "*a", "http://a-"]
ODD = [None, 5, -3, 1.5, "x", [], {}, [1, "a"], {"a": 1}, True]

with open(os.path.join(ROOT, "sdk/spec/bot-api.json"), encoding="utf-8") as file:
    SPEC = json.load(file)


class Maker:
    """Makes parameters by the spec, most of them right; known: good values by the end of the parameter's name."""

    def __init__(self, seed, known):
        self.random, self.known = random.Random(seed), known

    def has(self, field):
        return self.random.random() < (0.97 if field["required"] else 0.33)

    def value(self, field, depth):
        if self.random.random() < 0.08:
            return self.random.choice(ODD)
        if "enum" in field and self.random.random() < 0.85:
            return self.random.choice(field["enum"])
        for end, values in self.known.items():
            if field["name"].endswith(end) and self.random.random() < 0.85:
                return self.random.choice(values)
        return self.typed(self.random.choice(field["types"]), depth)

    def typed(self, kind, depth):
        if kind == "Integer":
            return self.random.choice([0, 1, 5, -1, 60, 100, 1001, 2592000, 10 ** 13])
        if kind == "Float":
            return self.random.choice([0.5, 1, -90, 1e9])
        if kind == "Boolean":
            return self.random.random() < 0.5
        if kind in ("String", "InputFile"):
            return self.random.choice(TEXTS)
        if kind.startswith("Array of "):
            return [self.typed(kind[9:], depth + 1) for _ in range(self.random.choice([0, 1, 1, 2, 3]))]
        if depth > 6:
            return {}
        described = SPEC["types"][kind]
        if "subtypes" in described:
            return self.typed(self.random.choice(described["subtypes"]), depth + 1)
        return {field["name"]: self.value(field, depth + 1) for field in described.get("fields", []) if self.has(field)}

    def params(self, method):
        return {field["name"]: self.value(field, 0)
                for field in SPEC["methods"][method].get("fields", []) if self.has(field)}


class Hostile(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(Stack(host=False))
        self.stack.api("/bot5:x/getMe", {})
        self.chats = [ANN, BOB, 0, -1, 77]
        for user in (ANN, BOB):
            self.act("send", user_id=user, text="/start")
        for kind in ("group", "supergroup"):
            chat = self.act("chats", user_id=ANN, type=kind, title="G", is_forum=kind == "supergroup")["id"]
            self.chats += [chat, chat]
        self.threads = [1, self.act("topics", user_id=ANN, chat_id=chat, name="t")["message_thread_id"]]
        self.files = [self.stack.upload(ANN, b"x", kind=kind, duration=1)[kind]["file_id"]
                      for kind in ("document", "audio", "video", "animation")]

    def act(self, call, **body):
        return self.stack.api(f"/sandbox/{call}", body)

    def promote(self):
        """Whatever the calls before have done: the bot has its rights in the groups again."""
        for chat in self.chats:
            if chat < -1:
                self.act("members", user_id=ANN, chat_id=chat, bot=True, status="administrator",
                         rights={"can_promote_members": True})

    def known(self):
        queries = [self.act("inline", user_id=ANN, query="q")["id"], self.act("checkout", user_id=ANN)["id"],
                   self.act("web_app", user_id=ANN)["web_app_query_id"]]
        return {"chat_id": self.chats, "user_id": [ANN, BOB, 5], "message_thread_id": self.threads,
                "message_id": list(range(1, 30)), "query_id": queries, "file_id": self.files}

    def test_no_call_ends_the_sandbox(self):
        methods = [method for method in SPEC["methods"] if method not in UNTOUCHED]
        connection = http.client.HTTPConnection(self.stack.url.removeprefix("http://"), timeout=20)
        self.addCleanup(connection.close)
        good = set()
        for seed in range(ROUNDS):
            maker = Maker(seed, {})
            for number in range(CALLS):
                if number % 50 == 0:
                    self.promote()
                    maker.known = self.known()
                method = maker.random.choice(methods)
                params = json.dumps(maker.params(method))
                connection.request("POST", f"/bot5:x/{method}", params, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                body = json.loads(answer.read())
                self.assertIn(answer.status, (200, 400, 403, 404, 429, 501), (method, params, body))
                self.assertEqual(body["ok"], answer.status == 200)
                if body["ok"]:
                    good.add(method)
        self.assertGreater(len(good), 50, "too few of the calls mean anything")

    def test_no_control_call_ends_it_either(self):
        with open(os.path.join(ROOT, "sdk/sandbox/control.c"), encoding="utf-8") as source:
            calls = sorted(set(re.findall(r'\{"POST", "(\w+)"', source.read())) - SLOW)
        self.assertGreater(len(calls), 20)
        link = self.stack.api("/bot5:x/createInvoiceLink", {
            "title": "t", "description": "d", "payload": "p", "currency": "XTR", "subscription_period": 2592000,
            "prices": [{"label": "l", "amount": 5}]})["result"]
        chosen = random.Random(1)
        values = {"user_id": [ANN, BOB], "by": [ANN], "chat_id": self.chats, "message_id": list(range(1, 30)),
                  "message_thread_id": self.threads, "slug": [link], "kind": ["photo"],
                  "status": ["member", "left", "kicked", "administrator", "restricted"],
                  "type": ["group", "supergroup"], "rights": [{"can_pin_messages": True}], "permissions": [{}],
                  "inline_query_id": self.known()["query_id"], "result_id": ["1"], "emoji": ["👍"],
                  "option_ids": [[0]]}
        names = list(values) + ["text", "query", "title", "name", "bot", "blocked", "captions", "is_forum", "username",
                                "canceled", "balance", "until_date", "first_name", "data", "row", "column", "location",
                                "contact", "dice", "poll", "forward", "texts", "pinned", "enabled"]
        for _ in range(CALLS * ROUNDS):
            body = {name: chosen.choice(values.get(name, TEXTS) if chosen.random() < 0.8 else ODD)
                    for name in names if chosen.random() < (0.8 if name == "user_id" else 0.3)}
            call = chosen.choice(calls)
            try:
                self.act(call, **body)
            except ApiError as error:
                self.assertIn(error.status, (400, 404), (call, body, error.body))
                self.assertTrue(json.loads(error.body)["error"])


if __name__ == "__main__":
    unittest.main()
