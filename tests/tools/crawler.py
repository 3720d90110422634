"""Presses every button of a bot, breadth first.

    crawler = Crawler(stack, "en", newcomer, ends=ENDS)
    crawler.crawl([say("/start"), send("a sticker", share_sticker)])
    self.assertEqual([], crawler.faults + crawler.lost())

A way is a list of steps, from a command on; a screen is what the chat shows at its end: the bot's newest message, what
is asked, the reply keyboard. Two screens are one state when their texts, numbers apart, and their buttons are the same.
From each state every button is pressed once, and a question gets every kind of answer. Each way is gone from its
beginning by somebody new, with real presses, so that it always leads to the same state. The button at its end is
pressed once more, under the message it was under, whatever that shows by then, and then by a stranger. What is wrong
with what is seen on the way is a line of .faults.

AISHA_CRAWL_TREE names a file that gets the tree of texts and buttons, to be read.
"""
import collections
import concurrent.futures
import os
import re
import time

import prose
from stack import is_of_bot

MOST_STATES, DEEPEST, AT_ONCE = 150, 9, 8
ANSWER_S, NOTHING_S = 2, 10  # a press is slow that takes longer; after which nothing comes any more
DESTROYS = re.compile(r"delete|remove|erase|forget|reset|clear|удал|стереть|очист|сброс|забы", re.I)
CHOICES = {"English": "en", "Русский": "ru"}
NUMBER = re.compile(r"\w*\d\w*")  # also what is named by letters and digits, as a receipt

Step = collections.namedtuple("Step", "kind what nth", defaults=(0,))


def say(text):
    return Step("say", text)


def send(name, act):
    """Something else than a text: act(person's id) puts it into the chat."""
    return Step(name, act)


def masked(text):
    return NUMBER.sub("#", text)


def name_of(step):
    what = step.what if isinstance(step.what, str) else ""
    return f"{step.kind} {what[:40]!r}" if what else step.kind


def is_told(event):
    if event["type"] in ("message", "edit"):
        return is_of_bot(event["message"]) and "successful_payment" not in event["message"]
    return event["type"] in ("answer_callback", "delete")


def is_visible(event):
    return event["type"] in ("message", "edit") or bool(event.get("text"))


class Screen:
    """What the chat shows after a step."""

    def __init__(self, message, question, was_asked, keys):
        """question: by plugin and state, the one that waits for an answer; was_asked: before this step already."""
        self.message, self.pending = message, question
        self.question = None if was_asked else question
        self.text = message.get("text", message.get("caption", "")) if message else ""
        rows = (message or {}).get("reply_markup", {}).get("inline_keyboard", [])
        self.buttons = [button for row in rows for button in row]
        self.labels = [button["text"] for button in self.buttons]
        self.keys = keys  # of the reply keyboard
        self.is_invoice = "invoice" in (message or {})

    @property
    def key(self):
        return (masked(self.text), tuple(map(masked, self.labels)), self.question, tuple(self.keys), self.is_invoice)

    def steps(self):
        """A step for each button that is pressed; those with the same label are told apart by their order."""
        met = collections.Counter()
        for button in self.buttons:
            if "callback_data" in button:
                label = masked(button["text"])
                yield Step("press", label, met[label]), button["callback_data"]
                met[label] += 1


