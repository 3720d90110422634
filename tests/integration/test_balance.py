"""Credits as people and operators meet them: screens, payments in Stars with all that can go wrong, refunds."""
import re
import threading
import time
import unittest

from stack import Stack, until

HUNDREDTHS = 100
ADMIN = 1001  # the first person of a sandbox


def with_options(text):
    """The shipped plugins.ini with these lines in [balance], instead of those it has."""
    with open(Stack(host=False).path("etc/plugins.ini"), encoding="utf-8") as file:
        ini = file.read()
    for line in text.splitlines():
        ini = re.sub(rf"(?m)^{line.split(' = ')[0]} =.*\n", "", ini)
    return ini.replace("[balance]\n", "[balance]\n" + text)


class MoneyStack(Stack):
    def __init__(self, options="support = @helper\n", **more):
        super().__init__(plugins_ini=with_options(options), env={"ADMIN_IDS": str(ADMIN)}, **more)

    def person(self, name="Ann", **more):
        """Somebody whom the bot knows."""
        user = self.user(name, **more)
        self.send(user, "/balance")
        self.wait_message(user, "")
        return user

    def key_of(self, user):
        return self.sql(f"SELECT id FROM users WHERE telegram_id = {user}")[0][0]

    def account(self, user):
        rows = self.sql(f"SELECT balance, held FROM user_balances WHERE user_id = '{self.key_of(user)}'")
        return tuple(int(n) / HUNDREDTHS for n in rows[0]) if rows else (0, 0)

    def wait_account(self, user, *wanted):
        until(lambda: self.account(user) == wanted, f"the account is {wanted}, not {self.account(user)}")

    def entries(self, user):
        rows = self.sql(f"SELECT type, amount FROM transactions WHERE user_id = '{self.key_of(user)}' ORDER BY n")
        return [(kind, int(amount) / HUNDREDTHS) for kind, amount in rows]

    def packages(self, user):
        """The list of what can be bought, a new one."""
        sent = self.send(user, "/topup")
        return self.wait_message(user, "Choose how many", after=sent["message_id"])

    def invoice(self, user, label="150 credits", packages=None):
        """Asks for a top-up until there is an invoice: its message."""
        packages = packages or self.packages(user)
        newest = max(m["message_id"] for m in self.messages(user))
        self.press_text(user, packages, label)
        return self.wait_message(user, lambda m: "invoice" in m, after=newest)

    def invoices(self, user):
        return [m["invoice"]["total_amount"] for m in self.messages(user) if "invoice" in m]

    def wait_notice(self, text, after):
        """A pressed button was answered so since that request; the newest one now."""
        self.wait_request("answerCallbackQuery", lambda r: text in r["params"].get("text", ""), after=after)
        return self.newest_request()

    def pay(self, user, invoice, **how):
        return self.api("/sandbox/pay", {"user_id": user, "message_id": invoice["message_id"]} | how)

    def as_admin(self, command, wanted):
        sent = self.send(ADMIN, command)
        return self.wait_message(ADMIN, wanted, after=sent["message_id"])


