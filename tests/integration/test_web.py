"""The host's HTTP server: health, webhooks of plugins, and updates that somebody delivers."""
import contextlib
import http.client
import json
import os
import random
import threading
import time
import unittest

from stack import BUILD, Stack, until

HOOKS = "[hooks]\npath = " + os.path.join(BUILD, "tests/plugins/hooks/hooks.so") + "\ntoken = open-sesame\n"
PROBE = "[probe]\npath = " + os.path.join(BUILD, "tests/plugins/probe/probe.so") + "\n"
SECRET = "s3cret_-"


def ask(stack, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection(stack.listen, timeout=60)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def status(*arguments, **more):
    return ask(*arguments, **more)[0].status


class Hooks(unittest.TestCase):
    def test_health(self):
        with Stack() as stack:
            self.assertEqual(ask(stack, "GET", "/healthz")[1], "ok\n")
            for path in ("/", "/healthz/x", "/telegram/", "/telegram/x", "/hooks/", "/hooks/home", "/hooks/home/x"):
                self.assertEqual(status(stack, "GET", path), 404, path)

    def test_webhooks_of_a_plugin(self):
        with Stack(plugins_ini=HOOKS) as stack:
            self.assertEqual(ask(stack, "GET", "/hooks/hooks/echo?name=a%20%26b", headers={"X-Color": "red"})[1],
                             "GET name=a &b color=red 0 bytes: ")
            for name in ("%zz", "%00", "%ff"):
                self.assertTrue(ask(stack, "GET", "/hooks/hooks/echo?name=" + name)[1].startswith("GET name=- "), name)
            self.assertEqual(ask(stack, "POST", "/hooks/hooks/echo", "{}")[1], "POST name=- color=- 2 bytes: {}")
            answer, text = ask(stack, "GET", "/hooks/hooks/url")
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (201, "application/json"))
            self.assertEqual(json.loads(text), {"url": f"http://{stack.listen}/hooks/hooks/echo"})
            self.assertEqual(status(stack, "PUT", "/hooks/hooks/echo", "x"), 405)
            self.assertEqual(status(stack, "GET", "/hooks/hooks/nothing"), 404)
            self.assertEqual(status(stack, "GET", "/hooks/hooks/pass"), 404)
            self.assertEqual(status(stack, "POST", "/hooks/hooks/fail", "x"), 500)
            self.assertEqual(status(stack, "POST", "/hooks/hooks/reply", "x"), 500)
            self.assertEqual(ask(stack, "GET", "/hooks/hooks/twice")[1], "first")
            for text in (b"as it was told to", b"has been answered already"):
                until(lambda wanted=text: wanted in stack.host.output(), f"the log says {text}")

    def test_what_it_keeps_is_kept_once(self):
        with Stack(plugins_ini=HOOKS) as stack:
            for _ in range(3):
                self.assertEqual(status(stack, "POST", "/hooks/hooks/keep", "id 1"), 204)
            self.assertEqual(status(stack, "POST", "/hooks/hooks/keep", "longer than ten bytes"), 413)
            stack.kill_host()
            self.assertEqual(stack.sql("SELECT id FROM hooks_kept"), [("id 1",)])
            stack.start_host()

    def test_a_token(self):
        with Stack(plugins_ini=HOOKS) as stack:
            for value in (None, "", "open-sesame", "Bearer", "Bearer ", "Bearer open-sesam", "Bearer open-sesamee",
                          "Basic open-sesame", "Bearer Open-sesame"):
                headers = {} if value is None else {"Authorization": value}
                self.assertEqual(status(stack, "POST", "/hooks/hooks/guarded", "x", headers), 401, value)
            for value in ("Bearer open-sesame", "bearer open-sesame"):
                self.assertEqual(status(stack, "POST", "/hooks/hooks/guarded", "x", {"Authorization": value}), 200)
        with Stack(plugins_ini=HOOKS.replace("open-sesame", "")) as stack:
            self.assertEqual(status(stack, "POST", "/hooks/hooks/guarded", "x", {"Authorization": "Bearer "}), 401)

    def test_a_body_that_is_streamed(self):
        with Stack(plugins_ini=HOOKS) as stack:
            token = {"Authorization": "Bearer open-sesame"}
            for size in (0, 5, 3_000_000, 20 << 20):
                self.assertEqual(ask(stack, "POST", "/hooks/hooks/count", bytes(size), token)[1], str(size))
            chunks = (bytes(1000) for _ in range(50))
            self.assertEqual(ask(stack, "POST", "/hooks/hooks/count", chunks, token)[1], "50000")
            self.assertEqual(status(stack, "POST", "/hooks/hooks/count", bytes((20 << 20) + 1), token), 413)
            with contextlib.closing(http.client.HTTPConnection(stack.listen, timeout=60)) as connection:
                connection.putrequest("POST", "/hooks/hooks/count")  # who has no token is refused before the body
                connection.putheader("Content-Length", "1000000")
                connection.endheaders()
                self.assertEqual(connection.getresponse().status, 401)

    def test_stopping_does_not_wait_for_slow_ones(self):
        with Stack(plugins_ini=HOOKS) as stack:
            connection = http.client.HTTPConnection(stack.listen, timeout=60)
            connection.request("GET", "/hooks/hooks/slow")
            self.assertEqual(status(stack, "GET", "/healthz"), 200)
            stack.stop_host()
            self.assertEqual(connection.getresponse().status, 503)


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack(plugins_ini=HOOKS, env={"BLOB_URL": "file:files"}))
        cls.content = random.Random(1).randbytes(3_000_001)

    def publish(self, name="a/b.jpg", ttl=60, content=None):
        """The path and query of its URL."""
        content = self.content if content is None else content
        url = ask(self.stack, "POST", f"/hooks/hooks/publish?name={name}&ttl={ttl}", content)[1]
        self.assertTrue(url.startswith(f"http://{self.stack.listen}/files/hooks/"), url)
        return url.removeprefix("http://" + self.stack.listen)

    def get(self, path, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(http.client.HTTPConnection(self.stack.listen, timeout=60)) as connection:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer, answer.read()

    def test_the_whole_file(self):
        path = self.publish()
        answer, body = self.get(path)
        self.assertEqual((answer.status, body), (200, self.content))
        self.assertEqual(answer.headers["Content-Type"], "image/jpeg")
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        head, nothing = self.get(path, "HEAD")
        self.assertEqual((head.status, nothing, head.headers["Content-Length"]), (200, b"", str(len(self.content))))
        self.assertEqual(self.get(self.publish("page.html"))[0].headers["Content-Type"], "application/octet-stream")
        self.assertEqual(self.get(self.publish("empty", content=b""))[1], b"")

    def test_ranges(self):
        path, size = self.publish(), len(self.content)
        for text, start, end in (("bytes=0-0", 0, 1), ("bytes=5-9", 5, 10), (f"bytes={size - 1}-", size - 1, size),
                                 ("bytes=-10", size - 10, size), (f"bytes=-{size * 2}", 0, size),
                                 (f"bytes=100-{size * 9}", 100, size)):
            answer, body = self.get(path, Range=text)
            self.assertEqual((answer.status, body), (206, self.content[start:end]), text)
            self.assertEqual(answer.headers["Content-Range"], f"bytes {start}-{end - 1}/{size}")
        for text in (f"bytes={size}-", f"bytes={size}-{size + 5}", "bytes=-0"):
            answer, _ = self.get(path, Range=text)
            self.assertEqual((answer.status, answer.headers["Content-Range"]), (416, f"bytes */{size}"), text)
        for text in ("bytes=0-1,5-6", "lines=0-1", "bytes=", "bytes=x-1", "bytes=9-5", "bytes=1", "bytes=--5",
                     "bytes=1-2x", "bytes=+1-2", "bytes= 1-2", "bytes=99999999999999999999999-"):
            self.assertEqual(self.get(path, Range=text)[1], self.content, text)

    def test_conditions(self):
        path = self.publish("c.png")
        answer, _ = self.get(path)
        etag, date = answer.headers["ETag"], answer.headers["Last-Modified"]
        self.assertEqual(self.get(path, If_None_Match=etag)[0].status, 304)
        self.assertEqual(self.get(path, If_None_Match=f'"x", {etag}')[0].status, 304)
        self.assertEqual(self.get(path, If_None_Match="*")[0].status, 304)
        self.assertEqual(self.get(path, If_Modified_Since=date)[0].status, 304)
        self.assertEqual(self.get(path, If_None_Match='"x"', If_Modified_Since=date)[0].status, 200)
        self.assertEqual(self.get(path, Range="bytes=0-9", If_Range=etag)[0].status, 206)
        self.assertEqual(self.get(path, Range="bytes=0-9", If_Range='"x"')[0].status, 200)
        again = self.publish("c.png", content=b"other")
        self.assertEqual(self.get(again, If_None_Match=etag)[1], b"other")

    def test_only_what_is_signed(self):
        path = self.publish("d.txt", content=b"secret")
        where, _, query = path.partition("?")
        expires, signature = (part.split("=")[1] for part in query.split("&"))
        wrong = signature.replace(signature[0], "0" if signature[0] != "0" else "1", 1)
        for bad in (where, f"{where}?expires={expires}", f"{where}?expires={expires}&signature={wrong}",
                    f"{where}?expires={int(expires) + 1}&signature={signature}",
                    f"{where}?expires={expires}&signature={signature}0", f"{where}?expires=-1&signature={signature}",
                    f"/files/hooks/e.txt?{query}", f"/files/?{query}", f"/files/hooks/../hooks/d.txt?{query}"):
            self.assertIn(self.get(bad)[0].status, (400, 403), bad)
        self.assertEqual(self.get(path, "POST")[0].status, 405)
        self.assertEqual(self.get(path)[1], b"secret")
        self.assertEqual(self.get(self.publish("d.txt", ttl=0, content=b"x"))[0].status, 403)
        self.stack.restart_host()
        until(lambda: self.get(path)[1] == b"x", "the link is good after a restart, too")

    def test_a_deleted_file(self):
        path = self.publish("gone.txt", content=b"x")
        os.remove(self.stack.path("files", "hooks", "gone.txt"))
        self.assertEqual(self.get(path)[0].status, 404)


class Webhook(unittest.TestCase):
    def stack(self, plugins_ini=PROBE, aisha_ini=None, **env):
        return Stack(plugins_ini=plugins_ini, aisha_ini=aisha_ini, env={"WEBHOOK_SECRET": SECRET} | env,
                     mode="webhook")

    def deliver(self, stack, body, secret=SECRET, method="POST"):
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret is not None else {}
        path = "/" + stack.state()["bot"]["webhook_url"].split("/", 3)[3]
        return ask(stack, method, path, body if isinstance(body, (str, type(None))) else json.dumps(body), headers)[0]

    def test_only_telegram_is_heard(self):
        with self.stack() as stack:
            update = {"update_id": 1, "message": {}}
            for secret in (None, "", "s3cret_", "s3cret_-x", "S3CRET_-"):
                self.assertEqual(self.deliver(stack, update, secret).status, 403, secret)
                self.assertEqual(self.deliver(stack, "{", secret).status, 403, secret)
            self.assertEqual(self.deliver(stack, None, method="GET").status, 405)
            self.assertEqual(self.deliver(stack, update).status, 200)
            for body in ("", "{", "[]", "null", "{}", '{"update_id": "1"}', '{"update_id": 0}', '{"update_id": -1}',
                         "x" * 5000):
                self.assertEqual(self.deliver(stack, body).status, 400, body[:20])
            self.assertEqual(self.deliver(stack, "[" * 2_000_000).status, 413)
            deep = '{"update_id":7,"message":' + "[" * 100 + "]" * 100 + "}"
            self.assertEqual(self.deliver(stack, deep).status, 200)
            self.assertIn(b"update=7 cannot be read and is passed over", stack.host.output())
            self.assertNotIn(SECRET.encode(), stack.host.output())

    def test_it_is_set_only_when_something_differs(self):
        with self.stack() as stack:
            before = stack.newest_request()
            stack.restart_host()
            self.assertEqual(stack.requests("setWebhook", after=before), [])
            stack.env["WEBHOOK_SECRET"] = "another"
            stack.restart_host()
            call = stack.wait_request("setWebhook", after=before)
            self.assertEqual(call["params"]["secret_token"], "another")
            self.assertEqual(sorted(call["params"]["allowed_updates"]), ["callback_query", "message", "my_chat_member"])

    def test_a_certificate_is_uploaded(self):
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "etc", "aisha.ini"), encoding="utf-8") as file:
            ini = file.read().replace("webhook_certificate =", "webhook_certificate = own.pem")
        stack = self.stack(aisha_ini=ini)
        stack.write("own.pem", "-----BEGIN CERTIFICATE-----\n")
        with stack:
            call = stack.wait_request("setWebhook")
            self.assertEqual(call["params"]["certificate"]["size"], 28)
            before = stack.newest_request()
            stack.restart_host()
            self.assertEqual(stack.requests("setWebhook", after=before), [])
            stack.write("own.pem", "-----BEGIN ANOTHER-----\n")
            stack.restart_host()
            stack.wait_request("setWebhook", after=before)
            self.assertEqual(len(stack.requests("setWebhook", after=before)), 1)

    def test_from_polling_to_a_webhook_and_back(self):
        with self.stack() as stack:
            ann = stack.user()
            for number, mode in enumerate(("polling", "webhook", "polling", "webhook")):
                stack.stop_host()
                stack.mode = mode
                stack.send(ann, f"/add {number}")
                stack.start_host()
                stack.wait_message(ann, f"added {number}")
            stack.send(ann, "/effects")
            stack.wait_message(ann, "4 rows, 4 numbers")

    def test_public_url_is_needed(self):
        with self.stack() as stack:
            stack.stop_host()
            stack.env["PUBLIC_URL"] = ""
            code, output = stack.run_host("check")
            self.assertEqual(code, 1)
            self.assertIn("PUBLIC_URL is not set", output)

    def test_when_it_is_full_telegram_is_asked_to_wait(self):
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "etc", "aisha.ini"), encoding="utf-8") as file:
            ini = file.read().replace("max_pending = 10000", "max_pending = 3")
        with self.stack(aisha_ini=ini) as stack:
            people = [stack.user() for _ in range(4)]
            for person in people[:3]:
                stack.send(person, "/slow")
                stack.wait_message(person, "working")
            answer = self.deliver(stack, {"update_id": 5, "message": {}})
            self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "1"))
            stack.send(people[3], "/effects")
            stack.press_text(people[0], stack.last_bot_message(people[0]), "Cancel")
            stack.press_text(people[1], stack.last_bot_message(people[1]), "Cancel")

    def test_those_who_wait_stand_by_their_ids(self):
        with self.stack() as stack:
            ann = stack.user()
            stack.send(ann, "/slow")
            working = stack.wait_message(ann, "working")
            path = "/" + stack.state()["bot"]["webhook_url"].split("/", 3)[3]
            with contextlib.closing(http.client.HTTPConnection(stack.listen, timeout=60)) as connection:
                for number in (4, 2, 3, 1):
                    self.post_add(connection, path, 800000000 + number, ann, number)
            stack.press_text(ann, working, "Cancel")
            until(lambda: len([m for m in stack.bot_messages(ann) if "added" in m["text"]]) == 4, "all are added")
            self.assertEqual([m["text"] for m in stack.bot_messages(ann) if "added" in m["text"]],
                             ["added 1", "added 2", "added 3", "added 4"])

    def post_add(self, connection, path, update_id, person, number):
        message = {"message_id": number + 1, "date": int(time.time()), "text": f"/add {number}",
                   "chat": {"id": person, "type": "private", "first_name": "U"},
                   "from": {"id": person, "is_bot": False, "first_name": "U"}}
        connection.request("POST", path, json.dumps({"update_id": update_id, "message": message}),
                           {"X-Telegram-Bot-Api-Secret-Token": SECRET})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status

    def test_a_press_is_answered_by_the_answer_to_its_delivery(self):
        with self.stack() as stack:
            ann = stack.user()
            stack.send(ann, "/button")
            message = stack.wait_message(ann, "pressed 0")
            stack.fault("answerCallbackQuery", http=500)  # which a call would meet
            revision, before = stack.revision(), stack.newest_request()
            query = stack.press_text(ann, message, "again")
            stack.wait_event(after=revision, type="answer_callback")
            [call] = stack.requests("answerCallbackQuery", after=before)
            self.assertEqual((call["params"]["callback_query_id"], call["status"]), (query, 200))

    def test_many_connections_and_duplicates(self):
        """As Telegram could: the updates of a chat one after the other, chats in parallel, some of them twice."""
        updates, chats, connections = 5000, 200, 40
        rng = random.Random(3)
        queues = [[] for _ in range(chats)]
        with self.stack() as stack:
            people = [stack.user(f"U{i}") for i in range(chats)]
            for person in people:
                stack.send(person, "/effects")
            for person in people:
                stack.wait_message(person, "0 rows")
            path = "/" + stack.state()["bot"]["webhook_url"].split("/", 3)[3]
            for number in range(updates):
                chat = rng.randrange(chats)
                queues[chat].append((800_000_001 + number, number))
            work = iter(range(1, chats + 1))

            def deliver_queues():
                with contextlib.closing(http.client.HTTPConnection(stack.listen, timeout=60)) as connection:
                    while chat := next(work, None):
                        for update_id, number in queues[chat - 1]:
                            for _ in range(2 if rng.random() < 0.2 else 1):
                                self.post_add(connection, path, update_id, people[chat - 1], number)

            threads = [threading.Thread(target=deliver_queues) for _ in range(connections)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            def applied():
                return stack.sql("SELECT chat_id, number FROM probe_effects ORDER BY sequence")

            until(lambda: len(applied()) >= updates, "all updates take effect")
            found = {}
            for chat_id, number in applied():
                found.setdefault(chat_id, []).append(number)
            for chat, queue in enumerate(queues):
                self.assertEqual(found.get(people[chat], []), [number for _, number in queue])


if __name__ == "__main__":
    unittest.main()
