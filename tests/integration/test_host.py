"""The real host with real plugins, talked to through the sandbox."""
import os
import unittest

from stack import BUILD, Stack, until

PROBE = "[home]\n[probe]\npath = " + os.path.join(BUILD, "tests/plugins/probe/probe.so") + "\n"
EXAMPLES = "".join(f"[{name}]\npath = {os.path.join(BUILD, 'sdk/examples', name, name + '.so')}\n"
                   for name in ("counter", "echo"))


def labels(message):
    return [button["text"] for row in message.get("reply_markup", {}).get("inline_keyboard", []) for button in row]


class Home(unittest.TestCase):
    def test_start_help_and_language(self):
        with Stack() as stack:
            ann = stack.user("Ann <b>")
            stack.send(ann, "/start")
            menu = stack.wait_message(ann, "Hello, Ann <b>!")
            self.assertIn("🌐 Language", labels(menu))
            stack.press_text(ann, menu, "Help")
            help_text = stack.wait_message(ann, "/language")
            self.assertEqual(help_text["message_id"], menu["message_id"], "the menu is edited in place")
            stack.press_text(ann, help_text, "Menu")
            stack.press_text(ann, stack.wait_message(ann, "Hello"), "Language")
            stack.press_text(ann, stack.wait_message(ann, "Which language"), "Русский")
            stack.press_text(ann, stack.wait_message(ann, "На каком языке"), "Меню")
            stack.wait_message(ann, "Привет, Ann <b>!")
            stack.restart_host()
            stack.send(ann, "/help")
            stack.wait_message(ann, "Что я умею")

    def test_language_of_telegram_is_the_first(self):
        with Stack() as stack:
            boris = stack.user("Борис", language_code="ru")
            stack.send(boris, "/start")
            stack.wait_message(boris, "Привет, Борис!")

    def test_unknown_command_and_other_text(self):
        with Stack() as stack:
            ann = stack.user()
            stack.send(ann, "/nonsense")
            stack.wait_message(ann, "I don't know this command")
            stack.send(ann, "blah")
            stack.wait_message(ann, "not sure")

    def test_cancel_without_anything(self):
        with Stack() as stack:
            ann = stack.user()
            stack.send(ann, "/cancel")
            stack.wait_message(ann, "nothing to cancel")

    def test_commands_are_published_in_both_languages(self):
        with Stack() as stack:
            for language, summary in ((None, "Главное меню"), ("en", "Main menu")):
                stack.wait_request("setMyCommands", lambda call: call["params"].get("language_code") == language
                                   and summary in str(call["params"]["commands"]))


class Examples(unittest.TestCase):
    def test_echo(self):
        with Stack(plugins_ini=EXAMPLES) as stack:
            ann = stack.user()
            stack.send(ann, "hello <i>there</i> & you")
            stack.wait_message(ann, "hello <i>there</i> & you")

    def test_counter(self):
        with Stack(plugins_ini=EXAMPLES) as stack:
            ann = stack.user()
            stack.send(ann, "/count")
            counter = stack.wait_message(ann, "Count: 0")
            stack.press_text(ann, counter, "+1")
            counter = stack.wait_message(ann, "Count: 1")
            stack.press_text(ann, counter, "Set")
            stack.wait_message(ann, "Which number?")
            stack.restart_host()
            stack.send(ann, "41")
            counter = stack.wait_message(ann, "Count: 41")
            stack.press_text(ann, counter, "+1")
            stack.wait_message(ann, "Count: 42")

    def test_examples_are_short(self):
        folder = os.path.join(os.path.dirname(__file__), "..", "..", "sdk", "examples")
        for name, limit in (("echo", 20), ("counter", 40)):
            with open(os.path.join(folder, name, name + ".c"), encoding="utf-8") as source:
                self.assertLessEqual(len(source.readlines()), limit)