class Balance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = MoneyStack()
        cls.stack.__enter__()
        cls.stack.send(ADMIN, "/start")

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    def test_a_payment_in_stars_is_credited_once_with_a_receipt(self):
        ann = self.stack.person()
        invoice = self.stack.invoice(ann, "250 credits + 25 as a bonus — 250 ⭐")
        self.assertEqual((invoice["invoice"]["currency"], invoice["invoice"]["total_amount"]), ("XTR", 250))
        paid = self.stack.pay(ann, invoice, outcome="doubled")
        self.assertEqual(paid["status"], "paid")
        self.stack.wait_message(ann, f"275 credits added, you have 275 credits now.\n\nReceipt: "
                                     f"{paid['telegram_payment_charge_id']}")
        self.stack.wait_account(ann, 275, 0)
        self.assertEqual(self.stack.entries(ann), [("topup", 250), ("bonus", 25)])

    def test_a_payment_that_is_reported_again_changes_nothing(self):
        ann = self.stack.person()
        self.stack.pay(ann, self.stack.invoice(ann))
        self.stack.wait_account(ann, 150, 0)
        message = next(m for m in self.stack.messages(ann) if "successful_payment" in m)
        self.stack.update(message=message)  # replayed under another update_id
        self.stack.send(ann, "/balance")
        self.stack.wait_message(ann, "Balance: 150 credits")
        self.assertEqual(self.stack.entries(ann), [("topup", 150)])

    def test_a_forged_payload_gives_nothing(self):
        ann, bob = self.stack.person(), self.stack.person("Bob")
        invoice = self.stack.invoice(bob)
        payload = self.stack.sql(f"SELECT id FROM invoices WHERE user_id = '{self.stack.key_of(bob)}'")[0][0]
        self.stack.pay(bob, invoice)
        self.stack.wait_account(bob, 150, 0)
        chat = {"id": ann, "type": "private", "first_name": "Ann"}
        for n, (forged, total) in enumerate((("'; DROP TABLE invoices; --", 150), ("topup:1000000", 1), (payload, 1),
                                             (payload, -150), (payload, 2**62))):
            self.stack.update(message={
                "message_id": 900 + n, "date": 1, "chat": chat,
                "from": {"id": ann, "is_bot": False, "first_name": "Ann"},
                "successful_payment": {"currency": "XTR", "total_amount": total, "invoice_payload": forged,
                                       "telegram_payment_charge_id": f"forged-{n}",
                                       "provider_payment_charge_id": "x"}})
            self.stack.wait_message(ann, f"forged-{n}")
        self.assertEqual(self.stack.account(ann), (0, 0))

    def test_a_payment_of_nobody_gives_nothing(self):
        ann = self.stack.person()
        self.stack.update(message={
            "message_id": 950, "date": 1, "chat": {"id": ann, "type": "private", "first_name": "Ann"},
            "successful_payment": {"currency": "XTR", "total_amount": 150, "invoice_payload": "x",
                                   "telegram_payment_charge_id": "of-nobody", "provider_payment_charge_id": "x"}})
        self.stack.wait_message(ann, "of-nobody")
        self.assertEqual(self.stack.account(ann), (0, 0))

    def test_an_invoice_is_for_one_person_one_price_and_one_payment(self):
        ann, bob = self.stack.person(), self.stack.person("Bob")
        invoice = self.stack.invoice(ann)
        payload = self.stack.sql(f"SELECT id FROM invoices WHERE user_id = '{self.stack.key_of(ann)}'")[0][0]

        def answer(n, user, total, text, currency="XTR"):
            self.stack.update(pre_checkout_query={
                "id": f"forged-{user}-{n}",
                "from": {"id": user, "is_bot": False, "first_name": "X", "language_code": "en"},
                "currency": currency, "total_amount": total, "invoice_payload": text})
            return self.stack.wait_request("answerPreCheckoutQuery", lambda r: r["params"]["pre_checkout_query_id"]
                                           == f"forged-{user}-{n}")["params"]

        for n, (user, total, text, wanted) in enumerate((
                (bob, 150, payload, "somebody else"), (ann, 1, payload, "too old"), (ann, -150, payload, "too old"),
                (ann, 2**62, payload, "too old"), (ann, 150, "nonsense", "too old"))):
            refused = answer(n, user, total, text)
            self.assertFalse(refused["ok"])
            self.assertIn(wanted, refused["error_message"])
        self.assertFalse(answer(10, ann, 150, payload, "USD")["ok"])
        self.assertEqual(self.stack.pay(ann, invoice)["status"], "paid")
        self.stack.wait_account(ann, 150, 0)
        self.assertIn("paid already", answer(11, ann, 150, payload)["error_message"])
        self.assertEqual(self.stack.account(bob), (0, 0))

    def test_a_payment_that_is_cancelled_or_tried_again(self):
        ann = self.stack.person()
        invoice = self.stack.invoice(ann)
        self.assertEqual(self.stack.pay(ann, invoice, outcome="cancelled")["status"], "cancelled")
        self.assertEqual(self.stack.account(ann), (0, 0))
        self.assertEqual(self.stack.pay(ann, invoice, outcome="repeat_checkout")["status"], "paid")
        self.stack.wait_account(ann, 150, 0)

    def test_a_refund_takes_the_credits_back_once(self):
        ann = self.stack.person()
        charge = self.stack.pay(ann, self.stack.invoice(ann))["telegram_payment_charge_id"]
        self.stack.wait_account(ann, 150, 0)
        self.stack.as_admin(f"/refund {ann} nonsense", "Telegram refuses")
        self.stack.as_admin(f"/refund {ann} {charge}", "credits are taken back. Spent before and not taken: 0 credits")
        self.stack.wait_account(ann, 0, 0)
        self.stack.as_admin(f"/refund {ann} {charge}", "Refunded")
        self.assertEqual(self.stack.entries(ann), [("topup", 150), ("refund", 150)])

    def test_no_refund_while_credits_are_held(self):
        ann = self.stack.person()
        charge = self.stack.pay(ann, self.stack.invoice(ann))["telegram_payment_charge_id"]
        self.stack.wait_account(ann, 150, 0)
        self.stack.fault("getFile", delay_ms=2000)
        voice = self.stack.upload(ann, b"not yet looked at", duration=130, raw=1)
        self.stack.press_text(ann, self.stack.wait_message(ann, "costs 20", after=voice["message_id"]), "Transcribe")
        self.stack.wait_account(ann, 130, 20)
        self.stack.as_admin(f"/refund {ann} {charge}", "being done: 20 credits")
        self.stack.wait_account(ann, 150, 0)
        self.stack.as_admin(f"/refund {ann} {charge}", "not taken: 0 credits")
        self.stack.wait_account(ann, 0, 0)

    def test_what_was_spent_before_a_refund_is_not_taken_below_nothing(self):
        ann = self.stack.person()
        charge = self.stack.pay(ann, self.stack.invoice(ann))["telegram_payment_charge_id"]
        self.stack.wait_account(ann, 150, 0)
        self.stack.as_admin(f"/revoke {ann} 100 a game", "Their balance: 50 credits")
        for _ in range(2):  # the second time it is looked up
            self.stack.as_admin(f"/refund {ann} {charge}", "Spent before and not taken: 100 credits")
            self.stack.wait_account(ann, 0, 0)
        self.assertEqual(self.stack.entries(ann)[-1], ("refund", 50))

    def test_the_history_shows_what_was_paid_for_page_by_page(self):
        ann = self.stack.person()
        for n in range(10):
            self.stack.as_admin(f"/grant {ann} {n + 1} present {n}", "Done")
        self.stack.as_admin(f"/revoke {ann} 1.5 <b>mistake</b>", "Done")
        self.stack.send(ann, "/balance")
        screen = self.stack.wait_message(ann, "Balance: 53.50 credits")
        self.stack.press_text(ann, screen, "History")

        def page(wanted):
            return self.stack.wait_message(
                ann, lambda m: m["message_id"] == screen["message_id"] and wanted in m["text"])

        first = page("−1.50  Taken back: <b>mistake</b>")
        self.assertIn("+10  Present: present 9", first["text"])
        self.assertNotIn("present 2", first["text"])
        self.stack.press_text(ann, first, "»")
        self.stack.press_text(ann, page("present 0"), "Spent")
        self.assertNotIn("present", page("mistake")["text"])

    def test_hostile_amounts_and_strangers(self):
        ann = self.stack.person()
        for amount in ("-5", "0", "1e9", "99999999999999999999", "0.001", "NaN", "1;2", "0x10"):
            self.stack.as_admin(f"/grant {ann} {amount} because", "/grant TELEGRAM_ID")
        self.stack.as_admin("/grant 77 5 because", "do not know this Telegram id")
        self.stack.as_admin(f"/revoke {ann} 5 because", "do not have that much")
        sent = self.stack.send(ann, f"/grant {ann} 500 mine")
        self.stack.wait_message(ann, lambda m: True, after=sent["message_id"])
        self.assertEqual(self.stack.account(ann), (0, 0))

    def test_prices_of_one_person_and_the_books(self):
        ann = self.stack.person()
        self.stack.as_admin(f"/price {ann} audio 1 0", "counts from their next quote")
        voice = self.stack.upload(ann, b"not yet looked at", duration=130, raw=1)
        self.stack.wait_message(ann, "costs 3 credits", after=voice["message_id"])  # each minute begun, none is free
        self.stack.as_admin(f"/price {ann} nothing 1", "/price TELEGRAM_ID")
        self.stack.as_admin(f"/price {ann} audio default", "counts from their next quote")
        self.assertIn("Everything adds up", self.stack.as_admin("/ledger", "Accounts")["text"])

    def test_a_payment_is_answered_while_many_others_write(self):
        ann, others = self.stack.person(), [self.stack.user(f"User {n}") for n in range(40)]
        invoice = self.stack.invoice(ann)
        for _ in range(3):
            for user in others:
                self.stack.send(user, "/balance")
        self.assertEqual(self.stack.pay(ann, invoice)["status"], "paid")
        self.stack.wait_account(ann, 150, 0)

    def test_pressing_twice_is_pressing_once(self):
        ann = self.stack.person()
        self.stack.as_admin(f"/grant {ann} 5 present", "Done")
        for label, wanted in (("History", "present"), ("Top up", "Choose how many"), ("Promo code", "Send me")):
            sent = self.stack.send(ann, "/balance")
            screen = self.stack.wait_message(ann, "Balance", after=sent["message_id"])
            for _ in range(3):
                self.stack.press_text(ann, screen, label)
            self.stack.wait_message(ann, wanted, after=sent["message_id"])
        self.stack.send(ann, "/cancel")
        self.assertEqual(self.stack.entries(ann), [("grant", 5)])

    def test_a_double_tap_is_one_invoice(self):
        ann = self.stack.person()
        packages, before = self.stack.packages(ann), self.stack.newest_request()
        for _ in range(3):
            self.stack.press_text(ann, packages, "150 credits")
        self.stack.press_text(ann, packages, "500 credits")  # another one, and behind the others
        first = self.stack.wait_message(ann, lambda m: "invoice" in m)
        self.stack.wait_message(ann, lambda m: "invoice" in m, after=first["message_id"])
        self.assertEqual(self.stack.invoices(ann), [150, 500])
        before = self.stack.wait_notice("The invoice is in this chat already.", before)
        self.stack.press_text(ann, packages, "150 credits")
        self.stack.wait_notice("The invoice is in this chat already.", before)
        self.assertEqual(self.stack.invoices(ann), [150, 500])
        self.stack.pay(ann, first)
        self.stack.wait_account(ann, 150, 0)
        self.stack.invoice(ann, packages=packages)  # the next one

    def test_an_invoice_that_was_deleted_is_made_again(self):
        ann = self.stack.person(language_code="ru")
        packages = self.stack.wait_message(ann, "сколько", after=self.stack.send(ann, "/topup")["message_id"])
        self.stack.invoice(ann, "150 кредитов", packages)
        before = self.stack.newest_request()
        self.stack.press_text(ann, packages, "150 кредитов")
        self.stack.wait_notice("Счёт уже в этом чате.", before)
        self.stack.sql("UPDATE invoices SET sent_at = sent_at - 10")  # as if some time had passed
        self.stack.invoice(ann, "150 кредитов", packages)
        self.assertEqual(self.stack.invoices(ann), [150, 150])

    def test_a_new_list_of_packages_makes_a_new_invoice(self):
        ann = self.stack.person()
        self.stack.invoice(ann)
        self.stack.invoice(ann)
        self.assertEqual(self.stack.invoices(ann), [150, 150])

    def test_an_invoice_that_could_not_be_sent_is_made_again(self):
        ann = self.stack.person()
        packages = self.stack.packages(ann)
        self.stack.fault("sendInvoice", error_code=400, description="Bad Request: CURRENCY_TOTAL_AMOUNT_INVALID")
        before = self.stack.newest_request()
        self.stack.press_text(ann, packages, "150 credits")
        self.stack.wait_notice("Something went wrong", before)
        self.stack.invoice(ann, packages=packages)

    def test_paysupport_says_where_to_write(self):
        ann = self.stack.person(language_code="ru")
        self.stack.send(ann, "/paysupport")
        self.stack.wait_message(ann, "Пишите: @helper.")

    def test_a_top_up_leads_back_to_what_one_was_doing(self):
        ann = self.stack.person()
        voice = self.stack.upload(ann, b"not yet looked at", duration=130, raw=1)
        offer = self.stack.wait_message(ann, "20 credits short", after=voice["message_id"])
        self.stack.press_text(ann, offer, "Top up")
        packages = self.stack.wait_message(ann, "Choose how many", after=voice["message_id"])
        longer = self.stack.upload(ann, b"not yet looked at either", duration=190, raw=1)
        self.stack.wait_message(ann, "30 credits short", after=longer["message_id"])
        self.stack.pay(ann, self.stack.invoice(ann, packages=packages))
        receipt = self.stack.wait_message(ann, "you have 150 credits now")
        self.stack.press_text(ann, receipt, "Go on")
        again = self.stack.wait_message(ann, "costs 20 credits; you have 150 credits")
        self.assertEqual(again["message_id"], receipt["message_id"])


