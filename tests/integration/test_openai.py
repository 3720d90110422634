"""The plugin openai: chats, pictures, moderation, segments, and what goes wrong; a test plugin asks for them."""
import json
import os
import unittest

from picture import png
from stack import BUILD, Stack
from test_audio import speech
from test_health import ready

MIND = "[home]\n[openai]\napi_key = sk-x\nbase_url = ${OPENAI_BASE_URL}\nmax_image_mb = 1\n%s\n[mind]\npath = " \
    + os.path.join(BUILD, "tests/plugins/mind/mind.so") + "\n"
MAGENTA = b"\xff\0\xff"
FIRST, NEXT = "gpt-6-luna", "gpt-6.1-terra"


class OpenAI(unittest.TestCase):
    def start(self, options="", **env):
        stack = Stack(plugins_ini=MIND % options, env=env)
        self.addCleanup(stack.__exit__, None, None, None)
        stack.__enter__()
        self.stack, self.ann = stack, stack.user("Ann")
        return stack

    def answer_to(self, sent):
        found = self.stack.wait_message(self.ann, after=sent["message_id"])
        return found["text"]

    def ask(self, text):
        return self.answer_to(self.stack.send(self.ann, text))

    def show(self, content, mime="image/png", **more):
        return self.answer_to(self.stack.upload(self.ann, content, "document", file_name="a.png", mime=mime, **more))

    def settings(self, **settings):
        self.stack.api("/sandbox/openai", settings)


class Services(OpenAI):
    def test_chat(self):
        self.start()
        before = self.stack.newest_request()
        text = 'Привет "мир" \\ <b>'
        self.assertRegex(self.ask("/chat " + text), r'^text: \[sandbox\] gpt-6-luna was told: Привет "мир" \\ <b> '
                         r"\(gpt-6-luna, [1-9]\d* \+ [1-9]\d* tokens\)$")
        [request] = self.stack.requests("openai.chat", after=before)
        self.assertRegex(json.dumps(request["params"]), r"safety_identifier.{1,8}[0-9a-f-]{36}")
        self.assertNotIn(str(self.ann), json.dumps(request["params"]), "nobody is told who asks")
        self.assertRegex(self.ask("/json a cat"), "^json: .*was told: a cat")
        self.settings(chat=[{"refusal": "no, thanks"}, {"content": "x", "finish_reason": "content_filter"},
                            {"content": '{"pro', "finish_reason": "length"}, {"content": "no JSON"}])
        self.assertEqual([self.ask("/json x") for _ in range(4)], [
            "refused: no, thanks", "refused:", "error: over a limit", "error: the other side failed"])

    def test_pictures(self):
        self.start()
        self.assertRegex(self.show(png(60, 50), caption="look"), "^json: .*What is there.*" + "picture of 60x50.*" * 4)
        self.assertEqual(self.show(png(60, 50)), "clean of 13:")
        self.assertRegex(self.show(png(60, 50, MAGENTA)), r"^flagged of 13: sexual=\d\.\d$")
        self.assertRegex(self.show(b"\x89PNG nothing"), "^error: ")
        self.assertRegex(self.show(png(60, 50), mime="image/tiff"), "^error: ")
        before = self.stack.newest_request()
        self.assertRegex(self.show(png(60, 50) + bytes(1 << 20)), "^error: .*limit")
        self.assertRegex(self.show(png(60, 50) + bytes(300 << 10), caption="look"), "^error: .*limit", "four of them")
        self.assertEqual(self.stack.requests("openai.moderation", after=before), [])

    def test_moderation(self):
        self.start()
        self.assertEqual(self.ask("/moderate a cat"), "clean of 13:")
        self.assertRegex(self.ask("/moderate sandbox violence/graphic"), r"^flagged of 13: violence/graphic=\d\.\d$")

    def test_segments(self):
        self.start()  # though the first model of the list has none
        answer = self.answer_to(self.stack.upload(self.ann, speech("Hello there. This is a test.")))
        self.assertRegex(answer, r"^whisper-1, en\w*, \d+ ms: \[\d+-\d+ [01]\.\d\d\]( \[\d+-\d+ [01]\.\d\d\])*$")
        [request] = self.stack.requests("transcription")
        self.assertEqual(["verbose_json", "en", "Earlier."],
                         [request["params"][name] for name in ("response_format", "language", "prompt")])


class Models(OpenAI):
    def key_check(self):
        return ready(self.stack)[1]["openai/key"]

    def test_the_next_takes_over_and_readyz_warns(self):
        self.start()
        self.settings(gone=[FIRST])
        before = self.stack.newest_request()
        self.assertIn(f"({NEXT},", self.ask("/chat x"))
        self.assertIn(f"({NEXT},", self.ask("/chat x"))
        statuses = [request["status"] for request in self.stack.requests("openai.chat", after=before)]
        self.assertEqual(statuses, [404, 200, 200], "it is not asked for again and again")
        check = self.key_check()
        self.assertEqual(check["status"], "warning", check)
        self.assertIn(f"does not have {FIRST}; then comes {NEXT}", json.dumps(check))
        self.settings(gone=[FIRST, NEXT])
        self.assertRegex(self.ask("/chat x"), "^error: not allowed")
        self.assertIn(b"none of the models", self.stack.host.output())
        self.settings(gone=[])
        self.assertIn(f"({FIRST},", self.ask("/chat x"), "when all are gone, the first may be back")

    def test_one_that_will_end_soon(self):
        self.start("chat_models = gpt-5, " + NEXT)
        self.assertIn(f"will soon end gpt-5; then comes {NEXT}", json.dumps(self.key_check()))

    def test_a_wrong_key(self):
        self.start()
        self.settings(key="sk-other")
        self.assertEqual(self.key_check()["status"], "failed")
        self.assertRegex(self.ask("/chat x"), "^error: not allowed")


class Limits(OpenAI):
    def test_it_waits_rather_than_being_refused(self):
        self.start()
        self.settings(requests_per_minute=2)
        before = self.stack.newest_request()
        self.ask("/chat x")
        self.ask("/chat y")
        third = self.stack.send(self.ann, "/chat z")
        self.stack.send(self.ann, "/cancel")
        self.stack.wait_message(self.ann, after=third["message_id"])
        self.assertEqual([200, 200], [r["status"] for r in self.stack.requests("openai.chat", after=before)])

    def test_an_empty_account_is_not_tried_again(self):
        self.start()
        for error, tries, wanted in (("openai_quota", 1, "not allowed"), ("openai_overloaded", 3, "other side failed")):
            before = self.stack.newest_request()
            self.stack.api("/sandbox/faults", {"method": "openai.*", "count": tries, "error": error})
            self.assertIn(wanted, self.ask("/moderate x"))
            self.assertEqual(len(self.stack.requests("openai.moderation", after=before)), tries)

    def test_the_deadline_is_for_all_tries_together(self):
        self.start("timeout_s = 1")
        before = self.stack.newest_request()
        self.stack.api("/sandbox/faults", {"method": "openai.*", "count": 3, "error": "openai_rate_limit"})
        self.assertEqual("error: not available now", self.ask("/chat x"))
        self.assertEqual(len(self.stack.requests("openai.chat", after=before)), 1, "the next would be too late")


if __name__ == "__main__":
    unittest.main()
