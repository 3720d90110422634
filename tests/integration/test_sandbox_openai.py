"""OpenAI's double: models, segments, chats with pictures and schemas, moderation, limits."""
import base64
import copy
import json
import random
import unittest

from picture import png
from sandbox_case import multipart, sound
from stack import ROUNDS
from wire import Wire

GREY, MAGENTA = b"\x40\x80\xc0", b"\xff\0\xff"
CHAT = "gpt-6-luna"


def data_url(colour=GREY, width=40, height=30):
    return "data:image/png;base64," + base64.b64encode(png(width, height, colour)).decode()


def image(url):
    return {"type": "image_url", "image_url": {"url": url}}


class OpenAICase(Wire):
    def ask(self, path, body=None, key="sk-test", method=None):
        """(status, headers, answer)"""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"} if key else {}
        status, headers, answer = self.fetch("/openai/v1/" + path, body if isinstance(body, (bytes, type(None))) else
                                             json.dumps(body).encode(), headers, method=method)
        self.assertTrue(headers["x-request-id"])
        return status, headers, json.loads(answer) if headers.get_content_type() == "application/json" else answer

    def answer(self, path, **body):
        status, self.headers, answer = self.ask(path, body)
        self.assertEqual(200, status, answer)
        return answer

    def error(self, path, body):
        """(status, code or None, param)"""
        status, _, answer = self.ask(path, body)
        self.assertEqual({"message", "type", "param", "code"}, set(answer["error"]), answer)
        return status, answer["error"]["code"], answer["error"]["param"]

    def settings(self, **settings):
        return self.act("openai", **settings)


class ModelsTest(OpenAICase):
    def ids(self):
        return [model["id"] for model in self.ask("models")[2]["data"]]

    def test_models_end_on_their_day(self):
        self.assertEqual("2026-12-11", self.ask("models/gpt-5")[2]["shutdown_date"])
        day = 86400
        self.act("clock", now=1765843200 + 365 * day)  # 16 December 2026
        self.assertNotIn("gpt-5", self.ids())
        self.assertIn("whisper-1", self.ids())
        self.assertEqual(404, self.ask("models/gpt-5")[0])
        self.act("clock", advance_s=90 * day)
        self.assertNotIn("whisper-1", self.ids())
        self.assertEqual((404, "model_not_found", None),
                         self.error("chat/completions", {"model": "gpt-5", "messages": []}))

    def test_a_model_may_be_gone(self):
        self.settings(gone=[CHAT])
        self.assertNotIn(CHAT, self.ids())
        self.assertEqual(404, self.error("chat/completions", {"model": CHAT, "messages": []})[0])
        self.assertEqual(404, self.error("chat/completions", {"model": "whisper-1", "messages": []})[0])

    def test_keys(self):
        self.assertEqual(401, self.ask("models", key=None)[0])
        self.settings(key="sk-good")
        self.assertEqual(401, self.ask("models")[0])
        self.assertEqual(401, self.ask("models/gpt-5")[0])
        self.assertEqual(200, self.ask("models", key="sk-good")[0])

    def test_limits_are_told_and_kept(self):
        self.settings(requests_per_minute=2, tokens_per_minute=1000)
        body = {"model": CHAT, "messages": [{"role": "user", "content": "x" * 400}]}
        self.answer("chat/completions", **body)
        self.assertEqual(["2", "1", "1000", "900", "6s"], [
            self.headers["x-ratelimit-" + name] for name in
            ("limit-requests", "remaining-requests", "limit-tokens", "remaining-tokens", "reset-tokens")])
        self.answer("chat/completions", **body)
        status, headers, answer = self.ask("chat/completions", body)
        self.assertEqual((429, "rate_limit_exceeded"), (status, answer["error"]["code"]))
        self.assertLessEqual(int(headers["retry-after"]), 30)
        self.advance(int(headers["retry-after"]) + 1)
        self.answer("chat/completions", **body)
        self.settings(tokens_per_minute=50)
        self.assertEqual(429, self.error("chat/completions", body)[0])

    def test_errors_by_name(self):
        for error, status, kind, code in (
                ("openai_quota", 429, "insufficient_quota", "insufficient_quota"),
                ("openai_rate_limit", 429, "rate_limit_error", "rate_limit_exceeded"),
                ("openai_overloaded", 503, "service_unavailable_error", "server_is_overloaded"),
                ("openai_invalid_key", 401, "invalid_request_error", "invalid_api_key")):
            self.act("faults", method="openai.*", error=error)
            got, headers, answer = self.ask("models")
            self.assertEqual((status, kind, code), (got, answer["error"]["type"], answer["error"]["code"]))
            self.assertEqual(error == "openai_rate_limit", "retry-after" in headers)

    def test_settings_are_checked(self):
        for body in ({"x": 1}, {"key": 5}, {"gone": "x"}, {"requests_per_minute": 0}, {"chat": {}}):
            self.assertEqual(400, self.fetch("/sandbox/openai", json.dumps(body).encode())[0])

    def fetch(self, *args, **kwargs):
        status, headers, body = super().fetch(*args, **kwargs)
        headers["x-request-id"] = headers["x-request-id"] or "fault"  # an ordered answer has none
        return status, headers, body


