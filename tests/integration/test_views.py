"""Progress, chat actions, pages, confirmations and galleries, through the real host."""
import os
import time
import unittest

from picture import png
from stack import BUILD, Stack, until

VIEWS = f"[home]\n[views]\npath = {os.path.join(BUILD, 'tests/plugins/views/views.so')}\n"


def labels(message):
    return [[button["text"] for button in row] for row in message.get("reply_markup", {}).get("inline_keyboard", [])]


class Case(unittest.TestCase):
    def stack(self, **more):
        stack = Stack(plugins_ini=VIEWS, **more)
        self.enterContext(stack)
        return stack

    def press_old(self, stack, user, message, row=0, column=0):
        """A press under a message that is too old for Telegram to show to bots."""
        button = message["reply_markup"]["inline_keyboard"][row][column]
        stack.update(callback_query={
            "id": "1", "from": {"id": user, "is_bot": False, "first_name": "Ann", "language_code": "en"},
            "chat_instance": "1", "data": button["callback_data"],
            "message": {"chat": message["chat"], "message_id": message["message_id"], "date": 0}})

    def wait_answer(self, stack, revision, text):
        """The alert that answers a press."""
        event = stack.wait_event(after=revision, type="answer_callback", show_alert=True)
        self.assertIn(text, event["text"])


class Progress(Case):
    def test_many_states_are_few_edits_and_the_last_one_stays(self):
        stack = self.stack()
        ann = stack.user()
        started = time.monotonic()
        stack.send(ann, "/work")
        first = stack.wait_message(ann, "step 1\n")
        self.assertEqual([["Cancel"]], labels(first))
        last = stack.wait_message(ann, lambda m: "100 %" in m["text"] and not labels(m))
        self.assertEqual(first["message_id"], last["message_id"])
        self.assertEqual("step 40\n▓▓▓▓▓▓▓▓▓▓ 100 %", last["text"])
        self.assertEqual(1, len(stack.bot_messages(ann)))
        most = (time.monotonic() - started) / 3 + 1  # and one at the end
        self.assertTrue(2 <= len(stack.requests("editMessageText")) <= most)

    def test_a_result_takes_the_place_of_progress(self):
        stack = self.stack()
        ann = stack.user()
        stack.send(ann, "/paint")
        stack.wait_message(ann, "painted")
        stack.send(ann, "/work")
        stack.wait_message(ann, "100 %")
        self.assertEqual("painted", stack.bot_messages(ann)[0]["text"], "no edit comes after the result")

    def test_a_failure_is_told_in_the_same_message(self):
        stack = self.stack()
        ann = stack.user()
        stack.send(ann, "/spoil")
        told = stack.wait_message(ann, "Something went wrong")
        self.assertEqual([told], stack.bot_messages(ann))
        self.assertEqual([], labels(told))

    def test_the_button_ends_the_work(self):
        stack = self.stack()
        ann = stack.user(language_code="ru")
        stack.send(ann, "/wait typing")
        shown = stack.wait_message(ann, "step")
        stack.press_text(ann, shown, "Отмена")
        stopped = stack.wait_message(ann, "остановились")
        self.assertEqual(shown["message_id"], stopped["message_id"])

    def test_a_refused_edit_does_not_hurt(self):
        stack = self.stack()
        ann = stack.user()
        stack.fault("editMessageText", count=1, http=400, error_code=400,
                    description="Bad Request: message can't be edited")
        stack.send(ann, "/work")
        stack.wait_message(ann, lambda m: "100 %" in m["text"] and not labels(m))

    def test_what_a_crash_leaves_is_corrected_and_the_work_begins_again(self):
        stack = self.stack()
        boris = stack.user("Борис", language_code="ru")
        stack.send(boris, "/work")
        left = stack.wait_message(boris, lambda m: "step 1\n" not in m["text"])
        stack.kill_host()
        stack.start_host()
        corrected = stack.wait_message(boris, "Меня перезапустили")
        self.assertEqual((left["message_id"], []), (corrected["message_id"], labels(corrected)))
        done = stack.wait_message(boris, lambda m: "100 %" in m["text"] and not labels(m))
        self.assertNotEqual(left["message_id"], done["message_id"])

    def test_what_is_finished_is_not_corrected(self):
        stack = self.stack()
        ann = stack.user()
        for command, end in (("/paint", "painted"), ("/spoil", "went wrong"), ("/work", "100 %")):
            stack.send(ann, command)
            stack.wait_message(ann, end)
        shown = stack.bot_messages(ann)
        before = stack.newest_request()
        stack.restart_host()
        stack.send(ann, "/act")
        stack.wait_message(ann, "acted")
        self.assertEqual(shown, stack.bot_messages(ann)[:-1])
        self.assertEqual([], stack.requests("editMessageText", after=before))

