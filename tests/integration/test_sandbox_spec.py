"""Calls made from the Bot API's description: every method, with parameters that have the right types and sense or not.

Whatever comes, the sandbox answers as Telegram does: a result as described, or a refusal in an envelope. What is in
the calls follows from a seed, so that a failure can be seen again; AISHA_TEST_ROUNDS makes it longer.
"""
import json
import random
import unittest

import conformance
from picture import png
from stack import ROUNDS, ApiError, Stack

ANN, BOB = 1001, 1002
LEFT_OUT = {"close", "leaveChat", "logOut", "setWebhook"}  # they end what this is about
CALLS = 24  # of each method in a round
TEXTS = ["hat", "a <b>b</b>", "*x* _y_", "😀 /start #tag @ann https://example.org", "", " ", "x" * 300, "7"]


class Maker:
    """Makes values of the description's types; where a name says what is wanted, mostly something that exists."""

    def __init__(self, seed, known):
        self.random, self.known = random.Random(seed), known
        self.share = (0.0, 0.1, 0.3)[seed % 3]  # of optional parameters

    def pick(self, values):
        return self.random.choice(list(values))

    def of_name(self, name):
        """Something that exists, or None: any value of the type will do."""
        if self.random.random() < 0.1:
            return None
        for ending, values in self.known.items():
            if values and name.endswith(ending):
                return self.pick(values)
        return None

    def of_field(self, field, depth):
        if "enum" in field:
            return self.pick(field["enum"])
        if "const" in field:
            return field["const"]
        existing = self.of_name(field["name"])
        if existing is not None and not field["types"][0].startswith("Array"):
            return existing
        return self.of_type(self.pick(field["types"]), field["name"], depth)

    def of_type(self, kind, name, depth):
        if kind.startswith("Array of "):
            inner = kind.removeprefix("Array of ")
            count = self.random.choice([0, 1, 1, 2, 3]) if depth < 5 else 0
            one = {"name": name.removesuffix("s"), "types": [inner]}
            return [self.of_field(one, depth + 1) for _ in range(count)]
        if kind in conformance.SCALARS or kind == "InputFile":
            return {"Integer": lambda: self.pick([0, 1, 2, 5, 60, 3600, -1, 1 << 40]),
                    "Float": lambda: self.pick([0, 1.5, -33.25, 181]),
                    "Boolean": lambda: self.pick([True, False])}.get(kind, lambda: self.pick(TEXTS))()
        described = conformance.SPEC["types"][kind]
        if "subtypes" in described:
            return self.of_type(self.pick(described["subtypes"]), name, depth)
        return self.of_fields(described.get("fields", []), depth + 1)

    def of_fields(self, fields, depth=0):
        """Nearly always all that is required; of the rest the less, the deeper it lies."""
        def is_wanted(field):
            return self.random.random() < (0.98 if field["required"] else self.share if depth == 0 else 0.1 / depth)

        return {field["name"]: self.of_field(field, depth) for field in fields if depth < 6 and is_wanted(field)}


class Described(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(Stack(host=False))
        self.call("getUpdates", {"allowed_updates": [field["name"] for field in conformance.SPEC["types"]["Update"]
                                                     ["fields"]]})
        for user in (ANN, BOB):
            self.stack.send(user, "/start")
        groups = [self.act("chats", user_id=ANN, type=kind, title="G", is_forum=is_forum)["id"]
                  for kind, is_forum in (("group", False), ("supergroup", False), ("supergroup", True))]
        for group in groups:
            self.act("members", chat_id=group, user_id=ANN, bot=True, status="administrator")
            self.act("send", user_id=BOB, chat_id=group, text="/here")
        topic = self.act("topics", user_id=ANN, chat_id=groups[2], name="T")
        business = self.act("business", user_id=ANN)["business_connection_id"]
        photo = self.stack.upload(ANN, png(8), kind="photo")["photo"][-1]["file_id"]
        files = [photo] + [self.stack.upload(ANN, b"x", kind=kind)[kind]["file_id"] for kind in ("document", "video")]
        self.known = {  # by the endings of names
            "message_thread_id": [topic["message_thread_id"]], "business_connection_id": [business],
            "chat_id": [ANN, ANN, BOB, *groups, groups[2], 99], "user_id": [ANN, BOB], "message_id": [1, 2, 3],
            "photo": files, "video": files, "document": files, "audio": files, "animation": files, "voice": files,
            "file_id": files, "media": files, "thumbnail": files, "sticker": files,
            "parse_mode": ["HTML", "Markdown", "MarkdownV2"], "emoji": ["🎲", "👍"], "currency": ["XTR", "EUR"],
            "callback_data": ["a", "b"], "url": ["https://example.org/"], "amount": [1, 50],
            "language_code": ["", "ru"], "latitude": [55.75], "longitude": [37.61],
        }

    def act(self, call, **body):
        return self.stack.api(f"/sandbox/{call}", body)

    def call(self, method, params):
        """The status and the body."""
        try:
            return 200, self.stack.api(f"/bot5:x/{method}", params)
        except ApiError as error:
            return error.status, json.loads(error.body)

    def learn(self, result):
        for message in result if isinstance(result, list) else [result]:
            if isinstance(message, dict) and "message_id" in message:
                self.known["message_id"] = self.known["message_id"][-30:] + [message["message_id"]]

    def test_every_method_answers_as_described(self):
        done = set()
        for number in range(CALLS * ROUNDS):
            maker = Maker(number, self.known)
            for method, described in conformance.SPEC["methods"].items():
                if method in LEFT_OUT:
                    continue
                params = maker.of_fields(described.get("fields", []))
                status, answer = self.call(method, params)
                wrong = conformance.of_answer(method, status, answer)
                self.assertEqual([], wrong, f"{number}: {method} {json.dumps(params, ensure_ascii=False)}")
                self.assertNotEqual(500, status, f"{number}: {method} {json.dumps(params, ensure_ascii=False)}")
                if answer["ok"]:
                    done.add(method)
                    self.learn(answer["result"])
        self.assertGreater(len(done), 60, "most methods have been done, not only refused")

    def test_alternatives_that_hold_themselves(self):
        for text in ({}, [], ["a", ["b", {"type": "bold", "text": ["c"]}]], {"type": "bold", "text": {}}, [[[{}]]], 5):
            block = {"type": "paragraph", "text": text}
            status, answer = self.call("sendRichMessage", {"chat_id": ANN, "rich_message": {"blocks": [block]}})
            self.assertEqual([], conformance.of_answer("sendRichMessage", status, answer))
