"""Everything goes wrong at once, while money moves. Afterwards credits and answers are where they belong.

People buy credits, use promo codes, pay for transcriptions, press any button at any time, cancel, and get refunds. All
the while the host is killed, Telegram and OpenAI fail in all their ways, and what the bot keeps its data in goes away
and comes back. Afterwards Telegram's own books, ours, and what each person reads in their chat have to agree.

A round that fails is told by its seed; the same seed does the same things, but not at the same moments.
"""
import collections
import os
import random
import re
import sqlite3
import threading
import time
import unittest
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from audit import ADMIN, CODES, CREDIT, Audit
from notes import note
from stack import DEADLINE, MODE, ROOT, ROUNDS, STORES, ApiError, Stack, until
from test_paid_audio import recording

IS_LONG = ROUNDS > 1
PEOPLE, SECONDS = (30, 30) if IS_LONG else (12, 5)
QUIET_S = 240  # jobs that failed wait longer and longer; only a failing test waits for all of it
TARIFFS = "avatar 150, image 5 per item, audio 10 per minute"
# A server that goes or comes. In the moment a connection is made libpq writes it to stderr by itself.
SAID_BY_SERVER = re.compile(rb"FATAL:  (terminating connection due to|the database system is) .*")
WRONG_IN_LOG = re.compile(rb"(?i)fatal|assert|do not add up|does not add up|another movement|has ended before"
                          rb"|was put aside|could not be written")


def plugins_ini():
    with open(os.path.join(ROOT, "etc/plugins.ini"), encoding="utf-8") as file:
        return re.sub(r"(?m)^tariffs = .*", "tariffs = " + TARIFFS, file.read())


class ChaosStack(Stack):
    def __init__(self):
        super().__init__(plugins_ini=plugins_ini(), env={"ADMIN_IDS": str(ADMIN)})
        self.due = 0

    def begin(self):
        """People who are known to the bot, have a little and an invoice, and an operator with promo codes."""
        self.send(ADMIN, "/start")
        for code, (kind, value, uses, each) in CODES.items():
            sent = self.send(ADMIN, f"/promo_code {code} {kind} {value} {uses} {each} 30")
            self.wait_message(ADMIN, "Done", after=sent["message_id"])
        people = [self.user(f"User {n}") for n in range(PEOPLE)]
        for person in people:
            self.send(person, "/start")
        for person in people:
            self.wait_message(person, "")
            self.send(ADMIN, f"/grant {person} 50 for a start")
        for person in people:
            self.wait_message(person, "for a start")
            self.send(person, "/topup")
        for person in people:
            self.press(person, self.wait_message(person, "Choose how many")["message_id"], row=0, column=0)
        for person in people:
            self.wait_message(person, lambda message: "invoice" in message)
        return people

    def as_bot(self, method, **params):
        """A call of the Bot API as the bot's owner could make it by hand; it may fail as any other."""
        query = urllib.parse.urlencode(params)
        try:
            urllib.request.urlopen(f"{self.url}/bot123456:SANDBOX/{method}?{query}", timeout=DEADLINE).read()
        except OSError:
            pass

    def wait_for_host(self, before):
        """Until it has started: one whose database goes away meanwhile ends, and somebody starts it again."""
        super().wait_for_host(before)
        until(lambda: self.host.output().count(b" is running with ") > self.starts, "the host has started")

    def launch_host(self):
        self.starts = self.host.output().count(b" is running with ") if self.host else 0
        return super().launch_host()

    def make_due(self):
        """What is done by the clock is done at the next start, or when the host looks next."""
        self.due += 1
        self.sql(f"UPDATE schedules SET next_at = {self.due} WHERE plugin = 'balance'")

    def charges(self):
        """(person, charge) of all that was paid."""
        return [(t["source"]["user"]["id"], t["id"]) for t in self.api("/sandbox/stars")["transactions"]
                if "source" in t]


