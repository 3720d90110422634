"""The chat page as a person uses it: the base of its tests, and what they name things by.

A class has one host, one sandbox and one browser; each test is a person of its own. What the page shows at the end of
a test is left as a picture in artifacts/, and an error in the browser's console fails the test.
"""
import os
import re
import unittest

from stack import ROOT, Stack
from webdriver import ENTER, Browser

ARTIFACTS = os.path.join(ROOT, "artifacts")
BOT = "/bot123456:SANDBOX/"
ANSWER = 60  # seconds; long, because only a failing test ever waits for it
DESKTOP, PHONE = (1280, 800), (390, 844)


def by(testid):
    return f"[data-testid={testid}]"


FROM_BOT = "[data-from=bot] " + by("message-text")
FROM_USER = "[data-from=user] " + by("message-text")
BUTTON = by("inline-button")
REPLY_KEY = by("reply-button")
CHOSEN_USER = by("user") + "[aria-pressed=true]"
CYRILLIC = re.compile("[а-яё]")


class PageTest(unittest.TestCase):
    plugins_ini = None  # those that are shipped
    host = True  # False: the test itself is the bot

    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack(plugins_ini=cls.plugins_ini, host=cls.host))
        if not cls.host:
            cls.stack.api(BOT + "getMe", {})  # who the bot is
        cls.page = cls.enterClassContext(Browser(*DESKTOP))

    def setUp(self):
        name = self._testMethodName.removeprefix("test_")
        self.addCleanup(self.picture, name)
        self.user = self.stack.user(name.replace("_", " ").capitalize(), "en")
        self.open_as(self.user)

    def tearDown(self):
        self.assertEqual(self.page.console(), [], "errors in the browser's console")

    def picture(self, name):
        self.page.screenshot(os.path.join(ARTIFACTS, f"{type(self).__name__}-{name}.png"))

    # ---- what a person does

    def open_as(self, user):
        """The page remembers whom one talks as: set it as the page does, then open."""
        self.page.open(self.stack.url)
        self.page.run("localStorage.setItem('aisha.user', arguments[0])", user)
        self.reload()
        self.page.wait(lambda: self.page.find_all(f'{CHOSEN_USER}[data-user-id="{user}"]'), what="the user's chat")

    def reload(self):
        self.page.reload()
        self.wait_status("online" if self.host else "offline")

    def write(self, text):
        self.page.find(by("input")).type(text)

    def start(self):
        self.write("/start" + ENTER)
        self.page.wait(lambda: self.page.find_all(BUTTON), ANSWER, "the menu")

    def press(self, label):
        """Clicks the newest button with that label, or a part of it."""
        def attempt():
            wanted = [button for button in self.page.find_all(BUTTON) if label in button.text]
            return wanted and (wanted[-1].click() or True)
        self.page.wait(attempt, ANSWER, f"a button {label!r}")

    def open_tab(self, name):
        """One of the tools at the side."""
        if not self.page.find_all(by("drawer"))[0].shown:
            self.page.click(by("drawer-toggle"))
        self.page.click(by(f"tab-{name}"))

    def open_menu(self, css):
        """What can be done with the newest message like that."""
        def attempt():
            self.page.find_all(css)[-1].hover()
            self.page.find_all(f"{css} {by('message-menu')}")[-1].click()
            return True
        self.page.wait(attempt, what=f"the menu of {css}")

    def send_file(self, path, kind):
        self.page.find(by("upload-input")).upload(path)
        self.page.click(f'{by("file-kind")} option[value={kind}]')
        self.page.click(by("file-send"))

    # ---- what a person sees

    def wait_status(self, state):
        self.page.wait(lambda: self.page.find(by("status")).attribute("data-state") == state, ANSWER,
                       f"the status {state}")

    def labels(self):
        return self.page.texts(BUTTON)

    def last(self):
        """The newest text of the bot."""
        return self.page.texts(FROM_BOT)[-1]

    def wait_answer(self, part):
        return self.page.wait_text(FROM_BOT, part, ANSWER)

    def wait_settled(self):
        self.page.wait(lambda: not self.page.find_all(BUTTON + ".busy"), ANSWER, "every pressed button answered")

    # ---- what the bot does

    def bot_calls(self, method, **params):
        return self.stack.api(BOT + method, {"chat_id": self.user} | params)["result"]

    def bot_says(self, text, **more):
        """A message of the bot that no plugin wrote."""
        return self.bot_calls("sendMessage", text=text, **more)
