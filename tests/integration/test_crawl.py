"""Every command and every button of the whole bot, as people of several languages and its operators meet them."""
import json
import re
import unittest
import urllib.parse

from crawler import Crawler, say, send
from notes import note
from picture import png
from sandbox_case import multipart, sound
from stack import Stack

OPERATORS = range(101, 161)
BOT = "/bot123456:SANDBOX/"
NAMES = {"ru": "Борис", "en": "Ann", "de": "Ann"}
# Texts after which nothing has to follow: the end of something, or what to do next is said in words.
ENDS = ("^1 2 3", "nothing to cancel|All right|too long|too big|cannot read|Nothing was charged",
        "Отменять нечего|Хорошо|слишком длинная|слишком большая|Не могу прочитать|Ничего не списано")
# What operators are told; they go on with a command.
TOLD = ENDS + ("^Done|do not have that much|do not know this|Asking Telegram|Telegram refuses|^Accounts:",
               "^Готово|Столько там нет|Такого Telegram id|Прошу Telegram|Telegram отказал|^Счетов:")
COUNTS = {"ru": {"0": "кредитов", "1": "кредит", "2": "кредита", "5": "кредитов", "11": "кредитов", "21": "кредит",
                 "22": "кредита", "101": "кредит", "111": "кредитов", "1.5": "кредита"},
          "en": {"0": "credits", "1": "credit", "2": "credits", "5": "credits", "11": "credits", "21": "credits",
                 "22": "credits", "101": "credits", "111": "credits", "1.5": "credits"}}