class Walk:
    """Somebody new goes a way."""

    def __init__(self, crawler, way):
        self.crawler, self.stack, self.whole = crawler, crawler.stack, way
        self.person = crawler.newcomer()
        self.chat = crawler.chat_of(self.person)
        self.revision, self.shown = self.stack.revision(), None
        self.faults, self.slow, self.pressed = [], 0, None
        self.before = self.screen = None

    # ---- what is seen

    def fault(self, way, words):
        self.faults.append(f"{' → '.join(map(name_of, way))}: {words}")

    def read(self, way, text, entities=(), what="text"):
        for words in prose.find_faults(text, entities, self.language_of(way), self.crawler.catalogue):
            self.fault(way, f"{what} {text[:200]!r}: {words}")

    def language_of(self, way):
        """Who chooses a language is answered in that from then on."""
        chosen = [CHOICES[step.what] for step in way if step.kind == "press" and step.what in CHOICES]
        return chosen[-1] if chosen else self.crawler.language

    def read_message(self, way, message):
        if "invoice" in message:
            self.read(way, message["invoice"]["title"], what="title")
            self.read(way, message["invoice"]["description"], what="description")
        elif "text" in message or "caption" in message:
            self.read(way, message.get("text", message.get("caption")),
                      message.get("entities", message.get("caption_entities", ())))
        elif "document" in message:
            self.read(way, message["document"]["file_name"].rpartition(".")[0], what="file name")
        labels = [button["text"] for row in message.get("reply_markup", {}).get("inline_keyboard", []) for button in row
                  if not button.get("pay")]  # which Telegram makes
        for label in labels:
            self.read(way, label, what="button")
        for label in {label for label in labels if labels.count(label) > 1}:
            self.fault(way, f"more than one button {label!r}")

    def take(self, timeout):
        """The bot's new events of this chat; the message they are about becomes what is shown."""
        answer = self.stack.api(f"/sandbox/events?after={self.revision}&timeout={timeout}")
        self.revision = answer["revision"]
        events = [e for e in answer["events"] if e.get("chat_id") == self.chat and is_told(e)]
        for event in events:
            if event["type"] == "delete":
                self.shown = self.stack.last_bot_message(self.chat)
            elif "message" in event:
                self.shown = event["message"]
        return events

    def look(self, way, queries=()):
        """Takes what comes until the presses are answered and the jobs are done, and reads it."""
        started, events, waiting, answered = time.monotonic(), [], set(queries), None
        while waiting or not (queries or any(map(is_visible, events))):
            left = NOTHING_S - (time.monotonic() - started)
            if left <= 0:
                break
            events += (new := self.take(max(1, int(left))))
            waiting -= {event.get("callback_query_id") for event in new}
            answered = answered or (time.monotonic() if not waiting else None)
        if waiting:
            self.fault(way, "the press is not answered")
        self.slow += bool(queries) and (answered or time.monotonic()) - started > ANSWER_S
        self.end_jobs(way)
        events += self.take(0)
        for event in events:
            if event["type"] == "answer_callback" and event.get("text"):
                self.read(way, event["text"], what="notice")
            elif "message" in event:
                self.read_message(way, event["message"])
        if not any(map(is_visible, events)) and not (queries and self.is_unchanged()):
            self.fault(way, "nothing is to be seen")
        return events

    def end_jobs(self, way):
        deadline = time.monotonic() + 60
        while self.stack.sql(f"SELECT 1 FROM jobs WHERE telegram_id = {self.person}"
                             " AND state IN ('waiting', 'running')"):
            if time.monotonic() > deadline:
                self.fault(way, "its job does not end")
                break
            time.sleep(0.02)

    def is_unchanged(self):
        """A press of what is chosen already, or of the page that is shown, finds what it shows there."""
        newest = self.stack.state()["requests"]
        return any(r["method"].startswith("editMessage") and r["params"].get("chat_id") == self.chat
                   and "not modified" in str(r.get("response")) for r in self.stack.requests(after=newest - 100))

    def look_around(self):
        rows = self.stack.sql("SELECT plugin, state FROM dialog_state"
                              f" WHERE chat_id = {self.chat} AND telegram_id = {self.person}")
        keyboard = (self.stack.chat(self.chat).get("reply_markup") or {}).get("keyboard", [])
        keys = [key["text"] if isinstance(key, dict) else key for row in keyboard for key in row]
        question = " ".join(rows[0]) if rows else None
        return Screen(self.shown, question, self.before is not None and self.before.pending == question, keys)

    # ---- steps

    def place(self):
        return {"user_id": self.person} | ({"chat_id": self.chat} if self.chat != self.person else {})

    def press(self, message_id, data):
        return self.stack.api("/sandbox/press", self.place() | {"message_id": message_id, "data": data}
                              )["callback_query_id"]

    def press_button(self, step, is_last):
        """The ids of the presses; none when there is no such button."""
        data = dict(self.screen.steps()).get(step) if self.screen else None
        if not data:
            return []
        message_id = self.screen.message["message_id"]
        if is_last:
            self.pressed = message_id, data
        return [self.press(message_id, data) for _ in range(2 if is_last and self.crawler.is_impatient else 1)]

    def make(self, way):
        """Makes the last step of this part of the way; false when there is no such button."""
        step, queries = way[-1], []
        if step.kind == "press":
            queries = self.press_button(step, way == self.whole)
            if not queries:
                return False
        elif step.kind == "say":
            self.stack.api("/sandbox/send", self.place() | {"text": step.what})
        elif step.kind == "pay":
            paid = self.stack.api("/sandbox/pay", self.place() | {"message_id": self.screen.message["message_id"]})
            if paid["status"] != "paid":
                self.fault(way, f"the payment ends with {paid['status']}")
        else:
            step.what(self.person)
        self.look(way, queries)
        return True

    def go(self):
        for length in range(1, len(self.whole) + 1):
            way = self.whole[:length]
            self.before = self.screen
            if not self.make(way):
                self.fault(way, f"there is no such button any more, but {self.before and self.before.labels}")
                self.screen = None
                break
            self.screen = self.look_around()
        return self

    def press_again(self):
        """The button that was pressed last, under the message it was under, whatever that shows by now."""
        self.look(self.whole + (Step("again", ""),), [self.press(*self.pressed)])


    def press_as_stranger(self):
        """Somebody else presses it: there in a group, or else by a button of their own that was forged. They are told
        that it is not for them, and see nothing else."""
        way, stranger = self.whole + (Step("a stranger", ""),), self.crawler.stranger
        place = {"chat_id": self.chat, "message_id": self.pressed[0]} if self.chat != self.person else {
            "message_id": stranger["message_id"]}
        revision = self.stack.revision()
        query = self.stack.api("/sandbox/press", place | {"user_id": stranger["id"], "data": self.pressed[1]}
                               )["callback_query_id"]
        answer = self.stack.wait_event(after=revision, callback_query_id=query)
        if not answer.get("show_alert") or not answer.get("text"):
            self.fault(way, f"it is not refused: {answer}")
        if self.chat != self.person and any("message" in event for event in self.take(0)):
            self.fault(way, "it changes something")


