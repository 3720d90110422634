"""Photos and files that were sent together: one event, however they arrive and whatever dies in between."""
import json
import os
import unittest

from stack import BUILD, Stack, until

UPDATES = "[home]\n[updates]\npath = " + os.path.join(BUILD, "tests/plugins/updates/updates.so") + "\n"
PROBE = "[home]\n[probe]\npath = " + os.path.join(BUILD, "tests/plugins/probe/probe.so") + "\n"


class Albums(unittest.TestCase):
    def send(self, stack, user, captions, group="g1"):
        """One file for each caption, as an album; the ids of the messages."""
        album = {"user_id": user, "captions": list(captions), "media_group_id": group}
        return [message["message_id"] for message in stack.api("/sandbox/album", album)["messages"]]

    def kept(self, stack):
        return stack.sql("SELECT message_id, how FROM updates_items ORDER BY message_id")

    def events(self, stack, user):
        return [m["text"] for m in stack.bot_messages(user) if " of " in m.get("text", "")]

    def test_one_event_in_the_order_of_sending(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann, bob = stack.user("Ann"), stack.user("Bob")
            ids = self.send(stack, ann, "abc")
            self.send(stack, bob, "xy")  # the same id in another chat is another album
            stack.wait_message(ann, "album of 3: a b c")
            stack.wait_message(bob, "album of 2: x y")
            self.assertEqual([row for row in self.kept(stack) if row[0] in ids], [(i, "album") for i in ids])

    def test_what_is_sent_alone_is_an_album_of_one(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            stack.upload(ann, b"x", kind="document", caption="alone")
            stack.wait_message(ann, "album of 1: alone")

    def test_items_that_come_in_another_order(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            stack.send(ann, "/where")
            stack.wait_message(ann, "here")
            for message_id, caption in ((103, "c"), (101, "a"), (104, "d"), (102, "b")):
                stack.update(message={
                    "message_id": message_id, "date": 1, "media_group_id": "g", "caption": caption,
                    "chat": {"id": ann, "type": "private"}, "from": {"id": ann, "is_bot": False, "first_name": "A"},
                    "document": {"file_id": "f", "file_unique_id": "u"}})
            stack.wait_message(ann, "album of 4: a b c d")

    def test_uploaded_files_are_an_album(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            for caption in "ab":
                stack.upload(ann, b"x", kind="document", caption=caption, media_group_id="g")
            until(lambda: sum(int(text[9]) for text in self.events(stack, ann)) == 2, "both have arrived")

    def test_ten_are_complete(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            self.send(stack, ann, "abcdefghijkl")
            stack.wait_message(ann, "album of 10: a b c d e f g h i j")
            stack.wait_message(ann, "album of 2: k l")

    def test_what_comes_later_is_a_second_event(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            self.send(stack, ann, "ab")
            stack.wait_message(ann, "album of 2: a b")
            self.send(stack, ann, "cde")
            stack.wait_message(ann, "album of 3: c d e")

    def test_the_messages_of_a_chat_keep_their_order(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            self.send(stack, ann, "ab")
            stack.send(ann, "/where")
            stack.wait_message(ann, "here")
            self.assertEqual(self.events(stack, ann), ["album of 2: a b"])

    def test_an_answer_can_be_an_album(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            stack.send(ann, "/photos")
            stack.wait_message(ann, "send them")
            self.send(stack, ann, "abcd")
            stack.wait_message(ann, "answer of 4: a b c d")
            last = self.send(stack, ann, "ef", group="g2")[-1]  # the question is answered
            stack.wait_message(ann, "album of 2: e f", after=last)

    def test_who_takes_one_gets_one_and_the_rest_goes_on(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            stack.send(ann, "/one")
            stack.wait_message(ann, "send one")
            ids = self.send(stack, ann, "abc")
            stack.send(ann, "/where")
            stack.wait_message(ann, "here")
            self.assertEqual(self.events(stack, ann), ["single of 1: a", "album of 1: b", "album of 1: c"])
            self.assertEqual(self.kept(stack), list(zip(ids, ("single", "album", "album"))))

    def test_without_a_plugin_for_albums_each_is_a_message(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            self.send(stack, ann, "abc")
            until(lambda: len([m for m in stack.bot_messages(ann) if "not sure" in m["text"]]) == 3,
                  "each of the three is answered")

    def test_every_item_is_acknowledged_at_once(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            self.send(stack, ann, "ab")
            until(lambda: self.stored(stack) == 2, "both are in the inbox")
            self.assertEqual(self.events(stack, ann), [])
            until(lambda: stack.state()["pending_update_count"] == 0, "Telegram has forgotten them")
            stack.wait_message(ann, "album of 2: a b")

    def stored(self, stack):
        return sum(len(json.loads(row[0])) for row in stack.sql("SELECT updates FROM inbox"))

    def test_killed_between_the_items(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            first = self.send(stack, ann, "ab")
            until(lambda: self.stored(stack) == 2, "both are in the inbox")
            stack.kill_host()
            rest = self.send(stack, ann, "cd")
            stack.start_host()
            stack.wait_message(ann, lambda m: m.get("text", "").endswith("d"))
            self.assertEqual(sorted(self.kept(stack)), [(i, "album") for i in first + rest])
            stack.restart_host()
            stack.send(ann, "/where")
            stack.wait_message(ann, "here")
            self.assertEqual(sorted(self.kept(stack)), [(i, "album") for i in first + rest])

    def test_killed_again_and_again(self):
        with Stack(plugins_ini=UPDATES) as stack:
            people = [stack.user(f"User {i}") for i in range(4)]
            sent = []
            for round_number in range(4):
                for number, person in enumerate(people):
                    sent += self.send(stack, person, "abc", group=f"g{round_number}")
                    if number == round_number:
                        stack.kill_host()
                        stack.start_host()
                if round_number % 2:  # some albums are done, some open
                    stack.wait_message(people[0], "album", after=sent[-12])
                stack.kill_host()
                stack.start_host()
            for person in people:
                after = stack.send(person, "/where")["message_id"]
                stack.wait_message(person, "here", after=after)
            self.assertEqual([row[0] for row in self.kept(stack)], sorted(sent))

    def test_cancelled_before_it_is_complete(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            self.send(stack, ann, "ab")
            stack.send(ann, "/cancel")
            stack.wait_message(ann, "cancelled")
            last = self.send(stack, ann, "c", group="g2")[-1]
            stack.wait_message(ann, "album of 1: c", after=last)
            stack.restart_host()
            stack.send(ann, "/where")
            stack.wait_message(ann, "here")
            self.assertEqual(self.events(stack, ann), ["album of 1: c"])

    def test_a_stop_leaves_an_open_album_for_the_next_start(self):
        with Stack(plugins_ini=UPDATES) as stack:
            ann = stack.user()
            self.send(stack, ann, "ab")
            until(lambda: self.stored(stack) == 2, "both are in the inbox")
            stack.stop_host()
            self.assertEqual(self.kept(stack), [])
            stack.start_host()
            stack.wait_message(ann, "album of 2: a b")


if __name__ == "__main__":
    unittest.main()
