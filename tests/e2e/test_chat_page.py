"""The chat page itself: what it makes of whatever a bot may send, and how it is used."""
import os
import re
import tempfile
import unittest

from page import ANSWER, BUTTON, CYRILLIC, DESKTOP, FROM_BOT, FROM_USER, PHONE, REPLY_KEY, PageTest, by
from stack import ROOT
from webdriver import ARROW_DOWN, ARROW_UP, BACKSPACE, CONTROL, ENTER, ESCAPE, SHIFT, TAB

PAGE_FILES = os.path.join(ROOT, "sdk/sandbox/page")
DRINKS = {"keyboard": [["Tea", "Coffee"], ["Nothing, thank you"]], "resize_keyboard": True}


class Messages(PageTest):
    def test_markup_is_drawn_and_never_run(self):
        self.start()
        text = "bold code <img src=x onerror=alert(1)> secret site"

        def entity(kind, part, **more):
            return {"type": kind, "offset": text.index(part), "length": len(part)} | more

        self.bot_says(text, entities=[
            entity("bold", "bold"), entity("code", "code"), entity("spoiler", "secret"),
            entity("text_link", "site", url="https://example.org/")])
        self.wait_answer("<img src=x onerror=alert(1)>")
        self.assertEqual(self.page.texts(FROM_BOT + " strong")[-1], "bold")
        self.assertEqual(self.page.texts(FROM_BOT + " code")[-1], "code")
        self.assertEqual(self.page.find_all(FROM_BOT + " a")[-1].dom("href"), "https://example.org/")
        self.assertEqual(self.page.find_all(FROM_BOT + " img"), [])
        self.page.click(by("spoiler"))
        self.page.find(by("spoiler") + ".shown")

    def test_links_that_could_run_are_no_links(self):
        self.start()
        link = {"type": "text_link", "offset": 0, "length": 4, "url": "javascript:alert(1)"}
        hostile = self.bot_says("a message") | {"text": "here", "entities": [link]}  # the sandbox refuses such a one
        self.wait_answer("a message")
        self.page.run("return import('/chat.js').then((chat) => chat.showMessage(arguments[0]))", hostile)
        self.wait_answer("here")
        self.assertEqual(self.page.find_all(FROM_BOT + " a"), [])

    def test_edit_and_deletion(self):
        self.start()
        message = self.bot_says("first words")
        self.wait_answer("first words")
        number = message["message_id"]
        bubble = f'[data-message-id="{number}"]'
        self.bot_calls("editMessageText", message_id=number, text="second words")
        self.wait_answer("second words")
        self.page.find(f'{bubble} {by("edited")}')
        self.bot_calls("deleteMessage", message_id=number)
        self.page.wait(lambda: not self.page.find_all(bubble), what="the message to go")

    def test_the_answer_to_a_press_is_shown(self):
        self.start()
        self.bot_says("Sure?", reply_markup={"inline_keyboard": [[{"text": "Yes", "callback_data": "forged"}]]})
        self.press("Yes")
        self.page.wait_text(f'{by("toast")}, {by("alert-text")}', "This button is for someone else", ANSWER)
        self.wait_settled()

    def test_nothing_is_wider_than_its_bubble(self):
        self.start()
        word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3
        entities = [{"type": "pre", "offset": 0, "length": len(word)}]
        self.bot_says(word, reply_markup={"inline_keyboard": [[{"text": word, "callback_data": "a"}]]})
        self.bot_says(word, entities=entities, reply_markup={"keyboard": [[word, word]]})
        self.bot_calls("sendChatAction", action="typing")
        wide = ("return [...document.querySelectorAll('main, main *')].filter((node) => "
                "node.scrollWidth > node.clientWidth + 1 && !['visible', 'hidden'].includes("
                "getComputedStyle(node).overflowX) || node.getBoundingClientRect().right > innerWidth)"
                ".map((node) => node.outerHTML.slice(0, 200))")
        self.page.find(REPLY_KEY)
        for size in (DESKTOP, PHONE):
            with self.subTest(size=size):
                self.page.resize(*size)
                self.addCleanup(self.page.resize, *DESKTOP)
                self.assertEqual(self.page.run(wide), [])


