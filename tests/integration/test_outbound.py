"""What the host sends, when, and how often."""
import json
import os
import re
import unittest

from stack import BUILD, Stack

SENDER = "[home]\n[sender]\npath = " + os.path.join(BUILD, "tests/plugins/sender/sender.so") + "\n"

PROBE = "[home]\n[probe]\npath = " + os.path.join(BUILD, "tests/plugins/probe/probe.so") + "\n"


def edit(stack, user, chat, message_id, text):
    params = {"chat_id": chat, "message_id": message_id, "text": text}
    stack.send(user, f"/call editMessageText {json.dumps(params)}")


class Pace(unittest.TestCase):
    def test_an_answer_overtakes_broadcasts(self):
        with Stack(plugins_ini=SENDER, env={"OUTBOUND_RATE": "20"}) as stack:
            others, ann = [stack.user(f"U{number}") for number in range(8)], stack.user("Ann")
            for user in others:
                stack.send(user, "/broadcast 10")
            stack.wait_request("sendMessage", lambda call: call["params"]["text"] == "broadcast 4")
            stack.send(ann, "/call getMe")
            stack.wait_message(ann, "ok ")
            for user in others:
                stack.wait_message(user, "broadcast 10")
            chats = [call["params"]["chat_id"] for call in stack.requests("sendMessage")]
            self.assertEqual(len(chats), 81)
            self.assertLess(chats.index(ann), 60)

    def test_a_chat_that_has_to_wait_waits_alone(self):
        with Stack(plugins_ini=SENDER) as stack:
            ann, bob = stack.user("Ann"), stack.user("Bob")
            stack.fault("sendMessage", retry_after=3)
            stack.send(ann, "/broadcast 2")
            stack.wait_request("sendMessage", lambda call: call["params"]["chat_id"] == ann)
            stack.send(bob, "/broadcast 1")
            stack.wait_message(bob, "broadcast 1")
            self.assertEqual(stack.bot_messages(ann), [])
            stack.wait_message(ann, "broadcast 2")
            self.assertEqual([message["text"] for message in stack.bot_messages(ann)], ["broadcast 1", "broadcast 2"])


class Edits(unittest.TestCase):
    def test_of_edits_that_wait_only_the_last_is_sent(self):
        with Stack(plugins_ini=SENDER) as stack:
            ann, others = stack.user("Ann"), [stack.user(f"U{number}") for number in range(5)]
            stack.send(ann, "/broadcast 1")
            message_id = stack.wait_message(ann, "broadcast 1")["message_id"]
            stack.fault("editMessageText", delay_ms=1500)
            for number, user in enumerate(others):
                edit(stack, user, ann, message_id, f"version {number}")
            answers = [stack.wait_message(user, "ok ")["text"] for user in others]
            texts = [call["params"]["text"] for call in stack.requests("editMessageText")]
            self.assertEqual(len(texts), 2, "the one that was under way, and the last")
            self.assertEqual(stack.messages(ann)[-1]["text"], texts[1])
            self.assertEqual(answers.count("ok true"), 3, "who was overtaken succeeds")


class Markup(unittest.TestCase):
    def test_broken_markup_loses_no_text(self):
        with Stack(plugins_ini=SENDER) as stack:
            ann = stack.user()
            stack.send(ann, "/broken")
            stack.wait_message(ann, "file & more")
            shown = [message.get("text", message.get("caption")) for message in stack.bot_messages(ann)]
            self.assertEqual(shown, ["text & more", "caption & more", "file & more"])
            told = re.findall(rb'sender: update=\d+ handler="/broken" its HTML was refused, so the text goes out '
                              rb"without markup: Bad Request: can't parse entities: ", stack.host.output())
            self.assertEqual(len(told), 4, stack.host.output().decode())


    def test_what_is_too_long_with_its_markup_is_split_further(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.fault("sendMessage", error_code=400, description="Bad Request: text is too long")
            stack.send(ann, "/long 8")
            stack.wait_message(ann, "Sentence 8.")
            self.assertEqual(len(stack.bot_messages(ann)), 2)


class Blobs(unittest.TestCase):
    def documents(self, stack, user):
        return [message["document"]["file_id"] for message in stack.bot_messages(user) if "document" in message]

    def send(self, stack, user, command, answer="ok "):
        last = stack.send(user, command)["message_id"]
        return stack.wait_message(user, answer, after=last)

    def test_a_blob_is_uploaded_once(self):
        with Stack(plugins_ini=SENDER) as stack:
            ann, bob = stack.user("Ann"), stack.user("Bob")
            self.send(stack, ann, "/keep a/b.txt something", "kept")
            self.send(stack, ann, "/file a/b.txt")
            stack.restart_host()
            self.send(stack, bob, "/file a/b.txt")
            first, second = self.documents(stack, ann)[0], self.documents(stack, bob)[0]
            self.assertEqual(first, second)
            self.assertEqual(stack.api(f"/sandbox/files/{first}"), b"something")
            self.send(stack, ann, "/keep a/b.txt something else", "kept")
            self.send(stack, ann, "/file a/b.txt")
            third = self.documents(stack, ann)[1]
            self.assertEqual(stack.api(f"/sandbox/files/{third}"), b"something else")
            self.send(stack, ann, "/drop a/b.txt", "dropped")
            self.send(stack, ann, "/file a/b.txt", "no such blob")

    def test_a_file_id_that_is_refused_is_uploaded_again(self):
        with Stack(plugins_ini=SENDER) as stack:
            ann = stack.user("Ann")
            self.send(stack, ann, "/keep c.txt bytes", "kept")
            self.send(stack, ann, "/file c.txt")
            stack.fault("sendDocument", error_code=400,
                        description="Bad Request: wrong file identifier/HTTP URL specified")
            self.send(stack, ann, "/file c.txt")
            self.send(stack, ann, "/file c.txt")
            first, second, third = self.documents(stack, ann)
            self.assertNotEqual(first, second)
            self.assertEqual(second, third)

    def test_many_who_send_it_at_once_wait_for_the_first(self):
        with Stack(plugins_ini=SENDER) as stack:
            users = [stack.user(f"U{number}") for number in range(10)]
            self.send(stack, users[0], "/keep d.txt popular", "kept")
            stack.fault("sendDocument", delay_ms=500)
            for user in users:
                stack.send(user, "/file d.txt")
            for user in users:
                stack.wait_message(user, "ok ")
            self.assertEqual(len({self.documents(stack, user)[0] for user in users}), 1)


if __name__ == "__main__":
    unittest.main()
