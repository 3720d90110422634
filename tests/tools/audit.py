"""Where the money is, after the fact: what Telegram, the database and each chat say of it, and whether they agree.

    complaints = Audit(stack, people).all()     # texts; none when all is well

It is for the bot as shipped, in English, with each recording to be paid for, and with the promo codes below. Where it
is used, test_chaos.py, each check is also made to fail.
"""
import collections
import re

from stack import is_of_bot

ADMIN = 1001  # the first person of a sandbox
CREDIT = 100
PACKAGES = {150: (150, 0), 250: (250, 25), 500: (500, 70), 1000: (1000, 200)}  # Stars → credits, bonus
EXTRA, CHEAPER = 50, 20  # credits and percent of the codes that come with a top-up
# CODE: kind, value, uses, uses of one person
CODES = {"GIFT": ("balance", 25, 0, 1), "RARE": ("balance", 40, 5, 2), "EXTRA": ("bonus", EXTRA, 0, 1),
         "CHEAP": ("discount", CHEAPER, 0, 2)}
TROUBLE = re.compile(r"went wrong|is not answering|took too long|All right, stopped|was restarted in the middle")
# What answers nothing in this chat.
OWN_ACCORD = re.compile(r"Thank you!|payment has arrived|🎁 .* for you: |payment of yours was refunded")