class Routing(unittest.TestCase):
    def test_dialogue_survives_a_restart(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.send(ann, "/sum")
            stack.wait_message(ann, "sum 0, next?")
            stack.send(ann, "5")
            stack.wait_message(ann, "sum 5, next?")
            stack.kill_host()
            stack.start_host()
            stack.send(ann, "7")
            stack.wait_message(ann, "sum 12, next?")
            stack.send(ann, "/help")
            stack.wait_message(ann, "What I can do")
            stack.send(ann, "done")
            stack.wait_message(ann, "total 12")
            last = stack.send(ann, "8")["message_id"]
            stack.wait_message(ann, "not sure", after=last)

    def test_what_nobody_wants_is_answered_also_while_a_question_waits(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.send(ann, "/start")
            for wanted in ("not sure", "waiting for a text"):
                for what in ({"dice": {"emoji": "🎲"}}, {"poll": {"question": "?", "options": ["1", "2"]}},
                             {"contact": {"phone_number": "1", "first_name": "A"}}):
                    sent = stack.api("/sandbox/share", {"user_id": ann} | what)["message"]
                    stack.wait_message(ann, wanted, after=sent["message_id"])
                last = stack.send(ann, "/sum")["message_id"]
                stack.wait_message(ann, "next?", after=last)
            stack.send(ann, "5")
            stack.wait_message(ann, "sum 5, next?")

    def test_cancel_withdraws_a_question(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.send(ann, "/sum")
            stack.wait_message(ann, "next?")
            stack.send(ann, "/cancel")
            stack.wait_message(ann, "cancelled")
            last = stack.send(ann, "5")["message_id"]
            stack.wait_message(ann, "not sure", after=last)

    def test_cancel_ends_a_running_handler(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.send(ann, "/slow")
            stack.wait_message(ann, "working")
            stack.send(ann, "/cancel")
            stack.wait_message(ann, "All right, stopped")
            stack.wait_message(ann, "All right, cancelled")

    def test_cancel_button_ends_a_running_handler(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.send(ann, "/slow")
            working = stack.wait_message(ann, "working")
            stack.press_text(ann, working, "Cancel")
            stopped = stack.wait_message(ann, "All right, stopped")
            self.assertEqual(stopped["message_id"], working["message_id"])
            self.assertEqual(labels(stopped), [])

    def test_one_chat_does_not_delay_another(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann, bob = stack.user("Ann"), stack.user("Bob")
            stack.send(ann, "/slow")
            stack.wait_message(ann, "working")
            stack.send(bob, "/button")
            stack.wait_message(bob, "pressed 0")
            stack.send(ann, "/cancel")
            stack.wait_message(ann, "stopped")

    def test_failure_is_told_and_logged_once(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.send(ann, "/fail")
            stack.wait_message(ann, "Something went wrong")
            log = stack.host.output().decode()
            self.assertEqual(log.count("as it was told to"), 1, log)
            self.assertIn('handler="/fail"', log)


class Buttons(unittest.TestCase):
    def test_payload_goes_round(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.send(ann, "/button")
            for count in range(4):
                message = stack.wait_message(ann, f"pressed {count}")
                stack.press_text(ann, message, "again")
            stack.wait_message(ann, "pressed 4")

    def test_forged_and_stolen_buttons_change_nothing(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann, bob = stack.user("Ann"), stack.user("Bob")
            stack.send(ann, "/button")
            stack.send(bob, "/button")
            hers = stack.wait_message(ann, "pressed 0")
            his = stack.wait_message(bob, "pressed 0")
            data = hers["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
            self.assertLessEqual(len(data), 64)
            for forged in (data, data[:-1] + ("A" if data[-1] != "A" else "B"), "menu", "\u2603", "A" * 64):
                after = stack.revision()
                stack.press(bob, his["message_id"], data=forged)
                answer = stack.wait_event(after=after, type="answer_callback")
                self.assertIn("someone else", answer["text"])
                self.assertTrue(answer["show_alert"])
            self.assertEqual(stack.last_bot_message(bob)["text"], "pressed 0")

    def test_menu_entry_of_a_plugin(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.send(ann, "/start")
            menu = stack.wait_message(ann, "Hello")
            self.assertEqual(labels(menu)[0], "Probe")
            stack.press_text(ann, menu, "Probe")
            stack.wait_message(ann, "pressed 0")


class Texts(unittest.TestCase):
    def test_long_text_is_split_and_whole(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.send(ann, "/long 1000")
            stack.wait_message(ann, "Sentence 1000.")
            texts = [message["text"] for message in stack.bot_messages(ann)]
            self.assertGreater(len(texts), 3)
            whole = " ".join(" ".join(texts).split())
            self.assertEqual(whole, " ".join(f"Sentence {i}." for i in range(1, 1001)))

    def test_markup_is_escaped_and_broken_markup_is_not_lost(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.send(ann, "/html a <b> & c")
            message = stack.wait_message(ann, "a <b> & c")
            self.assertEqual([entity["type"] for entity in message["entities"]], ["bold"])
            stack.wait_message(ann, "not closed")

    def test_document_and_blob(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.send(ann, "/document")
            message = stack.wait_message(ann, "a file")
            self.assertEqual(message["document"]["file_name"], "probe.txt")
            self.assertEqual(stack.api("/sandbox/files/" + message["document"]["file_id"]), b"from memory")
            stack.send(ann, "/blob")
            stack.wait_message(ann, "kept")


class Telegram(unittest.TestCase):
    def test_too_many_requests_delays_that_chat_only(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann, bob = stack.user("Ann"), stack.user("Bob")
            stack.fault("sendMessage", retry_after=2)
            stack.send(ann, "/button")
            stack.wait_request("sendMessage")
            stack.send(bob, "/button")
            stack.wait_message(bob, "pressed 0")
            self.assertEqual(stack.bot_messages(ann), [])
            stack.wait_message(ann, "pressed 0")

    def test_errors_of_the_front_end_are_waited_out(self):
        for answer in ({"http": 502, "body": "<html>Bad Gateway</html>"}, {"http": 500, "body": "{"}, {"drop": True}):
            with self.subTest(answer=answer), Stack(plugins_ini=PROBE) as stack:
                ann = stack.user()
                stack.fault("getUpdates", count=2, **answer)
                stack.fault("sendMessage", count=2, **answer)
                stack.send(ann, "/button")
                stack.wait_message(ann, "pressed 0")

    def test_conflict_with_another_poller_heals(self):
        with Stack(plugins_ini=PROBE, mode="polling") as stack:
            ann = stack.user()
            stack.fault("getUpdates", http=409, error_code=409,
                        description="Conflict: terminated by other getUpdates request; make sure that only one bot"
                                    " instance is running")
            stack.send(ann, "/button")
            stack.wait_message(ann, "pressed 0")
            until(lambda: b"another program is polling" in stack.host.output(), "it says what is wrong")

    def test_refused_token_ends_the_host(self):
        with Stack(host=False, env={"BOT_TOKEN": "0:WRONG"}) as stack:
            status, output = stack.run_host("run")
            self.assertEqual(status, 1)
            self.assertIn("@BotFather", output)
            self.assertNotIn("0:WRONG", output)

    def test_unknown_updates_and_fields_are_ignored(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            stack.update(telepathy={"from": {"id": ann}, "thought": "?"})
            stack.update(message={"message_id": "seven", "chat": [], "text": 5})
            stack.update(message=None)
            stack.update(callback_query={"id": 7, "from": None, "data": {"a": 1}})
            stack.send(ann, "/button")
            stack.wait_message(ann, "pressed 0")

    def test_the_same_update_twice_takes_effect_once(self):
        with Stack(plugins_ini=PROBE) as stack:
            ann = stack.user()
            update = {"update_id": 900000, "message": {
                "message_id": 5000, "date": 1, "text": "/add 1", "chat": {"id": ann, "type": "private"},
                "from": {"id": ann, "is_bot": False, "first_name": "Ann", "language_code": "en"}}}
            stack.send(ann, "/add 0")
            stack.wait_message(ann, "added 0")
            stack.update(**update)
            stack.wait_message(ann, "added 1")
            stack.restart_host()
            stack.update(**update)
            stack.send(ann, "/effects")
            stack.wait_message(ann, "2 rows, 2 numbers")

    def test_token_is_never_logged(self):
        with Stack(plugins_ini=PROBE, env={"LOG_LEVEL": "debug"}) as stack:
            ann = stack.user()
            stack.fault("sendMessage", count=2, drop=True)
            stack.send(ann, "/button")
            stack.wait_message(ann, "pressed 0")
            until(lambda: b"running" in stack.host.output(), "the host's log")
            self.assertNotIn(b"SANDBOX", stack.host.output())


if __name__ == "__main__":
    unittest.main()