class ChatActions(Case):
    def test_an_action_is_repeated_while_the_handler_runs(self):
        stack = self.stack()
        ann = stack.user()
        stack.send(ann, "/wait record_voice")
        until(lambda: len(stack.requests("sendChatAction")) == 3, "the action is kept alive")
        self.assertEqual("record_voice", stack.chat(ann)["typing"])
        self.assertEqual({"record_voice"}, {r["params"]["action"] for r in stack.requests("sendChatAction")})
        stack.send(ann, "/cancel")
        stack.wait_message(ann, "stopped")
        count = len(stack.requests("sendChatAction"))
        stack.send(ann, "/work")
        stack.wait_message(ann, "100 %")
        actions = [r["params"]["action"] for r in stack.requests("sendChatAction")]
        self.assertEqual(["typing"], sorted(set(actions[count:])), "the first one has ended")

    def test_an_action_takes_the_place_of_another(self):
        stack = self.stack()
        ann = stack.user()
        stack.send(ann, "/act")
        stack.wait_message(ann, "acted")
        self.assertEqual(["typing", "upload_photo"],
                         [r["params"]["action"] for r in stack.requests("sendChatAction")])

    def test_neither_a_refusal_nor_an_unknown_action_stops_the_work(self):
        stack = self.stack()
        ann = stack.user()
        stack.fault("sendChatAction", count=1, http=400, error_code=400, description="Bad Request: no")
        stack.send(ann, "/act")
        stack.wait_message(ann, "acted")
        stack.send(ann, "/wait dancing")
        stack.wait_message(ann, "step")
        until(lambda: b'there is no chat action "dancing"' in stack.host.output(), "the log names it")


class Pages(Case):
    def test_pages_are_turned_in_place_and_after_a_restart(self):
        stack = self.stack()
        ann = stack.user()
        stack.send(ann, "/list 100")
        shown = stack.wait_message(ann, "items: 100 101 102 103 104")
        self.assertEqual([["«", "1/5", "»"]], labels(shown))
        stack.press_text(ann, shown, "»")
        shown = stack.wait_message(ann, "items: 105 106")
        stack.restart_host()
        stack.press_text(ann, shown, "»")
        stack.wait_message(ann, "items: 110")
        stack.press_text(ann, stack.last_bot_message(ann), "3/5")
        stack.wait_event(type="answer_callback")
        stack.press_text(ann, stack.last_bot_message(ann), "«")
        stack.press_text(ann, stack.wait_message(ann, "items: 105 106"), "«")
        stack.press_text(ann, stack.wait_message(ann, "items: 100"), "«")
        stack.wait_message(ann, "items: 120 121 122")
        self.assertEqual(1, len(stack.bot_messages(ann)))

    def test_under_an_old_message_the_page_comes_anew(self):
        stack = self.stack()
        ann = stack.user()
        stack.send(ann, "/list 100")
        shown = stack.wait_message(ann, "items: 100")
        self.press_old(stack, ann, shown, column=2)
        stack.wait_message(ann, "items: 105", after=shown["message_id"])

    def test_a_page_that_is_not_there_is_the_nearest(self):
        stack = self.stack()
        ann = stack.user()
        stack.send(ann, "/list 0 77")
        self.assertIn("5/5", labels(stack.wait_message(ann, "items: 20 21 22"))[0])
        stack.send(ann, "/list 0 -3")
        self.assertIn("1/5", labels(stack.wait_message(ann, "items: 0 1 2"))[0])

    def test_forged_and_foreign_pages_change_nothing(self):
        stack = self.stack()
        ann, eve = stack.user(), stack.user("Eve")
        stack.send(ann, "/list 0")
        stack.send(eve, "/list 0")
        data = stack.wait_message(ann, "items")["reply_markup"]["inline_keyboard"][0][2]["callback_data"]
        hers = stack.wait_message(eve, "items")
        for forged in (data, data[:-1] + ("A" if data[-1] != "A" else "B"), "nonsense"):
            revision = stack.revision()
            stack.press(eve, hers["message_id"], data=forged)
            self.wait_answer(stack, revision, "for someone else")
        self.assertEqual(hers, stack.last_bot_message(eve))


