"""How updates reach a bot: by getUpdates and by webhook, in time, in order, and again."""
import base64
import concurrent.futures
import json
import os
import time
import unittest
import urllib.parse

from stack import Stack, free_port, until
from wire import ALICE, BORIS, PEM, TOKEN, Webhook, Wire

DAY = 86400
KEYBOARD = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
OTHER = (409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")
ACTIVE = (409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the "
               "webhook first")


class PollTest(Wire):
    def send_many(self, count):
        for number in range(count):
            self.stack.send(ALICE, str(number))

    def test_an_offset_confirms_what_is_before_it(self):
        self.send_many(3)
        updates = self.updates()
        self.assertEqual(updates[1:], self.updates(offset=updates[1]["update_id"]))
        self.assertEqual(updates[1:], self.call("getUpdates")["result"])

    def test_a_negative_offset_counts_from_the_end(self):
        self.send_many(5)
        self.assertEqual(["3", "4"], self.texts(self.updates(offset=-2)))
        self.assertEqual(["3", "4"], self.texts(self.updates(offset=-100)))

    def test_an_offset_far_ahead_confirms_nothing(self):
        self.send_many(2)
        last = self.updates()[-1]["update_id"]
        self.assertEqual(["0", "1"], self.texts(self.updates(offset=last + 12)))
        self.assertEqual([], self.updates(offset=last + 11))
        self.assertEqual(0, self.stack.state()["pending_update_count"])

    def test_limit_and_timeout_are_clamped(self):
        self.send_many(3)
        self.assertEqual(1, len(self.updates(limit=0)))
        last = self.updates(limit=100000)[-1]["update_id"]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            poll = pool.submit(self.updates, offset=last + 1, timeout=100000)
            self.poll_waits()
            self.advance(50)
            self.assertEqual([], poll.result(30))
        self.assertEqual([], self.updates(offset=last + 1, timeout=-1))

    def test_an_answer_is_not_larger_than_4_mib(self):
        for number in range(100):
            self.stack.update(big={"n": number, "text": "x" * 60000})
        first = self.updates()
        self.assertTrue(60 < len(first) < 80, len(first))
        second = self.updates(offset=first[-1]["update_id"] + 1)
        self.assertEqual(list(range(100)), [update["big"]["n"] for update in first + second])

    def test_a_second_poll_ends_the_first_only_when_it_waits(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            first = pool.submit(self.call, "getUpdates", offset=self.next_update, timeout=50)
            self.poll_waits()
            self.assertEqual([], self.updates(timeout=0))
            self.assertFalse(first.done())
            second = pool.submit(self.updates, timeout=50)
            answer = first.result(30)
            self.assertEqual(OTHER, (answer["error_code"], answer["description"]))
            self.stack.send(ALICE, "for the second")
            self.assertEqual(["for the second"], self.texts(second.result(30)))

    def test_a_repeated_conflict_is_answered_late(self):
        self.call("setWebhook", url="http://127.0.0.1:9/")
        self.assertEqual(ACTIVE, self.refusal("getUpdates"))
        began = self.stack.api("/sandbox/clock")["offset_s"]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            late = pool.submit(self.refusal, "getUpdates")
            while not late.done():
                self.advance(0.1)
            self.assertEqual(ACTIVE, late.result())
        self.assertGreater(self.stack.api("/sandbox/clock")["offset_s"] - began, 2)
        self.assertEqual(ACTIVE, self.refusal("getUpdates"))

    def test_the_allowed_kinds_stay_until_they_are_changed(self):
        self.updates(allowed_updates=["message", "no_such_kind"])
        self.stack.press(ALICE, self.say(reply_markup=KEYBOARD)["message_id"], data="a")
        self.stack.send(ALICE, "wanted")
        self.assertEqual(["wanted"], self.texts(self.updates()))
        self.assertEqual(["message"], self.result("getWebhookInfo")["allowed_updates"])
        self.updates(allowed_updates=[])
        self.assertNotIn("allowed_updates", self.result("getWebhookInfo"))
        self.stack.press(ALICE, self.say(reply_markup=KEYBOARD)["message_id"], data="a")
        self.assertIn("callback_query", self.updates()[-1])

    def test_kinds_are_read_as_telegram_reads_them(self):
        self.updates(allowed_updates=["MESSAGE"])
        self.assertEqual(["message"], self.result("getWebhookInfo")["allowed_updates"])
        self.updates(allowed_updates=["nothing_known"])
        self.assertNotIn("allowed_updates", self.result("getWebhookInfo"))

    def test_kinds_apply_to_what_comes_later(self):
        self.stack.send(ALICE, "before")
        self.assertEqual(["before"], self.texts(self.updates(allowed_updates=["poll"])))
        self.stack.send(ALICE, "after")
        self.assertEqual(["before"], self.texts(self.updates()))

    def test_hasty_polls_are_slowed_down_with_the_limits(self):
        self.act("limits", enabled=True)
        self.send_many(3)
        self.updates(timeout=0)
        self.assertEqual(1, len(self.updates(timeout=0)))
        last = self.next_update + 3
        self.assertEqual([], self.updates(offset=last, timeout=0))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            poll = pool.submit(self.updates, offset=last, timeout=0)
            self.poll_waits()
            self.advance(3)
            self.assertEqual([], poll.result(30))

    def test_after_a_week_ids_begin_anew(self):
        self.advance(6 * DAY)
        self.stack.send(ALICE, "in order")
        self.assertEqual(self.next_update, self.updates()[0]["update_id"])
        self.updates(offset=self.next_update + 1)
        self.advance(7 * DAY)
        self.send_many(2)
        first, second = self.updates(offset=self.next_update + 1)
        self.assertNotEqual(self.next_update + 1, first["update_id"])
        self.assertEqual(first["update_id"] + 1, second["update_id"])
        self.assertTrue(0 < first["update_id"] <= 2000000000)
        self.assertEqual([], self.updates(offset=second["update_id"] + 1))

    def test_an_update_is_limited(self):
        self.assertTrue(self.stack.update(big={"text": "x" * 500000})["queued"])
        self.assertFalse(self.stack.update(big={"text": "x" * 530000})["queued"])

    def test_the_queue_is_limited(self):
        for _ in range(20):
            self.act("replay", updates=[{"small": {}}] * 5001)
        info = self.result("getWebhookInfo")
        self.assertEqual(100000, info["pending_update_count"])
        self.stack.send(ALICE, "no room")
        self.assertEqual(100000, self.result("getWebhookInfo")["pending_update_count"])


class ExpiryTest(Wire):
    def kinds(self):
        return {name for update in self.updates() for name in update} - {"update_id"}

    def test_each_kind_has_its_time(self):
        payload = {"id": "1", "from": {"id": ALICE}}
        times = {"message": DAY, "callback_query": 150, "pre_checkout_query": 150, "shipping_query": 150,
                 "inline_query": 30, "chosen_inline_result": 600, "my_chat_member": DAY}
        for kind in times:
            self.stack.update(**{kind: payload})
        passed = 0
        for seconds in sorted(set(times.values())):
            self.advance(seconds - 5 - passed)
            self.assertEqual({kind for kind in times if times[kind] >= seconds}, self.kinds())
            self.advance(10)
            self.assertEqual({kind for kind in times if times[kind] > seconds}, self.kinds())
            passed = seconds + 5
        self.assertEqual(0, self.result("getWebhookInfo")["pending_update_count"])


class WebhookCase(Wire):
    def setUp(self):
        super().setUp()
        self.bot = self.enterContext(Webhook())

    def set_webhook(self, path="/hook", **params):
        self.advance(1)
        return self.call("setWebhook", url=self.bot.url + path, **params)

    def info(self):
        return self.result("getWebhookInfo")

    def now(self):
        """The sandbox's time, finely."""
        return self.stack.api("/sandbox/clock")["offset_s"] + time.monotonic()

    def take_after(self, seconds):
        """The next delivery, which comes so many seconds after the last request was answered."""
        began = self.now()
        while not (delivery := self.bot.take_soon()):
            self.assertLess(self.now() - began, 2 * seconds, "it should have come")
            self.advance(seconds / 16)
        self.assertGreater(self.now() - began, seconds - 1.2)
        return delivery

    def pending(self):
        return self.stack.state()["pending_update_count"]


class SettingTest(WebhookCase):
    def test_what_is_set_is_told(self):
        answer = self.set_webhook(max_connections=7, allowed_updates=["message"])
        self.assertEqual({"ok": True, "result": True, "description": "Webhook was set"}, answer)
        self.assertEqual({"url": self.bot.url + "/hook", "has_custom_certificate": False, "pending_update_count": 0,
                          "max_connections": 7, "ip_address": "127.0.0.1", "allowed_updates": ["message"]}, self.info())
        self.assertEqual("Webhook is already set",
                         self.set_webhook(max_connections=7, allowed_updates=["poll"])["description"])
        self.assertEqual(["poll"], self.info()["allowed_updates"])
        self.assertEqual("Webhook was set", self.set_webhook(max_connections=8)["description"])
        self.assertEqual("Webhook was deleted", self.call("deleteWebhook")["description"])
        self.assertEqual("Webhook is already deleted", self.call("deleteWebhook")["description"])
        self.assertEqual("Webhook is already deleted", self.call("setWebhook", url="")["description"])
        self.assertEqual({"url": "", "has_custom_certificate": False, "pending_update_count": 0,
                          "allowed_updates": ["poll"]}, self.info())

    def test_once_a_second(self):
        answer = until(lambda: not (answer := self.call("setWebhook", url=self.bot.url))["ok"] and answer,
                       "one follows too soon")
        self.assertEqual((429, {"retry_after": 1}), (answer["error_code"], answer["parameters"]))
        self.advance(1)
        self.assertTrue(self.call("setWebhook", url=self.bot.url)["ok"])

    def refuses(self, description, **params):
        self.advance(1)
        self.assertEqual((400, "Bad Request: " + description), self.refusal("setWebhook", **params))

    def test_what_is_wrong_is_refused(self):
        url = self.bot.url
        for wrong in ("ftp://127.0.0.1/", "http://", "http://127.0.0.1:0/", "http://127.0.0.1:99999/",
                      "http://[::1/", "http://a b/", "https://user@/"):
            self.refuses("invalid webhook URL specified", url=wrong)
        self.refuses("secret token contains unallowed characters", url=url, secret_token="ü")
        self.refuses("secret token contains unallowed characters", url=url, secret_token="a b")
        self.refuses("secret token is too long", url=url, secret_token="x" * 257)
        self.refuses("bad webhook: Invalid IP address specified", url=url, ip_address="localhost")
        self.refuses("bad webhook: Failed to resolve host: Name or service not known",
                     url="https://no-such-host.invalid/")

    def test_a_wrong_one_takes_the_old_one_with_it(self):
        self.set_webhook()
        self.refuses("invalid webhook URL specified", url="ftp://127.0.0.1/")
        self.assertEqual("", self.info()["url"])
        self.assertEqual([], self.updates())

    def send_certificate(self, content, name="certificate", **fields):
        self.advance(1)
        parts = b"".join(f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
                         for key, value in ({"url": self.bot.url} | fields).items())
        parts += (f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="c.pem"\r\n\r\n'.encode() +
                  content + b"\r\n--b--\r\n")
        return json.loads(self.fetch(f"/bot{TOKEN}/setWebhook", parts,
                                     {"Content-Type": "multipart/form-data; boundary=b"})[2])

    def test_a_certificate_can_be_given(self):
        self.assertTrue(self.send_certificate(b"PEM")["ok"])
        self.assertTrue(self.info()["has_custom_certificate"])
        self.assertEqual("Webhook was set", self.send_certificate(b"PEM")["description"], "it may be another one")
        self.assertTrue(self.send_certificate(b"PEM", name="file1", certificate="attach://file1")["ok"])
        self.assertTrue(self.info()["has_custom_certificate"])
        self.assertEqual("Bad Request: certificate size is too big (3145729 bytes)",
                         self.send_certificate(b"x" * (3 * 1024 * 1024 + 1))["description"])

    def test_the_certificate_that_was_given_is_trusted(self):
        with Webhook(has_tls=True) as bot:
            self.assertTrue(self.call("setWebhook", url=bot.url)["ok"])
            self.stack.send(ALICE, "secret")
            until(lambda: "SSL error" in self.info().get("last_error_message", ""), "it is not trusted")
            certificate = PEM[PEM.index(b"-----BEGIN CERT"):]
            self.assertTrue(self.send_certificate(certificate, url=bot.url)["ok"])
            delivery = bot.take()
            delivery.answer()
            self.assertEqual("secret", delivery.text)
            until(lambda: self.pending() == 0, "it is delivered")
            named = bot.url.replace("127.0.0.1", "bot.invalid")
            self.assertTrue(self.send_certificate(certificate, url=named, ip_address="127.0.0.1")["ok"])
            self.stack.send(ALICE, "by name")
            delivery = bot.take()
            delivery.answer()
            self.assertEqual("by name", delivery.text)

    def test_it_excludes_polling(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            poll = pool.submit(self.refusal, "getUpdates", offset=self.next_update, timeout=50)
            self.poll_waits()
            self.set_webhook()
            self.assertEqual((409, "Conflict: terminated by setWebhook request"), poll.result(30))
            self.advance(3)
            self.assertEqual(ACTIVE, self.refusal("getUpdates"))
        self.result("deleteWebhook")
        self.assertEqual([], self.updates())

    def test_what_is_pending_can_be_dropped(self):
        self.bot.is_patient = False
        self.stack.send(ALICE, "dropped")
        self.set_webhook(drop_pending_updates=True)
        self.stack.send(ALICE, "kept")
        self.assertEqual("kept", self.bot.take().text)

    def test_a_restart_keeps_it(self):
        with Stack(host=False) as stack:
            stack.send(ALICE, "/start")
            url = self.bot.url + "/after"
            stack.api(f"/bot{TOKEN}/setWebhook", {"url": url, "secret_token": "s"})
            delivery = self.bot.take()
            self.assertEqual(0, stack.sandbox.end())
            delivery.answer()
            os.remove(stack.sandbox.log)
            stack.start_sandbox()
            again = self.bot.take()
            self.assertEqual(("/start", "s"), (again.text, again.headers["X-Telegram-Bot-Api-Secret-Token"]))
            again.answer()


class DeliveryTest(WebhookCase):
    def test_a_request_looks_as_telegrams(self):
        self.set_webhook("/path?a=b", secret_token="S3cret_-")
        self.stack.send(ALICE, "hello")
        delivery = self.bot.take()
        delivery.answer()
        self.assertEqual("/path?a=b", delivery.path)
        self.assertEqual("hello", delivery.text)
        self.assertEqual({"update_id", "message"}, set(delivery.update))
        headers = delivery.headers
        self.assertEqual(("application/json", "S3cret_-", "gzip, deflate"),
                         (headers["Content-Type"], headers["X-Telegram-Bot-Api-Secret-Token"],
                          headers["Accept-Encoding"]))
        self.assertIsNone(headers["Authorization"])
        until(lambda: self.pending() == 0, "it counts as delivered")
        self.assertNotIn("last_error_message", self.info())

    def test_what_was_pending_comes_first(self):
        self.bot.is_patient = False
        for number in range(5):
            self.stack.send(ALICE, str(number))
        self.set_webhook()
        self.assertEqual(["0", "1", "2", "3", "4"], [self.bot.take().text for _ in range(5)])

    def test_a_user_in_the_address_is_basic_authorization(self):
        url = self.bot.url.replace("://", "://user:p%40ss@")
        self.assertTrue(self.call("setWebhook", url=url)["ok"])
        self.stack.send(ALICE, "x")
        delivery = self.bot.take()
        delivery.answer()
        self.assertEqual("Basic " + base64.b64encode(b"user:p@ss").decode(), delivery.headers["Authorization"])

    def test_an_address_can_be_fixed(self):
        port = self.bot.server.server_port
        self.assertTrue(self.call("setWebhook", url=f"http://bot.invalid:{port}/x", ip_address="127.0.0.1")["ok"])
        self.assertEqual("127.0.0.1", self.info()["ip_address"])
        self.stack.send(ALICE, "x")
        delivery = self.bot.take()
        delivery.answer()
        self.assertEqual((f"bot.invalid:{port}", "/x"), (delivery.headers["Host"], delivery.path))

    def test_one_queue_is_delivered_in_order_and_others_beside_it(self):
        self.set_webhook()
        self.stack.send(ALICE, "a1")
        first = self.bot.take()
        self.stack.send(ALICE, "a2")
        self.stack.send(BORIS, "b1")
        other = self.bot.take()
        self.assertEqual(("a1", "b1"), (first.text, other.text))
        self.stack.press(ALICE, self.say(reply_markup=KEYBOARD)["message_id"], data="a")
        press = self.bot.take()
        self.assertIn("callback_query", press.update)
        self.assertTrue(self.bot.is_quiet())
        first.answer()
        second = self.bot.take()
        self.assertEqual("a2", second.text)
        for delivery in (other, press, second):
            delivery.answer()
        until(lambda: self.pending() == 0, "all are delivered")

    def test_no_more_connections_than_wanted(self):
        users = [self.stack.user(f"U{number}") for number in range(6)]
        self.set_webhook(max_connections=2)
        for user in users:
            self.stack.send(user, "x")
        seen = [self.bot.take(), self.bot.take()]
        for _ in users[2:]:
            self.assertTrue(self.bot.is_quiet())
            seen.pop(0).answer()
            seen.append(self.bot.take())
        for delivery in seen:
            delivery.answer()

    def test_a_failure_is_tried_at_once_and_then_ever_later(self):
        self.set_webhook()
        self.stack.send(ALICE, "again")
        self.bot.take().answer(500)
        self.bot.take().answer(503)
        info = until(lambda: "503" in self.info().get("last_error_message", "") and self.info(), "the failure is noted")
        self.assertEqual("Wrong response from the webhook: 503 Service Unavailable", info["last_error_message"])
        self.assertLess(abs(info["last_error_date"] - self.stack.api("/sandbox/clock")["now"]), 30)
        self.assertEqual(1, info["pending_update_count"])
        for pause in (2, 4, 8, 16, 32):
            self.take_after(pause).answer(500)
            self.settled(500)
        self.advance(121)
        self.bot.take().answer(200)
        until(lambda: self.pending() == 0, "it is delivered")

    def settled(self, status):
        """The failure has been noted, and the pause runs."""
        before = self.stack.api("/sandbox/clock")["now"] - 1  # it may have been noted a moment ago
        until(lambda: self.info().get("last_error_date", 0) >= before and
              str(status) in self.info()["last_error_message"], "the failure is noted")

    def test_retry_after_is_obeyed_within_an_hour(self):
        self.set_webhook()
        self.stack.send(ALICE, "later")
        self.bot.take().answer(429, Retry_After="100")
        self.settled(429)
        self.take_after(100).answer(503, Retry_After="99999")
        self.settled(503)
        self.take_after(3600).answer()

    def test_an_update_is_given_up_with_its_time(self):
        self.set_webhook()
        self.stack.press(ALICE, self.say(reply_markup=KEYBOARD)["message_id"], data="a")
        self.bot.take().answer(503, Retry_After="140")
        self.settled(503)
        self.advance(140)
        self.bot.take().answer(503, Retry_After="20")
        until(lambda: self.pending() == 0, "the press is given up")
        self.stack.press(ALICE, self.say(reply_markup=KEYBOARD)["message_id"], data="a")
        self.bot.take().answer()

    def test_what_expires_behind_a_slow_one_is_not_sent(self):
        self.set_webhook()
        sent = self.say(reply_markup=KEYBOARD)["message_id"]
        self.stack.press(ALICE, sent, data="first")
        slow = self.bot.take()
        self.stack.press(ALICE, sent, data="second")
        self.advance(50)
        slow.answer(503, Retry_After="90")
        self.settled(503)
        self.advance(90)
        again = self.bot.take()
        self.advance(20)
        self.stack.press(ALICE, sent, data="third")
        again.answer()
        last = self.bot.take()
        self.assertEqual("third", last.update["callback_query"]["data"])
        last.answer()

    def test_no_answer_within_a_minute_is_a_failure(self):
        self.set_webhook()
        self.stack.send(ALICE, "slow")
        first = self.bot.take()
        self.take_after(60).answer()
        first.answer()
        until(lambda: self.pending() == 0, "it is delivered")
        self.assertEqual("Read timeout expired", self.info()["last_error_message"])

    def test_where_nobody_listens(self):
        port = free_port()
        self.assertTrue(self.call("setWebhook", url=f"http://127.0.0.1:{port}/")["ok"])
        self.stack.send(ALICE, "x")
        until(lambda: self.info().get("last_error_message") == "Connection refused", "the failure is noted")

    def test_only_2xx_is_good(self):
        self.set_webhook()
        self.stack.send(ALICE, "x")
        self.bot.take().answer(302, Location=self.bot.url)
        self.assertEqual("x", self.bot.take().text)
        self.settled(302)
        self.assertEqual("Wrong response from the webhook: 302 Found", self.info()["last_error_message"])

    def test_any_2xx_is_good(self):
        self.set_webhook()
        for status in (200, 201, 202, 204):
            self.stack.send(ALICE, str(status))
            delivery = self.bot.take()
            self.assertEqual(str(status), delivery.text)
            delivery.answer(status)
        until(lambda: self.pending() == 0, "all are delivered")

    def test_gone_for_a_day_closes_it(self):
        self.set_webhook()
        self.stack.send(ALICE, "x")
        self.bot.take().answer(410)
        self.bot.take().answer(410, Retry_After="3600")
        for _ in range(22):
            self.settled(410)
            self.advance(3600)
            self.bot.take().answer(410, Retry_After="3600")
        self.settled(410)
        self.assertTrue(self.info()["url"])
        self.advance(3601)
        self.bot.take().answer(410)
        until(lambda: not self.info()["url"], "the webhook is closed")
        self.assertEqual(["x"], self.texts(self.updates()))

    def test_another_webhook_takes_over(self):
        self.set_webhook("/old")
        self.stack.send(ALICE, "x")
        old = self.bot.take()
        self.set_webhook("/new")
        new = self.bot.take()
        self.assertEqual(("/new", "x"), (new.path, new.text))
        new.answer()
        old.answer(500)
        until(lambda: self.pending() == 0, "it is delivered")
        self.assertNotIn("last_error_message", self.info())

    def test_many_updates_are_fast(self):
        self.bot.is_patient = False
        updates = [{"message": {"message_id": 1, "date": 1, "text": str(number), "chat": {"id": number % 500 + 1},
                                "from": {"id": 1}}} for number in range(20000)]
        self.act("replay", updates=updates, keep_ids=True)
        started = time.monotonic()
        self.set_webhook(max_connections=100)
        self.assertLess(time.monotonic() - started, 5)
        last = {}
        for _ in range(1000):
            message = self.bot.take().update["message"]
            number, chat = int(message["text"]), message["chat"]["id"]
            self.assertEqual(last.get(chat, chat - 501) + 500, number)
            last[chat] = number
        started = time.monotonic()
        self.stack.send(BORIS, "one more")
        self.call("setWebhook", url="", drop_pending_updates=True)
        self.assertLess(time.monotonic() - started, 5)


class ResponseTest(WebhookCase):
    def setUp(self):
        super().setUp()
        self.set_webhook()

    def reply(self, content, content_type):
        self.stack.send(ALICE, "ask")
        self.bot.take().answer(200, content, Content_Type=content_type)

    def test_a_method_in_the_answer_is_run(self):
        call = {"method": "sendMessage", "chat_id": ALICE, "text": "by JSON", "reply_markup": KEYBOARD}
        self.reply(json.dumps(call).encode(), "application/json")
        self.assertEqual("a", self.stack.wait_message(ALICE, "by JSON")["reply_markup"]["inline_keyboard"][0][0]
                         ["callback_data"])
        form = urllib.parse.urlencode({"method": "sendmessage", "chat_id": ALICE, "text": "by form"}).encode()
        self.reply(form, "application/x-www-form-urlencoded")
        self.stack.wait_message(ALICE, "by form")
        parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in
                        {"method": "sendDocument", "chat_id": ALICE, "caption": "by parts"}.items())
        parts += '--b\r\nContent-Disposition: form-data; name="document"; filename="a.txt"\r\n\r\nbytes\r\n--b--\r\n'
        self.reply(parts.encode(), "multipart/form-data; boundary=b")
        document = self.stack.wait_message(ALICE, "by parts")["document"]
        self.assertEqual(b"bytes", self.stack.api(f"/sandbox/files/{document['file_id']}"))
        self.assertEqual([200, 200], [request["status"] for request in self.stack.requests("sendMessage")[-2:]])

    def test_some_methods_are_not(self):
        for method in ("getMe", "GETUpdates", "setWebhook", "deletewebhook", "close", "logOut"):
            before = self.stack.newest_request()
            self.reply(json.dumps({"method": method, "url": ""}).encode(), "application/json")
            self.reply(json.dumps({"method": "sendChatAction", "chat_id": ALICE, "action": "typing"}).encode(),
                       "application/json")
            self.stack.wait_request("sendChatAction", after=before)
            self.assertEqual(["sendChatAction"], [request["method"] for request in self.stack.requests(after=before)])

    def test_other_answers_mean_nothing(self):
        for content, kind in ((b"ok", "text/plain"), (b"{", "application/json"), (b"[]", "application/json"),
                              (b'{"method": 5}', "application/json")):
            self.reply(content, kind)
        until(lambda: self.pending() == 0, "all are delivered")


class WebhookFaultTest(WebhookCase):
    def setUp(self):
        super().setUp()
        self.set_webhook()

    def test_a_delivery_can_be_lost(self):
        self.act("faults", fault="lost_webhook")
        self.stack.send(ALICE, "lost")
        self.stack.send(ALICE, "found")
        delivery = self.bot.take()
        self.assertEqual("found", delivery.text)
        delivery.answer()
        self.assertEqual([], self.faults())

    def test_an_answer_can_be_cut(self):
        self.act("faults", fault="cut_webhook")
        self.stack.send(ALICE, "twice")
        self.bot.take().answer()
        again = self.bot.take()
        self.assertEqual("twice", again.text)
        again.answer()
        until(lambda: self.pending() == 0, "it is delivered")
        self.assertEqual("Connection closed", self.info()["last_error_message"])

    def test_an_update_can_come_twice(self):
        self.act("faults", fault="duplicate")
        self.stack.send(ALICE, "twice")
        first = self.bot.take()
        first.answer()
        second = self.bot.take()
        self.assertEqual(first.update, second.update)
        second.answer()
        until(lambda: self.pending() == 0, "it is delivered")
        self.assertTrue(self.bot.is_quiet())

    def test_order_can_change_between_queues(self):
        self.bot.is_patient = False
        self.act("faults", fault="reorder", count=3)
        for user, text in ((ALICE, "a1"), (ALICE, "a2"), (BORIS, "b1")):
            self.stack.send(user, text)
        texts = [self.bot.take().text for _ in range(3)]
        self.assertLess(texts.index("a1"), texts.index("a2"))


class PollFaultTest(Wire):
    def test_an_update_can_come_twice(self):
        self.act("faults", fault="duplicate")
        self.stack.send(ALICE, "twice")
        first = self.updates()
        offset = first[0]["update_id"] + 1
        self.assertEqual(first, self.updates(offset=offset))
        self.assertEqual([], self.updates(offset=offset))
        self.assertEqual([], self.faults())

    def test_a_second_poller_seems_to_be_there(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            poll = pool.submit(self.refusal, "getUpdates", offset=self.next_update, timeout=50)
            self.poll_waits()
            self.act("faults", fault="conflict", count=2)
            self.assertEqual(OTHER, poll.result(30))
            late = pool.submit(self.refusal, "getUpdates", offset=self.next_update, timeout=50)
            until(lambda: not self.faults(), "the second conflict is on its way")
            self.advance(3)
            self.assertEqual(OTHER, late.result(30))
        self.stack.send(ALICE, "in the end")
        self.assertEqual(["in the end"], self.texts(self.updates(timeout=50)))


class LeavingTest(Wire):
    def test_a_bot_that_logged_out_is_not_known_for_ten_minutes(self):
        self.stack.send(ALICE, "lost")
        self.assertTrue(self.result("logOut"))
        self.assertEqual((400, "Logged out"), self.refusal("getMe"))
        self.advance(600)
        self.assertEqual([], self.updates())

    def test_closing_is_refused_in_the_first_ten_minutes(self):
        answer = self.call("close")
        self.assertEqual(429, answer["error_code"])
        self.advance(answer["parameters"]["retry_after"])
        self.assertTrue(self.result("close"))
        self.assertGreater(self.call("close")["parameters"]["retry_after"], 590)
        self.result("getMe")


if __name__ == "__main__":
    unittest.main()
