"""The providers' own client libraries against the sandbox: what they do with fal.ai and OpenAI they do here."""
import json
import os
import subprocess
import unittest

import clients
from fal_case import MAGENTA, archive
from picture import png
from sandbox_case import sound
from stack import Stack

DEADLINE = 120


class ProvidersTest(unittest.TestCase):
    """What the classes below have in common."""
    script = None

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(host=False)
        cls.stack.__enter__()
        for name, content in (("photos.zip", archive()), ("speech.wav", sound(2)),
                              ("picture.png", png(50, 40, MAGENTA))):
            with open(cls.stack.path(name), "wb") as file:
                file.write(content)

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    def setUp(self):
        self.stack.api("/sandbox/reset", {})
        self.stack.api("/sandbox/fal", {"training_ms": 300, "generation_ms": 100})

    def do(self, command, **env):
        """What the script says of it."""
        user = self.stack.user("Ann")
        with open(self.stack.path("picture.png"), "rb") as file:
            document = self.stack.upload(user, file.read(), kind="document", file_name="a.png")["document"]
        env = os.environ | {
            "SANDBOX": self.stack.url, "FAL_KEY": "id:secret", "PHOTOS": self.stack.path("photos.zip"),
            "OPENAI_BASE_URL": self.stack.url + "/openai/v1", "OPENAI_API_KEY": "sk-test",
            "SPEECH": self.stack.path("speech.wav"),
            "PICTURE_URL": f"{self.stack.url}/sandbox/files/{document['file_id']}",
        } | env
        done = subprocess.run([*clients.node(self.script), command], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=DEADLINE, check=False)
        self.assertEqual(0, done.returncode, done.stderr.decode())
        return json.loads(done.stdout)

    def fault(self, **order):
        self.stack.api("/sandbox/faults", order)


class FalTest(ProvidersTest):
    script = "fal.mjs"

    def test_training_and_a_picture(self):
        said = self.do("train")
        self.assertEqual(["IN_PROGRESS", "COMPLETED"], sorted(set(said["updates"]) - {"IN_QUEUE"}, reverse=True))
        self.assertTrue(said["trained"]["requestId"])
        self.assertEqual((2, [False, False]),
                         (len(said["image"]["data"]["images"]), said["image"]["data"]["has_nsfw_concepts"]))

    def test_the_queue(self):
        self.stack.api("/sandbox/fal", {"concurrency": 0})
        said = self.do("queue")
        self.assertEqual(("IN_QUEUE", said["queue"]["request_id"], None),
                         (said["status"]["status"], said["status"]["request_id"], said["cancelled"]))
        self.assertEqual((499, 400), (said["result"]["status"], said["again"]["status"]))

    def test_the_status_as_a_stream(self):
        said = self.do("streaming")
        self.assertEqual(("COMPLETED", 1), (said["statuses"][-1], len(said["result"]["data"]["images"])))

    def test_a_direct_call(self):
        [image] = self.do("run")["result"]["data"]["images"]
        self.assertTrue(image["url"].startswith("data:image/jpeg;base64,"))

    def test_a_large_file(self):
        self.assertEqual(91 << 20, self.do("upload")["size"])

    def test_errors_are_understood(self):
        said = self.do("errors")
        self.assertEqual(("ValidationError", 422), (said["wrong"]["name"], said["wrong"]["status"]))
        self.assertEqual({"missing", "less_than_equal"}, {item["type"] for item in said["wrong"]["body"]["detail"]})
        self.assertEqual(("ApiError", 404), (said["unknown"]["name"], said["unknown"]["status"]))
        self.fault(method="fal.submit", error="fal_locked")
        self.assertEqual(403, self.do("locked")["error"]["status"])
        self.fault(method="fal.submit", error="fal_unavailable")  # is tried again
        self.assertIsNone(self.do("locked")["error"])


class OpenAITest(ProvidersTest):
    script = "openai.mjs"

    def test_transcription(self):
        said = self.do("transcribe")
        self.assertIn("2 phrases", said["plain"]["text"])
        self.assertEqual((2, 8), (len(said["verbose"]["segments"]), len(said["verbose"]["words"])))
        self.assertTrue(said["srt"].startswith("1\n00:00:00,000"))
        self.assertEqual("transcript.text.done", said["events"][-1])

    def test_chat(self):
        said = self.do("chat")
        self.assertEqual(3, said["parsed"]["score"])
        self.assertTrue(said["seen"].endswith("look, a picture of 50x40"))
        self.assertEqual("[sandbox] gpt-6-luna was told: a b", said["streamed"])
        self.assertTrue(said["id"].startswith("req_"))
        self.assertLess(int(said["left"]), 10000)

    def test_moderation(self):
        self.assertEqual({"text": [False, True], "image": True}, self.do("moderate"))

    def test_models(self):
        said = self.do("models")
        self.assertIn("gpt-transcribe", said["ids"])
        self.assertEqual("2027-02-26", said["one"]["shutdown_date"])
        self.assertEqual(("NotFoundError", "model_not_found"), (said["gone"]["name"], said["gone"]["code"]))

    def test_errors_are_understood(self):
        for error in ("openai_rate_limit", "openai_overloaded"):
            self.fault(method="openai.chat", error=error, count=2)
            self.assertIn("again", self.do("retried")["answer"])
        self.fault(method="openai.chat", error="openai_quota", count=3)
        self.assertEqual({"name": "RateLimitError", "status": 429, "code": "insufficient_quota",
                          "type": "insufficient_quota"}, self.do("refused")["error"])
        self.stack.api("/sandbox/openai", {"key": "sk-other"})
        self.assertEqual("AuthenticationError", self.do("refused")["error"]["name"])


if __name__ == "__main__":
    unittest.main()
