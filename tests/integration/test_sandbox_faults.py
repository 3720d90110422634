"""The sandbox's faults and limits: what can be ordered to go wrong, and what is too much."""
import concurrent.futures
import http.client
import json
import unittest
import urllib.error

from stack import ApiError, Stack, until
from wire import ALICE, BORIS, TOKEN, Wire

CUT = (urllib.error.URLError, http.client.HTTPException, ConnectionError)


class OrdersTest(Wire):
    def refused(self, **order):
        with self.assertRaises(ApiError) as caught:
            self.act("faults", **order)
        self.assertEqual(400, caught.exception.status)
        return json.loads(caught.exception.body)["error"]

    def test_orders_are_listed_with_what_is_left_of_them(self):
        first = self.act("faults", method="sendMessage", count=2, http=502)["id"]
        second = self.act("faults", fault="flood", chat_id=ALICE, seconds=30)["id"]
        third = self.act("faults", method="*", probability=0.001, html=True)["id"]
        self.assertEqual(502, self.refusal_of_nothing("sendMessage"))
        orders = self.faults()
        self.assertEqual([first, second, third], [order["id"] for order in orders])
        self.assertEqual({"id": first, "method": "sendMessage", "count": 2, "http": 502, "left": 1,
                          "seconds_left": None}, orders[0])
        self.assertIsNone(orders[1]["left"])
        self.assertTrue(25 < orders[1]["seconds_left"] <= 30)
        self.assertEqual((None, None), (orders[2]["left"], orders[2]["seconds_left"]))
        self.assertEqual(1, self.stack.state()["faults"], "those that wait for a number of calls")
        self.advance(10)
        self.assertTrue(15 < self.faults()[1]["seconds_left"] <= 20)
        self.advance(20)
        self.assertEqual([first, third], [order["id"] for order in until(
            lambda: len(self.faults()) == 2 and self.faults(), "the flood is over")])

    def refusal_of_nothing(self, method):
        return self.fetch(f"/bot{TOKEN}/{method}")[0]

    def test_orders_can_be_taken_back(self):
        first = self.act("faults", method="getMe", http=502)["id"]
        self.act("faults", method="getMe", http=503)
        self.delete(f"/sandbox/faults?id={first}")
        self.assertEqual(503, self.refusal_of_nothing("getMe"))
        self.act("faults", method="getMe", http=503)
        self.delete("/sandbox/faults")
        self.assertEqual([], self.faults())
        self.assertEqual(200, self.refusal_of_nothing("getMe"))
        self.assertEqual(404, self.delete("/sandbox/faults?id=77", status=404))

    def test_who_watches_is_told(self):
        after = self.stack.revision()
        self.act("faults", method="getMe", http=502)
        event = self.stack.wait_event(after=after, type="faults")
        self.refusal_of_nothing("getMe")
        self.stack.wait_event(after=event["revision"], type="faults")

    def test_what_is_wrong_with_an_order_is_said(self):
        self.assertIn("fault must be", self.refused(fault="earthquake"))
        self.assertIn("method is missing", self.refused(http=500))
        self.assertIn("seconds is missing", self.refused(fault="flood"))
        self.assertIn("user_id is missing", self.refused(fault="block"))
        self.assertIn("chat_id is not known for call", self.refused(method="getMe", chat_id=5))
        self.assertIn("colour", self.refused(method="getMe", colour="red"))
        self.assertIn("from 200 to 599", self.refused(method="getMe", http=42))
        self.assertIn("probability", self.refused(method="getMe", probability=2))
        self.assertIn("no such user", self.refused(fault="block", user_id=5))
        for order in ({"method": "getMe", "count": 0}, {"method": "getMe", "count": 1.5},
                      {"fault": "flood", "seconds": 0}, {"method": "getMe", "truncate": 1}, {"fault": 5}):
            with self.subTest(order=order):
                self.refused(**order)
        self.assertEqual([], self.faults())


