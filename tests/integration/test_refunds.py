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

    def buy(self, user):
        """150 credits; the message that says so."""
        self.stack.pay(user, self.stack.invoice(user))
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

    def test_who_cancels_after_a_refund_does_not_keep_what_was_held(self):
        ann = self.stack.person()
        paid = self.buy(ann)
        self.stack.wait_account(ann, 150, 0)
        self.stack.fault("getFile", delay_ms=60000)
        offer = self.begin(ann)
        self.stack.wait_account(ann, 130, 20)
        self.refund(ann, paid)
        self.stack.wait_account(ann, 0, 20)
        self.stack.as_admin(f"/grant {ann} 5 sorry", "Done")
        shown = self.stack.wait_message(
            ann, lambda m: m["message_id"] == offer["message_id"] and "Cancel" in str(m.get("reply_markup")))
        self.stack.press_text(ann, shown, "Cancel")
        self.stack.wait_account(ann, 5, 0)
        self.assertEqual(self.stack.entries(ann), [("topup", 150), ("hold", 20), ("refund", 130), ("grant", 5),
                                                   ("release", 20), ("refund", 20)])
        [(taken,)] = self.stack.sql(f"SELECT taken_back FROM payments WHERE user_id = '{self.stack.key_of(ann)}'")
        self.assertEqual(int(taken), 15000)
        self.stack.as_admin("/ledger", "Everything adds up")
        screen = self.stack.wait_message(ann, "", after=self.stack.send(ann, "/balance")["message_id"])
        self.stack.press_text(ann, screen, "History")
        history = self.stack.wait_message(
            ann, lambda m: m["message_id"] == screen["message_id"] and "Refund" in m["text"])["text"]
        self.assertIn("−20  Refund of a payment", history)
        self.assertIn("−130  Refund of a payment", history)


if __name__ == "__main__":
    unittest.main()
