"""Random updates that are valid by the description of the Bot API and hostile in every text.

    for update in itertools.islice(Updates(random.Random(1), person=1001), 100): ...

Kinds of update come by turns; what has not been made of a type yet is preferred, so that after some thousand every
optional field of every type has been there. Whoever is named in an update is `person`, so that answers have somebody to
go to.
"""
import json
import os

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