class Confirmations(Case):
    def deletions(self, stack, user):
        after = stack.last_bot_message(user)["message_id"]
        stack.send(user, "/deleted")
        return int(stack.wait_message(user, "deletions", after=after)["text"].split()[0])

    def test_yes_works_once_and_after_a_restart(self):
        stack = self.stack()
        ann = stack.user()
        stack.send(ann, "/delete 7")
        question = stack.wait_message(ann, "Really delete item 7?")
        self.assertEqual([["Delete", "No"]], labels(question))
        yes = question["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        stack.restart_host()
        stack.press(ann, question["message_id"], data=yes)
        stack.press(ann, question["message_id"], data=yes)
        done = stack.wait_message(ann, "deleted 7")
        self.assertEqual(question["message_id"], done["message_id"])
        revision = stack.revision()
        stack.press(ann, question["message_id"], data=yes)
        self.wait_answer(stack, revision, "answered already")
        self.assertEqual(1, self.deletions(stack, ann))

    def test_no_ends_it_too(self):
        stack = self.stack()
        boris = stack.user("Борис", language_code="ru")
        stack.send(boris, "/delete 7")
        question = stack.wait_message(boris, "Точно удалить 7?")
        yes = question["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        stack.press_text(boris, question, "Нет")
        stack.wait_message(boris, "kept 7")
        revision = stack.revision()
        stack.press(boris, question["message_id"], data=yes)
        self.wait_answer(stack, revision, "ответ уже есть")
        self.assertEqual(0, self.deletions(stack, boris))

    def test_without_callback_the_host_says_that_nothing_changed(self):
        stack = self.stack()
        ann = stack.user()
        stack.send(ann, "/forget 1")
        stack.press_text(ann, stack.wait_message(ann, "Forget it?"), "No")
        self.assertEqual([], labels(stack.wait_message(ann, "nothing has changed")))

    def test_buttons_go_when_the_callback_shows_nothing(self):
        stack = self.stack()
        ann = stack.user()
        stack.send(ann, "/forget 1")
        stack.press_text(ann, stack.wait_message(ann, "Forget it?"), "Yes")
        stack.wait_message(ann, lambda m: m["text"] == "Forget it?" and not labels(m))
        self.assertEqual(1, self.deletions(stack, ann))

    def test_what_failed_can_be_answered_again(self):
        stack = self.stack()
        ann = stack.user()
        stack.send(ann, "/delete 13")
        question = stack.wait_message(ann, "item 13?")
        for _ in range(2):
            revision = stack.revision()
            stack.press_text(ann, question, "Delete")
            self.wait_answer(stack, revision, "went wrong")
        self.assertEqual(question, stack.last_bot_message(ann))

    def test_an_old_question_can_be_answered(self):
        stack = self.stack()
        ann = stack.user()
        for command, question in (("/delete 7", "item 7?"), ("/forget 1", "Forget it?")):
            stack.send(ann, command)
            self.press_old(stack, ann, stack.wait_message(ann, question))
        stack.wait_message(ann, "deleted 7")
        until(lambda: self.deletions(stack, ann) == 2, "the second one is forgotten")

    def test_nobody_else_can_answer(self):
        stack = self.stack()
        ann, eve = stack.user(), stack.user("Eve")
        stack.send(ann, "/delete 1")
        stack.send(eve, "/delete 2")
        yes = stack.wait_message(ann, "item 1?")["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        hers = stack.wait_message(eve, "item 2?")
        revision = stack.revision()
        stack.press(eve, hers["message_id"], data=yes)
        self.wait_answer(stack, revision, "for someone else")
        self.assertEqual(0, self.deletions(stack, ann))


class Gallery(Case):
    def photo_width(self, message):
        return message["photo"][-1]["width"]

    def filled(self, stack, user):
        """Four photos, by file_id, blob, address and as a document."""
        sent = stack.upload(user, png(30), kind="photo", file_name="a.png")
        stack.wait_message(user, "added")
        address = f"{stack.url}/sandbox/files/{sent['photo'][-1]['file_id']}"
        for source in (f"url {address}", "note a note"):
            after = stack.last_bot_message(user)["message_id"]
            stack.send(user, f"/add {source}")
            stack.wait_message(user, "added", after=after)

    def test_under_an_old_photo_the_next_comes_anew(self):
        stack = self.stack()
        ann = stack.user()
        self.filled(stack, ann)
        stack.send(ann, "/gallery")
        shown = stack.wait_message(ann, "id 1")
        self.press_old(stack, ann, shown, column=2)
        self.assertEqual(30, self.photo_width(stack.wait_message(ann, "blob 2", after=shown["message_id"])))

    def test_photos_are_turned_in_one_message(self):
        stack = self.stack()
        ann = stack.user()
        self.filled(stack, ann)
        stack.send(ann, "/gallery")
        shown = stack.wait_message(ann, "id 1")
        self.assertEqual([["‹", "1/4", "›"], ["About"]], labels(shown))
        self.assertEqual((30, "bold"), (self.photo_width(shown), shown["caption_entities"][0]["type"]))
        where = shown["message_id"]
        for caption in ("blob 2", "url 3"):
            stack.press_text(ann, shown, "›")
            shown = stack.wait_message(ann, caption)
            self.assertEqual((where, 30), (shown["message_id"], self.photo_width(shown)))
            stack.restart_host()
        stack.press_text(ann, shown, "›")
        shown = stack.wait_message(ann, "note 4")
        self.assertEqual((where, "note.txt"), (shown["message_id"], shown["document"]["file_name"]))
        stack.press_text(ann, shown, "›")
        self.assertEqual(where, stack.wait_message(ann, "id 1")["message_id"])
        revision = stack.revision()
        stack.press_text(ann, stack.last_bot_message(ann), "1/4")  # "message is not modified"
        stack.wait_event(after=revision, type="answer_callback", text=None)

    def test_a_text_follows_a_photo_and_a_photo_a_text(self):
        stack = self.stack()
        ann = stack.user()
        self.filled(stack, ann)
        stack.send(ann, "/gallery 1")
        photo = stack.wait_message(ann, "blob 2")
        stack.press_text(ann, photo, "About")
        text = stack.wait_message(ann, "about the photo")
        until(lambda: photo["message_id"] not in [m["message_id"] for m in stack.messages(ann)],
              "the photo makes room for the text")
        stack.press_text(ann, text, "Back")
        again = stack.wait_message(ann, "blob 2")
        self.assertEqual(text["message_id"], again["message_id"], "a text becomes a photo in place")

    def test_a_message_that_cannot_be_edited_is_sent_anew(self):
        stack = self.stack()
        ann = stack.user()
        self.filled(stack, ann)
        for number, refusal in enumerate(("message can't be edited", "message to edit not found")):
            stack.send(ann, "/gallery")
            shown = stack.wait_message(ann, "id 1")
            stack.fault("editMessageMedia", count=1, http=400, error_code=400, description="Bad Request: " + refusal)
            stack.press_text(ann, shown, "›")
            anew = stack.wait_message(ann, "blob 2", after=shown["message_id"])
            until(lambda old=shown: old["message_id"] not in [m["message_id"] for m in stack.messages(ann)],
                  "the old one is deleted")
            stack.api(f"/bot123456:SANDBOX/deleteMessage?chat_id={ann}&message_id={anew['message_id']}")
            self.assertEqual(number + 1, len(stack.requests("editMessageMedia")))

    def test_a_gallery_that_became_shorter_and_a_blob_that_is_gone(self):
        stack = self.stack()
        ann = stack.user()
        self.filled(stack, ann)
        stack.send(ann, "/gallery 1")
        shown = stack.wait_message(ann, "blob 2")
        stack.send(ann, "/shorten")
        stack.wait_message(ann, "shortened")
        stack.press_text(ann, shown, "›")
        self.assertEqual([["About"]], labels(stack.wait_message(ann, "id 1")))
        stack.send(ann, "/add blob gone.png")
        stack.send(ann, "/gallery 1")
        stack.wait_message(ann, "Something went wrong")
        until(lambda: b"the file to send is not there: views/gone.png" in stack.host.output(), "the log names it")


class Groups(Case):
    """What is asked and shown in a group belongs to one of its members."""

    def group(self, stack, owner, **more):
        return stack.api("/sandbox/chats", {"user_id": owner, "type": "supergroup", "title": "G"} | more)["id"]

    def say(self, stack, user, chat, text, **more):
        stack.api("/sandbox/send", {"user_id": user, "chat_id": chat, "text": text} | more)

    def press(self, stack, user, chat, message, row=0, column=0):
        stack.api("/sandbox/press", {"user_id": user, "chat_id": chat, "message_id": message["message_id"], "row": row,
                                     "column": column})

    def test_a_question_is_for_whom_it_was_asked(self):
        stack = self.stack()
        ann, eve = stack.user(), stack.user("Eve")
        group = self.group(stack, ann)
        self.say(stack, ann, group, "/delete 7")
        question = stack.wait_message(group, "item 7?")
        revision = stack.revision()
        self.press(stack, eve, group, question)
        self.wait_answer(stack, revision, "for someone else")
        self.assertEqual(question, stack.last_bot_message(group))
        self.press(stack, ann, group, question)
        stack.wait_message(group, "deleted 7")

    def test_everything_stays_in_its_topic(self):
        stack = self.stack()
        ann = stack.user()
        self.assertIn("photo", stack.upload(ann, png(30), kind="photo", file_name="a.png"))
        stack.wait_message(ann, "added")
        forum = self.group(stack, ann, is_forum=True)
        self.say(stack, ann, forum, "/gallery", message_thread_id=7)
        shown = stack.wait_message(forum, "id 1")
        self.press(stack, ann, forum, shown, row=1)  # a text is sent anew
        for command, part in (("/act", "acted"), ("/paint", "painted")):
            self.say(stack, ann, forum, command, message_thread_id=7)
            stack.wait_message(forum, part)
        stack.wait_message(forum, "about the photo")
        self.assertEqual({7}, {m.get("message_thread_id") for m in stack.bot_messages(forum)})
        self.assertEqual({7}, {r["params"].get("message_thread_id") for r in stack.requests("sendChatAction")})

    def test_commands_of_groups_and_of_private_chats(self):
        stack = self.stack(env={"ADMIN_IDS": "77"})
        olga = stack.user("Olga", id=77)
        group = self.group(stack, olga)
        for command in ("/alone", "/rule", "/together"):
            self.say(stack, olga, group, command)
        stack.wait_message(group, "it works")
        self.assertEqual(1, len(stack.bot_messages(group)), "the others are not there")


if __name__ == "__main__":
    unittest.main()
