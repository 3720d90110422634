"""Every method of the Bot API's description: with nothing, with wrong types, and with the least it needs.

Each has to answer in Telegram's envelope, never with an error of the server, and what it gives has to be what the
description says.
"""
import unittest

from conformance import SPEC, of_answer
from sandbox_case import ALICE, BORIS, PNG, SandboxTest

# What ends a poll or the test itself, or takes long by its nature.
LEFT_ALONE = {"getUpdates", "close", "logOut"}
# The server is content without what the description wants of these.
CONTENT_WITH_NOTHING = {"setWebhook", "setMyCommands"}
# The least that parameters of these names need to make sense.
SENSE = {
    "chat_id": ALICE, "from_chat_id": ALICE, "user_id": ALICE, "text": "x", "question": "x", "title": "x",
    "description": "x", "latitude": 1, "longitude": 2, "address": "x", "phone_number": "+1", "first_name": "x",
    "draft_id": 1, "star_count": 5, "game_short_name": "chess", "action": "typing", "url": "", "format": "static",
    "sticker_format": "static", "payload": "x", "currency": "XTR", "prices": [{"label": "x", "amount": 1}],
    "options": [{"text": "a"}, {"text": "b"}], "commands": [{"command": "a", "description": "b"}], "ok": True,
    "checklist": {"title": "x", "tasks": [{"id": 1, "text": "x"}]}, "rich_message": {"html": "x"},
    "emoji_list": ["😀"], "provider_token": "",
}
SCALARS = {"Integer": 1, "String": "1", "Boolean": True, "Float": 1.0, "InputFile": "attach://part"}
FILES = [("part", "p.png", "image/png", PNG)]


def sample(kind, depth=0):
    """The least value of a type."""
    if kind in SCALARS:
        return SCALARS[kind]
    if kind.startswith("Array of "):
        return [sample(kind[9:], depth + 1)]
    described = SPEC["types"][kind]
    if described.get("subtypes"):
        return sample(described["subtypes"][0], depth + 1)
    return {field["name"]: member(field, depth + 1) for field in described.get("fields", []) if field["required"]}


def member(field, depth):
    return field["enum"][0] if "enum" in field else field.get("const", sample(field["types"][0], depth))


def of_field(field):
    if field["name"] in SENSE:
        return SENSE[field["name"]]
    return field["enum"][0] if "enum" in field else sample(field["types"][0])


class EveryMethodTest(SandboxTest):
    def setUp(self):
        super().setUp()
        self.stack.send(BORIS, "/start")

    def check(self, method, **params):
        """The answer, which is a good one or a refusal."""
        answer = self.call(method, files=FILES, **params)
        self.assertEqual([], of_answer(method, answer.get("error_code", 200), answer))
        self.assertLess(answer.get("error_code", 200), 500)
        return answer

    def methods(self):
        for name, method in SPEC["methods"].items():
            if name not in LEFT_ALONE:
                yield name, method.get("fields", [])

    def test_with_nothing(self):
        for name, fields in self.methods():
            with self.subTest(method=name):
                answer = self.check(name)
                required = [field["name"] for field in fields if field["required"]]
                if required and name not in CONTENT_WITH_NOTHING:
                    self.assertFalse(answer["ok"], answer)

    def test_with_the_least(self):
        for name, fields in self.methods():
            with self.subTest(method=name):
                self.check(name, **{field["name"]: of_field(field) for field in fields if field["required"]})

    def test_with_all_there_is(self):
        for name, fields in self.methods():
            with self.subTest(method=name):
                self.check(name, **{field["name"]: of_field(field) for field in fields})

    def test_with_each_parameter_of_a_wrong_type(self):
        for name, fields in self.methods():
            least = {field["name"]: of_field(field) for field in fields if field["required"]}
            for field in fields:
                for wrong in ("x", "{", -5, 1e300, [], [[]], {}, {"type": "x"}, [{}], [5], True, "x" * 5000):
                    with self.subTest(method=name, parameter=field["name"], wrong=str(wrong)[:20]):
                        self.check(name, **(least | {field["name"]: wrong}))


if __name__ == "__main__":
    unittest.main()