class Crowd:
    """What people and the operator do."""

    def __init__(self, stack, people, rng):
        self.stack, self.people, self.rng = stack, people, rng
        self.pool = ThreadPoolExecutor(8)
        self.payments = []
        self.short, self.long = recording(2), recording(62)
        self.done = collections.Counter()
        self.acts = ((self.say, 20), (self.press, 40), (self.top_up, 6), (self.pay, 20), (self.talk, 12),
                     (self.operate, 6), (self.refund, 3), (self.refund_by_telegram, 3))

    def act(self):
        act = self.rng.choices([act for act, _ in self.acts], [weight for _, weight in self.acts])[0]
        person = self.rng.choice(self.people)
        try:
            act(person)
            self.done[act.__name__] += 1
        except ApiError:
            pass  # the message has changed meanwhile

    def say(self, person):
        self.stack.send(person, self.rng.choice(
            ["/balance", "/cancel", "/cancel", "/paysupport", "/paysupport", "hello", "gift", "GIFT", "extra", "cheap",
             "rare", "RARE", "nonsense"]))

    def top_up(self, person):
        self.stack.send(person, "/topup")

    def press(self, person):
        """Any button of a newer message, at times twice and more. Those of receipts lead to other screens in the same
        message, and it shall be there at the end."""
        buttons = [(message["message_id"], row, column)
                   for message in self.stack.bot_messages(person)[-8:] if "Receipt:" not in message.get("text", "")
                   for row, keys in enumerate(message.get("reply_markup", {}).get("inline_keyboard", []))
                   for column, key in enumerate(keys) if "callback_data" in key and "Русский" not in key["text"]]
        if buttons:
            message, row, column = self.rng.choice(buttons)
            for _ in range(self.rng.choice([1, 1, 2, 3])):
                self.stack.press(person, message, row=row, column=column)

    def pay(self, person):
        """One of the newer invoices; without any, a package is chosen."""
        messages = self.stack.bot_messages(person)
        invoices = [m["message_id"] for m in messages if "invoice" in m]
        lists = [m["message_id"] for m in messages if "Choose how many" in m.get("text", "")]
        if lists and self.rng.random() < (0.3 if invoices else 1):
            self.stack.press(person, lists[-1], row=self.rng.randint(0, 3), column=0)
        elif invoices:
            outcome = self.rng.choice(["paid", "paid", "paid", "doubled", "repeat_checkout", "cancelled", "slow"])
            self.payments.append(self.pool.submit(self.check_out, person, self.rng.choice(invoices[-3:]), outcome))

    def check_out(self, person, message, outcome):
        more = {"seconds": 1} if outcome == "slow" else {}
        try:
            return self.stack.api("/sandbox/pay", {"user_id": person, "message_id": message, "outcome": outcome} | more)
        except ApiError:
            return {"status": "paid before"}

    def talk(self, person):
        content, told = self.rng.choice([(self.short, 2), (self.short, 2), (self.short, 65), (self.long, 2)])
        self.stack.upload(person, content, "audio", file_name="a.wav", mime="audio/x-wav", duration=told)

    def operate(self, person):
        self.stack.send(ADMIN, self.rng.choice(
            [f"/grant {person} 5 a present", f"/revoke {person} 3 a mistake", "/ledger"]))

    def refund(self, _):
        charges = self.stack.charges()
        if charges:
            person, charge = self.rng.choice(charges)
            self.stack.send(ADMIN, f"/refund {person} {charge}")

    def refund_by_telegram(self, _):
        """Also while something of theirs is held: then that is owed."""
        charges = self.stack.charges()
        if charges:
            person, charge = self.rng.choice(charges)
            self.stack.as_bot("refundStarPayment", user_id=person, telegram_payment_charge_id=charge)

    def end(self):
        """Of each payment how it ended."""
        self.pool.shutdown(wait=True)
        return collections.Counter(payment.result()["status"] for payment in self.payments)


