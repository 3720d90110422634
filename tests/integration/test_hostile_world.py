"""Whatever comes from outside: random updates of every kind, hostile in every text, which come back as they were, and
clients that drip, flood and guess. Others are served meanwhile, everything is done in the end, and memory stays
bounded."""
import collections
import contextlib
import http.client
import itertools
import json
import os
import random
import re
import socket
import threading
import time
import unittest

from notes import note
from spec_updates import TEXTS, Said, is_command
from stack import BUILD, ROUNDS, Stack, until


def path_of(plugin):
    return f"[{plugin}]\npath = " + os.path.join(BUILD, f"tests/plugins/{plugin}/{plugin}.so") + "\n"


def is_sanitized():
    with open(os.path.join(BUILD, "host/aisha"), "rb") as file:
        return b"__asan_init" in file.read()


PLUGINS = "[home]\n" + path_of("echo") + path_of("updates")
IS_LONG = ROUNDS > 1
UPDATES, AT_ONCE = 10000 if IS_LONG else 1000, 250
LEAST_ECHOES = UPDATES // 3
MOST_MB = 64 if is_sanitized() else 5  # by which the host may grow
SECRET = "s3cret_-"
# What AddressSanitizer keeps of freed memory would hide all else.
ENV = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"}


def memory_mb(stack):
    with open(f"/proc/{stack.host.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) / 1024


def ask_for_menu(test, stack, person):
    sent = stack.send(person, "/start")
    stack.wait_message(person, "What shall we do?", after=sent["message_id"])


def check_growth(test, stack, before, what):
    after = memory_mb(stack)
    note(f"{what}: the host takes {before:.1f} MB before and {after:.1f} MB after")
    if is_sanitized():
        note(f"NOT CHECKED: with AddressSanitizer only what is above {MOST_MB} MB is a leak here")
    test.assertLess(after - before, MOST_MB)


# Why an answer to what is made up may be refused: places and queries that are not.
REFUSED = re.compile(r"Bad Request: (chat not found|query is too old|message thread not found"
                     r"|business connection not found|message to be replied not found|message is too long"
                     r"|chat is not a channel direct messages chat)")


def shown(text):
    """As a message shows it, without its edges: no control characters, and one kind of line end."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", "", text)


class Hostile(unittest.TestCase):
    def test_random_updates_of_every_kind(self):
        seed = int.from_bytes(os.urandom(4), "big")
        with self.subTest(seed=seed), Stack(plugins_ini=PLUGINS, env=ENV) as stack:
            self.stack, self.ann, self.eve = stack, stack.user("Ann"), stack.user("Eve")
            stack.send(self.eve, "/start")
            updates = Said(random.Random(seed), self.eve, self.places())
            updates.button = self.button()
            self.seen, self.parts, self.refused, self.alerts, self.inline = stack.newest_request(), {}, [], set(), set()
            before = None
            for number in range(0, UPDATES, AT_ONCE):
                for update in itertools.chain(*itertools.islice(updates, AT_ONCE)):
                    self.put(update)
                self.finish()
                if number == UPDATES // 5 // AT_ONCE * AT_ONCE:
                    before = memory_mb(stack)
            check_growth(self, stack, before, f"{UPDATES} updates, seed {seed}")
            note(f"{len(updates.missing)} fields of all types have not been there")
            ask_for_menu(self, stack, self.eve)
            self.check_answers(updates)
            for what in (b"fatal", b"no memory", b"stays for the next start", b"cannot be read"):
                self.assertNotIn(what, stack.host.output())

    def places(self):
        """Where Eve writes: with the bot, in a group, in a supergroup, in a topic."""
        group, supergroup, forum = (
            self.stack.api("/sandbox/chats", {"user_id": self.eve, "title": "G"} | kind)["id"]
            for kind in ({"type": "group"}, {"type": "supergroup"}, {"type": "supergroup", "is_forum": True}))
        topic = self.stack.api("/sandbox/topics", {"user_id": self.eve, "chat_id": forum, "name": "T"})
        return [{}, {"chat": {"id": group, "type": "group", "title": "<b>"}},
                {"chat": {"id": supergroup, "type": "supergroup", "title": "</b>"}},
                {"chat": {"id": forum, "type": "supergroup", "title": "&", "is_forum": True},
                 "message_thread_id": topic["message_thread_id"], "is_topic_message": True}]

    def button(self):
        self.stack.send(self.eve, "/button")
        message = self.stack.wait_message(self.eve, "a button")
        return message["reply_markup"]["inline_keyboard"][0][0]["callback_data"]

    def put(self, update):
        if update.get("message", {}).get("text") == "/cancel":
            self.settle()  # it would stop whatever is still to say something in that chat
        if "inline" in update:
            self.stack.api("/sandbox/inline", {"user_id": self.eve, "query": update["inline"]})
        elif "callback_query" in update:  # so that the sandbox knows the query
            self.stack.api("/sandbox/replay", {"updates": [update]})
        else:
            self.stack.update(**update)

    def finish(self):
        """Somebody else is answered, all that came is done, and what was said to it is kept."""
        ask_for_menu(self, self.stack, self.ann)
        self.settle()
        for request in self.stack.requests(after=self.seen):
            self.seen = request["n"]
            self.keep(request["method"], request["params"], request["status"], request["response"])

    def settle(self):
        until(lambda: self.stack.state()["pending_update_count"] == 0 and self.inbox() == 0, "all is done", timeout=120)

    def keep(self, method, params, status, response):
        if status == 400:
            self.refused.append((method, params, response["description"]))
        elif method == "sendMessage" and status == 200:
            place = response["result"]["chat"]["id"]
            text = response["result"]["text"]
            self.parts.setdefault(place, []).append(text)
        elif method == "answerCallbackQuery" and "text" in params:
            self.alerts.add(params["callback_query_id"])
        elif method == "answerInlineQuery":
            [result] = json.loads(params["results"]) if isinstance(params["results"], str) else params["results"]
            self.inline.add(result["input_message_content"]["message_text"])

    def echoes(self):
        """number → (text, name) of what was said."""
        found = {}
        for parts in self.parts.values():
            number = begun = None
            for part in parts:
                if whole := re.fullmatch(r"(?s)<(-?\d+)\|(.*)>", part):
                    found[int(whole[1])] = whole[2]
                elif first := re.match(r"(?s)<(-?\d+)\|(.*)", part):
                    number, begun = int(first[1]), first[2]
                elif begun is not None and part.endswith(">"):
                    found[number], begun = begun + part[:-1], None
        return found

    def check_answers(self, updates):
        for method, params, why in self.refused:
            self.assertRegex(why, REFUSED, method)
            self.assertNotRegex(str(params.get("text")), r"<1\d{7}\||^&lt;1\d{7}\|")
        echoes = self.echoes()
        is_back = {number: echoes.get(number) == ("|".join(said) if number in updates.posts else shown("|".join(said)))
                   for number, said in updates.expected.items()}
        note(f"{sum(is_back.values())} texts came back; {len(self.refused)} other calls were refused")
        lost = [(ascii(echoes.get(n))[:200], ascii(updates.expected[n])[:200]) for n, is_there in is_back.items()
                if not is_there]
        self.assertEqual(lost[:10], [])
        self.assertGreaterEqual(sum(is_back.values()), LEAST_ECHOES)
        self.assertLessEqual({text for text in TEXTS if not is_command(text)},
                             {text for text, _ in updates.expected.values()})
        self.assertLessEqual({f"<{text}>" for text in updates.inline}, self.inline)
        self.assertLessEqual(updates.forged, self.alerts)
        met = set(re.findall(r"met (\w+)", self.stack.host.output().decode(errors="replace")))
        self.assertEqual(met | {"message", "callback_query"}, {kind["name"] for kind in updates.kinds})

    def inbox(self):
        return self.stack.sql("SELECT count(*) FROM inbox")[0][0]


class Clients(unittest.TestCase):
    """Who else finds the port that Telegram delivers to."""

    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack(plugins_ini=PLUGINS, mode="webhook",
                                                env=ENV | {"WEBHOOK_SECRET": SECRET}))
        cls.path = "/" + cls.stack.state()["bot"]["webhook_url"].split("/", 3)[3]
        cls.ann = cls.stack.user("Ann")
        ask_for_menu(cls, cls.stack, cls.ann)

    def connect(self):
        address, port = self.stack.listen.split(":")
        return socket.create_connection((address, int(port)), timeout=60)

    def deliver(self, connection, body, secret=SECRET):
        connection.request("POST", self.path, body, {"X-Telegram-Bot-Api-Secret-Token": secret})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def test_texts_that_no_json_can_hold(self):
        """Halves of surrogates, as some server may send them: passed over, and said so."""
        with contextlib.closing(http.client.HTTPConnection(self.stack.listen, timeout=60)) as connection:
            for number, text in enumerate((r"\ud800", r"\udc00x", r"\ud83d\ud83d", r"\ude00\ud83d", r"\uD8", "\\x")):
                update_id = 7_000_000 + number
                status, answer = self.deliver(connection, f'{{"update_id":{update_id},"message":{{"text":"{text}"}}}}')
                self.assertEqual((status, answer), (200, b"passed over\n"), text)
                self.assertIn(f"update={update_id} cannot be read".encode(), self.stack.host.output())
            status, _ = self.deliver(connection, r'{"update_id":7000100,"message":{"text":"a\u0000b"}}')
            self.assertEqual(status, 200)
        ask_for_menu(self, self.stack, self.ann)

    def test_who_drips_is_cut_off_and_delays_nobody(self):
        before, started = memory_mb(self.stack), time.monotonic()
        with contextlib.ExitStack() as clean:
            drips = [clean.enter_context(self.connect()) for _ in range(300)]
            left, number = drips, 0
            while left:
                text = f"POST {self.path} HTTP/1.1\r\nHost: a\r\nX-Number: {'1' * 1000}"
                left = [drip for drip in left if self.drip(drip, text[number % len(text)])]
                number += 1
                if number % 5 == 1:
                    ask_for_menu(self, self.stack, self.ann)
                self.assertLess(time.monotonic() - started, 60, f"{len(left)} still drip")
                time.sleep(0.2)  # that is what dripping is
        check_growth(self, self.stack, before, "300 dripping clients")

    def drip(self, connection, character):
        """Sends one more character; False when the other side has had enough."""
        connection.setblocking(False)
        try:
            connection.send(character.encode())
            return connection.recv(1000, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def test_who_floods_delays_nobody(self):
        before, is_over, self.guesses = memory_mb(self.stack), threading.Event(), collections.Counter()
        floods = [self.flood_with_wrong_secrets, self.flood_without_reading, self.flood_with_connections]
        threads = [threading.Thread(target=flood, args=(is_over,)) for flood in floods]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                ask_for_menu(self, self.stack, self.ann)
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
        ask_for_menu(self, self.stack, self.ann)
        check_growth(self, self.stack, before, f"{self.guesses[403]} wrong secrets and two other floods")
        self.assertGreaterEqual(self.guesses[403], 500)
        self.assertEqual(list(self.guesses), [403])
        self.assertNotIn(b"fatal", self.stack.host.output())

    def flood_with_wrong_secrets(self, is_over):
        with contextlib.closing(http.client.HTTPConnection(self.stack.listen, timeout=60)) as connection:
            number = 0
            while not is_over.is_set() or number < 500:
                status, _ = self.deliver(connection, json.dumps({"update_id": number, "message": {}}), f"guess{number}")
                self.guesses[status] += 1
                number += 1

    def flood_without_reading(self, is_over):
        """Asks and asks, and does not take the answers: the host stops reading, not growing."""
        request = f"GET {self.path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * 100
        with self.connect() as connection:
            connection.setblocking(False)
            while not is_over.wait(0.001):
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    connection.send(request)

    def flood_with_connections(self, is_over):
        while not is_over.wait(0.001):
            with contextlib.suppress(OSError), self.connect() as connection:
                connection.send(b"\x16\x03\x01\x02" * 10)


if __name__ == "__main__":
    unittest.main()