class AroundTheText(PageTest):
    """Reply keyboards and replies."""

    def keyboard(self, **more):
        self.start()
        self.bot_says("What will it be?", reply_markup=DRINKS | more)
        self.page.find(REPLY_KEY)

    def placeholder(self):
        return self.page.find(by("input")).attribute("placeholder")

    def test_a_key_sends_its_text_and_stays(self):
        self.keyboard(input_field_placeholder="Choose a drink")
        self.assertEqual(self.page.texts(REPLY_KEY), ["Tea", "Coffee", "Nothing, thank you"])
        self.assertEqual(self.placeholder(), "Choose a drink")
        self.page.click(REPLY_KEY)
        self.page.wait_text(FROM_USER, "Tea")
        self.reload()
        self.page.find(REPLY_KEY)
        self.bot_says("Done", reply_markup={"remove_keyboard": True})
        self.page.wait(lambda: not self.page.find_all(REPLY_KEY), what="the keyboard to go")
        self.assertEqual(self.placeholder(), "Message")
        self.reload()
        self.wait_answer("Done")
        self.assertEqual(self.page.find_all(REPLY_KEY), [])

    def test_a_keyboard_can_be_put_away(self):
        self.keyboard()
        toggle = self.page.find(by("reply-keyboard-toggle"))
        self.assertEqual(toggle.attribute("aria-expanded"), "true")
        toggle.click()
        self.assertFalse(self.page.find_all(REPLY_KEY)[0].shown)
        self.assertEqual(toggle.attribute("aria-expanded"), "false")
        self.bot_says("one more line")
        self.wait_answer("one more line")
        self.assertFalse(self.page.find_all(REPLY_KEY)[0].shown)
        toggle.click()
        self.assertTrue(self.page.find_all(REPLY_KEY)[0].shown)

    def test_a_keyboard_for_one_time_folds_when_it_is_used(self):
        self.keyboard(one_time_keyboard=True)
        self.page.click(REPLY_KEY)
        self.page.wait_text(FROM_USER, "Tea")
        for _ in range(2):
            self.assertFalse(self.page.find_all(REPLY_KEY)[0].shown)
            self.reload()
            self.page.wait_text(FROM_USER, "Tea")
        self.page.click(by("reply-keyboard-toggle"))
        self.page.find(REPLY_KEY)

    def test_a_keyboard_belongs_to_its_chat(self):
        self.keyboard()
        other = self.stack.user("Somebody else")
        self.page.click(f'{by("user")}[data-user-id="{other}"]')
        self.page.wait(lambda: not self.page.find_all(REPLY_KEY), what="no keyboard here")
        self.page.click(f'{by("user")}[data-user-id="{self.user}"]')
        self.page.find(REPLY_KEY)

    def test_keys_that_open_apps_say_that_there_are_none(self):
        self.start()
        app = {"text": "Shop", "web_app": {"url": "https://example.org/"}}
        self.bot_says("Here it is", reply_markup={"keyboard": [[app]]})
        self.page.click(REPLY_KEY)
        self.page.wait_text(by("toast"), "Web apps are not simulated")
        self.assertEqual(self.page.texts(FROM_USER), ["/start"])

    def test_a_forced_reply_answers_its_message(self):
        self.start()
        asked = self.bot_says("What is your name?", reply_markup={"force_reply": True,
                                                                  "input_field_placeholder": "Your name"})
        self.page.wait_text(by("reply-text"), "What is your name?")
        self.assertEqual(self.placeholder(), "Your name")
        self.page.active().type("Ann" + ENTER)  # the field has the focus already
        self.page.wait_text(by("quote"), "What is your name?")
        [answer] = [message for message in self.stack.messages(self.user) if message.get("text") == "Ann"]
        self.assertEqual(asked["message_id"], answer["reply_to_message"]["message_id"])
        self.page.wait(lambda: self.placeholder() == "Message", what="the end of it")
        self.assertFalse(self.page.find_all(by("reply"))[0].shown)

    def test_a_forced_reply_can_be_declined(self):
        self.start()
        for decline in (lambda: self.page.click(by("reply-cancel")), lambda: self.write(ESCAPE)):
            self.bot_says("Your name?", reply_markup={"force_reply": True})
            self.page.find(by("reply"))
            decline()
            self.assertFalse(self.page.find_all(by("reply"))[0].shown)
        self.write("no" + ENTER)
        self.page.wait_text(FROM_USER, "no")
        self.assertEqual(self.page.find_all(by("quote")), [])

    def test_any_message_can_be_replied_to(self):
        self.start()
        self.page.find_all(by("message"))[0].hover()
        self.page.click(by("answer"))
        self.page.wait_text(by("reply-text"), "/start")
        self.write("it was me" + ENTER)
        self.page.wait_text(by("quote"), "/start")
        self.wait_answer("I am not sure")
        self.write(CONTROL + ARROW_UP * 3 + CONTROL + "the menu" + ENTER)
        self.page.wait_text(FROM_USER, "the menu")
        replies = [message["reply_to_message"]["text"] for message in self.stack.messages(self.user)
                   if not message["from"]["is_bot"] and "reply_to_message" in message]
        self.assertEqual(replies, ["/start", "Hello, Any message can be replied to! What shall we do?"])

    def test_nobody_replies_to_what_has_gone(self):
        self.start()
        sent = self.bot_says("a slip of the tongue")
        self.wait_answer("a slip of the tongue")
        self.write(CONTROL + ARROW_UP + CONTROL)
        self.page.wait_text(by("reply-text"), "a slip of the tongue")
        self.bot_calls("deleteMessage", message_id=sent["message_id"])
        self.page.wait(lambda: not self.page.find_all(by("reply"))[0].shown, what="the reply to be dropped")
        self.write("what?" + ENTER)
        self.page.wait_text(FROM_USER, "what?")


