"""Random updates that are valid by the description of the Bot API and hostile in every text.

    for update in itertools.islice(Updates(random.Random(1), person=1001), 100): ...

Kinds of update come by turns; what has not been made of a type yet is preferred, so that after some thousand every
optional field of every type has been there. Whoever is named in an update is `person`, so that answers have somebody to
go to.
"""
import functools
import json
import os
import re

SPEC = os.path.join(os.path.dirname(__file__), "..", "..", "sdk", "spec", "bot-api.json")
DEEPEST, MORE_FIELDS = 8, 0.2

TEXTS = [
    "", " ", "<b>bold", "</b></i>", "<script>alert(1)</script>", "&amp;&lt;&#0;&nonsense;",
    "<a href=\"x\" onclick='y'>", "'; DROP TABLE users; --", "\" OR 1=1 --", "%s%n%d%100000d", "$1 $2", "${HOME}",
    "{name} {{n}} {0}", "../../etc/passwd", "\x01\x02\x07\x08\x0b\x1b[2J\x7f", "a\tb\r\nc\u2028d\u2029e",
    "\u202eright to left\u202c", "\u200f\u200e\u2066\u2069", "\ufeff\u200b\u200d\ufe0f", "e" + "\u0301" * 50,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1f7\U0001f1fa", "\U0010ffff\U00020000",
    "\ud7ff\ue000\ufffd\uffff", "я" * 4096, "\U0001f600" * 2048, "x" * 4096, "\n" * 100, "null", "[]", "{\"a\":1}",
    "/start", "/start <b>", "/cancel", "/help@aisha_sandbox_bot", "/" + "a" * 64, "/ё", "@", "-1", "1e999",
]
INTEGERS = [0, 1, -1, 2, 100, 2**31 - 1, 2**31, -2**31, 2**52 - 1, -2**52 + 1, 1700000000]
FLOATS = [0, -0.0, 0.5, -180, 1e-300, 1e300]
COMMAND = re.compile(r"/[A-Za-z0-9_]{1,32}(@\S*)?(\s|$)")


def is_command(text):
    return COMMAND.match(text) is not None


class Updates:
    def __init__(self, rng, person):
        with open(SPEC, encoding="utf-8") as file:
            self.types = json.load(file)["types"]
        self.rng, self.person = rng, person
        self.kinds = [f for f in self.types["Update"]["fields"] if f["name"] != "update_id"]
        self.missing = {(name, field["name"]) for name in self.reachable() for field in self.fields(name)}
        self.count = 0

    def fields(self, name):
        return self.types[name].get("fields", [])

    def reachable(self):
        """The names of all types that an update can contain."""
        found, left = set(), [t for kind in self.kinds for t in kind["types"]]
        while left:
            name = left.pop().removeprefix("Array of ").removeprefix("Array of ")
            if name in self.types and name not in found:
                found.add(name)
                left += self.types[name].get("subtypes", []) + [t for f in self.fields(name) for t in f["types"]]
        return found

    def __iter__(self):
        return self

    def __next__(self):
        kind = self.kinds[self.count % len(self.kinds)]
        self.count += 1
        return {kind["name"]: self.value(kind["types"], kind, 0)}

    def value(self, types, field, depth):
        name = self.rng.choice(types)
        if name.startswith("Array of "):
            inner = [name.removeprefix("Array of ")]
            count = self.rng.choice([0, 1, 1, 2, 3]) if depth < DEEPEST else 0
            return [self.value(inner, field, depth + 1) for _ in range(count)]
        if name in self.types:
            return self.object(name, depth)
        if name == "String":
            return self.rng.choice(field.get("enum") or TEXTS)
        if name in ("Boolean", "True"):
            return name == "True" or self.rng.random() < 0.5
        return self.rng.choice(FLOATS if name == "Float" else field.get("enum") or INTEGERS)

    def object(self, name, depth):
        if subtypes := self.types[name].get("subtypes"):
            is_deep = depth >= DEEPEST and "String" in subtypes  # a text may stand for the whole
            return self.value(["String"] if is_deep else subtypes, {}, depth)
        made = {}
        for field in self.fields(name):
            is_new = (name, field["name"]) in self.missing
            is_wanted = depth < DEEPEST and self.rng.random() < (0.6 if is_new else MORE_FIELDS / (depth + 1))
            if field["required"] or is_wanted:
                made[field["name"]] = self.value(field["types"], field, depth + 1)
                self.missing.discard((name, field["name"]))
        if name in ("User", "Chat", "ChatFullInfo"):
            made["id"] = self.person
        if name == "Chat":
            made["type"] = "private"
        return made


class Said(Updates):
    """Every other update is one that a handler gets to see: a text of TEXTS from a human, in one place after the other.

    What is made is a list of updates that belong together; `expected` has the text and the name behind the number that
    is the message's, `forged` the presses of buttons that nobody made, and `button`, when set, is the data of one that
    is real. Inline queries are given by their text alone, under the name "inline".
    """
    FIRST = 10_000_000  # number of a message, larger than those of other updates

    def __init__(self, rng, person, places):
        super().__init__(rng, person)
        self.expected, self.forged, self.inline, self.button, self.said = {}, set(), set(), None, 0
        self.posts = set()
        self.ways = [functools.partial(self.message, **place) for place in places]
        self.ways += [self.answer, self.edited, self.post, self.press, self.forge, self.query]

    def __next__(self):
        if self.count > self.said:
            way, text = self.ways[self.said % len(self.ways)], TEXTS[self.said // len(self.ways) % len(TEXTS)]
            self.said += 1
            return way(text)
        return [super().__next__()]

    def sender(self):
        return {"id": self.person, "is_bot": False, "first_name": self.rng.choice(TEXTS)[:64], "language_code": "en"}

    def written(self, text, **more):
        """A message, and more that does not say where the answer is to go."""
        number, sender = self.FIRST + self.said, self.sender()
        self.expected[number] = (text, sender["first_name"])
        return {"message_id": number, "date": 1700000000, "from": sender, "text": text,
                "chat": {"id": self.person, "type": "private", "first_name": self.rng.choice(TEXTS)},
                "author_signature": self.rng.choice(TEXTS), "edit_date": self.rng.choice(INTEGERS)} | more

    def message(self, text, **place):
        if is_command(text):
            return [{"message": self.unexpected(text, **place)}]
        return [{"message": self.written(text, **place)}]

    def unexpected(self, text, **more):
        made = self.written(text, **more)
        del self.expected[made["message_id"]]
        return made

    def answer(self, text):
        if is_command(text):
            return self.message(text)
        return [{"message": self.unexpected("/ask")}, {"message": self.written(text)}]

    def edited(self, text):
        return [{"edited_message": self.written(text)}]

    def post(self, text):
        """Of a length that the answer is one message."""
        text = text[:1900]
        self.posts.add(self.FIRST + self.said)
        return [{"channel_post": self.written(text, chat={"id": -1009999999999, "type": "channel", "title": text})}]

    def press(self, text):
        return [{"callback_query": self.pressed(self.written(text), self.button)}]

    def forge(self, text):
        data = text.encode()[:64].decode(errors="ignore")
        query = self.pressed(self.unexpected(text), data)
        self.forged.add(query["id"])
        return [{"callback_query": query}]

    def pressed(self, message, data):
        return {"id": str(message["message_id"]), "from": message["from"], "message": message, "data": data,
                "chat_instance": self.rng.choice(TEXTS)}

    def query(self, text):
        self.inline.add(text[:256])
        return [{"inline": text[:256]}]
