"""Thousands of webhooks, doubled, out of order and forged: each request ends once, no false one changes anything."""
import concurrent.futures
import random
import threading
import time

from fal_hooks import Caller, Signer, done, failed
from notes import note
from painter import PainterCase
from stack import ROUNDS, until

REQUESTS, EACH, DOUBLED, FORGED, CALLERS = 25 * ROUNDS, 20, 0.30, 0.05, 8
ACTIVE = "state IN ('submitted', 'queued', 'running')"


class Message:
    def __init__(self, row_id, body, headers, wanted):
        self.row_id, self.body, self.headers, self.wanted = row_id, body, headers, wanted


class Webhooks(PainterCase):
    SETTINGS = {"images_at_once": 1000, "image_poll_s": 3600, "image_minutes": 600}

    def picture(self):
        """The address of a picture that fal.ai has."""
        op, _ = self.draw()
        self.end(op, phase="succeeded")
        [hook] = self.stack.requests("fal.webhook", self.before)
        return hook["params"]["body"].split('"url":"')[1].split('"')[0]

    def orders(self):
        """[(op, id, request id)]; all of them are at fal.ai and wait there."""
        self.fal(concurrency=0)
        people = [self.stack.user(f"User {i}") for i in range(5)]
        for number in range(REQUESTS):
            self.stack.send(people[number % 5], f"/draw op=m-{number} prompt=x")
        count = f"SELECT COUNT(*) AS n FROM provider_requests WHERE op_id LIKE 'm-%' AND {ACTIVE} AND request_id <> ''"
        until(lambda: self.stack.sql(count) == [(REQUESTS,)], "all are submitted", timeout=300, pause=0.2)
        return self.stack.sql("SELECT op_id, id, request_id FROM provider_requests WHERE op_id LIKE 'm-%'")

    def true_message(self, rng, order, picture):
        """Of what is said of it: three in four are drawn, the others fail."""
        op, row_id, request_id = order
        is_good = int(op[2:]) % 4 > 0
        body = done(request_id, picture, rng.randrange(1 << 40)) if is_good else failed(request_id)
        return Message(row_id, body, self.signer.headers(body, int(time.time()) - rng.randrange(60)), 204)

    def false_message(self, rng, orders, picture):
        """What would do the opposite, if it were believed."""
        op, row_id, request_id = rng.choice(orders)
        is_good = int(op[2:]) % 4 > 0
        body = failed(request_id) if is_good else done(request_id, picture)
        other, headers = rng.choice(orders), self.signer.headers(body)
        kind = rng.randrange(6)
        if kind == 0:
            return Message(row_id, body, self.stranger.headers(body), 401)
        if kind == 1:
            del headers["X-Fal-Webhook-Signature"]
            return Message(row_id, body, headers, 401)
        if kind == 2:
            return Message(row_id, body, self.signer.headers(body, int(time.time()) - 400), 401)
        if kind == 3:
            return Message(row_id, body + b" ", headers, 401)
        if kind == 4:
            headers["X-Fal-Webhook-Timestamp"] = str(int(time.time()) + 1)
            return Message(row_id, body, headers, 401)
        if other[1] == row_id:
            return Message("nobody", body, headers, 404)
        body = failed(other[2]) if is_good else done(other[2], picture)
        return Message(row_id, body, self.signer.headers(body), 409)

    def messages(self, rng, orders, picture):
        every = []
        for number, order in enumerate(orders, 1):
            while len(every) < number * EACH:
                message = self.true_message(rng, order, picture)
                every += [message] * (2 if rng.random() < DOUBLED else 1)
        every += [self.false_message(rng, orders, picture) for _ in range(int(len(every) * FORGED))]
        rng.shuffle(every)
        return every

    def send_all(self, messages):
        """How many were answered otherwise than they had to be."""
        local = threading.local()

        def send(message):
            if not hasattr(local, "caller"):
                local.caller = Caller(self.stack)
            status = local.caller.post(message.row_id, message.body, message.headers)
            return None if status == message.wanted else (message.wanted, status)

        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
            return [wrong for wrong in pool.map(send, messages) if wrong]

    def test_each_request_ends_once(self):
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        self.signer, self.stranger = Signer(), Signer(bytes(32))
        picture = self.picture()
        orders = self.orders()
        self.signer.plant(self.stack)
        messages = self.messages(rng, orders, picture)
        before = self.stack.sql("SELECT SUM(number) AS n FROM fal_facts WHERE name LIKE 'refused:%'")[0][0] or 0
        started = time.monotonic()
        with self.subTest(seed=seed):
            self.assertEqual([], self.send_all(messages)[:5])
            taken = time.monotonic() - started
            count = "SELECT COUNT(*) AS n FROM painter_ends WHERE op_id LIKE 'm-%'"
            until(lambda: self.stack.sql(count)[0][0] >= REQUESTS, "all end", timeout=600, pause=0.2)
            ends = self.stack.sql("SELECT op_id, phase FROM painter_ends WHERE op_id LIKE 'm-%'")
            self.assertEqual(REQUESTS, len(ends))
            for op, phase in ends:
                self.assertEqual("succeeded" if int(op[2:]) % 4 > 0 else "failed", phase, op)
            self.assertEqual(REQUESTS, len({op for op, _ in ends}))
            refused = self.stack.sql("SELECT SUM(number) AS n FROM fal_facts WHERE name LIKE 'refused:%'")[0][0]
            false = [message for message in messages if message.wanted != 204]
            self.assertEqual(len(false), refused - before)
            self.assertNotIn(b"content_policy_violation\",", self.stack.host.output())
        note(f"{len(messages)} webhooks for {REQUESTS} requests, {len(false)} of them false, in {taken:.1f} s")
