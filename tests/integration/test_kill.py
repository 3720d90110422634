"""kill -9 at random moments, while updates come: nothing is lost, nothing takes effect twice, the order is kept.

What was sent twice is counted and explained: an update whose handler had sent a message and had not committed when the
host died runs again. So a message may be there once more than the host died with its update not done; that is looked up
in what the dead host has left on disk. By polling, a message that waits for no commit may go out before its update is
on disk; then Telegram still has the update. What a handler sends after its commit may be missing instead (what must not
belongs into a job of that commit): of each chat the last that the dead host has written, when nothing was said since.
"""
import collections
import contextlib
import json
import os
import random
import shutil
import sqlite3
import threading
import time
import unittest

from notes import note
from stack import BUILD, MODE, ROUNDS, Stack, until

TALLY = "[tally]\npath = " + os.path.join(BUILD, "tests/plugins/tally/tally.so") + "\n"
IS_LONG = ROUNDS > 1
UPDATES, CHATS = (2000, 200) if IS_LONG else (400, 40)
STARTS_CUT = 0.3 if IS_LONG else 0  # this share of the starts ends within their first 100 ms
LATENCY_MS = 25  # of Telegram: most handlers are in the middle of something, as they are in life
EMPTY = "SELECT count(*) AS n FROM inbox"
SESSIONS = ("SELECT count(*) AS n FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
KINDS = {"added": "/add {}", "counted": "{}", "said": "/say {}"}  # what is answered, and what is sent for it


def number_of(update):
    return int(update["message"]["text"].split()[-1])


class Round:
    """One host that is killed, and what it was sent."""

    def __init__(self, stack, rng):
        self.stack, self.rng = stack, rng
        self.people = [stack.user(f"User {i}") for i in range(CHATS)]
        self.sent = collections.defaultdict(list)  # chat → (kind, number), as sent
        self.undone = collections.Counter()  # number → how often the host died before it was done
        self.early = collections.Counter()  # number → how often the host died before it was on disk
        self.kinds = {}  # number → kind
        self.cut_off = set()  # numbers that were written and whose answer may never come
        self.kills = self.starts_cut = self.sent_early = 0

    def begin(self):
        for person in self.people:
            self.stack.send(person, "/begin")
        for person in self.people:
            self.stack.wait_message(person, "begun")
        self.stack.fault("sendMessage", count=1_000_000, delay_ms=LATENCY_MS)

    def send_all(self):
        for number in range(1, UPDATES + 1):
            person = self.rng.choice(self.people)
            kind = self.rng.choice(list(KINDS))
            self.sent[person].append((kind, number))
            self.kinds[number] = kind
            self.stack.send(person, KINDS[kind].format(number))

    def kill(self):
        """Dies and starts again, at times more than once; in between is read what it has left."""
        self.die()
        started = self.stack.launch_host()
        while self.rng.random() < STARTS_CUT:
            time.sleep(self.rng.uniform(0, 0.1))
            self.die()
            self.starts_cut += 1
            started = self.stack.launch_host()
        self.stack.wait_for_host(started)

    def die(self):
        self.stack.kill_host()
        self.kills += 1
        done, inbox, effects = self.left_behind("SELECT update_id FROM done_updates", "SELECT updates FROM inbox",
                                                "SELECT chat_id, number FROM tally_effects ORDER BY sequence")
        self.cut_off.update(number for chat, number in dict(effects).items() if self.is_cut_off(chat, number))
        done = {row[0] for row in done}
        updates = [u for row in inbox for u in json.loads(row[0])]
        self.undone.update(number_of(u) for u in updates if u["update_id"] not in done)
        if MODE == "polling":
            stored = {u["update_id"] for u in updates}
            early = [number_of(u) for u in self.with_telegram() if u["update_id"] not in stored]
            self.early.update(number for number in early if self.kinds[number] != "added")

    def with_telegram(self):
        """The updates that no host has acknowledged."""
        return [update for person in self.people
                for update in self.stack.api(f"/sandbox/inspect?chat_id={person}")["pending_updates"]]

    def is_cut_off(self, chat, number):
        """The last that was written in the chat; had it been answered, that or something later would have been said."""
        return self.kinds[number] == "added" and all(other < number for other in self.said(chat))

    def said(self, chat):
        words = [message["text"].split() for message in self.stack.bot_messages(chat)]
        return [int(word[1]) for word in words if word[0] in KINDS]

    def left_behind(self, *queries):
        """Files are read from a copy, so that the host meets them as it left them."""
        if self.stack.postgres:
            until(lambda: self.stack.sql(SESSIONS) == [(0,)], "the server has done what the dead host has asked for")
            return [self.stack.sql(query) for query in queries]
        copy = self.stack.path("copy")
        os.makedirs(copy, exist_ok=True)
        for name in ("aisha.db", "aisha.db-wal"):
            shutil.copy(self.stack.path(name), copy)
        with contextlib.closing(sqlite3.connect(os.path.join(copy, "aisha.db"))) as database:
            answers = [database.execute(query).fetchall() for query in queries]
        shutil.rmtree(copy)
        return answers

    def run(self):
        sender = threading.Thread(target=self.send_all)
        sender.start()
        while sender.is_alive() or self.kills < 2:
            time.sleep(self.rng.uniform(0, 0.5))  # any moment is as good as any other
            self.kill()
        sender.join()
        until(self.is_done, "everything is done", pause=0.1)

    def is_done(self):
        return self.stack.state()["pending_update_count"] == 0 and self.stack.sql(EMPTY) == [(0,)]


class Kill(unittest.TestCase):
    def test_nothing_lost_nothing_doubled_nothing_out_of_order(self):
        for number in range(ROUNDS):
            seed = int.from_bytes(os.urandom(4), "big")
            with self.subTest(seed=seed), Stack(plugins_ini=TALLY) as stack:
                played = Round(stack, random.Random(seed))
                played.begin()
                played.run()
                self.check_effects(played)
                self.check_state(played)
                self.report(number, played, *self.check_messages(played))

    def check_effects(self, played):
        """Each number once and in order, and the counters say the same."""
        written = collections.defaultdict(list)
        for chat, number in played.stack.sql("SELECT chat_id, number FROM tally_effects ORDER BY sequence"):
            written[chat].append(number)
        wanted = {chat: [n for kind, n in sent if kind != "said"] for chat, sent in played.sent.items()}
        self.assertEqual(written, {chat: numbers for chat, numbers in wanted.items() if numbers})
        self.assertEqual(dict(played.stack.sql("SELECT chat_id, count FROM tally_counters")),
                         {chat: len(numbers) for chat, numbers in written.items()})

    def check_state(self, played):
        """What the dialogues have summed up."""
        for person in played.people:
            played.stack.send(person, "end")
        for person in played.people:
            total = sum(n for kind, n in played.sent[person] if kind == "counted")
            played.stack.wait_message(person, lambda m, total=total: m["text"] == f"total {total}")

    def check_messages(self, played):
        """(how many were sent twice, which are missing): only where they may be; what came first came in order."""
        repeated, missing = 0, set()
        for person in played.people:
            texts = [m["text"] for m in played.stack.bot_messages(person)]
            copies = collections.Counter(texts)
            for kind, number in played.sent[person]:
                count = copies[f"{kind} {number}"]
                most = 1 + played.undone[number]
                self.assertLessEqual(count, most + played.early[number], f"{kind} {number}")
                repeated += max(count - 1, 0)
                played.sent_early += max(count - most, 0)
                if count == 0:
                    missing.add(number)
            first = [int(text.split()[1]) for text in dict.fromkeys(texts) if text.split()[0] in KINDS]
            self.assertEqual(first, sorted(first))
        self.assertLessEqual(missing, played.cut_off, "what no kill has cut off was never said")
        return repeated, missing

    def report(self, number, played, repeated, missing):
        note(f"round {number + 1} by {MODE}: {UPDATES} updates in {CHATS} chats, killed {played.kills} "
             f"times ({played.starts_cut} while it started) with {played.undone.total()} updates not done; {repeated} "
             f"messages were sent twice, {played.sent_early} of them before their update was on disk, all others for "
             f"those; {len(missing)} are missing, of {len(played.cut_off)} "
             "that were to follow a commit when the host died")


if __name__ == "__main__":
    unittest.main()
