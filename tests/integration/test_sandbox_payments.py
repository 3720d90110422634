"""Payments in the sandbox: invoices, the way of a payment with all its failures, refunds, Stars."""
import json
import threading
import unittest

from picture import png
from stack import ApiError, Stack, until

ANN, BOB = 1001, 1002
STARS = {"title": "Credits", "description": "100 credits", "payload": "order-1", "currency": "XTR",
         "prices": [{"label": "Credits", "amount": 50}]}
MONEY = {"title": "Mug", "description": "A mug", "payload": "mug", "currency": "EUR",
         "provider_token": "381764678:TEST:12345", "prices": [{"label": "Mug", "amount": 1000},
                                                               {"label": "Discount", "amount": -100}]}
TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"


class Payments(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(Stack(host=False))
        self.bot("getUpdates", allowed_updates=[])
        for user in (ANN, BOB):
            self.act("send", user_id=user, text="/start")
        self.updates()

    def bot(self, method, **params):
        try:
            return self.stack.api(f"/bot5:x/{method}", params)["result"]
        except ApiError as error:
            return error.status, json.loads(error.body)["description"]

    def act(self, call, **body):
        return self.stack.api(f"/sandbox/{call}", body)

    def refused(self, call, wanted, **body):
        with self.assertRaises(ApiError) as caught:
            self.act(call, **body)
        self.assertEqual(caught.exception.status, 400)
        self.assertIn(wanted, caught.exception.body)

    def wrong(self, method, wanted, **params):
        self.assertEqual(self.bot(method, **params), (400, f"Bad Request: {wanted}"))

    def updates(self, kind=None, timeout=0):
        """What is new of one kind, or all of it without the ids."""
        new = self.bot("getUpdates", timeout=timeout)
        if new:
            self.bot("getUpdates", offset=new[-1]["update_id"] + 1)
        for update in new:
            del update["update_id"]
        return [update[kind] for update in new] if kind else new

    def question(self):
        """The next query about a payment; what comes before it is left."""
        while True:
            for update in until(lambda: self.updates(timeout=5), "the bot is asked"):
                kind, query = next(iter(update.items()))
                if kind in ("shipping_query", "pre_checkout_query"):
                    return kind, query

    def pay(self, *answers, **body):
        """A user pays, and the bot answers each question in turn: (the result, the questions)."""
        result = {}

        def run():
            try:
                result.update(self.act("pay", **body))
            except ApiError as error:
                result["error"] = error.body

        thread = threading.Thread(target=run)
        thread.start()
        questions = []
        for answer in answers:
            kind, query = self.question()
            questions.append(query)
            method = {"pre_checkout_query": "answerPreCheckoutQuery", "shipping_query": "answerShippingQuery"}[kind]
            if answer is not None:
                self.assertIs(self.bot(method, **{f"{kind}_id": query["id"]}, **answer), True)
        thread.join(30)
        self.assertFalse(thread.is_alive(), "the payment does not end")
        return result, questions

    # ---- invoices

    def test_an_invoice_in_stars(self):
        message = self.bot("sendInvoice", chat_id=ANN, **STARS)
        self.assertEqual(message["invoice"], {"title": "Credits", "description": "100 credits", "start_parameter": "",
                                              "currency": "XTR", "total_amount": 50})
        self.assertEqual(message["reply_markup"], {"inline_keyboard": [[{"text": "Pay ⭐️50", "pay": True}]]})
        own = {"inline_keyboard": [[{"text": "Buy", "pay": True}, {"text": "x", "callback_data": "x"}]]}
        message = self.bot("sendInvoice", chat_id=ANN, provider_token="", reply_markup=own, **STARS)
        self.assertEqual(message["reply_markup"], own)
        self.assertEqual(self.bot("sendInvoice", chat_id=ANN, **MONEY)["reply_markup"]["inline_keyboard"][0][0]["text"],
                         "Pay 9.00 EUR")

    def test_what_is_refused_of_stars(self):
        price = STARS["prices"][0]
        for wanted, change in (
            ('parameter "title" is required', {"title": ""}),
            ("INVOICE_TITLE_INVALID", {"title": "x" * 33}),
            ("INVOICE_DESCRIPTION_INVALID", {"description": "x" * 256}),
            ('parameter "payload" is required', {"payload": ""}),
            ("INVOICE_PAYLOAD_INVALID", {"payload": "я" * 65}),
            ("STARS_INVOICE_INVALID", {"prices": [price, price]}),
            ("STARS_INVOICE_INVALID", {"provider_token": "381764678:TEST:1"}),
            ("STARS_INVOICE_INVALID", {"max_tip_amount": 5}),
            ("there must be at least one price", {"prices": []}),
            ("total price must be positive", {"prices": [{"label": "x", "amount": 0}]}),
            ("can't parse labeled price: LabeledPrice label must be non-empty",
             {"prices": [{"label": "", "amount": 1}]}),
            ('can\'t parse labeled price: Field "amount" must be of type Number',
             {"prices": [{"label": "x", "amount": 1.5}]}),
            ("too big amount of the currency specified", {"prices": [{"label": "x", "amount": 10 ** 12}]}),
            ("START_PARAM_INVALID", {"start_parameter": "a b"}),
        ):
            with self.subTest(wanted=wanted, change=change):
                self.wrong("sendInvoice", wanted, chat_id=ANN, **STARS | change)
        for buttons, wanted in (([[{"text": "x", "callback_data": "x"}]], "REPLY_MARKUP_BUY_EMPTY"),
                                ([[{"text": "x", "pay": True}], [{"text": "y", "pay": True}]], "BUTTON_POS_INVALID")):
            self.wrong("sendInvoice", wanted, chat_id=ANN, reply_markup={"inline_keyboard": buttons}, **STARS)
        self.wrong("sendMessage", "BUTTON_TYPE_INVALID", chat_id=ANN, text="x",
                   reply_markup={"inline_keyboard": [[{"text": "x", "pay": True}]]})
        self.wrong("sendInvoice", "chat not found", chat_id=77, **STARS)

    def test_what_is_refused_of_money(self):
        for wanted, change in (
            ("PAYMENT_PROVIDER_INVALID", {"provider_token": ""}),
            ("PAYMENT_PROVIDER_INVALID", {"provider_token": "token"}),
            ("CURRENCY_INVALID", {"currency": "XTS"}),
            ("CURRENCY_TOTAL_AMOUNT_INVALID", {"currency": "USD", "prices": [{"label": "x", "amount": 99}]}),
            ("invalid max_tip_amount of the currency specified", {"max_tip_amount": -1}),
            ("suggested tip amount must be positive", {"max_tip_amount": 9, "suggested_tip_amounts": [0]}),
            ("suggested tip amount can't be bigger than max_tip_amount",
             {"max_tip_amount": 9, "suggested_tip_amounts": [5, 10]}),
            ("there can be at most 4 suggested tip amounts",
             {"max_tip_amount": 9, "suggested_tip_amounts": [1, 2, 3, 4, 5]}),
            ("SUGGESTED_TIP_AMOUNTS_INVALID", {"max_tip_amount": 9, "suggested_tip_amounts": [5, 2]}),
        ):
            with self.subTest(wanted=wanted, change=change):
                self.wrong("sendInvoice", wanted, chat_id=ANN, **MONEY | change)

    # ---- the way of a payment

    def test_paying_with_stars(self):
        invoice = self.bot("sendInvoice", chat_id=ANN, **STARS)
        revision = self.stack.revision()
        result, (query,) = self.pay({"ok": True}, user_id=ANN, message_id=invoice["message_id"])
        self.assertEqual((query["currency"], query["total_amount"], query["invoice_payload"], query["from"]["id"]),
                         ("XTR", 50, "order-1", ANN))
        message, = self.updates("message")
        payment = message["successful_payment"]
        charge = result["telegram_payment_charge_id"]
        self.assertEqual(result["status"], "paid")
        self.assertEqual(payment, {"currency": "XTR", "total_amount": 50, "invoice_payload": "order-1",
                                   "telegram_payment_charge_id": charge,
                                   "provider_payment_charge_id": payment["provider_payment_charge_id"]})
        self.assertEqual((message["from"]["id"], message["chat"]["id"]), (ANN, ANN))
        self.assertEqual(self.stack.messages(ANN)[-1], message)
        event = self.stack.wait_event(after=revision, type="payment", status="paid")
        self.assertEqual((event["user_id"], event["message_id"], event["telegram_payment_charge_id"]),
                         (ANN, invoice["message_id"], charge))
        self.assertEqual(self.bot("getMyStarBalance"), {"amount": 50})
        self.assertEqual(self.bot("answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=True), (400, TOO_OLD))
        self.refused("pay", "has paid it already", user_id=ANN, message_id=invoice["message_id"])
        self.refused("pay", "no such invoice", user_id=ANN, message_id=message["message_id"])
        self.refused("pay", "no such invoice", user_id=ANN, slug="nothing")
        self.refused("pay", "outcome must be", user_id=ANN, message_id=invoice["message_id"], outcome="lost")

    def test_the_bot_refuses(self):
        message = self.bot("sendInvoice", chat_id=ANN, **STARS)["message_id"]
        self.act("pay", user_id=ANN, message_id=message, timeout=1)
        query = self.updates("pre_checkout_query")[0]["id"]
        self.wrong("answerPreCheckoutQuery", 'parameter "error_message" is required',
                   pre_checkout_query_id=query, ok=False)
        result, _ = self.pay({"ok": False, "error_message": "Sold out"}, user_id=ANN, message_id=message)
        self.assertEqual(result, {"status": "refused", "error_message": "Sold out"})
        self.assertEqual(self.bot("getMyStarBalance"), {"amount": 0})
        self.assertEqual(self.updates(), [])

    def test_the_bot_is_too_late(self):
        message = self.bot("sendInvoice", chat_id=ANN, **STARS)["message_id"]
        found = []
        waiting = threading.Thread(target=lambda: found.append(self.act("pay", user_id=ANN, message_id=message)))
        waiting.start()
        _, query = self.question()
        self.act("clock", advance_s=9)
        self.assertTrue(waiting.is_alive())
        self.act("clock", advance_s=2)
        waiting.join(10)
        self.assertEqual(found, [{"status": "timeout"}])
        self.assertEqual(self.bot("answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=True), (400, TOO_OLD))
        self.assertEqual(self.updates(), [])

    def test_the_user_cancels_or_tries_again(self):
        message = self.bot("sendInvoice", chat_id=ANN, **STARS)["message_id"]
        result, _ = self.pay({"ok": True}, user_id=ANN, message_id=message, outcome="cancelled")
        self.assertEqual((result, self.updates()), ({"status": "cancelled"}, []))
        result, (first, second) = self.pay({"ok": True}, {"ok": True}, user_id=ANN, message_id=message,
                                           outcome="repeat_checkout")
        self.assertNotEqual(first["id"], second["id"])
        self.assertEqual((result["status"], len(self.updates("message"))), ("paid", 1))

    def test_too_few_stars(self):
        message = self.bot("sendInvoice", chat_id=ANN, **STARS)["message_id"]
        self.act("stars", user_id=ANN, balance=49)
        self.assertEqual(self.act("pay", user_id=ANN, message_id=message), {"status": "no_funds"})
        self.assertEqual(self.updates(), [])
        self.act("stars", user_id=ANN, balance=50)
        self.assertEqual(self.pay({"ok": True}, user_id=ANN, message_id=message)[0]["status"], "paid")
        self.assertEqual(self.stack.api("/sandbox/stars")["users"], [{"user_id": ANN, "balance": 0}])
        self.refused("stars", "balance must be", user_id=ANN, balance=-1)

    def test_a_doubled_update_is_one_payment(self):
        message = self.bot("sendInvoice", chat_id=ANN, **STARS)["message_id"]
        result, _ = self.pay({"ok": True}, user_id=ANN, message_id=message, outcome="doubled")
        self.assertEqual(result["status"], "paid")
        first, second = self.updates("message")
        self.assertEqual(first, second)
        self.assertEqual(self.bot("getMyStarBalance"), {"amount": 50})

    def test_a_slow_payment(self):
        message = self.bot("sendInvoice", chat_id=ANN, **STARS)["message_id"]
        thread = threading.Thread(target=self.act, args=["pay"],
                                  kwargs={"user_id": ANN, "message_id": message, "outcome": "slow", "seconds": 1})
        thread.start()
        query = until(lambda: self.updates("pre_checkout_query", timeout=5), "the bot is asked")[0]
        self.bot("answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=True)
        self.assertEqual(self.updates(), [])
        self.assertIn("successful_payment", until(lambda: self.updates("message", timeout=5), "it has been paid")[0])
        thread.join(10)

    def test_somebody_else_pays(self):
        message = self.bot("sendInvoice", chat_id=ANN, **STARS)["message_id"]
        result, (query,) = self.pay({"ok": True}, user_id=BOB, chat_id=ANN, message_id=message)
        self.assertEqual((query["from"]["id"], result["message"]["chat"]["id"]), (BOB, BOB))
        message = self.bot("sendInvoice", chat_id=ANN, start_parameter="buy", **STARS)["message_id"]
        self.refused("pay", "leads to the bot", user_id=BOB, chat_id=ANN, message_id=message)

    def test_forwarded_invoices(self):
        first = self.bot("sendInvoice", chat_id=ANN, **STARS)["message_id"]
        copy = self.bot("forwardMessage", chat_id=BOB, from_chat_id=ANN, message_id=first)
        self.assertTrue(copy["reply_markup"]["inline_keyboard"][0][0]["pay"])
        result, (query,) = self.pay({"ok": True}, user_id=BOB, message_id=copy["message_id"])
        self.assertEqual((result["status"], query["invoice_payload"]), ("paid", "order-1"))
        self.assertEqual(self.pay({"ok": True}, user_id=ANN, message_id=first)[0]["status"], "paid")
        linked = self.bot("sendInvoice", chat_id=ANN, start_parameter="buy", **STARS)["message_id"]
        copy = self.bot("forwardMessage", chat_id=BOB, from_chat_id=ANN, message_id=linked)
        self.assertEqual(copy["reply_markup"]["inline_keyboard"][0][0]["url"],
                         "https://t.me/aisha_sandbox_bot?start=buy")
        self.refused("pay", "no such invoice", user_id=BOB, message_id=copy["message_id"])
        self.wrong("copyMessage", "the message can't be copied", chat_id=BOB, from_chat_id=ANN, message_id=first)

    def test_paid_media(self):
        file = self.stack.upload(ANN, png(8), kind="photo")["photo"][-1]["file_id"]
        self.updates()
        paid = {"chat_id": ANN, "star_count": 30, "media": [{"type": "photo", "media": file}]}
        message = self.bot("sendPaidMedia", payload="album-7", **paid)["message_id"]
        self.act("stars", user_id=ANN, balance=29)
        self.assertEqual(self.act("pay", user_id=ANN, message_id=message), {"status": "no_funds"})
        self.act("stars", user_id=ANN, balance=60)
        result = self.act("pay", user_id=ANN, message_id=message)
        self.assertEqual((result["status"], self.updates()[0]["purchased_paid_media"]["paid_media_payload"]),
                         ("paid", "album-7"))
        self.refused("pay", "has paid it already", user_id=ANN, message_id=message)
        transaction, = self.bot("getStarTransactions")["transactions"]
        self.assertEqual((transaction["id"], transaction["amount"], transaction["source"]["transaction_type"]),
                         (result["telegram_payment_charge_id"], 30, "paid_media_payment"))
        silent = self.bot("sendPaidMedia", **paid)["message_id"]
        self.assertEqual(self.act("pay", user_id=ANN, message_id=silent)["status"], "paid")
        self.assertEqual((self.updates(), self.bot("getMyStarBalance")), ([], {"amount": 60}))

    def test_a_payment_in_a_group(self):
        chat = self.act("chats", user_id=ANN, type="group", title="G")["id"]
        message = self.bot("sendInvoice", chat_id=chat, **STARS)["message_id"]
        for user in (ANN, BOB):
            result, _ = self.pay({"ok": True}, user_id=user, chat_id=chat, message_id=message)
            self.assertEqual((result["status"], result["message"]["chat"]["id"]), ("paid", user))
        self.refused("pay", "has paid it already", user_id=BOB, chat_id=chat, message_id=message)

    def test_a_link(self):
        link = self.bot("createInvoiceLink", **STARS)
        self.assertRegex(link, r"^https://t\.me/\$\w+$")
        shown = self.stack.api("/sandbox/invoices/" + link.split("$")[1])
        self.assertEqual((shown["title"], shown["total_amount"], "payload" in shown), ("Credits", 50, False))
        results = [self.pay({"ok": True}, user_id=user, slug=link)[0] for user in (ANN, BOB, ANN)]
        self.assertEqual([result["message"]["from"]["id"] for result in results], [ANN, BOB, ANN])
        self.assertEqual(len({result["telegram_payment_charge_id"] for result in results}), 3)

    def test_money_with_shipping_and_a_tip(self):
        message = self.bot("sendInvoice", chat_id=ANN, is_flexible=True, need_name=True, max_tip_amount=300,
                           suggested_tip_amounts=[100, 200], **MONEY)["message_id"]
        options = [{"id": "post", "title": "Post", "prices": [{"label": "Post", "amount": 250}]},
                   {"id": "air", "title": "Air", "prices": [{"label": "Air", "amount": 500}]}]
        result, (shipping, checkout) = self.pay({"ok": True, "shipping_options": options}, {"ok": True}, user_id=ANN,
                                                message_id=message, shipping_option_id="air", tip_amount=200)
        self.assertEqual((shipping["invoice_payload"], shipping["shipping_address"]["country_code"]), ("mug", "GB"))
        self.assertEqual((checkout["total_amount"], checkout["shipping_option_id"]), (900 + 500 + 200, "air"))
        self.assertEqual(set(checkout["order_info"]), {"name", "shipping_address"})
        payment = self.updates("message")[0]["successful_payment"]
        self.assertEqual((payment["order_info"], payment["total_amount"]), (checkout["order_info"], 1600))
        self.assertEqual(self.bot("getStarTransactions"), {"transactions": []})
        self.wrong("refundStarPayment", "CHARGE_NOT_FOUND", user_id=ANN,
                   telegram_payment_charge_id=result["telegram_payment_charge_id"])

    def test_the_bot_does_not_deliver(self):
        message = self.bot("sendInvoice", chat_id=ANN, is_flexible=True, **MONEY)["message_id"]
        result, (query,) = self.pay({"ok": False, "error_message": "Too far"}, user_id=ANN, message_id=message)
        self.assertEqual(result, {"status": "refused", "error_message": "Too far"})
        answer = {"shipping_query_id": query["id"], "ok": True}
        self.wrong("answerShippingQuery", 'parameter "shipping_options" is required', **answer)
        self.wrong("answerShippingQuery", "there must be at least one shipping option", shipping_options=[], **answer)
        self.wrong("answerShippingQuery", "can't parse shipping option: ShippingOption identifier must be non-empty",
                   shipping_options=[{"id": "", "title": "x", "prices": [{"label": "x", "amount": 1}]}], **answer)
        self.wrong("answerShippingQuery", TOO_OLD.split(": ")[1],
                   shipping_options=[{"id": "a", "title": "x", "prices": [{"label": "x", "amount": 1}]}], **answer)

    # ---- Stars

    def test_refunds_and_transactions(self):
        link = self.bot("createInvoiceLink", **STARS)
        charges = [self.pay({"ok": True}, user_id=ANN, slug=link)[0]["telegram_payment_charge_id"] for _ in range(2)]
        self.updates()
        refund = {"user_id": ANN, "telegram_payment_charge_id": charges[0]}
        self.wrong("refundStarPayment", "CHARGE_NOT_FOUND", user_id=BOB, telegram_payment_charge_id=charges[0])
        self.wrong("refundStarPayment", "CHARGE_NOT_FOUND", user_id=ANN, telegram_payment_charge_id="stx")
        self.wrong("refundStarPayment", "invalid user_id specified", user_id=-1, telegram_payment_charge_id=charges[0])
        self.assertIs(self.bot("refundStarPayment", **refund), True)
        self.wrong("refundStarPayment", "CHARGE_ALREADY_REFUNDED", **refund)
        self.assertEqual(self.updates("message")[0]["refunded_payment"],
                         {"currency": "XTR", "total_amount": 50, "invoice_payload": "order-1",
                          "telegram_payment_charge_id": charges[0]})
        self.assertEqual(self.bot("getMyStarBalance"), {"amount": 50})
        every = self.bot("getStarTransactions")["transactions"]
        self.assertEqual([(t["id"], t["amount"], "source" in t, "receiver" in t) for t in every],
                         [(charges[0], 50, True, False), (charges[1], 50, True, False), (charges[0], 50, False, True)])
        self.assertEqual((every[0]["source"]["type"], every[0]["source"]["transaction_type"],
                          every[0]["source"]["user"]["id"], every[0]["source"]["invoice_payload"]),
                         ("user", "invoice_payment", ANN, "order-1"))
        self.assertEqual(self.bot("getStarTransactions", offset=1, limit=1)["transactions"], every[1:2])
        self.assertEqual(self.stack.api("/sandbox/stars")["transactions"], every)

    def test_a_subscription(self):
        month = 2592000
        for change in ({"subscription_period": 60}, {"prices": [{"label": "x", "amount": 10001}]}):
            self.wrong("createInvoiceLink", "STARS_INVOICE_INVALID", **{"subscription_period": month} | STARS | change)
        link = self.bot("createInvoiceLink", subscription_period=month, **STARS)
        self.refused("pay", "no such subscription", user_id=ANN, slug=link, outcome="renewal")
        result, _ = self.pay({"ok": True}, user_id=ANN, slug=link)
        first = self.updates("message")[0]["successful_payment"]
        self.assertEqual((first["is_recurring"], first["is_first_recurring"]), (True, True))
        self.refused("pay", "has the subscription already", user_id=ANN, slug=link)
        self.assertEqual(self.act("pay", user_id=ANN, slug=link, outcome="renewal")["status"], "paid")
        second = self.updates("message")[0]["successful_payment"]
        self.assertNotIn("is_first_recurring", second)
        self.assertEqual(second["subscription_expiration_date"], first["subscription_expiration_date"] + month)
        edit = {"user_id": ANN, "telegram_payment_charge_id": second["telegram_payment_charge_id"]}
        self.assertIs(self.bot("editUserStarSubscription", is_canceled=True, **edit), True)
        self.refused("pay", "has been canceled", user_id=ANN, slug=link, outcome="renewal")
        self.assertIs(self.bot("editUserStarSubscription", is_canceled=False, **edit), True)
        self.act("stars", user_id=ANN, balance=0)
        self.assertEqual(self.act("pay", user_id=ANN, slug=link, outcome="renewal"), {"status": "no_funds"})
        self.act("subscription", user_id=ANN, slug=link, canceled=True)
        self.assertEqual([update["state"] for update in self.updates("subscription")], ["failed", "canceled"])
        self.wrong("editUserStarSubscription", "CHARGE_NOT_FOUND", user_id=ANN, telegram_payment_charge_id="x",
                   is_canceled=True)
        period = self.bot("getStarTransactions")["transactions"][0]["source"]["subscription_period"]
        self.assertEqual((period, result["status"]), (month, "paid"))


if __name__ == "__main__":
    unittest.main()