class PromoCodes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = MoneyStack()
        cls.stack.__enter__()
        cls.stack.send(ADMIN, "/start")

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    def enter(self, user, code, wanted):
        sent = self.stack.send(user, "/balance")
        screen = self.stack.wait_message(user, "Balance", after=sent["message_id"])
        self.stack.press_text(user, screen, "Promo code")
        self.stack.wait_message(user, "Send me the code", after=sent["message_id"])
        sent = self.stack.send(user, code)
        return self.stack.wait_message(user, wanted, after=sent["message_id"])

    def test_M2_credits_come_with_the_answer_and_once(self):
        self.stack.as_admin("/promo_code test100 balance 100 2 1 30", "Done: TEST100")
        ann, bob, cat = (self.stack.person(name) for name in ("Ann", "Bob", "Cat"))
        self.enter(ann, " Test100 ", "100 credits added")
        self.enter(ann, "TEST100", "does not work")
        self.enter(bob, "test100", "100 credits added")
        self.enter(cat, "test100", "does not work")  # two in all
        self.assertEqual([self.stack.account(user)[0] for user in (ann, bob, cat)], [100, 100, 0])
        self.assertEqual(self.stack.entries(ann), [("promo", 100)])

    def test_russian_codes_and_codes_whose_time_is_over(self):
        self.stack.as_admin("/promo_code весна balance 5 0 1 0", "Done: ВЕСНА")
        ann = self.stack.person()
        self.enter(ann, "Весна", "5 credits added")
        self.stack.as_admin("/promo_code old balance 5 0 1 1", "Done")
        self.stack.sql("UPDATE promo_codes SET valid_until = 1 WHERE code = 'OLD'")
        self.enter(ann, "old", "does not work")

    def test_a_bonus_and_a_discount_come_with_the_next_top_up_and_only_that(self):
        self.stack.as_admin("/promo_code bonus50 bonus 50 0 1 0", "Done")
        self.stack.as_admin("/promo_code cheap discount 20 0 1 0", "Done")
        ann, bob = self.stack.person(), self.stack.person("Bob")
        self.enter(ann, "bonus50", "50 credits on top")
        self.stack.pay(ann, self.stack.invoice(ann))
        self.stack.wait_account(ann, 200, 0)
        self.stack.pay(ann, self.stack.invoice(ann))
        self.stack.wait_account(ann, 350, 0)
        self.enter(ann, "bonus50", "does not work")
        self.enter(bob, "cheap", "20% cheaper")
        invoice = self.stack.invoice(bob)
        self.assertEqual(invoice["invoice"]["total_amount"], 120)
        self.stack.pay(bob, invoice)
        self.stack.wait_account(bob, 150, 0)

    def test_invoices_made_before_the_first_payment_share_one_use_of_a_code(self):
        self.stack.as_admin("/promo_code once discount 33 0 1 0", "Done")
        ann = self.stack.person()
        self.enter(ann, "once", "33% cheaper")
        first, second = self.stack.invoice(ann), self.stack.invoice(ann)
        self.assertEqual([i["invoice"]["total_amount"] for i in (first, second)], [100, 100])  # not 101
        self.assertEqual(self.stack.pay(ann, first, outcome="repeat_checkout")["status"], "paid")
        self.stack.wait_account(ann, 150, 0)
        self.assertEqual(self.stack.pay(ann, second)["status"], "refused")
        self.assertEqual(self.stack.account(ann), (150, 0))

    def test_a_code_entered_after_the_invoice_makes_another_one(self):
        self.stack.as_admin("/promo_code late discount 20 0 1 0", "Done")
        ann = self.stack.person()
        packages = self.stack.packages(ann)
        self.stack.invoice(ann, packages=packages)
        self.enter(ann, "late", "20% cheaper")
        self.stack.invoice(ann, packages=packages)
        self.assertEqual(self.stack.invoices(ann), [150, 120])

    def test_guessing_ends_after_some_tries(self):
        ann = self.stack.person()
        for n in range(10):
            self.enter(ann, f"guess{n}", "does not work")
        self.enter(ann, "guess10", "Too many tries")

    def test_hostile_codes(self):
        for command in ("/promo_code", "/promo_code x balance 5 0 0 0", "/promo_code good balance -5 0 0 0",
                        "/promo_code good discount 100 0 0 0", "/promo_code good gift 5 0 0 0",
                        "/promo_code good balance 5 -1 0 0", "/promo_code good balance 5 1.5 0 0"):
            self.stack.as_admin(command, "/promo_code CODE")
        ann = self.stack.person()
        for code in ("x", "'; DROP TABLE promo_codes; --", "a" * 4000, "💥" * 16):
            self.enter(ann, code, "does not work")


