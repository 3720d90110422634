"""A sandbox without a host, and the Bot API as Telegram speaks it.

What is answered is compared with the Bot API's own description, so that the sandbox and its tests cannot
agree on a mistake.
"""
import io
import json
import math
import struct
import unittest
import urllib.error
import urllib.request
import wave

import conformance
from stack import ApiError, Stack

ALICE, BORIS = 1001, 1002
TOKEN = "4242:TEST-token_1"
BOUNDARY = "----sandbox-test-5d0c"


PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 640, 480, 8, 2, 0, 0, 0) + b"....IEND"


def sound(phrases=1, seconds=0.5, pause=0.6, rate=16000, channels=1, level=1):
    """A WAV file: as many tones, with silence between them."""
    def tone(count, loudness):
        return b"".join(struct.pack("<h", int(loudness * 20000 * math.sin(i * 0.17))) * channels for i in range(count))

    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        for number in range(phrases):
            if number:
                file.writeframes(tone(int(pause * rate), 0))
            file.writeframes(tone(int(seconds * rate), level))
    return out.getvalue()


def multipart(fields, files=()):
    """files: (name, file name, content type, bytes)"""
    def part(name, more, content):
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
        return head.encode() + content + b"\r\n"

    out = b"".join(part(name, "", str(value).encode()) for name, value in fields.items())
    for name, file_name, kind, content in files:
        out += part(name, f'; filename="{file_name}"\r\nContent-Type: {kind}', content)
    return out + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


def keyboard(*rows):
    return {"inline_keyboard": [[{"text": text, "callback_data": data} for text, data in row] for row in rows]}


def disagreement(value, kind):
    """What is wrong with a value that should be of that type; None when it is."""
    return conformance.check(value, [kind], kind) or None


class SandboxTest(unittest.TestCase):
    """One sandbox for a class; each test begins with an empty world."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(host=False)
        cls.stack.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    def setUp(self):
        self.stack.api("/sandbox/reset", {})
        self.stack.send(ALICE, "/start")

    def fetch(self, path, body=None, content_type=None, headers=None, timeout=60):
        """(status, headers, bytes), whatever the status."""
        headers = dict(headers or {}) | ({"Content-Type": content_type} if content_type else {})
        request = urllib.request.Request(self.stack.url + path, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def call(self, method, token=TOKEN, files=(), **params):
        """The answer's body; its status agrees with it."""
        if files:
            flat = {k: v if isinstance(v, (str, int)) else json.dumps(v) for k, v in params.items()}
            body, kind = multipart(flat, files)
        else:
            body, kind = json.dumps(params).encode(), "application/json"
        status, _, answer = self.fetch(f"/bot{token}/{method}", body, kind)
        answer = json.loads(answer)
        self.assertEqual(status, 200 if answer["ok"] else answer["error_code"])
        return answer

    def result(self, method, **params):
        answer = self.call(method, **params)
        self.assertTrue(answer["ok"], answer)
        self.assertEqual([], conformance.of_answer(method, 200, answer))
        return answer["result"]

    def refusal(self, method, **params):
        answer = self.call(method, **params)
        self.assertFalse(answer["ok"], answer)
        return answer["error_code"], answer["description"]

    def refuses(self, description, method, **params):
        self.assertEqual((400, "Bad Request: " + description), self.refusal(method, **params))

    def updates(self, **params):
        return self.result("getUpdates", **params)

    def say(self, text="hello", **params):
        return self.result("sendMessage", chat_id=ALICE, text=text, **params)

    def control_refuses(self, path, *args, **kwargs):
        with self.assertRaises(ApiError) as caught:
            self.stack.api(path, *args, **kwargs)
        return caught.exception.status, json.loads(caught.exception.body)["error"]