class Troubles:
    """What goes wrong, one after the other, some of it for a while; at the end it is all over."""

    CALLS = (
        {"method": "sendMessage", "retry_after": 1}, {"method": "sendMessage", "drop": True, "after": True},
        {"method": "sendInvoice", "drop": True, "after": True}, {"method": "sendInvoice", "http": 500},
        {"method": "editMessageText", "delay_ms": 700}, {"method": "editMessageText", "http": 502},
        {"method": "answerPreCheckoutQuery", "http": 500}, {"method": "answerPreCheckoutQuery", "delay_ms": 2000},
        {"method": "answerPreCheckoutQuery", "reset": True, "after": True},
        {"method": "refundStarPayment", "drop": True, "after": True}, {"method": "getFile", "http": 500},
        {"method": "getStarTransactions", "truncate": True}, {"method": "answerCallbackQuery", "delay_ms": 500},
        {"method": "file", "reset": True}, {"method": "transcription", "http": 500},
        {"method": "transcription", "http": 429}, {"method": "transcription", "drop": True, "after": True},
        {"method": "transcription", "delay_ms": 1500}, {"method": "*", "reset": True},
        {"fault": "duplicate"}, {"fault": "reorder"})
    POLLS = ({"method": "getUpdates", "http": 500}, {"method": "getUpdates", "reset": True, "after": True},
             {"method": "getUpdates", "truncate": True}, {"fault": "conflict"})
    WEBHOOKS = ({"fault": "cut_webhook"},)

    def __init__(self, stack, rng):
        self.stack, self.rng, self.met = stack, rng, collections.Counter()
        self.calls = self.CALLS + (self.WEBHOOKS if MODE == "webhook" else self.POLLS)
        kinds = [(self.spoil_calls, 8), (self.spoil_any, 3), (self.flood, 1), (self.kill, 4), (self.restart, 1)]
        if stack.postgres:
            kinds += [(self.cut_connections, 3), (self.restart_postgres, 2), (self.pause_postgres, 1),
                      (self.stop_redis, 2), (self.pause_redis, 1), (self.pause_s3, 1)]
        else:
            kinds += [(self.lock_database, 3)]
        self.kinds, self.weights = zip(*kinds)

    def run(self, is_over):
        while not is_over():
            kind = self.rng.choices(self.kinds, self.weights)[0]
            kind()
            self.met[kind.__name__] += 1
            time.sleep(self.rng.uniform(0, 0.3))  # any moment is as good as any other
        self.stack.api("/sandbox/faults", method="DELETE")

    def spoil_calls(self):
        """Instead of what has not struck yet: too many in a row, and the host would wait for longer than the test."""
        self.stack.api("/sandbox/faults", method="DELETE")
        for order in self.rng.sample(self.calls, 5):
            self.stack.api("/sandbox/faults", order | {"count": self.rng.randint(1, 3)})

    def spoil_any(self):
        self.stack.api("/sandbox/faults", method="DELETE")
        self.stack.api("/sandbox/faults", {"fault": "chaos", "probability": self.rng.choice([0.1, 0.3]),
                                           "seed": self.rng.randint(1, 9999), "seconds": 2})

    def flood(self):
        self.stack.api("/sandbox/faults", {"fault": "flood", "seconds": 1})

    def kill(self):
        """At times with the database away, and again while it starts."""
        is_away = self.stack.postgres and self.rng.random() < 0.2
        if is_away:
            self.stack.postgres.stop()
        self.stack.kill_host()
        if not is_away and self.rng.random() < 0.5:
            self.stack.make_due()
        started = self.stack.launch_host()
        while self.rng.random() < 0.3:
            time.sleep(self.rng.uniform(0, 0.2))
            self.stack.kill_host()
            started = self.stack.launch_host()
        if is_away:
            self.stack.postgres.start()
        self.stack.wait_for_host(started)

    def restart(self):
        self.stack.restart_host()

    def lock_database(self):
        lock = sqlite3.connect(self.stack.path("aisha.db"), isolation_level=None, timeout=DEADLINE)
        lock.execute("BEGIN IMMEDIATE")
        time.sleep(self.rng.uniform(0, 2))
        lock.execute("ROLLBACK")
        lock.close()

    def cut_connections(self):
        for _ in range(self.rng.randint(1, 5)):
            self.stack.postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                    " WHERE application_name LIKE 'aisha%'")
            time.sleep(self.rng.uniform(0, 0.2))

    def restart_postgres(self):
        self.stack.postgres.stop(self.rng.choice([2, 9]))
        time.sleep(self.rng.uniform(0, 1))
        self.stack.postgres.start()

    def pause_postgres(self):
        self.pause(self.stack.postgres)

    def stop_redis(self):
        self.stack.redis.stop()
        time.sleep(self.rng.uniform(0, 1))
        self.stack.redis.start()

    def pause_redis(self):
        self.pause(self.stack.redis)

    def pause_s3(self):
        self.pause(self.stack.s3)

    def pause(self, server):
        server.pause()
        time.sleep(self.rng.uniform(0, 2))
        server.resume()


