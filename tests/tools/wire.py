"""A bot written by hand against the sandbox: its calls, its webhook, and the sandbox's clock."""
import http.server
import json
import queue
import ssl
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

from stack import Stack, until

ALICE, BORIS = 1001, 1002
TOKEN = "4242:TEST-token_1"


class Wire(unittest.TestCase):
    """One sandbox for a class; each test begins with an empty world."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(host=False)
        cls.stack.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    def setUp(self):
        self.act("reset")
        self.stack.send(ALICE, "/start")
        self.call("getUpdates", offset=-1)
        self.next_update = self.call("getUpdates")["result"][-1]["update_id"] + 1
        self.call("getUpdates", offset=self.next_update)

    # ---- the bot

    def fetch(self, path, body=None, headers=None, timeout=60, method=None):
        """(status, headers, bytes), whatever the status."""
        request = urllib.request.Request(self.stack.url + path, data=body, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def call(self, method, **params):
        """The answer's body; its status agrees with it."""
        status, _, body = self.fetch(f"/bot{TOKEN}/{method}", json.dumps(params).encode(),
                                     {"Content-Type": "application/json"})
        answer = json.loads(body)
        self.assertEqual(status, 200 if answer["ok"] else answer["error_code"])
        return answer

    def result(self, method, **params):
        answer = self.call(method, **params)
        self.assertTrue(answer["ok"], answer)
        return answer["result"]

    def refusal(self, method, **params):
        answer = self.call(method, **params)
        self.assertFalse(answer["ok"], answer)
        return answer["error_code"], answer["description"]

    def say(self, text="hello", chat_id=ALICE, **params):
        return self.result("sendMessage", chat_id=chat_id, text=text, **params)

    def updates(self, **params):
        """Those the test has caused, unless an offset says otherwise."""
        return self.result("getUpdates", **({"offset": self.next_update} | params))

    def texts(self, updates):
        return [update["message"]["text"] for update in updates]

    # ---- the sandbox

    def act(self, call, **body):
        return self.stack.api(f"/sandbox/{call}", body)

    def delete(self, path, status=200):
        request = urllib.request.Request(self.stack.url + path, method="DELETE")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self.assertEqual(status, answer.status)
        except urllib.error.HTTPError as error:
            with error:
                self.assertEqual(status, error.code, error.read())
        return status

    def faults(self):
        return self.stack.api("/sandbox/faults")["faults"]

    def advance(self, seconds):
        return self.act("clock", advance_s=seconds)

    def poll_waits(self):
        until(lambda: self.stack.state()["bot"]["polling_seconds_ago"] == 0, "the poll waits")


# Of nobody: a key and its certificate for bot.invalid and 127.0.0.1, good from 2000 to 2100.
PEM = b"""-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggU9DTk01vMJfmFf1
UDcYQLRSJiA3e6TGgu70lEwS1KGhRANCAAS7/hocFWtPUd2N/YBoQTKOdrbjw+b+
9Kae/CyH5lvgr1zg2tpTQVXkwKT4rreJZJQJ/LXdf+0rXTPtO+RzwZJk
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBXDCCAQKgAwIBAgIBATAKBggqhkjOPQQDAjAWMRQwEgYDVQQDDAtib3QuaW52
YWxpZDAgFw0wMDAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowFjEUMBIGA1UE
AwwLYm90LmludmFsaWQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS7/hocFWtP
Ud2N/YBoQTKOdrbjw+b+9Kae/CyH5lvgr1zg2tpTQVXkwKT4rreJZJQJ/LXdf+0r
XTPtO+RzwZJkoz8wPTAcBgNVHREEFTATggtib3QuaW52YWxpZIcEfwAAATAdBgNV
HQ4EFgQU7FKEVD3+6uWvixA51/JWHOvaR9EwCgYIKoZIzj0EAwIDSAAwRQIhAMsG
9G6ZR0B+qwLMZPkJxp1GWpp8Bk3dw/1RqToPQxhtAiBLXqYH4tWlcjDfQljjPUfn
k80MjOOGY5gUNaS3vpQ3UQ==
-----END CERTIFICATE-----
"""


class Delivery:
    """A request that the webhook has got, waiting for its answer."""

    def __init__(self, handler, body):
        self.headers, self.path, self.body = handler.headers, handler.path, body
        self.update = json.loads(body)
        self.answered = threading.Event()
        self.status, self.answer_headers, self.content = 200, {}, b""

    def answer(self, status=200, content=b"", **headers):
        self.status, self.content = status, content
        self.answer_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answered.set()

    @property
    def text(self):
        return self.update["message"]["text"]


class Webhook:
    """The bot's HTTP server. Whoever takes a delivery answers it; with is_patient unset they are answered at once."""

    def __init__(self, has_tls=False):
        self.deliveries = queue.Queue()
        self.is_patient = True
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                delivery = Delivery(self, self.rfile.read(int(self.headers["Content-Length"])))
                webhook.deliveries.put(delivery)
                if webhook.is_patient:
                    delivery.answered.wait(60)
                try:
                    self.send_response(delivery.status)
                    for name, value in delivery.answer_headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(delivery.content)))
                    self.end_headers()
                    self.wfile.write(delivery.content)
                except ConnectionError:
                    self.close_connection = True

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 200

            def handle_error(self, request, client_address):
                if not isinstance(sys.exc_info()[1], ConnectionError):
                    super().handle_error(request, client_address)

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if has_tls:
            self.add_tls()
        self.url = f"http{'s' if has_tls else ''}://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def add_tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(PEM)
            file.flush()
            context.load_cert_chain(file.name)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        while not self.deliveries.empty():
            self.deliveries.get().answer()

    def take(self):
        """The next delivery, to be answered."""
        return self.deliveries.get(timeout=60)

    def take_soon(self):
        """The same when it comes at once, or None."""
        try:
            return self.deliveries.get(timeout=0.02)
        except queue.Empty:
            return None

    def is_quiet(self):
        return self.deliveries.empty()
