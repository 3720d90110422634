"""Talking to the bot: what it answers, as the chat page shows it."""
import unittest

from page import ANSWER, BUTTON, CHOSEN_USER, CYRILLIC, FROM_BOT, FROM_USER, PageTest, by
from webdriver import ENTER

MENU = "What shall we do?"


class Chat(PageTest):
    def test_start_shows_the_menu(self):
        self.start()
        self.assertEqual(self.last(), "Hello, Start shows the menu! What shall we do?")
        self.assertEqual(self.labels(), ["🎙 Voice to text", "💰 Balance", "🌐 Language", "❔ Help"])
        self.assertEqual(self.page.texts(FROM_USER), ["/start"])

    def test_the_first_button_starts_the_chat(self):
        self.page.click(by("empty-action"))
        self.wait_answer(MENU)
        self.assertEqual(self.page.texts(FROM_USER), ["/start"])

    def test_every_button_of_the_menu_leads_there_and_back(self):
        self.start()
        for label in self.labels():
            with self.subTest(label):
                self.press(label)
                self.page.wait(lambda: MENU not in self.last(), ANSWER, "another screen")
                self.wait_settled()
                self.press("« Menu")
                self.wait_answer(MENU)
        self.assertEqual(len(self.page.texts(FROM_BOT)), 1)

    def test_switching_the_language_and_back(self):
        self.start()
        self.press("Language")
        self.press("Русский")
        self.page.wait(lambda: "✓ Русский" in self.labels(), ANSWER, "the choice to be marked")
        self.press("Меню")
        self.page.wait(lambda: "« Меню" not in self.labels(), ANSWER, "the menu")
        self.assertRegex(self.last(), CYRILLIC)
        self.assertTrue(all(CYRILLIC.search(label) for label in self.labels()), self.labels())
        self.press("Язык")
        self.press("English")
        self.press("« Menu")
        self.wait_answer(MENU)
        self.wait_settled()

    def test_unknown_words_are_answered(self):
        self.write("good morning" + ENTER)
        self.wait_answer("I am not sure what to do with this")
        self.write("/fly" + ENTER)
        self.wait_answer("I don't know this command")

    def test_help_and_a_command_in_its_text(self):
        self.write("/help" + ENTER)
        text = self.wait_answer("What I can do")
        for command in ("/start", "/help", "/language", "/cancel", "/transcribe"):
            self.assertIn(command, text)
        self.page.wait(lambda: [link.click() or True for link in self.page.find_all(FROM_BOT + " .inline-command")
                                if link.text == "/cancel"], what="a click on a command")
        self.wait_answer("There is nothing to cancel.")

    def test_a_long_message_arrives_in_parts(self):
        text = " ".join(f"word{number}" for number in range(700))
        self.page.find(by("input")).click()
        self.page.insert(text)
        self.page.click(by("send"))
        self.page.wait(lambda: len(self.page.texts(FROM_BOT)) == 2, ANSWER, "an answer to each part")
        parts = self.page.texts(FROM_USER)
        self.assertEqual(" ".join(parts), text)
        self.assertEqual([len(part) <= 4096 for part in parts], [True, True])

    def test_markup_and_emoji_are_text(self):
        text = '<b>5 & 6</b> &amp; <script>alert("👩‍👩‍👧 🇺🇳")</script>'
        self.page.find(by("input")).click()
        self.page.insert(text)
        self.write(ENTER)
        self.assertEqual(self.page.wait_text(FROM_USER, "<b>"), text)
        self.open_as(self.stack.user("<i>Zoë</i> & <Ко> 🦉"))
        self.start()
        self.assertEqual(self.last(), "Hello, <i>Zoë</i> & <Ко> 🦉! What shall we do?")
        self.assertIn("<i>Zoë</i> & <Ко> 🦉", self.page.find(CHOSEN_USER).text)

    def test_right_to_left_text_stands_on_its_side(self):
        self.write("שלום עולם" + ENTER)
        self.write("hello" + ENTER)
        self.page.wait_text(FROM_USER, "hello")
        texts = self.page.find_all(FROM_USER)
        self.assertEqual([text.css("direction") for text in texts], ["rtl", "ltr"])

    def test_a_second_person_has_a_chat_of_their_own(self):
        self.start()
        self.page.click(by("user-add"))
        self.page.find(by("user-name")).type("Борис")
        self.page.click(f'{by("user-language")} option[value=ru]')
        self.page.click(by("user-save"))
        self.page.wait(lambda: "Борис" in self.page.find(CHOSEN_USER).text, what="the new person to be chosen")
        self.page.wait(lambda: not self.page.find_all(by("message")), what="an empty chat")
        self.start()
        self.assertRegex(self.last(), CYRILLIC)
        self.bot_says("while you were talking as somebody else")
        self.page.wait_text(by("user") + " .badge", "1")
        self.page.click(f'{by("user")}[data-user-id="{self.user}"]')
        self.wait_answer("while you were talking")
        self.assertIn(MENU, self.page.texts(FROM_BOT)[0])
        self.assertEqual(self.page.find_all(by("user") + " .badge"), [])

    def test_a_draft_belongs_to_its_chat(self):
        other = self.stack.user("Somebody else")
        self.write("not yet sent")
        self.page.click(f'{by("user")}[data-user-id="{other}"]')
        field = self.page.find(by("input"))
        self.page.wait(lambda: field.dom("value") == "", what="an empty field")
        self.page.click(f'{by("user")}[data-user-id="{self.user}"]')
        self.page.wait(lambda: field.dom("value") == "not yet sent", what="the draft")

    def test_reload_keeps_the_chat(self):
        self.start()
        self.write("hello" + ENTER)
        self.wait_answer("I am not sure")
        before = self.page.texts(by("message-text"))
        self.reload()
        self.page.wait(lambda: self.page.texts(by("message-text")) == before, what="the same messages")
        self.press("Help")
        self.wait_answer("What I can do")

    def test_a_bot_that_is_started_again_goes_on(self):
        self.start()
        self.stack.stop_host()
        self.wait_status("offline")
        self.write("/help" + ENTER)
        self.press("Language")
        self.stack.start_host()
        self.wait_status("online")
        self.wait_answer("What I can do")
        self.wait_answer("Which language shall I speak?")
        self.wait_settled()
        self.assertEqual(self.page.find_all(BUTTON + ".busy"), [])


if __name__ == "__main__":
    unittest.main()
