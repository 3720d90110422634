"""Groups, forums and their members on the page."""
import unittest

from page import ANSWER, DESKTOP, PHONE, PageTest, by
from webdriver import ENTER

CHAT, SENDER, SERVICE, TOPIC = by("chat"), by("sender"), by("service"), by("topic")


class Groups(PageTest):
    host = False

    def group(self, title="Walkers", **more):
        """Made by the test's person, who sees it in the list."""
        about = {"user_id": self.user, "type": "supergroup", "title": title} | more
        chat = self.stack.api("/sandbox/chats", about)["id"]
        self.page.wait_text(CHAT, title)
        return chat

    def open_chat(self, title):
        def attempt():
            row = next((row for row in self.page.find_all(CHAT) if title in row.text), None)
            return row and (row.click() or True)
        self.page.wait(attempt, what=f"the chat {title}")
        self.page.wait(lambda: self.page.find(by("bot-name")).text == title, what=f"the open chat {title}")

    def say_as(self, user, chat, text, **more):
        return self.stack.api("/sandbox/send", {"user_id": user, "chat_id": chat, "text": text} | more)["message"]

    def test_a_group_is_made_and_talked_in(self):
        self.page.click(by("group-add"))
        self.page.find(by("group-title")).type("Walkers & Co <b>")
        self.page.click(by("group-type-supergroup"))
        self.page.click(by("group-save"))
        self.page.wait(lambda: self.page.find(by("bot-name")).text == "Walkers & Co <b>", what="the group")
        self.write("hello everybody" + ENTER)
        [group] = [entry["chat"] for entry in self.stack.api(f"/sandbox/chats?user_id={self.user}")["chats"]
                   if entry["chat"]["type"] == "supergroup"]
        self.page.wait(lambda: self.stack.messages(group["id"])[-1].get("text") == "hello everybody", what="the words")
        self.say_as(1002, group["id"], "я тоже здесь")
        self.bot_says("and so am I", chat_id=group["id"])
        self.page.wait_text(SENDER, "Борис")
        self.page.wait_text(SENDER, "Aisha")
        self.picture("group")
        self.page.resize(*PHONE, mobile=True)
        self.addCleanup(self.page.resize, *DESKTOP)
        self.page.theme("dark")
        self.addCleanup(self.page.theme, "light")
        self.picture("group-phone-dark")

    def test_what_is_new_is_counted(self):
        chat = self.group()
        self.stack.send(self.user, "hello")
        self.say_as(1002, chat, "one")
        self.say_as(1002, chat, "two")
        self.page.wait_text(CHAT + " .badge", "2")
        self.page.wait_text(CHAT, "Борис: two")
        self.open_chat("Walkers")
        self.page.wait(lambda: not self.page.find_all(CHAT + " .badge"), what="nothing new")
        self.page.wait_text(by("message-text"), "two")
        self.bot_says("in private")
        self.page.wait_text(CHAT + " .badge", "1")

    def test_members_come_go_and_rise(self):
        self.group()
        self.open_chat("Walkers")
        self.page.click(by("chat-about"))
        self.page.click(by("member-add"))
        next(option for option in self.page.find_all(by("option")) if "Alice" in option.text).click()
        alice = f'{by("member")}[data-user-id="1001"]'
        self.page.find(alice)
        self.page.wait_text(SERVICE, "added Alice")
        self.page.click(f'{alice} {by("member-menu")}')
        self.page.click(by("member-promote"))
        self.page.wait_text(alice, "administrator")
        self.picture("members")
        self.page.click(f'{alice} {by("member-menu")}')
        self.page.click(by("member-kick"))
        self.page.wait(lambda: "administrator" not in "".join(self.page.texts(alice)), what="Alice to be out")
        self.page.wait_text(SERVICE, "removed Alice")

    def test_groups_of_others_can_be_joined(self):
        self.stack.api("/sandbox/chats", {"user_id": 1002, "type": "group", "title": "Чужая"})
        self.page.wait_text(by("other-group"), "Чужая")
        self.page.click(by("other-group"))
        self.page.wait(lambda: self.page.find(by("bot-name")).text == "Чужая", what="the group")
        self.page.wait_text(SERVICE, "joined the group")

    def test_topics_of_a_forum(self):
        chat = self.group("Forum", is_forum=True)
        self.open_chat("Forum")
        self.write("in general" + ENTER)
        self.page.wait_text(by("message-text"), "in general")
        self.page.click(by("topic-add"))
        self.page.find(by("topic-name")).type("Cats")
        self.page.click(by("topic-save"))
        self.page.wait(lambda: self.page.find(TOPIC + "[aria-selected=true]").text.strip() == "Cats", what="the topic")
        self.write("in the topic" + ENTER)
        self.page.wait_text(by("message-text"), "in the topic")
        self.assertEqual(self.page.texts(by("message-text")), ["in the topic"])
        topic = self.stack.messages(chat)[-1]["message_thread_id"]
        self.page.click(TOPIC)
        self.page.wait_text(by("message-text"), "in general")
        self.bot_says("an answer there", chat_id=chat, message_thread_id=topic)
        self.page.wait_text(TOPIC + " .badge", "1")
        self.assertNotIn("an answer there", self.page.texts(by("message-text")))
        self.picture("forum")

    def test_a_blocked_bot_can_be_unblocked(self):
        self.stack.api("/sandbox/block", {"user_id": self.user, "blocked": True})
        self.page.wait_text(by("barred"), "You have blocked the bot")
        self.assertFalse(self.page.find_all(by("input"))[0].shown)
        self.page.click(by("barred-action"))
        self.page.wait(lambda: self.page.find_all(by("input"))[0].shown, ANSWER, "the text field")


if __name__ == "__main__":
    unittest.main()