class Crawler:
    def __init__(self, stack, language, newcomer, chat_of=lambda person: person, stranger=None, ends=(), answers=(),
                 is_impatient=False):
        """newcomer() makes a person who reads that language, chat_of(person) is where they go their way, stranger has
        an id and the message_id of something with buttons in their private chat; ends: texts, as regular expressions,
        after which nothing has to follow; answers: steps that answer a question, by plugin and state; is_impatient:
        presses are made twice at once."""
        self.stack, self.language, self.newcomer, self.chat_of = stack, language, newcomer, chat_of
        self.stranger, self.newest_request = stranger, stack.state()["requests"]
        self.ends, self.answers, self.is_impatient = [re.compile(end) for end in ends], dict(answers), is_impatient
        self.catalogue = prose.catalogue_keys()
        self.faults, self.slow, self.presses = [], 0, 0
        self.seen, self.edges = {}, {}  # states → the walk that found it; → the states that its steps lead to

    def crawl(self, roots):
        level = [(root,) for root in roots]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            while level:
                walks = list(pool.map(lambda way: Walk(self, way).go(), level))
                for press in [Walk.press_again] + [Walk.press_as_stranger] * bool(self.stranger):
                    list(pool.map(press, [walk for walk in walks if walk.pressed]))
                self.check_requests()
                level = [way for walk in walks for way in self.ways_on(walk)]

    def check_requests(self):
        """Telegram refuses nothing but to show what it shows already; markup is closed, or a remedy would hide it."""
        for request in self.stack.requests(after=self.newest_request):
            self.newest_request = max(self.newest_request, request["n"])
            response, params = request.get("response") or {}, request["params"]
            is_shown = request["method"].startswith(("send", "edit", "answer", "delete"))
            if is_shown and not response.get("ok", True) and "not modified" not in response.get("description", ""):
                self.faults.append(f"{request['method']} is refused: {response}")
            texts = [params.get("text"), params.get("caption")] if params.get("parse_mode") == "HTML" else []
            self.faults += [f"markup: {text}" for text in texts if text and not prose.is_balanced(text)]

    def ways_on(self, walk):
        """Learns from a walk; the ways that go on from a state that nobody has seen before."""
        self.faults += [fault for fault in walk.faults if fault not in self.faults]
        self.slow += walk.slow
        self.presses += bool(walk.pressed)
        screen, way = walk.screen, walk.whole
        if screen is None:
            return []
        if walk.before:
            self.edges.setdefault(walk.before.key, set()).add(screen.key)
            if way[-1].kind == "press" and DESTROYS.search(way[-1].what) and "?" not in screen.text:
                self.faults.append(f"{' → '.join(map(name_of, way))}: it destroys without asking")
        if screen.key in self.seen:
            return []
        self.seen[screen.key] = walk
        if len(self.seen) > MOST_STATES or len(way) > DEEPEST:
            raise AssertionError(f"over {MOST_STATES} states or {DEEPEST} steps: {' → '.join(map(name_of, way))}")
        is_elsewhere = walk.language_of(way[:-1]) != self.language  # one step into the other language is enough
        return [] if is_elsewhere else [way + (step,) for step in self.steps_from(screen)]

    def steps_from(self, screen):
        yield from (step for step, _ in screen.steps())
        yield from map(say, screen.keys)
        if screen.question:
            yield from self.answers[screen.question]
        if screen.is_invoice:
            yield Step("pay", "")

    def is_end(self, screen):
        return screen.is_invoice or not screen.buttons and (re.search(r"/[a-z]{3}", screen.text)
                                       or any(end.search(screen.text) for end in self.ends))

    def lost(self):
        """States that lead neither to the menu nor to an end that tells how to go on."""
        good = {key for key, walk in self.seen.items() if walk.whole == (say("/start"),) or self.is_end(walk.screen)
                or walk.language_of(walk.whole[:-1]) != self.language}  # from where it does not look further
        while more := {key for key in self.seen.keys() - good if self.edges.get(key, set()) & good}:
            good |= more
        return [f"{' → '.join(map(name_of, walk.whole))}: no way on from {walk.screen.text[:200]!r}"
                for key, walk in self.seen.items() if key not in good]

    def write_tree(self):
        path = os.environ.get("AISHA_CRAWL_TREE")
        if not path:
            return
        with open(path, "a", encoding="utf-8") as file:
            for walk in self.seen.values():
                screen = walk.screen
                print(f"\n==== {self.language}: {' → '.join(map(name_of, walk.whole))}"
                      f"{' (asks ' + screen.question + ')' if screen.question else ''}\n{screen.text}\n"
                      f"{screen.message.get('invoice', '') if screen.message else ''}{screen.labels}", file=file)
