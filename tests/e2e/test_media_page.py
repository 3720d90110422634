"""What messages carry: albums, the viewer, polls, reactions, places, people, the menu of a message, inline mode."""
import os
import tempfile
import unittest

from page import ANSWER, BOT, DESKTOP, FROM_BOT, FROM_USER, PHONE, REPLY_KEY, PageTest, by
from picture import png
from webdriver import ARROW_LEFT, ARROW_RIGHT, ENTER, ESCAPE

COLOURS = (b"\xc0\x78\x50", b"\x50\x8c\xc8", b"\x5a\xaa\x6e")
SIZES = ((640, 480), (480, 640), (800, 400))
MINE, THEIRS = "[data-from=user]" + by("message"), "[data-from=bot]" + by("message")
MEDIA, OPTION = by("media"), by("option")


class MediaTest(PageTest):
    host = False

    def setUp(self):
        super().setUp()
        self.stack.send(self.user, "hello")
        self.page.wait_text(FROM_USER, "hello")
        self.addCleanup(self.page.theme, "light")
        self.addCleanup(self.page.resize, *DESKTOP)

    def pictures(self, name):
        self.picture(name)
        self.page.resize(*PHONE, mobile=True)
        self.page.theme("dark")
        self.picture(name + "-phone-dark")
        self.page.resize(*DESKTOP)
        self.page.theme("light")

    def photos(self, count=3):
        """Files of pictures."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        for number in range(count):
            path = os.path.join(folder, f"picture {number}.png")
            with open(path, "wb") as file:
                file.write(png(*SIZES[number % 3], COLOURS[number % 3]))
            yield path

    def sent(self, **wanted):
        """The newest message of the person with such members."""
        def find():
            return next((message for message in reversed(self.stack.messages(self.user))
                         if not message["from"]["is_bot"] and set(wanted) <= set(message)), None)
        return self.page.wait(find, what=f"a message with {sorted(wanted)}")

    def press_named(self, css, text):
        def attempt():
            item = next((item for item in self.page.find_all(css) if item.shown and text in item.text), None)
            return item and (item.click() or True)
        self.page.wait(attempt, what=f"{text!r} in {css}")


class Pictures(MediaTest):
    def send_album(self, caption="three of them"):
        self.page.find(by("upload-input")).upload("\n".join(self.photos()))
        self.page.find(by("file-caption")).type(caption)
        self.page.click(by("file-send"))
        self.page.wait(lambda: len(self.page.find_all(by("album") + " " + MEDIA)) == 3, what="the album")

    def test_an_album_is_sent_and_looked_at(self):
        self.send_album()
        messages = [message for message in self.stack.messages(self.user) if "photo" in message]
        self.assertEqual(1, len({message["media_group_id"] for message in messages}))
        self.assertEqual(["three of them", None, None], [message.get("caption") for message in messages])
        self.bot_calls("sendMediaGroup", media=[
            {"type": "photo", "media": message["photo"][-1]["file_id"]} for message in messages[:2]])
        self.page.wait(lambda: len(self.page.find_all(by("album"))) == 2, what="the bot's album")
        self.pictures("albums")
        self.page.find_all(MEDIA)[1].click()
        self.page.wait_text(by("viewer-count"), "2 of 5")
        self.pictures("viewer")
        self.page.active().type(ARROW_RIGHT)
        self.page.wait_text(by("viewer-count"), "3 of 5")
        self.page.active().type(ARROW_LEFT * 2)
        self.page.wait_text(by("viewer-count"), "1 of 5")
        self.assertFalse(self.page.find_all(by("viewer-left"))[0].shown)
        save = self.page.find(by("viewer-save"))
        self.assertRegex(save.dom("href"), "/sandbox/files/")
        self.assertRegex(save.dom("download"), r"^photo-\d+\.jpg$")
        self.page.click(by("viewer-photo"))
        self.page.find(by("viewer") + ".zoomed")
        self.page.active().type(ESCAPE)
        self.page.wait(lambda: not self.page.find_all(by("viewer")), what="the viewer to go")

    def test_pictures_can_be_sent_one_by_one(self):
        self.page.find(by("upload-input")).upload("\n".join(self.photos(2)))
        self.page.click(by("file-album"))
        self.page.click(by("file-send"))
        self.page.wait(lambda: len(self.page.find_all(MEDIA)) == 2, what="the pictures")
        self.assertEqual([], self.page.find_all(by("album")))

    def test_a_hidden_picture_is_uncovered_first(self):
        [path] = self.photos(1)
        with open(path, "rb") as file:
            photo = self.stack.upload(self.user, file.read(), kind="photo", file_name="a.png")["photo"]
        self.bot_calls("sendPhoto", photo=photo[-1]["file_id"], has_spoiler=True, caption="look")
        hidden = f"{THEIRS} .hidden-media"
        self.page.click(hidden)
        self.page.wait(lambda: not self.page.find_all(hidden), what="the picture")
        self.page.click(f"{THEIRS} {MEDIA}")
        self.page.find(by("viewer"))
        self.page.click(by("viewer-close"))

    def test_files_are_dropped_and_pasted(self):
        give = """
            const data = new DataTransfer();
            data.items.add(new File(["Milk"], arguments[1], {type: "text/plain"}));
            const event = arguments[0] === "paste"
                ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true})
                : new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
            document.body.dispatchEvent(event);"""
        for how, name in (("drop", "dropped.txt"), ("paste", "pasted <b>.txt")):
            self.page.run(give, how, name)
            self.page.wait_text(by("file-dialog"), name)
            self.page.click(by("file-send"))
            self.page.wait_text(by("document"), name)


class Cards(MediaTest):
    def test_a_poll_is_voted_in(self):
        self.bot_calls("sendPoll", question="Tea or coffee?", options=[{"text": "Tea"}, {"text": "Coffee"}],
                       is_anonymous=False)
        self.press_named(by("poll-option"), "Coffee")
        self.page.wait_text(by("poll-result"), "100%")
        self.page.wait_text(by("poll"), "1 vote")
        self.pictures("poll")
        self.reload()
        self.page.wait_text(by("poll-result") + ".chosen", "Coffee", ANSWER)
        self.page.click(by("poll-retract"))
        self.page.find(by("poll-option"))
        self.bot_calls("sendPoll", question="Which are even?", options=[{"text": "2"}, {"text": "3"}, {"text": "4"}],
                       allows_multiple_answers=True)
        self.page.wait_text(by("poll"), "Which are even?")
        for label in ("2", "4"):
            self.press_named(by("poll-option"), label)
        self.page.click(by("poll-send"))
        self.page.wait(lambda: len(self.page.find_all(by("poll-result") + ".chosen")) == 2, what="both")

    def test_reactions_of_both_sides(self):
        sent = self.bot_says("like me")
        self.page.wait_text(FROM_BOT, "like me")
        self.open_menu(THEIRS)
        self.picture("message-menu")
        self.press_named(by("menu-face"), "🔥")
        self.page.wait_text(by("reaction") + "[aria-pressed=true]", "🔥")
        self.bot_calls("setMessageReaction", message_id=sent["message_id"], reaction=[{"type": "emoji", "emoji": "🔥"}])
        self.page.wait_text(by("reaction"), "2")
        self.reload()
        self.page.wait_text(by("reaction") + "[aria-pressed=true]", "2", ANSWER)
        self.page.click(by("reaction"))
        self.page.wait_text(by("reaction") + "[aria-pressed=false]", "🔥")

    def test_what_stands_in_the_menu_of_the_clip(self):
        self.page.click(by("attach"))
        self.press_named(by("menu-face"), "🎲")
        self.page.find(by("dice"))
        self.page.click(by("attach"))
        self.page.click(by("attach-location"))
        self.page.click(by("location-dialog-send"))
        self.page.wait_text(by("location"), "51.50735")
        self.page.click(by("attach"))
        self.page.click(by("attach-contact"))
        self.press_named(OPTION, "Борис")
        self.page.wait_text(by("contact"), "Борис")
        self.page.click(by("attach"))
        self.page.click(by("attach-poll"))
        self.page.find(by("poll-question")).type("When?")
        self.page.find(by("poll-options")).type("Today" + ENTER + "Tomorrow")
        self.page.click(by("poll-dialog-send"))
        self.page.wait_text(by("poll"), "Tomorrow")
        self.pictures("cards")

    def test_keys_ask_for_a_contact_and_people(self):
        keys = [[{"text": "My number", "request_contact": True}],
                [{"text": "A friend", "request_users": {"request_id": 7}}]]
        self.bot_says("Who are you?", reply_markup={"keyboard": keys, "resize_keyboard": True})
        self.press_named(REPLY_KEY, "My number")
        self.page.click(by("confirm-yes"))
        self.assertEqual(self.user, self.sent(contact=1)["contact"]["user_id"])
        self.press_named(REPLY_KEY, "A friend")
        self.press_named(OPTION, "Alice")
        shared = self.sent(users_shared=1)["users_shared"]
        self.assertEqual((7, [1001]), (shared["request_id"], [user["user_id"] for user in shared["users"]]))

    def test_texts_fold_and_links_start_the_bot(self):
        self.bot_says("<blockquote expandable>" + "\n".join(f"line {number}" for number in range(9)) + "</blockquote>"
                      "<tg-spoiler>hidden</tg-spoiler> 👩‍👩‍👧", parse_mode="HTML")
        fold = self.page.find(by("unfold"))
        before = self.page.find("blockquote").dom("clientHeight")
        fold.click()
        self.assertGreater(self.page.find("blockquote").dom("clientHeight"), before + 50)
        self.assertEqual(fold.attribute("aria-expanded"), "true")
        name = self.stack.state()["bot"]["username"]
        self.bot_says("<a href='https://t.me/%s?start=from_link'>begin</a>" % name, parse_mode="HTML")
        self.page.click(by("inner-link"))
        self.page.wait_text(FROM_USER, "/start from_link")

    def test_rich_messages_have_their_blocks(self):
        html = "<h1>Plan</h1><p>Buy <b>milk</b></p><ul><li>one</li></ul>"
        self.bot_calls("sendRichMessage", rich_message={"html": html})
        self.page.wait_text(by("rich"), "Buy milk")
        self.assertEqual(["milk"], self.page.texts(by("rich") + " strong"))
        self.pictures("rich")


class Deeds(MediaTest):
    """The menu of a message, and inline mode."""

    def test_own_words_are_edited_and_deleted(self):
        self.write("one" + ENTER)
        self.page.wait_text(FROM_USER, "one")
        self.open_menu(MINE)
        self.page.click(by("menu-edit"))
        self.page.wait_text(by("reply"), "Editing")
        self.write(" and two" + ENTER)
        self.page.wait_text(FROM_USER, "one and two")
        self.page.find(MINE + " " + by("edited"))
        self.open_menu(MINE)
        self.page.click(by("menu-delete"))
        self.page.click(by("confirm-yes"))
        self.page.wait(lambda: "one and two" not in self.page.texts(FROM_USER), what="the message to go")

    def test_a_message_is_forwarded(self):
        group = self.stack.api("/sandbox/chats", {"user_id": self.user, "type": "group", "title": "Readers"})["id"]
        self.bot_says("news for all")
        self.page.wait_text(FROM_BOT, "news for all")
        self.open_menu(THEIRS)
        self.page.click(by("menu-forward"))
        self.press_named(OPTION, "Readers")
        self.page.wait(lambda: self.page.find(by("bot-name")).text == "Readers", what="the group")
        self.page.wait_text(by("forwarded"), "Forwarded from")
        self.assertEqual(self.stack.messages(group)[-1]["text"], "news for all")
        self.pictures("forwarded")

    def test_pinned_messages_stand_on_top(self):
        first = self.bot_says("the first rule")
        self.bot_calls("pinChatMessage", message_id=first["message_id"])
        self.page.wait_text(by("pinned"), "the first rule")
        self.bot_says("the second rule")
        self.page.wait_text(FROM_BOT, "the second rule")
        self.open_menu(f"{THEIRS}:last-of-type")
        self.page.click(by("menu-pin"))
        self.page.wait_text(by("pinned"), "Pinned message 2 of 2")
        self.page.wait_text(by("service"), "pinned a message")
        self.reload()
        self.page.wait_text(by("pinned"), "the second rule", ANSWER)
        self.pictures("pinned")
        self.page.click(by("pinned-jump"))
        self.page.wait_text(by("pinned"), "the first rule")
        self.bot_calls("unpinAllChatMessages")
        self.page.wait(lambda: not self.page.find_all(by("pinned"))[0].shown, what="nothing pinned")

    def test_the_bot_is_asked_inline(self):
        name = self.stack.state()["bot"]["username"]
        self.write(f"@{name} ca")
        asked = self.page.wait(self.inline_query, ANSWER, "the question")
        self.assertEqual("ca", asked["query"])
        results = [{"type": "article", "id": str(number), "title": title, "description": "an animal",
                    "input_message_content": {"message_text": title + "!"}}
                   for number, title in enumerate(("Cat", "Calf"))]
        self.stack.api(BOT + "answerInlineQuery", {"inline_query_id": asked["id"], "results": results})
        self.page.wait_text(by("inline-result"), "Calf")
        self.pictures("inline")
        self.page.click(by("inline-result"))
        self.page.wait_text(FROM_USER, "Cat!")
        self.assertIn("via @" + name, self.page.texts(MINE)[-1])
        self.assertEqual("", self.page.find(by("input")).dom("value"))

    def inline_query(self):
        updates = self.stack.api(BOT + "getUpdates", {})["result"]
        return next((update["inline_query"] for update in updates
                     if update.get("inline_query", {}).get("from", {}).get("id") == self.user), None)

    def test_thousands_of_messages_stay_light(self):
        for number in range(600):
            self.stack.send(self.user, f"message {number}")
        self.reload()
        self.page.wait_text(FROM_USER, "message 599", ANSWER)
        drawn = len(self.page.texts(FROM_USER))
        self.assertLess(drawn, 300)
        self.page.run("document.getElementById('scroller').scrollTop = 0")
        self.page.wait(lambda: len(self.page.texts(FROM_USER)) > drawn, what="earlier ones")
        self.assertGreater(self.page.run("return document.getElementById('scroller').scrollTop"), 100)


if __name__ == "__main__":
    unittest.main()
