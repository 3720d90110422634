"""Voice notes through the chat page, recorded and uploaded: what comes back as text."""
import os
import subprocess
import tempfile
import unittest

from page import ANSWER, DESKTOP, FROM_BOT, PHONE, PageTest, by

SPOKEN = "Buy two litres of milk, and call the doctor at nine."
HEARD = "[sandbox] heard "
PLAYER = "[data-from=user] " + by("play")


class Voice(PageTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="aisha-e2e-"))
        cls.note = os.path.join(cls.folder, "note.wav")
        subprocess.run(["espeak-ng", "-v", "en", "-w", cls.note, SPOKEN], check=True)

    def sent_voice(self):
        return next(message["voice"] for message in self.stack.messages(self.user) if "voice" in message)

    def wait_recorded(self, length):
        self.page.wait(lambda: self.page.find(by("record-time")).text >= length, what=f"{length} of sound")

    def test_an_uploaded_note_becomes_text(self):
        self.start()
        self.send_file(self.note, "voice")
        text = self.wait_answer(HEARD)
        self.assertRegex(text, r"^\[sandbox\] heard [34]\.\d s of audio, \d phrases?$")
        self.assertEqual(self.sent_voice()["mime_type"], "audio/ogg")
        self.page.find(PLAYER)

    def test_the_text_is_what_the_service_says(self):
        self.start()
        self.stack.transcription(SPOKEN + " <b>&amp;</b>")
        self.send_file(self.note, "voice")
        self.assertEqual(self.wait_answer(SPOKEN), SPOKEN + " <b>&amp;</b>")
        self.assertIn("Voice message", self.page.texts(by("quote"))[-1])
        self.page.resize(*PHONE, mobile=True)
        self.addCleanup(self.page.resize, *DESKTOP)
        self.page.theme("dark")
        self.addCleanup(self.page.theme, "light")
        self.page.find(PLAYER)
        self.picture("phone-dark")

    def test_an_uploaded_audio_file_becomes_text(self):
        self.send_file(self.note, "audio")
        self.wait_answer(HEARD)

    def test_a_recorded_note_becomes_text(self):
        """Chromium's own fake microphone beeps."""
        self.start()
        self.page.click(by("record"))
        self.wait_recorded("0:02")
        self.page.click(by("record-send"))
        self.wait_answer(HEARD)
        self.assertGreaterEqual(self.sent_voice()["duration"], 2)
        self.page.find(PLAYER)

    def test_a_recording_can_be_thrown_away(self):
        self.page.click(by("record"))
        self.wait_recorded("0:01")
        self.page.click(by("record-cancel"))
        self.page.find(by("input"))
        self.assertEqual(self.stack.messages(self.user), [])

    def test_a_note_can_be_played(self):
        self.send_file(self.note, "voice")
        self.page.click(PLAYER)
        self.page.wait(lambda: self.page.find(PLAYER).label == "Pause", what="the player to play")
        self.page.click(PLAYER)
        self.page.wait(lambda: self.page.find(PLAYER).label == "Play", what="the player to pause")

    def test_a_long_text_comes_as_a_file(self):
        self.stack.transcription("word " * 1000)
        self.send_file(self.note, "voice")
        self.page.wait_text(FROM_BOT, "all of the text is in the file", ANSWER)
        self.assertIn("transcript.txt", self.page.find(f'[data-from=bot] {by("document")}').text)

    def test_listening_can_be_cancelled(self):
        self.stack.fault("transcription", delay_ms=120_000)
        self.send_file(self.note, "voice")
        self.wait_answer("Listening")
        self.stack.faults_met()
        self.press("Cancel")
        self.wait_answer("All right, stopped")

    def test_a_file_that_is_no_sound_is_refused(self):
        path = os.path.join(self.folder, "fake.ogg")
        with open(path, "w", encoding="utf-8") as file:
            file.write("This is not sound.\n" * 50)
        self.send_file(path, "voice")
        self.assertIn("decoded", self.page.find(by("file-problem")).text)
        self.page.click(by("file-cancel"))
        self.assertEqual(self.stack.messages(self.user), [])
        errors = self.page.console()
        self.assertTrue(all("400" in error for error in errors), errors)
        self.send_file(path, "voice_raw")
        self.wait_answer("I cannot read this recording")


if __name__ == "__main__":
    unittest.main()