class Chaos(unittest.TestCase):
    def test_money_and_answers_survive_everything_at_once(self):
        for number in range(ROUNDS):
            seed = int(os.environ.get("AISHA_TEST_SEED") or int.from_bytes(os.urandom(4), "big"))
            with self.subTest(seed=seed), ChaosStack() as stack:
                people = stack.begin()
                crowd, met, payments = self.play(stack, people, seed)
                self.settle(stack)
                self.check(stack, people)
                note(f"round {number + 1}, seed {seed}, by {MODE} on {STORES}: {dict(met)}; {dict(crowd.done)}; "
                     f"payments {dict(payments)}")

    def play(self, stack, people, seed):
        crowd, troubles = Crowd(stack, people, random.Random(seed)), Troubles(stack, random.Random(seed + 1))
        end, failures = time.monotonic() + SECONDS, []

        def act():
            try:
                while time.monotonic() < end and not failures:
                    crowd.act()
                    time.sleep(crowd.rng.uniform(0, 0.05))
            except BaseException as error:
                failures.append(error)

        acting = threading.Thread(target=act)
        acting.start()
        try:
            troubles.run(lambda: not acting.is_alive())
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            acting.join()
        self.assertEqual(failures, [])
        return crowd, troubles.met, crowd.end()

    def settle(self, stack):
        """Until nothing is left to do, and Telegram's list has been compared once more. A short test has no time for
        what waits before it tries again."""
        if IS_LONG:
            self.wait_quiet(stack)
        stack.stop_host()
        if not IS_LONG:
            stack.sql("UPDATE jobs SET run_at = 1 WHERE state = 'waiting'")
        stack.make_due()
        stack.start_host()
        until(lambda: stack.sql("SELECT COUNT(*) AS n FROM jobs WHERE plugin = 'balance' AND state = 'done' AND "
                                f"unique_key IN ('reconcile@{stack.due}', 'expire@{stack.due}', 'verify@{stack.due}')")
              == [(3,)], "what is done by the clock is done")
        self.wait_quiet(stack)

    def wait_quiet(self, stack):
        busy = ("SELECT (SELECT COUNT(*) FROM inbox) +"
                " (SELECT COUNT(*) FROM jobs WHERE state IN ('waiting', 'running')) AS n")
        until(lambda: stack.state()["pending_update_count"] == 0 and stack.sql(busy) == [(0,)], "all is quiet",
              timeout=QUIET_S, pause=0.1)

    def check(self, stack, people):
        balances = {}
        audit = Audit(stack, people)
        if complaints := audit.all():
            audit.show(complaints)
        self.assertEqual(complaints, [])
        for person in people:
            stack.send(person, "/cancel")
            balances[person] = stack.send(person, "/balance")["message_id"]
        for person in people:
            text = stack.wait_message(person, "Balance:", after=balances[person])["text"]
            wanted = audit.accounts.get(person, (0, 0))[0] / CREDIT
            self.assertEqual(float(re.search(r"Balance: ([\d.]+) credit", text)[1]), wanted)
        books = stack.send(ADMIN, "/ledger")
        self.assertIn("Everything adds up", stack.wait_message(ADMIN, "Accounts", after=books["message_id"])["text"])
        status, out = stack.run_host("check")
        self.assertEqual((status, "the ledger adds up" in out), (0, True), out)
        self.assertEqual(stack.run_host("dead-letters", "list"), (0, "0 dead letters\n"))
        log = SAID_BY_SERVER.sub(b"", stack.host.output())
        self.assertEqual([line for line in log.splitlines() if WRONG_IN_LOG.search(line)], [])


