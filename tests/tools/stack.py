"""The real host and the real sandbox on loopback, for one test.

    with Stack() as stack:
        ann = stack.user("Ann")
        stack.send(ann, "/start")
        menu = stack.wait_message(ann, "Menu")
        stack.press(ann, menu["message_id"], row=0, column=0)

Everything lives in a directory of its own and goes away with it: the processes, their children, the ports.
Leaving the block stops the host with SIGTERM and fails the test unless it ends with status 0, in time, and
without a sanitizer's complaint or a process left behind. It also fails when the sandbox has said something that is not
as the Bot API describes it (conformance.py). When the block fails, the logs are printed.

AISHA_BUILD names the build directory (default: build), AISHA_TEST_ROUNDS how often some tests repeat themselves,
AISHA_TEST_MODE how updates reach the host: polling (the default) or webhook, AISHA_TEST_STORES what the host keeps its
data in: embedded (the default) or servers, which are then started for each test.
tap.py, which lies beside this file, runs the tests.
"""
import contextlib
import ctypes
import fcntl
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import conformance

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.join(ROOT, os.environ.get("AISHA_BUILD", "build"))
ROUNDS = int(os.environ.get("AISHA_TEST_ROUNDS", "1"))
MODE = os.environ.get("AISHA_TEST_MODE", "polling")
STORES = os.environ.get("AISHA_TEST_STORES", "embedded")
DEADLINE = 60  # seconds; long, because only a failing test ever waits for it
COMPLAINT = re.compile(rb"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error: ")
# What ASan says in every program with coroutines.
ASAN_ON_CONTEXTS = re.compile(r"(?m)^==\d+==WARNING: ASan doesn't fully support makecontext.*\n")
PR_SET_PDEATHSIG = 1
INHERITED = ("PATH", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")
libc = ctypes.CDLL(None)
PORTS = os.open(os.path.join(tempfile.gettempdir(), f"aisha-test-ports.{os.getuid()}"),
                os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def free_port():
    """One that the system does not meanwhile give to somebody who asked for any port, nor another test of ours takes:
    until this process ends it has locked that byte of a file."""
    while True:
        port = random.randint(10240, 32767)
        try:
            fcntl.lockf(PORTS, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue


def until(condition, what, timeout=DEADLINE, pause=0.02):
    """Polls until the condition gives something true, and returns that."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(pause)
    return result


def is_of_bot(message):
    """Also what the bot says on behalf of a business account."""
    return message.get("from", {}).get("is_bot") or "sender_business_bot" in message


def payload_of(update):
    return {name: value for name, value in update.items() if name != "update_id"}


def processes():
    """pid → (parent, session, start time) of every process that is not a zombie."""
    table = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                field = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if field[0] not in "ZX":
            table[int(name)] = (int(field[1]), int(field[3]), int(field[19]))
    return table


class ApiError(AssertionError):
    """The sandbox refused a control call."""

    def __init__(self, path, status, body):
        super().__init__(f"{path}: {status}: {body}")
        self.status, self.body = status, body


class Process:
    """A program in a session of its own, with its output in a file; it does not outlive the test."""

    def __init__(self, command, log, env, cwd):
        self.name = os.path.basename(command[0])
        self.log = log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd, start_new_session=True,
                preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        self.known = {}  # pid → start time of everything that has been seen to belong to it

    @property
    def pid(self):
        return self.child.pid

    def output(self):
        with open(self.log, "rb") as file:
            return file.read()

    def family(self):
        """Its living processes: descendants, members of its session, and those seen before."""
        table = processes()
        for pid, (_, session, start) in table.items():
            ancestor = pid
            while ancestor in table and ancestor != self.pid:
                ancestor = table[ancestor][0]
            if ancestor == self.pid or session == self.pid:
                self.known[pid] = start
        return [pid for pid, start in self.known.items() if pid in table and table[pid][2] == start]

    def end(self, number=signal.SIGTERM, timeout=DEADLINE):
        """Sends the signal, waits for the end, and returns the status; negative for a signal."""
        if self.child.poll() is None:
            self.family()
            os.kill(self.pid, number)
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {timeout} s of signal {number}") from None
        finally:
            self.destroy_when_running()

    def destroy_when_running(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def destroy(self):
        """Ends whatever is left of it, without questions; returns what that was."""
        self.destroy_when_running()
        left = self.family()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return left


class Stack:
    """plugins_ini and aisha_ini are texts instead of the shipped files; env adds to the host's environment."""

    def __init__(self, plugins_ini=None, aisha_ini=None, env=None, host=True, mode=MODE, stores=STORES,
                 sandbox_arguments=()):
        self.env, self.with_host, self.mode, self.stores = env or {}, host, mode, stores
        self.sandbox_arguments = sandbox_arguments
        self.listen = f"127.0.0.1:{free_port()}"
        self.host = self.sandbox = self.url = self.postgres = self.redis = self.s3 = None
        self.servers = contextlib.ExitStack()
        self.conforms = True  # when the test does not make it depart from the Bot API in other ways than those known
        self.seen_requests, self.departures, self.foreign = 0, [], []
        self.folder = tempfile.mkdtemp(prefix="aisha-test-")
        os.symlink(BUILD, self.path("build"))
        shutil.copytree(os.path.join(ROOT, "etc"), self.path("etc"))
        for name, text in (("plugins.ini", plugins_ini), ("aisha.ini", aisha_ini)):
            if text is not None:
                self.write(os.path.join("etc", name), text)

    def __enter__(self):
        try:
            if self.stores == "servers":
                self.start_servers()
            self.start_sandbox()
            if self.with_host:
                self.start_host()
        except BaseException:
            self.discard(show=True)
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.discard(show=True)
            return
        try:
            self.stop()
        except BaseException:
            self.discard(show=True)
            raise
        self.discard(show=False)

    # ---- processes and files

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def base_env(self):
        return {name: os.environ[name] for name in INHERITED if name in os.environ} | {"HOME": self.folder}

    def host_env(self):
        return self.base_env() | {
            "BOT_TOKEN": "123456:SANDBOX", "TELEGRAM_API_URL": self.url, "OPENAI_API_KEY": "sandbox",
            "OPENAI_BASE_URL": self.url + "/openai/v1", "FAL_KEY": "sandbox", "FAL_QUEUE_URL": self.url + "/fal",
            "FAL_REST_URL": self.url + "/fal", "FAL_API_URL": self.url + "/fal/v1",
            "DATABASE_URL": self.postgres.url if self.postgres else "sqlite:" + self.path("aisha.db"),
            "REDIS_URL": self.redis.url if self.redis else "",
            "BLOB_URL": self.s3.url_of(self.bucket) if self.s3 else "file:" + self.path("files"),
            "OUTBOUND_RATE": "0", "OUTBOUND_CHAT_RATE": "0", "HTTP_LISTEN": self.listen,
            "BOT_MODE": self.mode, "PUBLIC_URL": "http://" + self.listen,
        } | self.env

    def start_servers(self):
        from servers import Postgres, Redis, S3  # they use this file
        self.postgres = self.servers.enter_context(Postgres())
        self.redis = self.servers.enter_context(Redis())
        self.s3 = S3.shared()
        self.bucket = self.s3.new_bucket()

    def sql(self, text):
        """Runs a statement on the host's database, as somebody else; rows of strings, numbers and None."""
        if self.postgres:
            return self.postgres.rows(text)
        with contextlib.closing(sqlite3.connect(self.path("aisha.db"), timeout=DEADLINE)) as database, database:
            return database.execute(text).fetchall()

    def start_sandbox(self):
        command = [os.path.join(BUILD, "sdk/sandbox/aisha-sandbox"), "--listen", "127.0.0.1:0",
                   "--data", self.path("sandbox"), *self.sandbox_arguments]
        self.sandbox = Process(command, self.path("sandbox.log"), self.base_env(), self.folder)

        def listening():
            assert self.sandbox.child.poll() is None, f"the sandbox ended: {self.sandbox.output().decode()}"
            return re.search(rb"listening on (http://127\.0\.0\.1:\d+)", self.sandbox.output())

        self.url = until(listening, "the sandbox says where it listens")[1].decode()

    def host_command(self, *arguments):
        return [os.path.join(BUILD, "host/aisha"), *arguments]

    def run_host(self, *arguments, timeout=DEADLINE):
        """Runs a command of the host to its end: (status, everything it printed)."""
        done = subprocess.run(self.host_command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=self.host_env(), cwd=self.folder, timeout=timeout,
                              check=False)
        return done.returncode, ASAN_ON_CONTEXTS.sub("", done.stdout.decode(errors="replace"))

    def start_host(self):
        self.wait_for_host(self.launch_host())

    def launch_host(self):
        """Starts it without waiting for it; returns what wait_for_host() wants."""
        assert self.host is None or self.host.child.poll() is not None, "a host is running already"
        before = self.newest_request()
        self.host = Process(self.host_command("run"), self.path("host.log"), self.host_env(), self.folder)
        return before

    def wait_for_host(self, before):
        def polling():
            assert self.host.child.poll() is None, f"the host ended with status {self.host.child.returncode}"
            bot = self.state()["bot"]
            is_there = bot.get("webhook_url") if self.mode == "webhook" else bot["polling"]
            return is_there and self.newest_request() > before and self.is_healthy()

        until(polling, "the host takes updates")

    def is_healthy(self):
        try:
            return urllib.request.urlopen(f"http://{self.listen}/healthz", timeout=DEADLINE).read() == b"ok\n"
        except OSError:
            return False

    def restart_host(self):
        self.stop_host()
        self.start_host()

    def stop_host(self):
        """Stops the host as an operator does, and asks for a clean end."""
        status = self.host.end()
        assert status == 0, f"the host ended with status {status}"
        self.check(self.host)

    def kill_host(self, number=signal.SIGKILL):
        """Ends the host without ceremony; its children have to notice by themselves."""
        self.host.end(number)
        until(lambda: not self.host.family(), "the host's children end after it")

    def check(self, process):
        until(lambda: not process.family(), f"no process of {process.name} is left behind", timeout=10)
        assert not COMPLAINT.search(process.output()), f"a sanitizer complained about {process.name}"

    def departed(self):
        """Where what the sandbox has said to the bot is not as the Bot API describes it; what tests made it say is."""
        requests = self.requests(after=self.seen_requests)
        self.seen_requests = max((request["n"] for request in requests), default=self.seen_requests)
        updates = [item["update"] for item in self.api("/sandbox/updates")["updates"]]
        own = [update for update in updates if payload_of(update) not in self.foreign]
        return conformance.of_requests(requests) + conformance.of_updates(own)

    def stop(self):
        if self.host and self.host.child.poll() is None:
            self.stop_host()
        elif self.host:
            self.check(self.host)
        assert self.sandbox.child.poll() is None, f"the sandbox ended with status {self.sandbox.child.returncode}"
        departures = self.departures + self.departed()
        assert not departures or not self.conforms, "\n".join(["the sandbox departs from the Bot API:", *departures])
        status = self.sandbox.end()
        assert status == 0, f"the sandbox ended with status {status}"
        self.check(self.sandbox)

    def host_died(self, timeout=DEADLINE):
        """Waits until the host ends by itself; returns its status."""
        return self.host.child.wait(timeout)

    def discard(self, show):
        for process in (self.host, self.sandbox):
            if process:
                process.destroy()
                if show:
                    tail = process.output()[-8000:].decode(errors="replace")
                    print(f"---- {process.name}, the end of its output:\n{tail}", file=sys.stderr, flush=True)
        self.servers.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- control API

    def api(self, path, json_body=None, body=None, content_type="application/octet-stream", timeout=DEADLINE,
            method=None):
        """GET, or POST when there is a body, unless the method is said; the JSON of the answer, or its bytes."""
        if path == "/sandbox/reset":
            self.departures += self.departed()
        if json_body is not None:
            body, content_type = json.dumps(json_body).encode(), "application/json"
        headers = {"Content-Type": content_type} if body is not None else {}
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                content = answer.read()
                is_json = "json" in answer.headers.get("Content-Type", "")
        except urllib.error.HTTPError as error:
            raise ApiError(path, error.code, error.read().decode(errors="replace")) from None
        if path in ("/sandbox/updates", "/sandbox/replay") and json_body:
            self.foreign += map(payload_of, json_body.get("updates", [json_body]))
        return json.loads(content) if is_json else content

    def state(self):
        return self.api("/sandbox/state")

    def user(self, first_name="Ann", language_code="en", **more):
        """Makes a user; their id, which is also their private chat's."""
        return self.api("/sandbox/users", {"first_name": first_name, "language_code": language_code} | more)["id"]

    def send(self, user, text):
        return self.api("/sandbox/send", {"user_id": user, "text": text})["message"]

    def press(self, user, message_id, data=None, row=None, column=None):
        """Presses a button, by its data or its place; the callback query's id."""
        where = {"data": data} if data is not None else {"row": row or 0, "column": column or 0}
        return self.api("/sandbox/press", {"user_id": user, "message_id": message_id} | where)["callback_query_id"]

    def press_text(self, user, message, label):
        """Presses the button of this message that shows this label, or contains it: as the message was, whatever an
        edit may have put into its place by now."""
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        for row, buttons in enumerate(rows):
            for column, button in enumerate(buttons):
                if label in button["text"]:
                    data = button.get("callback_data")
                    what = {"data": data} if data else {"row": row, "column": column}
                    return self.press(user, message["message_id"], **what)
        raise AssertionError(f"no button {label!r} in {rows}")

    def upload(self, user, content, kind="voice", **query):
        """Sends a file; query: file_name, mime, duration, caption."""
        query = urllib.parse.urlencode({"user_id": user, "kind": kind} | query)
        return self.api(f"/sandbox/upload?{query}", body=content)["message"]

    def chat(self, chat):
        return self.api(f"/sandbox/chats/{chat}/messages")

    def messages(self, chat):
        return self.chat(chat)["messages"]

    def bot_messages(self, chat):
        return [message for message in self.messages(chat) if is_of_bot(message)]

    def last_bot_message(self, chat):
        messages = self.bot_messages(chat)
        return messages[-1] if messages else None

    def wait_message(self, chat, wanted=lambda message: True, after=0, timeout=DEADLINE):
        """The first message of the bot after this message_id that is wanted: a predicate, or a part of its text."""
        def is_wanted(message):
            if callable(wanted):
                return wanted(message)
            return wanted in message.get("text", message.get("caption", ""))

        deadline = time.monotonic() + timeout
        while True:
            state = self.chat(chat)
            messages = [m for m in state["messages"] if is_of_bot(m) and m["message_id"] > after]
            for message in messages:
                if is_wanted(message):
                    return message
            left = deadline - time.monotonic()
            if left <= 0:
                shown = json.dumps(messages[-5:], ensure_ascii=False, indent=1)
                raise AssertionError(f"no such message within {timeout} s: {wanted}; the last ones: {shown}")
            self.api(f"/sandbox/events?after={state['revision']}&timeout={max(1, min(25, int(left)))}")

    def wait_event(self, after=0, timeout=DEADLINE, **wanted):
        """The first event after this revision whose fields have these values."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            answer = self.api(f"/sandbox/events?after={after}&timeout={max(1, min(25, int(left)))}")
            for event in answer["events"]:
                if all(event.get(name) == value for name, value in wanted.items()):
                    return event
            after = answer["revision"]
        raise AssertionError(f"no such event within {timeout} s: {wanted}")

    def revision(self):
        """Where the events are now."""
        return self.state()["revision"]

    def requests(self, method=None, after=0):
        """What the host asked the sandbox, oldest first; of one method, or all."""
        every = self.api(f"/sandbox/requests?after={after}")["requests"]
        return [request for request in every if method in (None, request["method"])]

    def newest_request(self):
        return max((request["n"] for request in self.requests()), default=0)

    def wait_request(self, method, predicate=lambda request: True, after=0, timeout=DEADLINE):
        """The first request of this method that satisfies the predicate."""
        return until(lambda: next(filter(predicate, self.requests(method, after)), None),
                     f"the host calls {method}", timeout)

    def fault(self, method, count=1, **answer):
        """The next calls of this method are answered so: http, body, retry_after, …"""
        return self.api("/sandbox/faults", {"method": method, "count": count} | answer)

    def faults_met(self):
        """Waits until all the faults have been met by calls."""
        until(lambda: self.state()["faults"] == 0, "the host makes the call that is to fail")

    def transcription(self, *texts):
        """Answers for the next transcriptions, in order; none: back to the default."""
        return self.api("/sandbox/transcription", {"texts": list(texts)} if texts else {})

    def update(self, **update):
        """Hands the host an update as it is."""
        return self.api("/sandbox/updates", update)
