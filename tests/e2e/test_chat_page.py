"""The chat page in a real browser, against the real sandbox and host: what a person who runs the demo sees.

Pictures of it are left in artifacts/.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path[:0] = [os.path.join(ROOT, "tests", "e2e"), os.path.join(ROOT, "tests", "integration")]
from stack import Stack  # noqa: E402
from webdriver import ARROW_DOWN, ENTER, SHIFT, TAB, Browser  # noqa: E402

ARTIFACTS = os.path.join(ROOT, "artifacts")
BOT = "/bot123456:SANDBOX/"
SPOKEN = "Buy two litres of milk, and call the doctor at nine."
ANSWER = 60


def by(testid):
    return f"[data-testid={testid}]"


FROM_BOT = "[data-from=bot] " + by("message-text")
FROM_USER = "[data-from=user] " + by("message-text")
KEYS = by("inline-button")


class ChatPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="aisha-e2e-"))
        cls.stack = cls.enterClassContext(Stack())
        cls.page = cls.enterClassContext(Browser())

    def setUp(self):
        name = self._testMethodName.removeprefix("test_")
        self.addCleanup(self.picture, name)
        self.user = self.stack.user(name.replace("_", " ").capitalize(), "en")
        self.open_as(self.user)

    def tearDown(self):
        self.assertEqual(self.page.console(), [], "errors in the browser's console")

    # ---- steps

    def open_as(self, user):
        """The page remembers whom one talks as: set it as the page does, then open."""
        self.page.open(self.stack.url)
        self.page.run("localStorage.setItem('aisha.user', arguments[0])", user)
        self.page.reload()
        self.page.find(f'{by("user")}[data-user-id="{user}"][aria-pressed=true]')
        self.page.wait(lambda: self.status() == "online", what="the page says that the bot is running")

    def status(self):
        return self.page.find(by("status")).attribute("data-state")

    def write(self, text):
        self.page.find(by("input")).type(text)

    def start(self):
        self.write("/start" + ENTER)
        self.page.wait(lambda: self.page.find_all(KEYS), ANSWER, "the menu")

    def press(self, label):
        """Presses the button whose text contains the label, in the newest message that has one."""
        def attempt():
            wanted = [key for key in self.page.find_all(KEYS) if label in key.text]
            return wanted and (wanted[-1].click() or True)
        self.page.wait(attempt, ANSWER, f"a button {label!r}")

    def send_file(self, path, kind):
        self.page.find(by("upload-input")).upload(path)
        self.page.click(f'{by("file-kind")} option[value={kind}]')
        self.page.click(by("file-send"))

    def bot_says(self, **message):
        """A message of the bot that no plugin wrote."""
        return self.stack.api(BOT + "sendMessage", {"chat_id": self.user} | message)["result"]

    def picture(self, name):
        self.page.screenshot(os.path.join(ARTIFACTS, f"page-{name}.png"))

    # ---- tests

    def test_menu_and_language(self):
        self.start()
        menu = self.page.texts(FROM_BOT)[-1]
        self.assertNotRegex(menu, "[а-яё]")
        self.picture("desktop-light")
        self.press("Language")
        self.press("Русский")
        self.page.wait(lambda: re.search("[а-яё]", self.page.texts(FROM_BOT)[-1]), ANSWER, "Russian words")
        self.page.wait(lambda: not self.page.find_all(KEYS + ".busy"), ANSWER, "every pressed button answered")

    def test_voice_note_becomes_text(self):
        path = os.path.join(self.folder, "note.wav")
        subprocess.run(["espeak-ng", "-v", "en", "-w", path, SPOKEN], check=True)
        self.start()
        self.stack.transcription(SPOKEN)
        self.send_file(path, "voice")
        self.page.wait_text(FROM_BOT, SPOKEN, ANSWER)
        self.page.find(f'[data-from=user] {by("play")}')
        self.page.resize(390, 844, mobile=True)
        self.page.theme("dark")
        self.picture("phone-dark")
        self.page.theme("light")
        self.page.resize(self.page.width, self.page.height)

    def test_recorded_voice_becomes_text(self):
        """Chromium's own fake microphone beeps."""
        self.start()
        self.stack.transcription(SPOKEN)
        self.page.click(by("record"))
        self.page.wait(lambda: self.page.texts(by("record-time")) == ["0:02"], what="two seconds of sound")
        self.page.click(by("record-send"))
        self.page.wait_text(FROM_BOT, SPOKEN, ANSWER)
        voice = next(message["voice"] for message in self.stack.messages(self.user) if "voice" in message)
        self.assertIn(voice["duration"], (2, 3))

    def test_refused_file_is_explained(self):
        path = os.path.join(self.folder, "fake.ogg")
        with open(path, "w", encoding="utf-8") as file:
            file.write("This is not sound.\n" * 50)
        self.send_file(path, "voice")
        self.assertTrue(self.page.find(by("file-problem")).text)
        self.page.click(by("file-cancel"))
        self.assertEqual(self.stack.messages(self.user), [])
        errors = self.page.console()
        self.assertTrue(all("400" in error for error in errors), errors)

    def test_commands_are_offered(self):
        self.write("/st")
        self.page.find(by("command"))
        self.write(TAB)
        field = self.page.find(by("input"))
        self.page.wait(lambda: field.dom("value") == "/start ", what="the command to be completed")
        field.clear()
        self.page.click(by("command-button"))
        self.assertGreater(len(self.page.find_all(by("command"))), 1)
        self.write(ARROW_DOWN + ENTER)
        self.page.wait(lambda: self.page.texts(FROM_USER), what="the chosen command in the chat")

    def test_text_of_several_lines(self):
        self.write("one" + SHIFT + ENTER + SHIFT + "two" + ENTER)
        self.page.wait_text(FROM_USER, "one\ntwo")

    def test_markup_is_drawn_and_never_run(self):
        self.start()
        text = "bold code <img src=x onerror=alert(1)> secret site"

        def entity(kind, part, **more):
            return {"type": kind, "offset": text.index(part), "length": len(part)} | more

        self.bot_says(text=text, entities=[
            entity("bold", "bold"), entity("code", "code"), entity("spoiler", "secret"),
            entity("text_link", "site", url="https://example.org/")])
        self.page.wait_text(FROM_BOT, "<img src=x onerror=alert(1)>")
        self.assertEqual(self.page.texts(FROM_BOT + " strong")[-1], "bold")
        self.assertEqual(self.page.texts(FROM_BOT + " code")[-1], "code")
        self.assertEqual(self.page.find_all(FROM_BOT + " a")[-1].dom("href"), "https://example.org/")
        self.assertEqual(self.page.find_all(FROM_BOT + " img"), [])
        self.page.click(by("spoiler"))
        self.page.find(by("spoiler") + ".shown")

    def test_edit_and_deletion(self):
        self.start()
        message = self.bot_says(text="first words")
        self.page.wait_text(FROM_BOT, "first words")
        where = {"chat_id": self.user, "message_id": message["message_id"]}
        bubble = f'[data-message-id="{message["message_id"]}"]'
        self.stack.api(BOT + "editMessageText", where | {"text": "second words"})
        self.page.wait_text(FROM_BOT, "second words")
        self.page.find(f'{bubble} {by("edited")}')
        self.stack.api(BOT + "deleteMessage", where)
        self.page.wait(lambda: not self.page.find_all(bubble), what="the message to go")

    def test_reply_keyboard(self):
        self.start()
        self.bot_says(text="Choose", reply_markup={"keyboard": [[{"text": "Tea"}, {"text": "Coffee"}]]})
        self.page.find(by("reply-button"))
        self.picture("reply-keyboard")
        self.page.click(by("reply-button"))
        self.page.wait_text(FROM_USER, "Tea")
        self.bot_says(text="Done", reply_markup={"remove_keyboard": True})
        self.page.wait(lambda: not self.page.find_all(by("reply-button")), what="the keyboard to go")

    def test_people(self):
        self.page.click(by("user-add"))
        self.page.find(by("user-name")).type("Борис")
        self.page.click(f'{by("user-language")} option[value=ru]')
        self.page.click(by("user-save"))
        chosen = by("user") + "[aria-pressed=true]"
        self.page.wait(lambda: "Борис" in self.page.find(chosen).text, what="the new person to be chosen")
        self.start()
        self.assertRegex(self.page.texts(FROM_BOT)[-1], "[а-яё]")
        self.page.click(f'{by("user")}[data-user-id="{self.user}"]')
        self.page.wait(lambda: not self.page.find_all(by("message")), what="the other chat, which is empty")

    def test_lost_connection_is_shown_and_mended(self):
        self.start()
        self.page.offline(True)
        self.addCleanup(self.page.offline, False)
        self.write("lost" + ENTER)
        self.page.find(by("toast-error"))
        self.assertEqual(self.page.find(by("input")).dom("value"), "lost")
        self.bot_says(text="Anybody there?")  # ends the poll that is under way
        self.page.find(by("connection-lost"))
        self.assertEqual(self.status(), "lost")
        self.bot_says(text="while you were away")
        self.page.offline(False)
        self.page.wait_text(FROM_BOT, "while you were away")
        self.page.wait(lambda: self.status() == "online", what="the connection to be back")
        errors = self.page.console()
        self.assertTrue(all("ERR_INTERNET_DISCONNECTED" in error for error in errors), errors)

    def test_requests_are_shown(self):
        self.start()
        self.page.click(by("requests-toggle"))
        self.page.click(f'{by("request")}[data-method=sendMessage] summary')
        self.page.wait_text(by("request") + " pre", '"chat_id"')

    def test_interface_in_russian(self):
        field = by("input") + "[placeholder=Сообщение]"
        self.page.click(by("lang-ru"))
        self.page.find(field)
        self.page.reload()
        self.page.find(field)
        self.page.click(by("lang-en"))


if __name__ == "__main__":
    unittest.main()