class Using(PageTest):
    def test_commands_are_offered(self):
        self.write("/st")
        self.page.find(by("command"))
        self.write(TAB)
        field = self.page.find(by("input"))
        self.page.wait(lambda: field.dom("value") == "/start ", what="the command to be completed")
        self.write(BACKSPACE * 7)
        self.page.click(by("command-button"))
        self.assertGreater(len(self.page.find_all(by("command"))), 1)
        self.write(ARROW_DOWN + ENTER)
        self.page.wait_text(FROM_USER, "/start")

    def test_text_of_several_lines(self):
        self.write("one" + SHIFT + ENTER + SHIFT + "two" + ENTER)
        self.page.wait_text(FROM_USER, "one\ntwo")

    def test_everything_works_from_the_keyboard(self):
        self.page.active().type("/start" + ENTER)  # typing goes to the field from wherever one is
        self.page.wait(lambda: self.page.find_all(BUTTON), ANSWER, "the menu")
        for _ in range(40):
            self.page.active().type(TAB)
            button = self.page.active()
            if button.attribute("data-testid") == "inline-button" and "Help" in button.text:
                break
        self.page.active().type(ENTER)
        self.wait_answer("What I can do")
        self.page.wait(lambda: self.page.active().text == "« Menu", what="the focus on the new buttons")
        self.page.active().type(ENTER)
        self.wait_answer("What shall we do?")

    def test_every_control_has_a_name(self):
        self.start()
        self.bot_says("A link", reply_markup={"inline_keyboard": [[{"text": "Site", "url": "https://example.org/"}]]})
        self.bot_says("Keys", reply_markup=DRINKS)
        self.open_tab("requests")
        self.page.find(REPLY_KEY)
        controls = self.page.find_all("button, a, input, textarea, select, [tabindex]")
        self.assertEqual([c.dom("outerHTML") for c in controls if c.shown and not c.label.strip()], [])

    def test_lost_connection_is_shown_and_mended(self):
        self.start()
        self.page.offline(True)
        self.addCleanup(self.page.offline, False)
        self.write("lost" + ENTER)
        self.page.find(by("toast-error"))
        self.assertEqual(self.page.find(by("input")).dom("value"), "lost")
        self.bot_says("Anybody there?")  # ends the poll that is under way
        self.page.find(by("connection-lost"))
        self.wait_status("lost")
        self.bot_says("while you were away")
        self.page.offline(False)
        self.wait_answer("while you were away")
        self.wait_status("online")
        errors = self.page.console()
        self.assertTrue(all("ERR_INTERNET_DISCONNECTED" in error for error in errors), errors)

    def test_requests_are_shown(self):
        self.start()
        self.open_tab("requests")
        self.page.click(f'{by("request")}[data-method=sendMessage] summary')
        self.page.wait_text(by("request") + " " + by("json"), "chat_id")

    def test_interface_in_russian(self):
        field = by("input") + "[placeholder=Сообщение]"
        self.page.click(by("lang-ru"))
        self.page.find(field)
        self.reload()
        self.page.find(field)
        untold = "return [...document.body.innerText.matchAll(/[A-Za-z]{3,}/g)].map(([word]) => word)"
        known = {"Aisha", "English", "Telegram"}
        names = {word for user in self.stack.state()["users"] for word in re.findall(r"\w+", user["first_name"])}
        self.assertEqual(set(self.page.run(untold)) - known - names, set())
        self.assertRegex(self.page.find(by("status")).text, CYRILLIC)
        self.page.click(by("lang-en"))

    def test_both_languages_are_complete(self):
        words = self.page.run("return import('/words.js').then((module) => module.WORDS)")
        for key, pair in words.items():
            english, russian = pair
            with self.subTest(key):
                self.assertEqual(isinstance(english, list), isinstance(russian, list))
                if isinstance(english, list):
                    self.assertEqual((2, 3), (len(english), len(russian)))
                forms = english + russian if isinstance(english, list) else [english, russian]
                self.assertTrue(all(form.strip() for form in forms))
                self.assertEqual(1, len({frozenset(re.findall(r"{\w+}", form)) for form in forms}))
        sources = ""
        for name in os.listdir(PAGE_FILES):
            if name.endswith((".js", ".html")) and name != "words.js":
                with open(os.path.join(PAGE_FILES, name), encoding="utf-8") as file:
                    sources += file.read()
        asked = set(re.findall(r"""\bt\("(\w+)"|data-t(?:-\w+)?="(\w+)\"""", sources))
        self.assertEqual(set(), {first or second for first, second in asked} - set(words))
        made = tuple(re.findall(r"\bt\(`(\w+_)\$", sources))
        unused = [key for key in words if not key.startswith(made) and not re.search(rf"\b{key}\b", sources)]
        self.assertEqual([], unused)

    def test_numbers_take_the_right_forms(self):
        count = "return import('/i18n.js').then(({t}) => arguments[0].map((count) => t('votes', {count})))"
        self.page.click(by("lang-ru"))
        self.assertEqual(["1 голос", "3 голоса", "5 голосов", "11 голосов", "21 голос", "1,5 голоса"],
                         self.page.run(count, [1, 3, 5, 11, 21, 1.5]))
        self.page.click(by("lang-en"))
        self.assertEqual(["1 vote", "2 votes"], self.page.run(count, [1, 2]))

    def test_nothing_comes_from_elsewhere(self):
        self.start()
        loaded = self.page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
        self.assertGreater(len(loaded), 5)
        self.assertEqual([url for url in loaded if not url.startswith(self.stack.url + "/")], [])
        blocked = "return new Promise((done) => { document.addEventListener('securitypolicyviolation', (event) =>" \
                  " done(event.effectiveDirective)); const image = new Image(); image.src = arguments[0]; })"
        self.assertEqual(self.page.run(blocked, "http://127.0.0.1:1/x.png"), "img-src")
        self.assertEqual(len(self.page.console()), 1)

    def test_a_file_is_sent_with_a_caption(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "notes.txt")
            with open(path, "w", encoding="utf-8") as file:
                file.write("Milk, bread")
            self.page.find(by("upload-input")).upload(path)
            self.page.find(by("file-caption")).type("what to buy")
            self.page.click(by("file-send"))
            self.page.wait_text(FROM_USER, "what to buy")
        self.assertIn("notes.txt", self.page.find(by("document")).text)
        self.wait_answer("I am not sure what to do with this")


