"""The fal plugin between a plugin that orders (tests/plugins/painter) and the sandbox's fal.ai, for tests."""
import json
import os
import unittest

from picture import png
from stack import BUILD, Stack, until

FAST = {"image_poll_s": 1, "training_poll_s": 1, "image_unsure_s": 30, "training_unsure_minutes": 1}
NAMES = ("phase", "cause", "is_theirs", "is_submitted", "model", "reason", "result")
OPERATOR = 1002  # Борис
THEIRS = {1: "content policy", 2: "no face", 3: "bad image"}


def plugins_ini(**settings):
    lines = ["[fal]", "api_key = ${FAL_KEY}", "queue_url = ${FAL_QUEUE_URL}", "rest_url = ${FAL_REST_URL}",
             "api_url = ${FAL_API_URL}"]
    lines += [f"{name} = {value}" for name, value in (FAST | settings).items()]
    return "\n".join(lines + ["[painter]", "path = " + os.path.join(BUILD, "tests/plugins/painter/painter.so"), ""])


class PainterCase(unittest.TestCase):
    """A stack for all tests of a class; settings of the plugin in SETTINGS, of the sandbox in FAL."""
    SETTINGS, FAL = {}, {"training_ms": 300, "generation_ms": 100, "concurrency": 10}

    @classmethod
    def setUpClass(cls):
        stack = Stack(plugins_ini=plugins_ini(**cls.SETTINGS), env={"ADMIN_IDS": str(OPERATOR)})
        cls.stack = cls.enterClassContext(stack)
        cls.number = 0

    def setUp(self):
        self.fal(**{"key": None, "gone": []} | self.FAL)
        self.stack.api("/sandbox/faults", method="DELETE")
        self.ann = self.stack.user("Ann")
        self.before = self.stack.newest_request()

    def fal(self, **settings):
        return self.stack.api("/sandbox/fal", settings)

    def fault(self, **order):
        self.stack.api("/sandbox/faults", order)

    def op(self):
        type(self).number += 1
        return f"op-{self.number}"

    def say(self, text, wanted, user=None):
        user = user or self.ann
        sent = self.stack.send(user, text)
        return self.stack.wait_message(user, wanted, after=sent["message_id"])["text"]

    def order(self, command, user=None, **words):
        """(op, id)"""
        op = words.pop("op", None) or self.op()
        said = " ".join(f"{name}={value}" for name, value in words.items())
        return op, self.say(f"/{command} op={op} {said}", "started", user).split()[-1]

    def draw(self, user=None, **words):
        return self.order("draw", user, **words)

    def train(self, user=None, photos=5, **words):
        return self.order("train", user, photos=photos, **words)

    def photos(self, count=5, colour=b"\x40\x80\xc0", content=None):
        for number in range(1, count + 1):
            path = self.stack.path("photo")
            with open(path, "wb") as file:
                file.write(content or png(80, 90, colour))
            self.say(f"/store path={path} key=photo-{number}", f"stored photo-{number}")

    def ends(self, op):
        rows = self.stack.sql(f"SELECT {', '.join(NAMES)} FROM painter_ends WHERE op_id = '{op}'")
        return [dict(zip(NAMES, row)) for row in rows]

    def end(self, op, **wanted):
        """How it has ended: once."""
        until(lambda: self.ends(op), f"{op} ends")
        [end] = self.ends(op)
        for name, value in wanted.items():
            self.assertEqual(value, end[name], end)
        return end

    def row(self, op, columns):
        [row] = self.stack.sql(f"SELECT {columns} FROM provider_requests WHERE op_id = '{op}'")
        return row if "," in columns else row[0]

    def wait_state(self, op, state):
        until(lambda: self.row(op, "state") == state, f"{op} is {state}")

    def submits(self):
        """The models that were asked since the beginning of the test, and with what."""
        return [(request["params"]["model"], request["params"].get("input"))
                for request in self.stack.requests("fal.submit", self.before)]

    def fact(self, name):
        rows = self.stack.sql(f"SELECT number FROM fal_facts WHERE name = '{name}'")
        return rows[0][0] if rows else 0

    def blob(self, name):
        if self.stack.s3:
            return self.stack.s3.fetch("GET", f"/{self.stack.bucket}{name}")[1]
        with open(self.stack.path("files" + name), "rb") as file:
            return file.read()

    def health(self, name):
        """(state, text) of one check, as `aisha check` has it."""
        _, output = self.stack.run_host("check")
        [line] = [line for line in output.splitlines() if f"fal/{name}" in line]
        return line.split()[0], line

    def dump(self):
        print(json.dumps(self.stack.sql("SELECT op_id, state, reason, pauses FROM provider_requests")))
