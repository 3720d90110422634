"""Recordings become text: the real host, its plugins and its helper process, against the sandbox's OpenAI."""
import os
import re
import subprocess
import time
import unittest

from stack import Stack, until

KEY = "sk-not-to-be-seen-0123456789"


def speech(text="Hello there. This is a test."):
    """A WAV file."""
    return subprocess.run(["espeak-ng", "--stdout", text], stdout=subprocess.PIPE, check=True).stdout


class AudioStack(Stack):
    def __init__(self, plugins_ini=None, **env):
        super().__init__(plugins_ini=plugins_ini, env=env)
        os.mkdir(self.path("tmp"))
        self.env["TMPDIR"] = self.path("tmp")

    def wait_for_no_temporary_files(self):
        """They go when the handler has returned, which is after its last message. What runs is noted there as
        long as the host lives, when its database is a server."""
        def are_gone():
            return all(name.endswith(".running") for _, _, files in os.walk(self.path("tmp")) for name in files)
        until(are_gone, "temporary files are removed")

    def answer_to(self, message, wanted):
        """The bot's message that quotes this one, once it shows what is wanted."""
        def is_it(answer):
            return (answer.get("reply_to_message", {}).get("message_id") == message["message_id"]
                    and re.search(wanted, answer.get("text", answer.get("caption", ""))))
        return self.wait_message(message["chat"]["id"], is_it)

    def document(self, message):
        return self.api(f"/sandbox/files/{message['document']['file_id']}")