class EveryCheckCanFail(unittest.TestCase):
    """The same checks on a little that went well, and then on the same with something wrong."""

    DAMAGES = (  # check, what is broken, and how it is put right
        ("sums", "UPDATE user_balances SET balance = balance + 1", "UPDATE user_balances SET balance = balance - 1"),
        ("sums", "UPDATE user_balances SET held = held + 1", "UPDATE user_balances SET held = held - 1"),
        ("sums", "UPDATE holds SET captured = captured - 1 WHERE state = 'captured'",
         "UPDATE holds SET captured = captured + 1 WHERE state = 'captured'"),
        ("telegram", "UPDATE payments SET price = price + 1", "UPDATE payments SET price = price - 1"),
        ("telegram", "UPDATE payments SET charge_id = 'x' || charge_id",
         "UPDATE payments SET charge_id = substr(charge_id, 2)"),
        ("telegram", "UPDATE payments SET state = 'lost' WHERE state = 'refunded'",
         "UPDATE payments SET state = 'refunded' WHERE state = 'lost'"),
        ("prices", "UPDATE payments SET bonus = bonus + 500", "UPDATE payments SET bonus = bonus - 500"),
        ("prices", "UPDATE transactions SET op_id = op_id || 'x' WHERE type = 'topup'",
         "UPDATE transactions SET op_id = substr(op_id, 1, length(op_id) - 1) WHERE type = 'topup'"),
        ("refunds", "UPDATE payments SET taken_back = taken_back + 1",
         "UPDATE payments SET taken_back = taken_back - 1"),
        ("refunds", "UPDATE transactions SET op_id = 'late-refund:' || op_id WHERE type = 'grant'",
         "UPDATE transactions SET op_id = substr(op_id, 13) WHERE type = 'grant'"),
        ("gifts", "UPDATE transactions SET amount = amount + 100 WHERE type = 'grant'",
         "UPDATE transactions SET amount = amount - 100 WHERE type = 'grant'"),
        ("gifts", "UPDATE transactions SET type = 'grunt' WHERE type = 'grant'",
         "UPDATE transactions SET type = 'grant' WHERE type = 'grunt'"),
        ("promo_codes", "UPDATE promo_codes SET uses = uses + 1", "UPDATE promo_codes SET uses = uses - 1"),
        ("promo_codes", "UPDATE transactions SET op_id = 'x' || op_id WHERE type = 'promo'",
         "UPDATE transactions SET op_id = substr(op_id, 2) WHERE type = 'promo'"),
        ("holds_and_texts", "UPDATE holds SET state = 'released' WHERE state = 'captured'",
         "UPDATE holds SET state = 'captured' WHERE state = 'released'"),
        ("holds_and_texts", "UPDATE jobs SET message_id = -message_id", "UPDATE jobs SET message_id = -message_id"),
        ("nothing_open", "UPDATE jobs SET state = 'dead' WHERE kind = 'receipt'",
         "UPDATE jobs SET state = 'done' WHERE kind = 'receipt'"),
        ("nothing_open", "INSERT INTO dead_updates VALUES (1, 1, '', '', 3, 0, 0)", "DELETE FROM dead_updates"),
    )

    def setUp(self):
        self.stack = self.enterContext(ChaosStack())
        self.people = self.stack.begin()
        self.ann, self.bob = self.people[:2]

    def found(self, check):
        return list(getattr(Audit(self.stack, self.people), check)())

    def invoice(self):
        packages = self.stack.wait_message(self.ann, "Choose", after=self.stack.send(self.ann, "/topup")["message_id"])
        self.stack.press(self.ann, packages["message_id"], row=0, column=0)
        return self.stack.wait_message(self.ann, lambda m: "invoice" in m, after=packages["message_id"])

    def live(self):
        """A code, a payment that stays and one that does not, a text."""
        screen = self.stack.wait_message(self.ann, "Balance", after=self.stack.send(self.ann, "/balance")["message_id"])
        self.stack.press(self.ann, screen["message_id"], row=1, column=0)
        self.stack.wait_message(self.ann, "Send me the code")
        self.stack.send(self.ann, "gift")
        self.stack.wait_message(self.ann, "25 credits added")
        for _ in range(2):
            paid = self.stack.api("/sandbox/pay", {"user_id": self.ann, "message_id": self.invoice()["message_id"]})
            self.stack.wait_message(self.ann, paid["telegram_payment_charge_id"])
        self.stack.send(ADMIN, f"/refund {self.ann} {paid['telegram_payment_charge_id']}")
        self.stack.wait_message(ADMIN, "Refunded")
        voice = self.stack.upload(self.ann, recording(2), "audio", file_name="a.wav", duration=2)
        offer = self.stack.wait_message(self.ann, "costs", after=voice["message_id"])
        self.stack.press(self.ann, offer["message_id"], row=0, column=0)
        self.stack.wait_message(self.ann, "[sandbox] heard")
        until(lambda: self.found("nothing_open") == [], "all is quiet")
        return offer

    def test_the_audit(self):
        offer = self.live()
        self.assertEqual(Audit(self.stack, self.people).all(), [])
        for check, broken, mended in self.DAMAGES:
            with self.subTest(check=check, broken=broken):
                self.stack.sql(broken)
                self.assertNotEqual(self.found(check), [])
                self.stack.sql(mended)
                self.assertEqual(self.found(check), [])
        for text in ("Listening", "costs 10 credits"):
            self.stack.as_bot("editMessageText", chat_id=self.ann, message_id=offer["message_id"], text=text)
            self.assertNotEqual(self.found("holds_and_texts"), [])
        receipt = self.stack.wait_message(self.ann, "Receipt")
        self.stack.as_bot("deleteMessage", chat_id=self.ann, message_id=receipt["message_id"])
        self.assertNotEqual(self.found("receipts"), [])
        self.stack.stop_host()
        self.stack.send(self.bob, "/balance")
        self.assertNotEqual(self.found("answers"), [])
        self.stack.start_host()


if __name__ == "__main__":
    unittest.main()