class CallsTest(Wire):
    def test_a_connection_can_be_reset(self):
        self.act("faults", method="getMe", reset=True)
        with self.assertRaises(ConnectionResetError):
            self.raw("getMe").getresponse()
        self.act("faults", method="getMe", drop=True)
        with self.assertRaises(http.client.RemoteDisconnected) as caught:
            self.raw("getMe").getresponse()
        self.assertNotIsInstance(caught.exception.__cause__, ConnectionResetError)

    def raw(self, method):
        connection = http.client.HTTPConnection(self.stack.url.removeprefix("http://"))
        self.addCleanup(connection.close)
        connection.request("GET", f"/bot{TOKEN}/{method}")
        return connection

    def download(self, content=b"0123456789" * 1000):
        document = self.stack.upload(ALICE, content, kind="document")["document"]
        path = self.result("getFile", file_id=document["file_id"])["file_path"]
        return self.fetch(f"/file/bot{TOKEN}/{path}")

    def test_a_download_can_be_cut_short(self):
        self.act("faults", method="file", truncate=True)
        with self.assertRaises(http.client.IncompleteRead) as caught:
            self.download()
        self.assertEqual(5000, len(caught.exception.partial))
        self.assertEqual(b"0123456789" * 1000, self.download()[2])

    def test_a_download_can_be_slow(self):
        self.act("faults", method="file", bytes_per_second=10)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            download = pool.submit(self.download, b"x" * 5)
            until(lambda: not self.faults(), "the download begins")
            while not download.done():
                self.advance(1)
            self.assertEqual(b"x" * 5, download.result()[2])

    def test_an_answer_can_be_cut_short(self):
        self.act("faults", method="sendMessage", truncate=True)
        with self.assertRaises(http.client.IncompleteRead):
            self.call("sendMessage", chat_id=ALICE, text="x")
        self.assertEqual(1, len(self.stack.bot_messages(ALICE)))

    def test_an_outage_ends_with_its_time(self):
        self.act("faults", method="*", html=True, seconds=60)
        for _ in range(3):
            status, headers, body = self.fetch(f"/bot{TOKEN}/getMe")
            self.assertEqual((502, "text/html"), (status, headers["Content-Type"]))
            self.assertIn(b"Bad Gateway", body)
        self.advance(60)
        until(lambda: self.fetch(f"/bot{TOKEN}/getMe")[0] == 200, "the outage is over")

    def test_chance_is_the_same_for_the_same_seed(self):
        def calls(seed):
            fault = self.act("faults", method="getMe", http=500, probability=0.5, seed=seed)["id"]
            statuses = [self.fetch(f"/bot{TOKEN}/getMe")[0] for _ in range(40)]
            self.delete(f"/sandbox/faults?id={fault}")
            return statuses

        first = calls(1)
        self.assertEqual(first, calls(1))
        self.assertNotEqual(first, calls(2))
        self.assertTrue(5 < first.count(500) < 35, first)

    def test_chance_and_count_together(self):
        self.act("faults", method="getMe", http=500, probability=0.5, seed=1, count=3)
        self.assertEqual(3, [self.fetch(f"/bot{TOKEN}/getMe")[0] for _ in range(60)].count(500))


    def test_chaos_is_a_bit_of_everything_and_the_same_again(self):
        def run(count):
            fault = self.act("faults", fault="chaos", probability=0.8, seed=3)["id"]
            seen = []
            for _ in range(count):
                try:
                    status, headers, _ = self.fetch(f"/bot{TOKEN}/getMe")
                    seen.append((status, headers["Content-Type"]))
                except CUT as error:
                    seen.append(type(getattr(error, "reason", error)).__name__)
            self.delete(f"/sandbox/faults?id={fault}")
            return seen

        seen = run(100)
        self.assertEqual(seen[:20], run(20))
        for kind in ((200, "application/json"), (429, "application/json"), (500, "application/json"),
                     (502, "text/html"), (504, "text/html"), "ConnectionResetError", "IncompleteRead"):
            self.assertIn(kind, seen)