class OnAPhone(PageTest):
    def setUp(self):
        self.page.resize(*PHONE, mobile=True)
        self.page.touch(True)
        self.addCleanup(self.page.resize, *DESKTOP)
        self.addCleanup(self.page.touch, False)
        super().setUp()

    def test_one_view_at_a_time(self):
        self.start()
        boris = f'{by("user")}[data-user-id="1002"]'

        self.assertFalse(self.page.find_all(boris)[0].shown)
        self.page.click(by("back"))
        self.page.find(boris)
        self.picture("list")
        self.page.click(by("chat"))
        self.page.find(by("input"))
        self.page.run("history.back()")  # the phone's own way back
        self.page.click(boris)
        self.page.click(by("chat"))
        self.page.find(by("input"))
        self.assertIn("Борис", self.page.find(by("me")).label)
        self.page.click(by("me"))
        self.page.wait_text(by("menu-user"), "Alice")
        next(item for item in self.page.find_all(by("menu-user")) if item.text.endswith("Alice")).click()
        self.page.wait(lambda: "Alice" in self.page.find(by("me")).label, what="Alice to be chosen")

    def test_the_bots_keyboard_makes_room_for_the_phones(self):
        self.start()
        self.bot_says("Tea?", reply_markup=DRINKS)
        self.page.find(REPLY_KEY)
        self.page.click(by("input"))
        self.assertFalse(self.page.find_all(REPLY_KEY)[0].shown)
        self.page.click(by("reply-keyboard-toggle"))
        self.page.click(REPLY_KEY)
        self.page.wait_text(FROM_USER, "Tea")

    def test_in_the_dark(self):
        self.page.theme("dark")
        self.addCleanup(self.page.theme, "light")
        self.start()
        self.bot_says("Keys", reply_markup=DRINKS)
        self.page.find(REPLY_KEY)
        background = "return getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)"
        self.assertLess(max(self.page.run(background)), 64)
        self.picture("dark")


if __name__ == "__main__":
    unittest.main()