class Crawl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack(env={"ADMIN_IDS": ",".join(map(str, OPERATORS))}))
        cls.operators = iter(OPERATORS)
        cls.operator = cls.new_operator("en")
        cls.as_operator("/start", "Hello")
        for line in ("bonus50 bonus 50 0 0 0", "cheap20 discount 20 0 0 0", "credit5 balance 5 0 0 0"):
            cls.as_operator("/promo_code " + line, "Done")
        body, kind = multipart({"chat_id": cls.operator}, [("sticker", "s.png", "image/png", png(512))])
        cls.sticker = cls.stack.api(BOT + "sendSticker", body=body, content_type=kind)["result"]["sticker"]["file_id"]
        cls.long_sound = sound(seconds=65, rate=8000)
        cls.stack.transcription(*["1 2 3."] * 500)
        eve = cls.stack.user("Eve", language_code="en")
        cls.stack.send(eve, "/start")
        cls.stranger = {"id": eve, "message_id": cls.stack.wait_message(eve, "Hello")["message_id"]}

    @classmethod
    def new_operator(cls, code):
        return cls.stack.user(NAMES[code], language_code=code, id=next(cls.operators))

    @classmethod
    def as_operator(cls, text, wanted):
        sent = cls.stack.send(cls.operator, text)
        return cls.stack.wait_message(cls.operator, wanted, after=sent["message_id"])

    # ---- what people do

    def person(self, code):
        return self.stack.user(NAMES[code], language_code=code)

    def known_person(self, code, wanted):
        user = self.person(code)
        self.stack.send(user, "/start")
        self.stack.wait_message(user, wanted)
        return user

    def rich_person(self):
        """With enough to pay for things, and a history of two pages."""
        user = self.known_person("en", "Hello")
        for _ in range(9):
            self.stack.send(self.operator, f"/grant {user} 50 5")
        self.stack.wait_message(user, lambda m: self.count_of(user) == 9)
        return user

    def count_of(self, user):
        return sum("50 credits for you: 5" in message["text"] for message in self.stack.bot_messages(user))

    def share(self, user, **what):
        self.stack.api("/sandbox/share", {"user_id": user} | what)

    def odd_things(self):
        return [send("sticker", lambda u: self.share(u, sticker={"file_id": self.sticker})),
                send("dice", lambda u: self.share(u, dice={"emoji": "🎲"})),
                send("poll", lambda u: self.share(u, poll={"question": "?", "options": ["1", "2"]})),
                send("location", lambda u: self.share(u, location={"latitude": 1, "longitude": 1})),
                send("contact", lambda u: self.share(u, contact={"phone_number": "1", "first_name": "A"})),
                send("photo", lambda u: self.stack.upload(u, png(30), kind="photo")),
                send("animation", lambda u: self.stack.upload(u, b"GIF89a", kind="animation", raw=1)),
                send("document", lambda u: self.stack.upload(u, b"1", kind="document", file_name="a.txt"))]

    def recordings(self):
        return [send("short voice", lambda u: self.stack.upload(u, sound())),
                send("voice to pay for", lambda u: self.stack.upload(u, b"x", duration=130, raw=1)),
                send("audio to pay for", lambda u: self.stack.upload(u, self.long_sound, kind="audio", duration=130,
                                                                     file_name="a.wav", mime="audio/wav")),
                send("long voice", lambda u: self.stack.upload(u, b"x", duration=3 * 3600, raw=1)),
                send("big voice", lambda u: self.stack.upload(u, b"x", duration=5, told_size=30 << 20, raw=1)),
                send("broken voice", lambda u: self.stack.upload(u, b"x", duration=5, raw=1))]

    def answers(self):
        return {"balance promo": [say(text) for text in ("bonus50", "CHEAP20", "credit5", "nothing", " . ", "x" * 4096,
                                                         "💥" * 64, "/help", "/cancel")]
                + self.odd_things() + self.recordings()[:1]}

    def commands(self, scope, code=None, **more):
        query = urllib.parse.urlencode({"scope": json.dumps({"type": scope} | more)}
                                       | ({"language_code": code} if code else {}))
        return [say("/" + command["command"]) for command in self.stack.api(f"{BOT}getMyCommands?{query}")["result"]]

    def everything(self):
        return (self.commands("all_private_chats") + self.odd_things() + self.recordings()
                + [say(text) for text in ("/nonsense", "?", "/start topup", "/start nonsense", "/grant 1 1 1")])

    def crawl(self, language, newcomer, roots, ends=ENDS, **more):
        crawler = Crawler(self.stack, language, newcomer, ends=ends, answers=self.answers(), stranger=self.stranger,
                          **more)
        crawler.crawl(roots)
        crawler.write_tree()
        faults = crawler.faults + crawler.lost()
        note(f"{len(crawler.seen)} states, {crawler.presses} presses, {crawler.slow} of them answered after 2 s")
        self.assertFalse(faults, "\n" + "\n".join(faults))
        self.assertLessEqual(crawler.slow, max(2, crawler.presses // 10))

    # ---- the tests

    def test_a_person_with_an_english_client(self):
        self.crawl("en", lambda: self.person("en"), self.everything())

    def test_a_person_with_a_russian_client(self):
        self.crawl("ru", lambda: self.person("ru"), self.everything())

    def test_a_person_of_a_third_language_who_presses_twice(self):
        self.crawl("ru", lambda: self.person("de"), self.everything(), is_impatient=True)

    def test_a_person_with_credits(self):
        self.crawl("en", self.rich_person, [say("/balance")] + self.recordings()[1:3])

    def test_operators(self):
        ann = self.known_person("ru", "Привет")
        for language in ("en", "ru"):
            operator = self.new_operator(language)
            self.stack.send(operator, "/help")
            listed = re.findall(r"(?m)^/\w+", self.stack.wait_message(operator, "/ledger")["text"])
            own = set(map(say, listed)) - set(self.commands("all_private_chats"))
            tried = [say(text) for text in (
                "/grant x", "/grant 1 1 1", f"/grant {ann} 0 1", f"/grant {ann} 5 1", f"/grant {ann} 1.5 2",
                f"/revoke {ann} 1 1", f"/revoke {ann} 5000 1", f"/refund {ann}", f"/refund {ann} 1",
                f"/price {ann} audio 1 0", f"/price {ann} audio default", f"/price {ann} nothing 1",
                "/promo_code code1 balance 5 0 1 0", "/promo_code code1 gift 5 0 1 0")]
            self.crawl(language, lambda code=language: self.new_operator(code), sorted(own) + tried, ends=TOLD)
        texts = [m["text"] for m in self.stack.bot_messages(ann)][1:]
        self.assertEqual(4, len(texts))  # two operators gave two presents each; in her language
        self.assertFalse([text for text in texts if not text.startswith("🎁 Вам начислено")])

    def test_groups(self):
        def group(person):
            return self.stack.api("/sandbox/chats", {"user_id": person, "type": "supergroup", "title": "G"})["id"]

        for language in ("en", "ru"):
            self.crawl(language, lambda code=language: self.person(code), self.commands("default"), chat_of=group)
        ann = self.person("en")
        chat = group(ann)
        private = set(self.commands("all_private_chats")) - set(self.commands("default"))
        for command in sorted(private) + [say("/nonsense"), say("?"), say("/grant 1 1 1"), say("/help")]:
            self.stack.api("/sandbox/send", {"user_id": ann, "chat_id": chat, "text": command.what})
        self.stack.wait_message(chat, "What I can do")
        self.assertEqual(1, len(self.stack.bot_messages(chat)), "the others are not for groups")

    def test_forms_of_numbers(self):
        for language, hello in (("ru", "Привет"), ("en", "Hello")):
            for number, word in COUNTS[language].items():
                user = self.known_person(language, hello)
                shown = number.replace("1.5", "1,50" if language == "ru" else "1.50")
                if number != "0":
                    self.as_operator(f"/grant {user} {number} x", "Done")
                    self.assertRegex(self.stack.wait_message(user, "🎁")["text"], rf"\b{shown} {word}\b")
                self.stack.send(user, "/balance")
                self.stack.wait_message(user, lambda m, end=f": {shown} {word}": m["text"].endswith(end))

    def test_the_log_names_no_mistake(self):
        for line in self.stack.host.output().decode().splitlines():
            self.assertNotRegex(line, r"^\S+ (?:warn|error)")


if __name__ == "__main__":
    unittest.main()