class TranscriptionTest(OpenAICase):
    def transcribe(self, fields, phrases=2, seconds=0.5, **more):
        body, kind = multipart(fields | more, [("file", "a.wav", "audio/wav", sound(phrases, seconds))])
        # A field that comes twice: multipart() knows each name once.
        body = body.replace(b'name="again"', b'name="timestamp_granularities[]"')
        status, headers, answer = self.fetch("/openai/v1/audio/transcriptions", body,
                                             {"Authorization": "Bearer x", "Content-Type": kind})
        return status, json.loads(answer) if headers.get_content_type() == "application/json" else answer.decode()

    def heard(self, model, **fields):
        status, answer = self.transcribe({"model": model}, **fields)
        self.assertEqual(200, status, answer)
        return answer

    def test_segments_are_the_phrases(self):
        self.stack.transcription("one two three four")
        answer = self.heard("whisper-1", response_format="verbose_json", language="ru")
        first, second = answer["segments"]
        self.assertEqual(("one two", "three four", "ru"), (first["text"], second["text"], answer["language"]))
        self.assertLess(first["end"], second["start"])
        self.assertAlmostEqual(1.1, second["start"], delta=0.1)
        self.assertLessEqual(second["end"], answer["duration"] + 0.1)
        self.assertEqual({"type": "duration", "seconds": 2}, answer["usage"])

    def test_words(self):
        both = {"timestamp_granularities[]": "word", "again": "segment"}
        self.stack.transcription("one two three", "one two")
        status, answer = self.transcribe({"model": "whisper-1", "response_format": "verbose_json"} | both)
        self.assertEqual((200, 3, 2), (status, len(answer["words"]), len(answer["segments"])))
        self.assertEqual(["one", "two", "three"], [word["word"] for word in answer["words"]])
        answer = self.heard("whisper-1", response_format="verbose_json", **{"timestamp_granularities[]": "word"})
        self.assertEqual((2, False), (len(answer["words"]), "segments" in answer))

    def test_subtitles(self):
        self.stack.transcription("one two", "one two")
        self.assertIn("1\n00:00:00,000 --> 00:00:00,5", self.heard("whisper-1", response_format="srt"))
        self.assertTrue(self.heard("whisper-1", response_format="vtt").startswith("WEBVTT\n\n00:00:00.000 --> "))

    def test_speakers(self):
        answer = self.heard("gpt-4o-transcribe-diarize", response_format="diarized_json")
        self.assertEqual(["A", "B"], [segment["speaker"] for segment in answer["segments"]])

    def test_a_stream(self):
        self.stack.transcription("one two")
        events = [json.loads(line[6:]) for line in self.heard("gpt-transcribe", stream="true").split("\n\n") if line]
        self.assertEqual(["transcript.text.delta"] * 2 + ["transcript.text.done"], [event["type"] for event in events])
        self.assertEqual(("one two", "tokens"), (events[-1]["text"], events[-1]["usage"]["type"]))

    def test_what_goes_with_which_model(self):
        for model, fields in (("whisper-1", {"response_format": "diarized_json"}),
                              ("gpt-transcribe", {"response_format": "srt"}),
                              ("gpt-4o-transcribe", {"response_format": "verbose_json"}),
                              ("gpt-4o-transcribe-diarize", {"prompt": "x"}),
                              ("whisper-1", {"include[]": "logprobs"}), ("whisper-1", {"temperature": "2"}),
                              ("whisper-1", {"timestamp_granularities[]": "word"})):
            self.assertEqual(400, self.transcribe({"model": model} | fields)[0], (model, fields))
        self.assertEqual(400, self.transcribe({"model": CHAT})[0])
        self.assertEqual(400, self.transcribe({"model": "gpt-4o-transcribe-diarize"}, 1, 31)[0])