class FloodFaultTest(Wire):
    def test_one_chat_is_refused_for_its_seconds(self):
        self.stack.send(BORIS, "/start")
        self.act("faults", fault="flood", chat_id=ALICE, seconds=70)
        answer = self.call("sendMessage", chat_id=ALICE, text="x")
        seconds = answer["parameters"]["retry_after"]
        self.assertTrue(65 < seconds <= 70)
        self.assertEqual({"ok": False, "error_code": 429, "description": f"Too Many Requests: retry after {seconds}",
                          "parameters": {"retry_after": seconds}}, answer)
        self.assertEqual(429, self.call("sendChatAction", chat_id=ALICE, action="typing")["error_code"])
        self.say(chat_id=BORIS)
        self.advance(50)
        self.assertLessEqual(self.call("sendMessage", chat_id=ALICE, text="x")["parameters"]["retry_after"], 20)
        self.advance(20)
        until(lambda: not self.faults(), "the flood is over")
        self.say()

    def test_the_header_says_it_too(self):
        self.act("faults", fault="flood", seconds=30)
        status, headers, _ = self.fetch(f"/bot{TOKEN}/sendMessage?chat_id={ALICE}&text=x")
        self.assertEqual(429, status)
        self.assertTrue(25 < int(headers["Retry-After"]) <= 30)

    def test_everything_is_refused_but_receiving(self):
        self.act("faults", fault="flood", seconds=70)
        self.assertEqual(429, self.call("sendMessage", chat_id=ALICE, text="x")["error_code"])
        self.assertEqual(429, self.call("getMyCommands")["error_code"])
        self.stack.send(ALICE, "hello")
        self.assertEqual(["hello"], self.texts(self.updates()))


class BlockTest(Wire):
    def test_a_user_blocks_the_bot_until_the_fault_is_cleared(self):
        fault = self.act("faults", fault="block", user_id=ALICE)["id"]
        self.assertEqual((403, "Forbidden: bot was blocked by the user"),
                         self.refusal("sendMessage", chat_id=ALICE, text="x"))
        update = self.updates()[-1]
        self.assertEqual("kicked", update["my_chat_member"]["new_chat_member"]["status"])
        self.delete(f"/sandbox/faults?id={fault}")
        self.say()
        self.assertEqual("member", self.updates(offset=update["update_id"] + 1)[-1]["my_chat_member"]
                         ["new_chat_member"]["status"])


