"""What Telegram shows of the bot before anybody writes: commands by scope, texts, the menu button."""
import json
import os
import unittest

from stack import BUILD, Stack, until

VIEWS = f"[home]\n[views]\npath = {os.path.join(BUILD, 'tests/plugins/views/views.so')}\n"
HOME = "[home]\n"
OPERATOR = 77
CHANGES = ("setMyCommands", "deleteMyCommands", "setMyName", "setMyDescription", "setMyShortDescription",
           "setChatMenuButton")


class Profile(unittest.TestCase):
    def stack(self, **more):
        stack = Stack(**{"plugins_ini": VIEWS, "host": False} | more)
        self.enterContext(stack)
        return stack

    def start(self, stack):
        """Starts the host and waits until it has published everything; the changes it made."""
        before = stack.newest_request()
        stack.start_host()
        stack.wait_request("getChatMenuButton", after=before)
        until(lambda: self.ask(stack, "getChatMenuButton")["type"] == "commands", "the last change is made")
        stack.stop_host()
        return [request for request in stack.requests(after=before) if request["method"] in CHANGES]

    def ask(self, stack, method, **params):
        return stack.api(f"/bot123456:SANDBOX/{method}", params)["result"]

    def names(self, stack, scope, language=None, **where):
        commands = self.ask(stack, "getMyCommands", scope={"type": scope} | where,
                            **{"language_code": language} if language else {})
        return {command["command"] for command in commands}

    def test_commands_are_shown_where_they_are(self):
        stack = self.stack(env={"ADMIN_IDS": str(OPERATOR)})
        stack.user("Olga", id=OPERATOR)
        self.start(stack)
        general = self.names(stack, "default")
        self.assertTrue({"start", "help", "list"} <= general)
        self.assertFalse({"alone", "together", "rule"} & general)
        for language in (None, "en"):
            self.assertEqual(general | {"alone"}, self.names(stack, "all_private_chats", language))
            self.assertEqual(general | {"together"}, self.names(stack, "all_group_chats", language))
            self.assertEqual(general | {"alone", "rule"}, self.names(stack, "chat", language, chat_id=OPERATOR))
        self.assertEqual({"type": "commands"}, self.ask(stack, "getChatMenuButton"))

    def test_only_what_differs_is_changed(self):
        stack = self.stack(env={"ADMIN_IDS": str(OPERATOR)})
        stack.user("Olga", id=OPERATOR)
        self.assertTrue(self.start(stack))
        self.assertEqual([], self.start(stack))
        self.ask(stack, "setMyDescription", description="somebody else's", language_code="en")
        self.ask(stack, "deleteMyCommands", scope={"type": "all_group_chats"})
        changes = self.start(stack)
        self.assertEqual(["setMyCommands", "setMyDescription"], sorted(change["method"] for change in changes))
        self.assertEqual([], self.start(stack))

    def test_lists_that_say_nothing_more_are_removed(self):
        stack = self.stack(env={"ADMIN_IDS": str(OPERATOR)})
        stack.user("Olga", id=OPERATOR)
        self.start(stack)
        stack.write("etc/plugins.ini", HOME)
        self.start(stack)
        for scope, where in (("all_private_chats", {}), ("all_group_chats", {}), ("chat", {"chat_id": OPERATOR})):
            for language in (None, "en"):
                self.assertEqual(set(), self.names(stack, scope, language, **where))
        self.assertEqual({"start", "help", "language", "cancel"}, self.names(stack, "default"))

    def test_texts_in_both_languages(self):
        stack = self.stack(plugins_ini=HOME)
        stack.write("etc/profile/en.json", json.dumps({"name": "Aisha &amp; Co", "description": "Hello <b>all</b>"}))
        stack.write("etc/profile/ru.json", json.dumps({"name": "Аиша", "description": "Привет"}))
        self.start(stack)
        self.assertEqual({"name": "Аиша"}, self.ask(stack, "getMyName"))
        self.assertEqual({"name": "Aisha & Co"}, self.ask(stack, "getMyName", language_code="en"))
        self.assertEqual({"description": "Привет"}, self.ask(stack, "getMyDescription"))
        self.assertEqual({"description": "Hello all"}, self.ask(stack, "getMyDescription", language_code="en"))
        self.assertEqual([], [r for r in stack.requests("setMyShortDescription")], "what is not given is left alone")

    def test_the_shipped_texts_are_published(self):
        stack = self.stack(plugins_ini=HOME)
        self.start(stack)
        self.assertIn("Аиша", self.ask(stack, "getMyDescription")["description"])
        self.assertIn("text", self.ask(stack, "getMyShortDescription", language_code="en")["short_description"])

    def test_a_text_that_is_too_long_is_refused_before_the_start(self):
        stack = self.stack(plugins_ini=HOME)
        for language in ("en", "ru"):
            stack.write(f"etc/profile/{language}.json", json.dumps({"short_description": "x" * 121}))
        status, output = stack.run_host("check")
        self.assertEqual(1, status)
        self.assertIn("short_description", output)
        self.assertIn("120 characters", output)

    def test_a_refusal_does_not_keep_the_rest_from_being_published(self):
        stack = self.stack(plugins_ini=HOME)
        stack.fault("setMyCommands", count=1, http=400, error_code=400, description="Bad Request: not today")
        self.start(stack)
        self.assertIn(b"not today", stack.host.output())
        self.assertEqual({"type": "commands"}, self.ask(stack, "getChatMenuButton"))

    def test_an_operator_who_never_wrote_is_no_problem(self):
        stack = self.stack(env={"ADMIN_IDS": "4711"})
        self.start(stack)
        self.assertIn(b"the operator 4711", stack.host.output())

    def test_a_command_is_unknown_outside_of_its_scope(self):
        stack = self.stack(env={"ADMIN_IDS": str(OPERATOR)}, host=True)
        olga, ann = stack.user("Olga", id=OPERATOR), stack.user()
        for user, command, answer in ((olga, "rule", "it works"), (ann, "rule", "don't know this command"),
                                      (ann, "alone", "it works"), (ann, "together", "don't know this command")):
            after = max((m["message_id"] for m in stack.messages(user)), default=0)
            stack.send(user, f"/{command}")
            stack.wait_message(user, answer, after=after)
        stack.send(olga, "/help")
        stack.wait_message(olga, "/rule")
        stack.send(ann, "/help")
        self.assertNotIn("/rule", stack.wait_message(ann, "/alone")["text"])


if __name__ == "__main__":
    unittest.main()
