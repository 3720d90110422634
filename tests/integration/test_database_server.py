"""A database server that goes away under load and comes back: nothing accepted is lost or takes effect twice."""
import json
import os
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request

from notes import note
from servers import program
from stack import BUILD, ROUNDS, Stack, until

PROBE = "[probe]\npath = " + os.path.join(BUILD, "tests/plugins/probe/probe.so") + "\n"
CHATS, UPDATES, OUTAGE_S = 20, 400, 3 if ROUNDS == 1 else 10


def ready(stack):
    """Status and checks of /readyz."""
    try:
        answer = urllib.request.urlopen(f"http://{stack.listen}/readyz", timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    checks = json.load(answer)["checks"]
    return answer.status, {check["name"]: check for check in checks}


class Relay:
    """Between a host and its server. When what the host sends has `mark` in it, the server's answer is lost: it has
    done what was asked, and nobody hears of it."""

    def __init__(self, port):
        self.port, self.mark, self.lost = port, None, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://aisha@127.0.0.1:{self.listener.getsockname()[1]}/postgres"
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                host, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(host,), daemon=True).start()

    def serve(self, host):
        with host, socket.create_connection(("127.0.0.1", self.port)) as server:
            silent = threading.Event()
            threading.Thread(target=copy_answers, args=(server, host, silent), daemon=True).start()
            while data := receive(host):
                if self.mark and self.mark in data:
                    self.mark = None
                    silent.set()
                    server.sendall(data)
                    server.shutdown(socket.SHUT_WR)
                    while receive(server):
                        pass  # until it has ended the session, and so done all of it
                    self.lost += 1
                    return
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)


def copy_answers(server, host, silent):
    while data := receive(server):
        if not silent.is_set():
            host.sendall(data)


def receive(connection):
    try:
        return connection.recv(65536)
    except OSError:
        return b""


class LostAnswer(unittest.TestCase):
    def check(self, mode):
        with Stack(plugins_ini=PROBE, stores="servers", host=False, mode=mode) as stack, \
                Relay(stack.postgres.port) as relay:
            stack.env["DATABASE_URL"] = relay.url
            stack.start_host()
            ann = stack.user("Ann")
            for number in range(3):
                stack.send(ann, f"/add {2 * number}")
                stack.wait_message(ann, f"added {2 * number}")
                relay.mark = f"/add {2 * number + 1}".encode()
                stack.send(ann, f"/add {2 * number + 1}")
                stack.wait_message(ann, f"added {2 * number + 1}")
                self.assertEqual(relay.lost, number + 1)
            self.assertEqual(stack.sql("SELECT number FROM probe_effects ORDER BY sequence"),
                             [(number,) for number in range(6)])
            stack.stop_host()
            self.assertEqual(stack.sql("SELECT COUNT(*) FROM inbox"), [(0,)])

    def test_an_update_whose_commit_nobody_heard_of_is_handled_once(self):
        self.check("polling")

    def test_the_same_by_webhook(self):
        self.check("webhook")


class Locked:
    """Whoever writes to the inbox has to wait."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        self.session = subprocess.Popen([program("psql", self.server.bin), "-qAt", self.server.url], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.session.stdin.write("BEGIN; LOCK TABLE inbox; SELECT 'locked';\n")
        self.session.stdin.flush()
        assert self.session.stdout.readline() == "locked\n"
        return self

    def wait_for_somebody(self):
        until(lambda: self.server.sql("SELECT COUNT(*) FROM pg_locks WHERE NOT granted") == "1", "somebody waits")

    def __exit__(self, *_):
        self.session.communicate()


class Early(unittest.TestCase):
    """What an update does while it is not stored yet."""

    def test_an_answer_goes_out_and_what_counts_waits(self):
        with Stack(plugins_ini=PROBE, stores="servers", mode="polling") as stack:
            ann = stack.user("Ann")
            stack.send(ann, "/long 1")
            stack.wait_message(ann, "Sentence 1")
            with Locked(stack.postgres) as locked:
                stack.send(ann, "/long 2")
                stack.wait_message(ann, "Sentence 2")
                locked.wait_for_somebody()
            with Locked(stack.postgres) as locked:
                stack.send(ann, "/add 1")
                locked.wait_for_somebody()
                self.assertEqual(stack.sql("SELECT COUNT(*) FROM probe_effects"), [(0,)])
            stack.wait_message(ann, "added 1")
            stack.stop_host()
            self.assertEqual(stack.sql("SELECT number FROM probe_effects"), [(1,)])
            self.assertEqual(len(stack.bot_messages(ann)), 3)


class Outage(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(Stack(plugins_ini=PROBE, stores="servers"))
        self.server = self.stack.postgres
        self.people = [self.stack.user(f"User {i}") for i in range(CHATS)]

    def send_all(self):
        for number in range(UPDATES):
            self.stack.send(self.people[number % CHATS], f"/add {number}")
            time.sleep(0.01)

    def under_load(self, trouble):
        sender = threading.Thread(target=self.send_all)
        sender.start()
        time.sleep(0.5)
        trouble()
        sender.join()
        count = "SELECT COUNT(*) AS n FROM probe_effects"
        until(lambda: self.stack.sql(count) == [(UPDATES,)], "all take effect", timeout=120, pause=0.2)
        rows = self.stack.sql("SELECT chat_id, number FROM probe_effects ORDER BY sequence")
        by_chat = {}
        for chat, number in rows:
            by_chat.setdefault(chat, []).append(number)
        for chat, numbers in by_chat.items():
            self.assertEqual(numbers, sorted(set(numbers)), f"chat {chat}: each once, in order")
        answers = sum(len(self.stack.bot_messages(user)) for user in self.people)
        note(f"{UPDATES} updates, {len(rows)} effects, {answers} answers")
        self.assertGreaterEqual(answers, UPDATES)
        until(lambda: ready(self.stack)[0] == 200, "everything works again")
        self.assertNotRegex(self.stack.host.output(), rb"(?m)^FATAL", "libpq writes past the log")

    def test_stopped_and_started_again(self):
        def trouble():
            self.server.stop()
            until(lambda: ready(self.stack)[0] == 503, "it says that it is not ready")
            self.assertIn("advice", ready(self.stack)[1]["database"])
            time.sleep(OUTAGE_S)
            self.server.start()

        self.under_load(trouble)

    def test_killed(self):
        def trouble():
            self.server.stop(signal.SIGKILL)
            self.server.start()

        self.under_load(trouble)

    def test_connections_are_cut(self):
        def trouble():
            for _ in range(10):
                self.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                " WHERE application_name LIKE 'aisha%'")
                time.sleep(0.2)

        self.under_load(trouble)

    def test_the_host_starts_before_the_server(self):
        self.stack.stop_host()
        self.server.stop()
        launched = self.stack.launch_host()
        until(lambda: b"PostgreSQL cannot be reached" in self.stack.host.output(), "it says what it waits for")
        self.server.start()
        self.stack.wait_for_host(launched)
        self.stack.send(self.people[0], "/add 1")
        self.stack.wait_message(self.people[0], "added 1")


if __name__ == "__main__":
    unittest.main()