class Audio(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.wav = speech()
        cls.stack = AudioStack(OPENAI_API_KEY=KEY)
        cls.stack.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    def setUp(self):
        self.ann = self.stack.user("Ann")

    def test_every_kind_of_recording(self):
        for kind, more in (("voice", {}), ("audio", {"file_name": "talk.wav"}), ("video_note", {}), ("video", {}),
                           ("document", {"file_name": "talk.wav", "mime": "audio/x-wav"}),
                           ("document", {"file_name": "Talk.WAV", "mime": "application/octet-stream"})):
            with self.subTest(kind, **more):
                message = self.stack.upload(self.ann, self.wav, kind, **more)
                self.stack.answer_to(message, r"^\[sandbox\] heard \d+\.\d s of audio, 2 phrases$")
        self.stack.wait_for_no_temporary_files()

    def test_other_documents_are_not_touched(self):
        before = self.stack.newest_request()
        self.stack.upload(self.ann, b"%PDF-1.4 nothing", "document", file_name="report.pdf", mime="application/pdf")
        self.stack.wait_message(self.ann, "/help")
        self.assertEqual(self.stack.requests("getFile", after=before), [])

    def test_what_is_sent_to_the_provider(self):
        before = self.stack.newest_request()
        self.stack.answer_to(self.stack.upload(self.ann, self.wav), "heard")
        [request] = self.stack.requests("transcription", after=before)
        self.assertEqual(request["params"]["model"], "gpt-transcribe")
        self.assertEqual(request["params"]["response_format"], "json")
        self.assertNotIn("language", request["params"])

    def test_progress_is_one_message_that_becomes_the_text(self):
        before = self.stack.newest_request()
        self.stack.fault("transcription", delay_ms=4000)  # time enough for the second state to be shown
        voice = self.stack.upload(self.ann, self.wav)
        answer = self.stack.answer_to(voice, "heard")
        shown = [r["params"]["text"] for r in self.stack.requests(after=before) if "text" in r["params"]]
        self.assertEqual(shown[:2], ["⏳ Fetching the recording…", "🎧 Listening…"])
        self.assertNotIn("reply_markup", answer)
        self.assertEqual(len(self.stack.bot_messages(self.ann)), 1)
        actions = [r["params"]["action"] for r in self.stack.requests("sendChatAction", after=before)]
        self.assertEqual(["typing"], sorted(set(actions)))

    def test_text_is_shown_as_it_is(self):
        self.stack.transcription("  <b>5 & 6</b> *not* _markup_ 🎉\n")
        self.stack.answer_to(self.stack.upload(self.ann, self.wav), r"^<b>5 & 6</b> \*not\* _markup_ 🎉$")

    def test_nothing_said(self):
        self.stack.transcription(" \n")
        self.stack.answer_to(self.stack.upload(self.ann, self.wav), "could not make out any words")

    def test_a_long_text_comes_as_a_file_with_its_beginning(self):
        text = "Слово за слово. " * 400 + "Конец."
        self.stack.transcription(text)
        audio = self.stack.upload(self.ann, self.wav, "audio", file_name="Лекция 1.wav")
        message = self.stack.answer_to(audio, "")
        file = self.stack.wait_message(self.ann, lambda m: "document" in m)
        self.assertEqual(self.stack.document(file), text.encode())
        self.assertEqual(file["document"]["file_name"], "Лекция 1.txt")
        self.stack.wait_message(self.ann, "all of the text is in the file")
        self.assertLessEqual(message["message_id"], file["message_id"])

    def test_a_long_voice_note_gets_a_file_with_a_name(self):
        self.stack.transcription("word " * 1000)
        self.stack.upload(self.ann, self.wav)
        file = self.stack.wait_message(self.ann, lambda m: "document" in m)
        self.assertEqual(file["document"]["file_name"], "transcript.txt")

    def test_several_recordings_are_answered_in_order(self):
        texts = [f"text {i}" for i in range(5)]
        self.stack.transcription(*texts)
        voices = [self.stack.upload(self.ann, self.wav) for _ in texts]
        for voice, text in zip(voices, texts):
            self.stack.answer_to(voice, f"^{text}$")

    def test_cancel_by_button_and_by_command(self):
        for by_button in (True, False):
            with self.subTest(by_button=by_button):
                self.stack.fault("transcription", delay_ms=60000)
                voice = self.stack.upload(self.ann, self.wav)
                message = self.stack.answer_to(voice, "Listening")
                self.stack.faults_met()
                if by_button:
                    self.stack.press_text(self.ann, message, "Cancel")
                else:
                    self.stack.send(self.ann, "/cancel")
                self.stack.answer_to(voice, "All right, stopped")
                self.stack.answer_to(self.stack.upload(self.ann, self.wav), "heard")
        self.stack.wait_for_no_temporary_files()

    def test_too_big_and_too_long(self):
        self.stack.answer_to(self.stack.upload(self.ann, self.wav, told_size=30_000_000), "up to 20 MB")
        self.stack.answer_to(self.stack.upload(self.ann, self.wav, duration=7201), "up to 120 minutes")
        huge = self.stack.upload(self.ann, b"RIFF" + bytes(21 << 20), "document", file_name="a.wav", told_size=1000)
        self.stack.answer_to(huge, "up to 20 MB")

    def test_a_download_that_fails(self):
        self.stack.fault("getFile", count=2, error_code=400,
                         description="Bad Request: wrong file_id or the file is temporarily unavailable")
        self.stack.answer_to(self.stack.upload(self.ann, self.wav), "did not give me this file")
        self.stack.fault("file", http=404)
        self.stack.answer_to(self.stack.upload(self.ann, self.wav), "did not give me this file")

    def test_russian(self):
        boris = self.stack.user("Борис", language_code="ru")
        self.stack.transcription("")
        self.stack.answer_to(self.stack.upload(boris, self.wav), "Не удалось разобрать ни слова")

    def test_groups_are_left_alone(self):
        message = {"message_id": 1, "date": 1700000000, "chat": {"id": -100500, "type": "supergroup", "title": "We"},
                   "from": {"id": self.ann, "is_bot": False, "first_name": "Ann"},
                   "voice": {"file_id": "x", "file_unique_id": "y", "duration": 1}}
        before = self.stack.newest_request()
        self.stack.update(message=message)
        self.stack.answer_to(self.stack.upload(self.ann, self.wav), "heard")
        self.assertEqual([r for r in self.stack.requests(after=before) if r["params"].get("chat_id") == -100500], [])


class Provider(unittest.TestCase):
    """What the provider may answer, and what the user and the log are told."""
    CASES = (  # the fault, how often it is met at most, what the user reads
        ({"http": 400, "body": {"error": {"message": "Audio file might be corrupted", "code": "invalid_value"}}}, 1,
         "cannot read this recording"),
        ({"http": 401, "body": {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}},
         1, "out of service"),
        ({"http": 403, "body": "forbidden"}, 1, "out of service"),
        ({"http": 404, "body": {"error": {"code": "model_not_found", "message": "no"}}}, 2, "out of service"),
        ({"http": 408, "body": {}}, 3, "Please send the recording again in a few minutes"),
        ({"http": 413, "body": {"error": "too large"}}, 1, "too long"),
        ({"http": 422, "body": {"detail": [{"msg": "odd"}]}}, 1, "cannot read this recording"),
        ({"http": 429, "body": {"error": {"type": "insufficient_quota", "code": None}}}, 1, "out of service"),
        ({"http": 429, "body": {"error": {"code": "credit_balance_exhausted"}}}, 1, "out of service"),
        ({"http": 429, "body": {"error": {"code": "rate_limit_exceeded"}}}, 3, "again in a few minutes"),
        ({"http": 500, "body": {"error": {"message": f"echo {KEY}"}}}, 3, "again in a few minutes"),
        ({"http": 503, "body": "<html>busy</html>"}, 3, "again in a few minutes"),
        ({"http": 200, "body": "not JSON"}, 1, "again in a few minutes"),
        ({"http": 200, "body": {"text": 5}}, 1, "again in a few minutes"),
        ({"http": 200, "body": {}}, 1, "again in a few minutes"),
    )

    def test_errors(self):
        wav = speech("One.")
        with AudioStack(OPENAI_API_KEY=KEY) as stack:
            ann = stack.user("Ann")
            for fault, tries, wanted in self.CASES:
                with self.subTest(**fault):
                    before = stack.newest_request()
                    stack.fault("transcription", count=tries, **fault)
                    stack.answer_to(stack.upload(ann, wav), wanted)
                    self.assertEqual(len(stack.requests("transcription", after=before)), tries)
            stack.answer_to(stack.upload(ann, wav), "heard")
            self.assertNotIn(KEY.encode(), stack.host.output())
            self.assertIn(b"check OPENAI_API_KEY", stack.host.output())
            stack.wait_for_no_temporary_files()

    def test_a_passing_failure_is_not_noticed(self):
        wav = speech("One.")
        with AudioStack() as stack:
            ann = stack.user("Ann")
            stack.fault("transcription", count=2, http=500)
            stack.answer_to(stack.upload(ann, wav), "heard")

    def test_lost_connections(self):
        with AudioStack() as stack:
            stack.fault("transcription", count=10, drop=True)
            stack.answer_to(stack.upload(stack.user("Ann"), speech("One.")), "again in a few minutes")

    def test_the_host_dies_in_the_middle(self):
        with AudioStack() as stack:
            ann = stack.user("Ann")
            stack.fault("transcription", delay_ms=600_000)
            voice = stack.upload(ann, speech("One."))
            stack.answer_to(voice, "Listening")
            stack.faults_met()
            stack.kill_host()
            stack.start_host()
            stack.answer_to(voice, "heard")
            self.assertEqual(len(stack.bot_messages(ann)), 1, "the text is there once")
            stack.restart_host()
            stack.wait_for_no_temporary_files()

    def test_killed_at_any_moment(self):
        """Wherever kill -9 meets it: one message, which becomes the text."""
        wav = speech("One.")
        with AudioStack() as stack:
            for pause in range(6):
                ann = stack.user("Ann")
                stack.fault("transcription", delay_ms=300)
                voice = stack.upload(ann, wav)
                time.sleep(0.12 * pause)
                stack.kill_host()
                stack.start_host()
                stack.answer_to(voice, "heard")
                texts = [m["text"] for m in stack.bot_messages(ann) if "heard" in m["text"]]
                self.assertEqual(len(texts), 1, texts)
            stack.restart_host()
            stack.wait_for_no_temporary_files()

    def test_a_local_bot_api_server(self):
        with AudioStack(TELEGRAM_LOCAL="1") as stack:
            ann = stack.user("Ann")
            with open(stack.write("local file.wav", ""), "wb") as file:
                file.write(speech("One."))

            def get_file(path):
                stack.fault("getFile", http=200, body={"ok": True, "result": {
                    "file_id": "x", "file_unique_id": "y", "file_size": 5, "file_path": path}})

            get_file(stack.path("local file.wav"))
            stack.answer_to(stack.upload(ann, speech("One.")), "heard")
            self.assertTrue(os.path.exists(stack.path("local file.wav")), "it is the server's, not ours")
            for path in (stack.path("missing.wav"), stack.path("etc"), "/dev/zero"):
                get_file(path)
                stack.answer_to(stack.upload(ann, speech("One.")), "did not give me this file")
            with open(stack.path("local file.wav"), "r+b") as file:
                file.truncate(21 << 20)
            get_file(stack.path("local file.wav"))
            stack.answer_to(stack.upload(ann, speech("One.")), "up to 20 MB")
            stack.wait_for_no_temporary_files()

    def test_without_a_key(self):
        with AudioStack(OPENAI_API_KEY="") as stack:
            stack.answer_to(stack.upload(stack.user("Ann"), speech("One.")), "out of service")
            self.assertEqual(stack.requests("transcription"), [])
            self.assertIn(b"set OPENAI_API_KEY", stack.host.output())

    def test_nobody_listens_there(self):
        with AudioStack(OPENAI_BASE_URL="http://127.0.0.1:1/v1/") as stack:
            stack.answer_to(stack.upload(stack.user("Ann"), speech("One.")), "again in a few minutes")

    def test_limits_are_configuration(self):
        ini = "[home]\n[openai]\napi_key = x\nbase_url = ${OPENAI_BASE_URL}\nspeech_models = whisper-1\n" \
              "[audio]\nmax_mb = 1\nmax_minutes = 1\n"
        with AudioStack(plugins_ini=ini) as stack:
            ann = stack.user("Ann")
            stack.answer_to(stack.upload(ann, speech("One.")), "heard")
            self.assertEqual(stack.requests("transcription")[0]["params"]["model"], "whisper-1")
            stack.answer_to(stack.upload(ann, speech("One. " * 200), "document", file_name="a.wav"), "up to 1 MB")
            stack.answer_to(stack.upload(ann, speech("One. " * 100)), "up to 1 minute:")


if __name__ == "__main__":
    unittest.main()