class Audit:
    """What Telegram, the database and the chats say, and where they do not agree: each check gives texts."""

    def __init__(self, stack, people):
        self.stack, self.people = stack, people
        sql = stack.sql
        self.ids = dict(sql("SELECT id, telegram_id FROM users"))
        self.accounts = {self.ids[user]: (int(balance), int(held)) for user, balance, held in
                         sql("SELECT user_id, balance, held FROM user_balances")}
        self.entries = collections.defaultdict(list)  # person → (op_id, type, amount, balance)
        for user, *entry in sql("SELECT user_id, op_id, type, amount, balance FROM transactions ORDER BY user_id, n"):
            self.entries[self.ids[user]].append(entry)
        self.payments = {(self.ids[user], charge): rest for user, charge, *rest in
                         sql("SELECT user_id, charge_id, price, credits, bonus, state, taken_back, owed FROM payments")}
        self.jobs = {job: rest for job, *rest in sql("SELECT id, kind, state, chat_id, message_id FROM jobs")}
        self.holds = [(self.ids[user], *rest) for user, *rest in
                      sql("SELECT user_id, id, state, amount, captured, job_id FROM holds"
                          " WHERE state <> 'quoted' ORDER BY ended_at, created_at")]
        self.codes = {code: rest for code, *rest in sql("SELECT code, kind, value, uses FROM promo_codes")}
        self.uses = collections.Counter((self.ids[user], code) for user, code in
                                        sql("SELECT user_id, code FROM promo_code_uses"))
        self.chats = {person: stack.messages(person) for person in [ADMIN, *people]}

    def total(self, person, *types):
        return sum(amount for _, kind, amount, _ in self.entries[person] if kind in types)

    def all(self):
        return [text for check in (self.sums, self.telegram, self.prices, self.refunds, self.gifts, self.promo_codes,
                                   self.holds_and_texts, self.nothing_open, self.receipts, self.answers)
                for text in check()]

    def show(self, complaints):
        """What those have in their chats whom something is wrong with."""
        for person, chat in self.chats.items():
            if any(str(person) in text for text in complaints):
                print(f"---- the chat of {person}")
                for message in chat:
                    what = message.get("text") or next((k for k in ("audio", "invoice", "successful_payment",
                                                                    "refunded_payment") if k in message), "?")
                    quoted = message.get("reply_to_message", {}).get("message_id", "")
                    print(message["message_id"], "<" if is_of_bot(message) else ">", quoted, repr(what)[:150])

    def sums(self):
        """Nobody has what no entry gave them, and the entries are of things that were."""
        for person, (balance, held) in self.accounts.items():
            gone = sum(taken for who, _, _, _, taken, _ in self.holds if who == person)
            wanted = (self.total(person, "topup", "bonus", "grant", "promo") - gone
                      - self.total(person, "revoke", "refund"))
            if (balance, held) != (wanted, 0):
                yield f"{person} has {balance} and {held} held, not {wanted}"

    def telegram(self):
        """What Telegram lists is what we have, and what we have is what it lists."""
        transactions = self.stack.api("/sandbox/stars")["transactions"]
        paid = {(t["source"]["user"]["id"], t["id"]): t["amount"] for t in transactions if "source" in t}
        back = {(t["receiver"]["user"]["id"], t["id"]) for t in transactions if "receiver" in t}
        ours = {key: price for key, (price, *_) in self.payments.items()}
        if paid != ours:
            yield f"Telegram's list and our payments differ: {set(paid.items()) ^ set(ours.items())}"
        refunded = {key for key, (_, _, _, state, *_) in self.payments.items() if state == "refunded"}
        if back != refunded:
            yield f"Telegram's refunds and ours differ: {back ^ refunded}"

    def prices(self):
        """Each payment is one top-up with the bonus, as the packages and codes say."""
        for (person, charge), (price, credits, bonus, *_) in self.payments.items():
            full = next((stars for stars, (bought, _) in PACKAGES.items() if bought * CREDIT == credits), 0)
            extra = bonus - PACKAGES.get(full, (0, 0))[1] * CREDIT
            if (price, extra) not in ((full, 0), (full, EXTRA * CREDIT), (full * (100 - CHEAPER) // 100, 0)):
                yield f"{person} paid {price} for {credits} and {bonus}"
            given = {(kind, amount) for op, kind, amount, _ in self.entries[person] if op.endswith(":" + charge)
                     and kind != "refund"}
            if given != {("topup", credits)} | ({("bonus", bonus)} if bonus else set()):
                yield f"{person} got {given} for {charge}, {credits} and {bonus}"
        for person, entries in self.entries.items():
            for op, kind, _, _ in entries:
                belongs = (person, op.partition(":")[2]) in self.payments or op.startswith("late-refund:")
                if kind in ("topup", "bonus", "refund") and not belongs:
                    yield f"{person}: {op} belongs to no payment"

    def refunds(self):
        """What was refunded is taken back once, all of it or what was left; what was held then, when it came back."""
        for person, entries in self.entries.items():
            late = sum(amount for op, _, amount, _ in entries if op.startswith("late-refund:"))
            owed = sum(rest[-1] for (who, _), rest in self.payments.items() if who == person)
            if late > owed:
                yield f"{person} gave back {late} later, and owed {owed}"
        for (person, charge), (_, credits, bonus, state, taken, _) in self.payments.items():
            found = [(amount, balance) for op, _, amount, balance in self.entries[person] if op == f"refund:{charge}"]
            if sum(amount for amount, _ in found) != taken or (state == "paid" and found):
                yield f"{person}: {charge} is {state}, {taken} was taken back by {found}"
            if state == "refunded" and taken < credits + bonus and any(balance for _, balance in found):
                yield f"{person} kept some of what was refunded: {charge}"

    def gifts(self):
        """Each command of the operator took effect once and as it was given, or he reads that it did not."""
        said = {f"grant by-hand:{ADMIN}:{m['message_id']}": m["text"] for m in self.chats[ADMIN]
                if m.get("text", "").startswith("/grant")}
        said |= {f"revoke by-hand:{ADMIN}:{m['message_id']}": m["text"] for m in self.chats[ADMIN]
                 if m.get("text", "").startswith("/revoke")}
        done = {f"{kind} {op}": f"/{kind} {person} {amount // CREDIT}" for person, entries in self.entries.items()
                for op, kind, amount, _ in entries if kind in ("grant", "revoke")}
        for occasion, command in done.items():
            if not said.get(occasion, "").startswith(command + " "):
                yield f"{occasion} is {command}, said was {said.get(occasion)}"
        refused = sum(bool(re.search(r"do not have that much|" + TROUBLE.pattern, m.get("text", "")))
                      for m in self.chats[ADMIN] if is_of_bot(m))
        if len(said) - len(done) > refused:
            yield f"of {len(said)} commands {len(done)} took effect and {refused} were refused"

    def promo_codes(self):
        for code, (kind, value, uses) in self.codes.items():
            _, _, most, each = CODES[code]
            used = sum(n for (_, used), n in self.uses.items() if used == code)
            if used != uses or (kind == "balance" and most and used > most):
                yield f"{code} was used {uses} times, by people {used} times, of {most}"
            for person in self.people:
                n, got = self.uses[person, code], [amount for op, _, amount, _ in self.entries[person]
                                                   if op.startswith(f"promo:{code}:")]
                if got != ([value] * n if kind == "balance" else []):
                    yield f"{person} used {code} {n} times and got {got}"
                if kind == "balance" and n > each:
                    yield f"{person} used {code} {n} times"

    def holds_and_texts(self):
        """A message shows the text when its last order was paid for, and only then; no text is paid for twice."""
        orders = collections.defaultdict(list)
        for person, hold, state, _, _, job in self.holds:
            moves = collections.Counter(kind for op, kind, _, _ in self.entries[person] if op.endswith(":" + hold))
            wanted = {"hold": 1, "capture": state == "captured"}
            if state == "held" or any(moves[kind] != n for kind, n in wanted.items()) or moves["release"] > 1:
                yield f"{person}: hold {hold} is {state} after {dict(moves)}"
            if job in self.jobs:
                orders[tuple(self.jobs[job][2:])].append(state)
        texts = {(person, m["message_id"]): m.get("text", "") for person, chat in self.chats.items() for m in chat
                 if is_of_bot(m)}
        for place, states in orders.items():
            shows = "[sandbox] heard" in texts.get(place, "")
            if states.count("captured") != shows or (shows and states[-1] != "captured"):
                yield f"{place} shows {texts.get(place)!r} after {states}"
        for place, text in texts.items():
            if "[sandbox] heard" in text and place not in orders:
                yield f"{place} shows a text that nobody paid for"
            if "Fetching the recording" in text or "Listening" in text:
                yield f"{place} still shows {text!r}"

    def nothing_open(self):
        for job, (kind, state, _, _) in self.jobs.items():
            if state not in ("done", "cancelled"):
                yield f"job {job}, {kind}, is {state}"
        for what in ("dead_updates", "inbox"):
            if (count := self.stack.sql(f"SELECT COUNT(*) AS n FROM {what}")[0][0]):
                yield f"{count} rows in {what}"

    def receipts(self):
        """Who has paid reads of it, and who has paid for nothing that we know is not there."""
        for person, chat in self.chats.items():
            texts = [m.get("text", "") for m in chat if is_of_bot(m)]
            paid = [charge for who, charge in self.payments if who == person]
            missing = [charge for charge in paid if not any(charge in text for text in texts)]
            if len(missing) > sum("Your payment has arrived" in text for text in texts):
                yield f"{person} has no receipt of {missing}"
            if any("none of the invoices I know" in text for text in texts):
                yield f"{person} paid for an invoice that we do not know"

    def answers(self):
        """Whatever only asks is answered behind it, were it with an apology. In the order of the chat: behind each
        question there are as many answers as questions from there on."""
        for person in self.people:
            open_questions = answers = 0
            for message in reversed(self.chats[person]):
                text = message.get("text", "")
                if is_of_bot(message):
                    answers += "invoice" not in message and not OWN_ACCORD.search(text)
                elif text == "/cancel":
                    answers += 1  # taken once more after a crash it may stop a second handler
                elif text in ("/balance", "/topup", "/paysupport", "/start", "hello") or "audio" in message:
                    open_questions += 1
                    if open_questions > answers:
                        yield f"{person}: nothing answers {text or 'a recording'} of {message['message_id']}"
                        break
