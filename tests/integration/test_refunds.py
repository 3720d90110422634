"""A payment that Telegram refunds while something is being done for who paid: nobody keeps the credits too."""
import unittest

from test_balance import ADMIN, MoneyStack


class Refunds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = MoneyStack()
        cls.stack.__enter__()
        cls.stack.send(ADMIN, "/start")

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    def buy(self, user, offer="Choose how many", label="150 credits"):
        """150 credits; the message that says so."""
        packages = self.stack.wait_message(user, offer, after=self.stack.send(user, "/topup")["message_id"])
        self.stack.pay(user, self.stack.invoice(user, label, packages))
        return next(m for m in reversed(self.stack.messages(user)) if "successful_payment" in m)

    def refund(self, user, paid):
        """Telegram tells of it, twice."""
        told = dict(paid)
        told["refunded_payment"] = told.pop("successful_payment")
        for _ in range(2):
            self.stack.update(message=told)

    def begin(self, user):
        """A transcription for 20 credits, which does not come: the message with its button."""
        voice = self.stack.upload(user, b"not looked at", duration=130, raw=1)
        offer = self.stack.wait_message(user, "costs 20", after=voice["message_id"])
        self.stack.press_text(user, offer, "Transcribe")
        return offer

    def balance_of(self, user, wanted):
        """The screen, once it says so."""
        return self.stack.wait_message(user, wanted, after=self.stack.send(user, "/balance")["message_id"])

    def cancel(self, user, offer):
        shown = self.stack.wait_message(
            user, lambda m: m["message_id"] == offer["message_id"] and "Cancel" in str(m.get("reply_markup")))
        self.stack.press_text(user, shown, "Cancel")

    def test_who_cancels_after_a_refund_does_not_keep_what_was_held(self):
        ann = self.stack.person()
        paid = self.buy(ann)
        self.stack.wait_account(ann, 150, 0)
        self.stack.fault("getFile", delay_ms=60000)
        offer = self.begin(ann)
        self.stack.wait_account(ann, 130, 20)
        self.refund(ann, paid)
        self.stack.wait_account(ann, 0, 20)
        told = self.stack.wait_message(ann, "was refunded")["text"]
        self.assertEqual(told, "↩️ A payment of yours was refunded: 130 credits taken back, you have 0 credits now.\n"
                               "Set aside for what is being made, and taken if it comes back: 20 credits")
        self.balance_of(ann, "\nSet aside for what is being made: 20 credits\n"
                             "Of this, taken for a refunded payment if it comes back: 20 credits")
        self.stack.as_admin(f"/grant {ann} 5 sorry", "Done")
        self.cancel(ann, offer)
        self.stack.wait_account(ann, 5, 0)
        self.assertEqual(self.stack.entries(ann), [("topup", 150), ("hold", 20), ("refund", 130), ("grant", 5),
                                                   ("release", 20), ("refund", 20)])
        self.stack.as_admin("/ledger", "Everything adds up")
        screen = self.balance_of(ann, "Balance: 5 credits")
        self.assertNotIn("refunded", screen["text"])
        self.stack.press_text(ann, screen, "History")
        history = self.stack.wait_message(
            ann, lambda m: m["message_id"] == screen["message_id"] and "Refund" in m["text"])["text"]
        self.assertIn("−20  Refund of a payment", history)
        self.assertIn("−130  Refund of a payment", history)
        self.assertEqual(sum("was refunded" in m.get("text", "") for m in self.stack.messages(ann)), 1)

    def test_who_has_less_than_what_was_refunded_is_told_in_their_language(self):
        ann = self.stack.person(language_code="ru")
        paid = self.buy(ann, "Выберите, сколько", "150 кредитов")
        self.stack.wait_account(ann, 150, 0)
        self.stack.as_admin(f"/revoke {ann} 100 test", "Done")
        self.refund(ann, paid)
        self.stack.wait_account(ann, 0, 0)
        told = self.stack.wait_message(ann, "платёж возвращён")["text"]
        self.assertEqual(told, "↩️ Ваш платёж возвращён. Списано: 50 кредитов, теперь у вас 0 кредитов.\n"
                               "Потрачено раньше и не списывается: 100 кредитов")


if __name__ == "__main__":
    unittest.main()
