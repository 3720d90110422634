"""Galleries, progress and questions on the page."""
import os
import tempfile
import unittest

from page import ANSWER, DESKTOP, FROM_BOT, PHONE, PageTest, by
from picture import png
from stack import BUILD
from webdriver import ENTER

PHOTO = f'[data-from=bot] {by("photo")}'


class GalleryPage(PageTest):
    plugins_ini = f"[home]\n[views]\npath = {os.path.join(BUILD, 'tests/plugins/views/views.so')}\n"

    def setUp(self):
        super().setUp()
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def say(self, text, answer):
        self.write(text + ENTER)
        return self.wait_answer(answer)

    def send_photo(self, name, width, height, colour):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(png(width, height, colour))
        count = len(self.page.texts(FROM_BOT))
        self.send_file(path, "photo")
        self.page.wait(lambda: len(self.page.texts(FROM_BOT)) > count, ANSWER, "the bot to take the photo")

    def wait_photo(self, width):
        """The one photo of the bot, loaded, with that width in its file."""
        self.page.wait(lambda: self.page.run(
            "const all = document.querySelectorAll(arguments[0]);"
            "return all.length === 1 && all[0].complete && all[0].naturalWidth === arguments[1];", PHOTO, width),
            ANSWER, f"the photo that is {width} wide")

    def test_photos_are_turned_in_their_message(self):
        self.send_photo("blue.png", 640, 480, b"\x40\x80\xc0")
        self.send_photo("red.png", 480, 480, b"\xc0\x50\x40")
        self.write("/gallery" + ENTER)
        self.wait_photo(640)
        self.assertEqual(["‹", "1/4", "›", "About"], self.labels())
        for width, caption in ((640, "blob 2"), (480, "id 3"), (480, "blob 4"), (640, "id 1")):
            self.press("›")
            self.wait_answer(caption)
            self.wait_photo(width)
        self.press("‹")
        self.wait_answer("blob 4")
        self.wait_photo(480)
        self.picture("gallery")
        self.page.resize(*PHONE, mobile=True)
        self.addCleanup(self.page.resize, *DESKTOP)
        self.page.theme("dark")
        self.addCleanup(self.page.theme, "light")
        self.wait_photo(480)
        self.press("About")
        self.wait_answer("about the photo")
        self.page.wait(lambda: not self.page.find_all(PHOTO), what="the photo to go")
        self.press("Back")
        self.wait_photo(480)

    def test_progress_is_drawn_in_one_message(self):
        self.say("/work", "▓▓▓▓▓▓▓▓▓▓ 100 %")
        self.page.wait(lambda: self.labels() == [], ANSWER, "the button to go")
        self.assertEqual(1, len(self.page.texts(FROM_BOT)))

    def test_a_question_is_answered_once(self):
        self.say("/delete 7", "Really delete item 7?")
        self.assertEqual(["Delete", "No"], self.labels())
        self.press("Delete")
        self.wait_answer("deleted 7")
        self.assertEqual([], self.labels())


if __name__ == "__main__":
    unittest.main()
