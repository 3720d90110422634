"""Updates of wrong types, huge, strange, too deep: the next person is answered all the same."""
import os
import random
import unittest

from stack import BUILD, MODE, ROUNDS, Stack

PLUGINS = "[home]\n[updates]\npath = " + os.path.join(BUILD, "tests/plugins/updates/updates.so") + "\n"
SEEDS, COUNT = range(4 * ROUNDS), 1500
STRANGE = [None, True, -1, 0, 2**53, 1e308, -1e308, 0.5, "", "x", "\ud7ff\ufeff\u202e", "%s%n", "a" * 9000,
           [], {}, [[]], {"id": None}, {"id": "1"}, {"id": 1e300}, [None, {"type": "bot_command"}], {"": {"": ""}}]
DEEP = {"a": None}
for _ in range(27):
    DEEP = {"a": [DEEP]}


def message(person, **fields):
    return {"message_id": 7, "date": 1700000000, "chat": {"id": person, "type": "private", "first_name": "A"},
            "from": {"id": person, "is_bot": False, "first_name": "A", "language_code": "en"}} | fields


def good_updates(person):
    yield {"message": message(person, text="/start", entities=[{"type": "bot_command", "offset": 0, "length": 6}])}
    yield {"message": message(person, voice={"file_id": "v", "file_unique_id": "u", "duration": 1, "file_size": 10})}
    yield {"edited_message": message(person, text="hm")}
    sender = message(person)["from"]
    yield {"callback_query": {"id": "1", "from": sender, "message": message(person, text="x"), "chat_instance": "1",
                              "data": "AAAA"}}
    yield {"my_chat_member": {"chat": message(person)["chat"], "from": sender, "date": 1}}
    yield {"message": message(person, media_group_id="g", document={"file_id": "d", "file_unique_id": "u"})}
    yield {"business_message": message(person, business_connection_id="b", text="x")}
    yield {"message_reaction": {"chat": message(person)["chat"], "user": sender, "date": 1, "message_id": 1,
                                "new_reaction": [{"type": "emoji", "emoji": "x"}]}}
    yield {"inline_query": {"id": "1", "from": sender, "query": "x", "offset": ""}}
    yield {"poll_answer": {"poll_id": "1", "user": sender, "option_ids": [0]}}
    yield {"pre_checkout_query": {"id": "1", "from": sender, "currency": "XTR", "total_amount": 1}}
    yield {"something_new": {"from": sender}}


def spoiled(rng, value):
    """The value with one thing in it replaced, removed or added."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        if rng.random() < 0.15:
            return {name: v for name, v in value.items() if name != key}
        return value | {key: spoiled(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.5:
        return [spoiled(rng, item) for item in value] * rng.choice([1, 1, 50])
    return rng.choice(STRANGE + [DEEP])


class Hostile(unittest.TestCase):
    def test_spoiled_updates_harm_nobody(self):
        with Stack(plugins_ini=PLUGINS) as stack:
            ann, eve = stack.user("Ann"), stack.user("Eve")
            stack.send(eve, "/start")  # so that the bot may write to her
            for seed in SEEDS:
                rng = random.Random(seed)
                for _ in range(COUNT):
                    [(kind, value)] = rng.choice(list(good_updates(eve))).items()
                    stack.update(**{kind: spoiled(rng, value)})
                for person in (ann, eve):
                    sent = stack.send(person, "/start")
                    stack.wait_message(person, "What shall we do?", after=sent["message_id"])

    def test_an_update_that_cannot_be_read_is_passed_over(self):
        deep = "x"
        for _ in range(61):
            deep = [deep]
        with Stack() as stack:
            ann = stack.user("Ann")
            for _ in range(3):
                stack.update(message=message(ann, text="a", odd=deep))
                stack.update(message=message(ann, text="b"))
            stack.send(ann, "/start")
            stack.wait_message(ann, "What shall we do?")
            # A webhook delivers it without what getUpdates puts around it, and that is not too deep.
            self.assertEqual(stack.host.output().count(b"cannot be read"), 0 if MODE == "webhook" else 3)


if __name__ == "__main__":
    unittest.main()