class LimitsTest(Wire):
    def setUp(self):
        super().setUp()
        self.act("limits", enabled=True)

    def burst(self, count, chat_id=ALICE, **params):
        """How many of these messages pass, and the retry_after of the others."""
        answers = [self.call("sendMessage", chat_id=chat_id, text="x", **params) for _ in range(count)]
        return (sum(answer["ok"] for answer in answers),
                [answer["parameters"]["retry_after"] for answer in answers if not answer["ok"]])

    def group(self):
        chat = self.act("chats", user_id=ALICE, type="group", title="G")
        return chat["id"]

    def test_they_are_off_unless_wanted(self):
        self.act("reset")
        self.stack.send(ALICE, "/start")
        limits = self.stack.api("/sandbox/limits")
        self.assertEqual({"enabled": False, "chat_per_second": 1, "chat_burst": 6, "group_per_minute": 20,
                          "global_per_second": 30, "paid_per_second": 1000}, limits)
        self.assertEqual((100, []), self.burst(100))

    def test_they_can_be_changed(self):
        after = self.stack.revision()
        self.assertEqual(2, self.act("limits", chat_burst=2)["chat_burst"])
        self.stack.wait_event(after=after, type="limits")
        self.assertEqual(2, self.burst(3)[0])
        for wrong in ({"enabled": 1}, {"chat_burst": 0}, {"chat_burst": 1.5}, {"speed": 1},
                      {"chat_per_second": -1}, {"group_per_minute": "20"}):
            with self.subTest(wrong=wrong), self.assertRaises(ApiError):
                self.act("limits", **wrong)

    def test_a_private_chat_takes_a_burst_and_then_its_rate(self):
        self.act("limits", chat_per_second=0.02)
        passed, refused = self.burst(8)
        self.assertEqual(6, passed)
        self.assertTrue(all(45 <= seconds <= 50 for seconds in refused), refused)
        self.advance(50)
        self.assertEqual(1, self.burst(2)[0])
        self.advance(600)
        self.assertEqual(6, self.burst(7)[0])

    def test_asking_again_does_not_shorten_the_wait(self):
        self.act("limits", chat_per_second=0.02)
        self.assertEqual(6, self.burst(7)[0])
        self.advance(25)
        passed, refused = self.burst(3)
        self.assertEqual(0, passed)
        self.assertTrue(all(20 <= seconds <= 25 for seconds in refused), refused)
        self.advance(25)
        self.assertEqual(1, self.burst(1)[0])

    def test_a_group_takes_twenty_in_a_minute(self):
        group = self.group()
        passed, refused = self.burst(22, group)
        self.assertEqual(20, passed)
        self.assertTrue(all(55 <= seconds <= 60 for seconds in refused), refused)
        self.advance(50)
        self.assertEqual(0, self.burst(1, group)[0])
        self.advance(10)
        self.assertEqual(20, self.burst(21, group)[0])

    def test_edits_count(self):
        self.act("limits", chat_burst=3, chat_per_second=0.01)
        sent = self.say()["message_id"]
        for number in range(2):
            self.result("editMessageText", chat_id=ALICE, message_id=sent, text=str(number))
        self.assertEqual(429, self.refusal("editMessageText", chat_id=ALICE, message_id=sent, text="more")[0])
        self.result("sendChatAction", chat_id=ALICE, action="typing")
        self.result("deleteMessage", chat_id=ALICE, message_id=sent)

    def test_each_of_an_album_counts(self):
        file_id = self.stack.upload(ALICE, b"x", kind="document")["document"]["file_id"]
        album = [{"type": "document", "media": file_id}] * 4
        self.act("limits", chat_burst=6, chat_per_second=0.02)
        self.result("sendMediaGroup", chat_id=ALICE, media=album)
        answer = self.call("sendMediaGroup", chat_id=ALICE, media=album)
        self.assertTrue(90 <= answer["parameters"]["retry_after"] <= 100, answer)
        copied = self.call("copyMessages", chat_id=ALICE, from_chat_id=ALICE, message_ids=[1, 2, 3])
        self.assertEqual(429, copied["error_code"])

    def test_all_chats_together(self):
        users = [self.stack.user(f"U{number}") for number in range(40)]
        for user in users:
            self.stack.send(user, "/start")
        answers = [self.call("sendMessage", chat_id=user, text="x")["ok"] for user in users]
        self.assertGreaterEqual(answers.count(True), 33)
        self.act("limits", global_per_second=0.2, chat_per_second=100)
        answers = [self.call("sendMessage", chat_id=user, text="x")["ok"] for user in users[:10]]
        self.assertEqual(1, answers.count(True))
        self.advance(5)
        self.say(chat_id=users[20])

    def test_more_is_paid_for_with_stars(self):
        users = [self.stack.user(f"U{number}") for number in range(30)]
        for user in users:
            self.stack.send(user, "/start")

        def broadcast():
            return [self.call("sendMessage", chat_id=user, text="x", allow_paid_broadcast=True)["ok"]
                    for user in users].count(True)

        self.act("limits", global_per_second=0.1, chat_per_second=100)
        self.assertEqual((400, "Bad Request: FLOODSKIP_NOT_ALLOWED"),
                         self.refusal("sendMessage", chat_id=users[0], text="x", allow_paid_broadcast=True))
        self.earn(100)
        self.act("limits", global_per_second=0.1)
        self.assertEqual(30, broadcast())
        self.assertEqual(98, self.result("getMyStarBalance")["amount"])
        spent = self.result("getStarTransactions")["transactions"][-1]
        self.assertEqual("telegram_api", spent["receiver"]["type"])

    def earn(self, stars):
        link = self.result("createInvoiceLink", title="T", description="D", payload="p", currency="XTR",
                           provider_token="", prices=[{"label": "L", "amount": stars}])
        slug = link.rpartition("/$")[2]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            paying = pool.submit(self.act, "pay", user_id=ALICE, slug=slug)
            query = until(lambda: [query for entry in self.stack.api("/sandbox/updates")["updates"]
                                   if (query := entry["update"].get("pre_checkout_query"))], "the question comes")[-1]
            self.result("answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=True)
            self.assertEqual("paid", paying.result(30)["status"])


class ProgramTest(unittest.TestCase):
    def test_the_program_can_start_with_limits(self):
        with Stack(host=False, sandbox_arguments=["--flood-limits"]) as stack:
            self.assertTrue(stack.api("/sandbox/limits")["enabled"])
            stack.api("/sandbox/limits", {"enabled": False})
            stack.api("/sandbox/reset", {})
            self.assertTrue(stack.api("/sandbox/limits")["enabled"])


if __name__ == "__main__":
    unittest.main()