class Interrupted(unittest.TestCase):
    def test_a_payment_is_credited_once_whenever_the_host_dies(self):
        with MoneyStack() as stack:
            ann = stack.person()
            for n in range(3):
                invoice = stack.invoice(ann)
                stack.fault("sendMessage", delay_ms=400)
                paying = threading.Thread(target=stack.pay, args=(ann, invoice))
                paying.start()
                stack.wait_request("answerPreCheckoutQuery",
                                   after=0 if n == 0 else before)  # noqa: F821
                paying.join(20)
                stack.kill_host()
                stack.start_host()
                before = stack.newest_request()
                stack.wait_account(ann, 150 * (n + 1), 0)
            self.assertEqual(stack.entries(ann), [("topup", 150)] * 3)

    def test_a_double_tap_with_a_restart_in_between_is_one_invoice(self):
        with MoneyStack() as stack:
            ann = stack.person()
            packages = stack.packages(ann)
            stack.invoice(ann, packages=packages)
            until(lambda: stack.sql("SELECT 1 FROM invoices WHERE sent_at IS NOT NULL"), "it is known to be sent")
            stack.kill_host()
            stack.press_text(ann, packages, "150 credits")
            before = stack.newest_request()
            stack.start_host()
            stack.wait_notice("The invoice is in this chat already.", before)
            self.assertEqual(stack.invoices(ann), [150])

    def test_an_invoice_that_was_on_its_way_when_the_host_died_is_sent_again(self):
        with MoneyStack() as stack:
            ann = stack.person()
            packages = stack.packages(ann)
            stack.fault("sendInvoice", delay_ms=60000)
            stack.press_text(ann, packages, "150 credits")
            stack.faults_met()
            stack.kill_host()
            stack.api("/sandbox/faults", method="DELETE")
            before = stack.newest_request()
            stack.start_host()
            stack.press_text(ann, packages, "150 credits")
            stack.wait_request("sendInvoice", after=before)
            stack.pay(ann, stack.wait_message(ann, lambda m: "invoice" in m))
            stack.wait_account(ann, 150, 0)

    def test_a_receipt_comes_without_the_plugin_that_it_would_lead_back_to(self):
        with MoneyStack() as stack:
            ann = stack.person()
            offer = stack.wait_message(ann, "20 credits short", after=stack.upload(
                ann, b"not yet looked at", duration=130, raw=1)["message_id"])
            stack.press_text(ann, offer, "Top up")
            invoice = stack.invoice(ann, packages=stack.wait_message(ann, "Choose how many"))
            stack.stop_host()
            with open(stack.path("etc/plugins.ini"), encoding="utf-8") as file:
                stack.write("etc/plugins.ini", re.sub(r"(?ms)^\[audio\]\n.*?(?=^\[|\Z)", "", file.read()))
            stack.start_host()
            stack.pay(ann, invoice)
            receipt = stack.wait_message(ann, "you have 150 credits now")
            self.assertRaises(AssertionError, stack.press_text, ann, receipt, "Go on")

    def test_another_provider_is_paid_in_its_currency(self):
        with MoneyStack("provider_token = 381764678:TEST:1\nprovider_packages = 100+5 for 199.50\n") as stack:
            ann = stack.person()
            invoice = stack.invoice(ann, "100 credits + 5 as a bonus — 199.50 RUB")
            self.assertEqual((invoice["invoice"]["currency"], invoice["invoice"]["total_amount"]), ("RUB", 19950))
            self.assertEqual(stack.pay(ann, invoice)["status"], "paid")
            stack.wait_account(ann, 105, 0)

    def test_prices_that_cannot_be_understood_are_found_by_check(self):
        for line in ("packages = 150 for free\n", "packages = 150 for 1.50\n", "tariffs = audio ten\n"):
            stack = MoneyStack(line, host=False)
            with stack:
                status, out = stack.run_host("check")
                self.assertEqual((status, "cannot be understood" in out), (1, True), out)

    def test_the_verification_finds_what_is_wrong(self):
        with MoneyStack() as stack:
            ann = stack.person()
            stack.send(ADMIN, "/start")
            stack.as_admin(f"/grant {ann} 5 one", "Done")
            stack.as_admin(f"/grant {ann} 7 two", "Done")
            key = stack.key_of(ann)
            # what is broken, how it is put right, and the sums, chains and holds that are wrong then
            for broken, mended, wanted in (
                    ("UPDATE user_balances SET balance = balance + 1", "UPDATE user_balances SET balance = balance - 1",
                     (1, 0, 0)),
                    ("UPDATE transactions SET n = 5 WHERE n = 2", "UPDATE transactions SET n = 2 WHERE n = 5",
                     (0, 1, 0)),
                    ("UPDATE transactions SET amount = amount + 1 WHERE n = 1",
                     "UPDATE transactions SET amount = amount - 1 WHERE n = 1", (1, 1, 0)),
                    ("INSERT INTO holds (user_id, id, state, tariff, unit, price, free_units, units, amount, title,"
                     f" plugin, resume, data, created_at, expires_at) VALUES ('{key}', 'x', 'held', 'audio', '', 1, 0,"
                     " 1, 1, '', '', '', '', 1, 1)", "DELETE FROM holds", (0, 0, 1))):
                stack.sql(broken)
                status, out = stack.run_host("check")
                self.assertEqual((status, "do not add up" in out), (1, True), out)
                self.assertIn("%d with wrong sums, %d with wrong chains, %d with wrong holds" % wanted, out)
                stack.sql(mended)
            status, out = stack.run_host("check")
            self.assertIn("the ledger adds up", out)

    def test_a_large_ledger_goes_by_what_the_last_night_found(self):
        with MoneyStack() as stack:
            stack.person()
            stack.send(ADMIN, "/start")
            stack.as_admin(f"/grant {ADMIN} 5 one", "Done")
            stack.sql("UPDATE user_balances SET entries = 50001")
            stack.sql("DELETE FROM balance_progress WHERE name = 'verified_at'")
            self.assertIn("was not verified", stack.run_host("check")[1])
            now = int(time.time())
            for wrong, at, wanted in ((0, now - 3 * 86400, "was not verified"), (0, now, "the ledger adds up"),
                                      (2, now, "2 accounts do not add up")):
                stack.sql("DELETE FROM balance_progress WHERE name IN ('wrong', 'verified_at')")
                stack.sql(f"INSERT INTO balance_progress VALUES ('wrong', {wrong}), ('verified_at', {at})")
                self.assertIn(wanted, stack.run_host("check")[1])
            stack.sql("DELETE FROM balance_progress WHERE name = 'verified_at'")
            stack.stop_host()
            stack.sql("UPDATE schedules SET next_at = 1 WHERE plugin = 'balance' AND name = 'verify'")
            stack.start_host()
            until(lambda: stack.sql("SELECT place FROM balance_progress WHERE name = 'verified_at'"), "it is verified")
            self.assertIn("1 accounts do not add up", stack.run_host("check")[1])

    def test_a_slow_database_delays_a_payment_and_a_stuck_one_refuses_it_in_time(self):
        with MoneyStack(stores="servers") as stack:
            ann = stack.person()
            for seconds, wanted in ((3, "paid"), (14, "refused")):
                invoice = stack.invoice(ann)
                lock = threading.Thread(target=stack.postgres.sql, args=(
                    f"BEGIN; LOCK TABLE invoices; SELECT pg_sleep({seconds}); COMMIT",))
                lock.start()
                until(lambda: stack.postgres.sql("SELECT COUNT(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'"
                                                 " AND relation = 'invoices'::regclass") == "1", "it is locked")
                self.assertEqual(stack.pay(ann, invoice)["status"], wanted)
                lock.join(30)
            stack.wait_account(ann, 150, 0)

    def test_what_no_update_said_is_found_in_telegrams_books(self):
        with MoneyStack() as stack:
            ann = stack.person()
            paid = stack.pay(ann, stack.invoice(ann))
            stack.wait_account(ann, 150, 0)
            key = stack.key_of(ann)
            stack.stop_host()
            for table in ("transactions", "payments", "user_balances"):  # as if it had never come
                stack.sql(f"DELETE FROM {table} WHERE user_id = '{key}'")
            stack.sql("UPDATE schedules SET next_at = 1 WHERE plugin = 'balance' AND name = 'reconcile'")
            stack.start_host()
            stack.wait_account(ann, 150, 0)
            stack.wait_message(ann, "Your payment has arrived")
            self.assertEqual(stack.sql("SELECT charge_id FROM payments")[0][0], paid["telegram_payment_charge_id"])

    def test_a_refund_that_no_update_told_is_found_in_telegrams_books(self):
        with MoneyStack() as stack:
            ann = stack.person()
            stack.send(ADMIN, "/start")
            charge = stack.pay(ann, stack.invoice(ann))["telegram_payment_charge_id"]
            stack.wait_account(ann, 150, 0)
            stack.as_admin(f"/refund {ann} {charge}", "Refunded")
            key = stack.key_of(ann)
            stack.stop_host()  # as if nobody had told of the refund
            stack.sql(f"DELETE FROM transactions WHERE user_id = '{key}' AND type = 'refund'")
            stack.sql(f"UPDATE user_balances SET balance = 15000, entries = 1, refunded = 0 WHERE user_id = '{key}'")
            stack.sql("UPDATE payments SET state = 'paid', taken_back = 0, refunded_at = NULL")
            stack.sql("UPDATE schedules SET next_at = 1 WHERE plugin = 'balance' AND name = 'reconcile'")
            stack.start_host()
            stack.wait_account(ann, 0, 0)
            self.assertEqual(stack.entries(ann), [("topup", 150), ("refund", 150)])

    def test_a_present_for_somebody_new_comes_once(self):
        with MoneyStack("welcome = 30\n") as stack:
            ann = stack.person()
            for _ in range(3):
                stack.send(ann, "/balance")
            stack.wait_message(ann, "Balance: 30 credits")
            self.assertEqual(stack.entries(ann), [("grant", 30)])


if __name__ == "__main__":
    unittest.main()