class ChatTest(OpenAICase):
    def chat(self, *content, **body):
        content = content[0] if len(content) == 1 and isinstance(content[0], str) else list(content)
        answer = self.answer("chat/completions", **(
            {"model": CHAT, "messages": [{"role": "system", "content": "JSON"}, {"role": "user", "content": content}]} |
            body))
        self.assertEqual({"prompt_tokens", "completion_tokens", "total_tokens"}, set(answer["usage"]))
        [choice] = answer["choices"]
        return choice

    def refused(self, **body):
        return self.error("chat/completions", {"model": CHAT, "messages": [{"role": "user", "content": "x"}]} | body)

    def test_it_tells_what_went_in(self):
        choice = self.chat("Привет")
        self.assertEqual((f"[sandbox] {CHAT} was told: Привет", "stop", None),
                         (choice["message"]["content"], choice["finish_reason"], choice["message"]["refusal"]))
        self.stack.upload(1001, png(70, 50), kind="document", file_name="a.png")
        file = self.stack.messages(1001)[-1]["document"]["file_id"]
        choice = self.chat({"type": "text", "text": "look"}, image(data_url()),
                           image(f"{self.stack.url}/sandbox/files/{file}"))
        self.assertTrue(choice["message"]["content"].endswith("look, a picture of 40x30, a picture of 70x50"))

    def test_answers_have_the_shape_of_the_schema(self):
        schema = {"type": "object", "additionalProperties": False, "required": ["name", "kind", "parts", "age", "none"],
                  "properties": {"name": {"type": "string"}, "kind": {"enum": ["cat", "dog"]},
                                 "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}, "minItems": 2},
                                 "age": {"type": "integer", "minimum": 18}, "none": {"anyOf": [{"type": "null"}]}},
                  "$defs": {"part": {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],
                                     "additionalProperties": False}}}
        form = {"type": "json_schema", "json_schema": {"name": "Pet_1", "schema": schema, "strict": True}}
        answer = json.loads(self.chat("x", response_format=form)["message"]["content"])
        self.assertEqual(("cat", [{"ok": True}] * 2, 18, None),
                         (answer["kind"], answer["parts"], answer["age"], answer["none"]))
        self.assertIn("was told: x", answer["name"])
        answer = self.chat("x", response_format={"type": "json_object"})
        self.assertIn("answer", json.loads(answer["message"]["content"]))
        del schema["required"][0]
        self.assertEqual((400, None, "response_format"), self.refused(response_format=form))
        schema["properties"]["deep"] = {"$ref": "#"}  # without an end
        form["json_schema"]["strict"] = False
        json.loads(self.chat("x", response_format=form)["message"]["content"])
        array = {"type": "string"}
        for _ in range(15):
            array = {"type": "array", "minItems": 10**9, "items": array}
        form["json_schema"]["schema"] = {"type": "object", "properties": {"a": array, "b": {"type": "string"}}}
        self.assertLess(len(self.chat("x", response_format=form)["message"]["content"]), 10**6)
        for bad in ({"type": "json_schema"}, {"type": "json_schema", "json_schema": {"name": "a b"}}, {"type": "xml"},
                    {"type": "json_object"}):
            self.assertEqual(400, self.refused(response_format=bad)[0], bad)

    def test_answers_are_scripted(self):
        self.settings(chat=["first", {"json": {"a": 1}}, {"refusal": "no"},
                            {"content": "x", "finish_reason": "length"}])
        got = [self.chat("?") for _ in range(5)]
        self.assertEqual(["first", '{"a":1}', None, "x"], [choice["message"]["content"] for choice in got[:4]])
        self.assertEqual(("no", "length"), (got[2]["message"]["refusal"], got[3]["finish_reason"]))
        self.assertIn("[sandbox]", got[4]["message"]["content"])

    def test_too_long_an_answer_is_cut(self):
        choice = self.chat("ы" * 500, max_completion_tokens=20)
        self.assertEqual("length", choice["finish_reason"])
        self.assertLessEqual(len(choice["message"]["content"].encode()), 80)

    def test_a_stream(self):
        body = {"model": CHAT, "stream": True, "stream_options": {"include_usage": True},
                "messages": [{"role": "user", "content": "a b"}]}
        _, headers, answer = self.ask("chat/completions", body)
        events = answer.decode().strip().split("\n\n")
        self.assertEqual(("text/event-stream", "data: [DONE]"), (headers["Content-Type"], events[-1]))
        chunks = [json.loads(event[6:]) for event in events[:-1]]
        text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1])
        self.assertEqual(f"[sandbox] {CHAT} was told: a b", text)
        self.assertIn("total_tokens", chunks[-1]["usage"])

    def test_bad_requests(self):
        self.assertEqual((400, "unsupported_parameter", "max_tokens"), self.refused(max_tokens=5))
        self.assertEqual((400, "unsupported_value", "temperature"), self.refused(temperature=0.5))
        self.assertEqual((400, "unsupported_parameter", "reasoning_effort"),
                         self.refused(model="gpt-4o", reasoning_effort="low"))
        self.chat("x", model="gpt-4o", temperature=0.5, max_tokens=100)
        for bad in ({"temperature": 3}, {"n": 0}, {"n": 1.5}, {"max_completion_tokens": "x"}, {"messages": []},
                    {"messages": "x"}, {"messages": [{"role": "cat", "content": "x"}]},
                    {"messages": [{"role": "user"}]}, {"reasoning_effort": "huge"}):
            self.assertEqual(400, self.refused(**bad)[0], bad)
        self.assertEqual(400, self.error("chat/completions", b"{nonsense")[0])
        self.assertEqual(400, self.error("chat/completions", b"[" * 100000)[0])
        for url, code in (("https://img.invalid/a.png", "invalid_image_url"), ("data:image/png,x", "invalid_base64"),
                          ("data:image/png;base64,AAAA", "invalid_image_format"), ("x", "invalid_base64"),
                          (data_url()[:82] + "AA==", "invalid_image_format")):
            self.assertEqual((400, code), self.refused(messages=[{"role": "user", "content": [image(url)]}])[:2], url)


