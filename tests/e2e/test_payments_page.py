"""Paying with Stars on the page: the test is the bot, and answers its questions as it likes."""
import threading
import unittest

from page import ANSWER, BOT, DESKTOP, PHONE, PageTest, by

PAY_BUTTON, GO, SERVICE = by("inline-button"), by("pay-go"), by("service")


class Payments(PageTest):
    host = False

    def setUp(self):
        super().setUp()
        self.stack.send(self.user, "hello")
        self.stack.api("/sandbox/stars", {"user_id": self.user, "balance": 250})

    def invoice(self, total=100):
        return self.bot_calls("sendInvoice", title="A hundred credits", description="For pictures and voice",
                              payload="credits", currency="XTR", prices=[{"label": "Credits", "amount": total}])

    def answer(self, **how):
        """Waits for the question of the checkout, and answers it."""
        over = threading.Event()

        def run():
            offset = 0
            while not over.is_set():
                for update in self.stack.api(BOT + "getUpdates", {"offset": offset, "timeout": 1})["result"]:
                    offset = update["update_id"] + 1
                    query = update.get("pre_checkout_query", {})
                    if query.get("from", {}).get("id") == self.user:
                        self.stack.api(BOT + "answerPreCheckoutQuery", {"pre_checkout_query_id": query["id"]} | how)
                        return
        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(over.set)

    def pictures(self, name):
        self.picture(name)
        self.page.resize(*PHONE, mobile=True)
        self.page.theme("dark")
        self.picture(name + "-phone-dark")
        self.page.resize(*DESKTOP)
        self.page.theme("light")

    def open_sheet(self):
        self.page.click(PAY_BUTTON)
        self.page.wait_text(by("pay"), "A hundred credits")
        self.page.wait_text(by("pay"), "You have 250")

    def test_an_invoice_is_paid_and_refunded(self):
        self.invoice()
        self.page.wait_text(by("invoice"), "For pictures and voice")
        self.open_sheet()
        self.pictures("sheet")
        self.answer(ok=True)
        self.page.click(GO)
        self.page.find(by("pay-paid"))
        charge = self.page.find(by("pay-paid") + " code").text
        self.pictures("paid")
        self.page.click(by("pay-done"))
        self.page.wait_text(by("receipt"), "paid ⭐ 100")
        self.page.wait_text(by("balance"), "150")
        self.page.wait(lambda: self.labels() == ["Receipt"], what="the receipt")
        self.reload()
        self.page.wait(lambda: self.labels() == ["Receipt"], ANSWER, "the receipt")
        self.bot_calls("refundStarPayment", user_id=self.user, telegram_payment_charge_id=charge)
        self.page.wait_text(by("refund"), "Refunded ⭐ 100")
        self.page.wait_text(by("balance"), "250")

    def test_the_bot_says_why_it_refuses(self):
        self.invoice()
        self.open_sheet()
        self.answer(ok=False, error_message="Sold out, <b>sorry</b>")
        self.page.click(GO)
        self.page.find(by("pay-refused"))
        self.assertEqual(self.page.find(by("pay-reason")).text, "Sold out, <b>sorry</b>")
        self.pictures("refused")
        self.page.click(by("pay-again"))
        self.page.find(GO)
        self.page.click(by("pay-cancel"))
        self.page.wait(lambda: not self.page.find_all(by("pay")), what="the sheet to go")

    def test_a_failure_can_be_tried(self):
        self.invoice()
        self.open_sheet()
        self.answer(ok=True)
        self.page.click(by("pay-failures"))
        self.page.click(by("pay-cancelled"))
        self.page.find(by("pay-done"))
        self.page.wait_text(by("pay"), "nothing was paid")
        self.page.click(by("pay-done"))
        self.assertEqual(self.page.find(by("balance")).text, "250")

    def test_stars_can_be_too_few(self):
        self.invoice(total=400)
        self.open_sheet()
        self.page.click(GO)
        self.page.find(by("pay-no_funds"))
        self.picture("no-funds")
        self.page.click(by("pay-top-up"))
        self.page.wait_text(by("pay"), "You have 1,250")

    def test_a_link_opens_the_same_sheet(self):
        link = self.stack.api(BOT + "createInvoiceLink", {
            "title": "A hundred credits", "description": "By a link", "payload": "p", "currency": "XTR",
            "prices": [{"label": "Credits", "amount": 100}]})["result"]
        self.bot_says("here", entities=[{"type": "text_link", "offset": 0, "length": 4, "url": link}])
        self.page.click(by("inner-link"))
        self.page.wait_text(by("pay"), "By a link")
        self.answer(ok=True)
        self.page.click(GO)
        self.page.find(by("pay-paid"))
        self.page.click(by("pay-done"))
        self.page.wait_text(by("receipt"), "paid ⭐ 100")


if __name__ == "__main__":
    unittest.main()