class ModerationTest(OpenAICase):
    def judge(self, given, **body):
        answer = self.answer("moderations", input=given, **body)
        self.assertTrue(answer["id"].startswith("modr-"))
        for result in answer["results"]:
            self.assertEqual([13] * 3, [len(result[name]) for name in (
                "categories", "category_scores", "category_applied_input_types")])
            self.assertEqual(result["flagged"], any(result["categories"].values()))
        return answer["results"]

    def flags(self, result):
        return [name for name, is_flagged in result["categories"].items() if is_flagged]

    def test_texts(self):
        [result] = self.judge("sandbox violence/graphic")
        self.assertEqual(["violence/graphic"], self.flags(result))
        self.assertGreater(result["category_scores"]["violence/graphic"], 0.9)
        self.assertEqual([[], ["hate"]], [self.flags(result) for result in self.judge(["a cat", "sandbox hate"])])

    def test_pictures(self):
        [result] = self.judge([{"type": "text", "text": "sandbox hate"}, image(data_url(MAGENTA))])
        self.assertEqual({"hate", "sexual"}, set(self.flags(result)))
        self.assertEqual((["text"], ["text", "image"]), (
            result["category_applied_input_types"]["hate"], result["category_applied_input_types"]["sexual"]))
        self.assertEqual([], self.flags(self.judge([image(data_url())])[0]))
        self.assertEqual((400, "too_many_images", "input"),
                         self.error("moderations", {"input": [image(data_url())] * 2}))

    def test_bad_requests(self):
        for bad in ({}, {"input": 5}, {"input": []}, {"input": ["x", 5]}, {"input": [{"type": "x"}]},
                    {"input": [image(data_url())], "model": "text-moderation-latest"},
                    {"input": [image("data:image/png;base64,AAAA")]}, {"input": "x", "model": CHAT}):
            self.assertEqual(400, self.error("moderations", bad)[0], bad)
        self.assertEqual(404, self.error("moderations", {"input": "x", "model": "none"})[0])

    def test_answers_are_scripted(self):
        self.settings(moderation=[["self-harm"], []])
        self.assertEqual([["self-harm"], []], [self.flags(self.judge("sandbox hate")[0]) for _ in range(2)])


class HostileTest(OpenAICase):
    """Requests with something else in the place of a part, chosen by a seed: each is answered, in OpenAI's shape."""
    ODD = [None, True, -1, 1e300, 0.5, "", "\ud800", "x" * 5000, [], {}, [[]], {"type": "text"}, {"$ref": "#"}, ["x"]]

    def places(self, value):
        """Every (container, key) in it."""
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            yield value, key
            yield from self.places(inner)

    def test_odd_parts(self):
        schema = {"type": "object", "properties": {"a": {"anyOf": [{"type": "integer"}]}, "b": {"$ref": "#/$defs/b"}},
                  "required": ["a", "b"], "additionalProperties": False, "$defs": {"b": {"type": "array"}}}
        chat = {"model": CHAT, "n": 1, "stream": False, "max_completion_tokens": 50, "messages": [
            {"role": "user", "content": [{"type": "text", "text": "x"}, image(data_url())]}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": schema}}}
        moderation = {"model": "omni-moderation-latest", "input": [{"type": "text", "text": "x"}, image(data_url())]}
        for seed in range(150 * ROUNDS):
            chance = random.Random(seed)
            path, body = chance.choice([("chat/completions", chat), ("moderations", moderation)])
            body = copy.deepcopy(body)
            for _ in range(chance.randint(1, 3)):
                container, key = chance.choice(list(self.places(body)))
                container[key] = copy.deepcopy(chance.choice(self.ODD))
            with self.subTest(seed=seed):
                status, _, answer = self.ask(path, body)
                self.assertIn(status, (200, 400, 404))
                if status != 200:
                    self.assertEqual({"message", "type", "param", "code"}, set(answer["error"]))


if __name__ == "__main__":
    unittest.main()
