"""How a bot in the sandbox presents itself: commands, menu button, rights, photo; and what it is refused."""
import json
import unittest

from stack import ApiError, Stack

ANN, BOB = 1001, 1002


def commands(*names):
    return [{"command": name, "description": "x"} for name in names]


class Profile(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(Stack(host=False))
        self.bot("getMe")

    def bot(self, method, **params):
        try:
            return self.stack.api(f"/bot5:x/{method}", params)["result"]
        except ApiError as error:
            return error.status, json.loads(error.body)["description"]

    def act(self, call, **body):
        return self.stack.api(f"/sandbox/{call}", body)

    def wrong(self, method, wanted, **params):
        self.assertEqual(self.bot(method, **params), (400, f"Bad Request: {wanted}"))

    def shown(self, chat, user=0):
        """The names of the commands that this user sees there."""
        chat = self.stack.api(f"/sandbox/chats/{chat}/messages?user_id={user}")
        return [command["command"] for command in chat["commands"]]

    def test_commands_in_a_group_go_from_the_narrowest_scope_to_the_widest(self):
        chat = self.act("chats", user_id=ANN, type="supergroup", title="G")["id"]
        self.act("members", chat_id=chat, user_id=BOB, status="member")
        scopes = [({"type": "default"}, "default"), ({"type": "all_group_chats"}, "all"),
                  ({"type": "all_chat_administrators"}, "all_admins"), ({"type": "chat", "chat_id": chat}, "chat"),
                  ({"type": "chat_administrators", "chat_id": chat}, "admins"),
                  ({"type": "chat_member", "chat_id": chat, "user_id": ANN}, "ann")]
        seen = []
        for scope, name in scopes:
            self.assertIs(self.bot("setMyCommands", commands=commands(name), scope=scope), True)
            seen.append((self.shown(chat, ANN), self.shown(chat, BOB)))
        self.assertEqual(seen, [(["default"], ["default"]), (["all"], ["all"]), (["all_admins"], ["all"]),
                                (["chat"], ["chat"]), (["admins"], ["chat"]), (["ann"], ["chat"])])
        self.assertEqual(self.bot("getMyCommands", scope=scopes[-1][0]), commands("ann"))
        self.bot("deleteMyCommands", scope=scopes[-1][0])
        self.assertEqual(self.shown(chat, ANN), ["admins"])
        self.assertEqual(self.shown(ANN), ["default"])

    def test_commands_are_trimmed_and_checked(self):
        given = [{"command": " /start ", "description": " Go "}]
        self.assertIs(self.bot("setMyCommands", commands=given), True)
        self.assertEqual(self.bot("getMyCommands"), [{"command": "start", "description": "Go"}])
        for wanted, command, description in (
            ("command must be non-empty", "/", "x"),
            ("command length must not exceed 32", "x" * 33, "x"),
            ("command description must be non-empty", "a", " "),
            ("command description length must not exceed 256", "a", "x" * 257),
            ("BOT_COMMAND_INVALID", "a-b", "x"),
        ):
            self.wrong("setMyCommands", wanted, commands=[{"command": command, "description": description}])
        self.wrong("setMyCommands", "BOT_COMMANDS_TOO_MUCH", commands=commands(*(f"c{i}" for i in range(101))))
        self.wrong("setMyCommands", "invalid language code specified", commands=commands("a"), language_code="eng")
        self.wrong("setMyCommands", "chat not found", commands=commands("a"), scope={"type": "chat", "chat_id": -5})
        chat = self.act("chats", user_id=ANN, type="group", title="G")["id"]
        self.act("members", chat_id=chat, user_id=ANN, bot=True, status="kicked")
        self.assertEqual(self.bot("setMyCommands", commands=commands("a"), scope={"type": "chat", "chat_id": chat}),
                         (403, "Forbidden: bot was kicked from the group chat"))

    def test_texts(self):
        self.assertEqual(self.bot("getMyName"), {"name": "Aisha"})
        for method, name, longest in (("Name", "name", 64), ("Description", "description", 512),
                                      ("ShortDescription", "short_description", 120)):
            self.wrong(f"setMy{method}", f"{name} is too long", **{name: "я" * (longest + 1)})
            self.assertIs(self.bot(f"setMy{method}", **{name: "я" * longest}), True)
            self.assertEqual(self.bot(f"getMy{method}", language_code="de"), {name: "я" * longest})

    def test_menu_button(self):
        button = {"type": "web_app", "text": "Open", "web_app": {"url": "https://example.org"}}
        self.assertIs(self.bot("setChatMenuButton", menu_button=button), True)
        self.assertEqual(self.bot("getChatMenuButton", chat_id=ANN), button)
        self.assertIs(self.bot("setChatMenuButton", chat_id=ANN, menu_button={"type": "commands"}), True)
        self.assertEqual(self.bot("getChatMenuButton", chat_id=ANN), {"type": "commands"})
        self.wrong("setChatMenuButton", "menu button text can't be empty", menu_button=button | {"text": ""})
        self.wrong("setChatMenuButton",
                   "inline keyboard button web app URL 'http://x' is invalid: Only HTTPS links are allowed",
                   menu_button=button | {"web_app": {"url": "http://x"}})
        self.wrong("setChatMenuButton", "invalid chat_id specified", chat_id=-5, menu_button=button)

    def test_default_rights(self):
        self.assertFalse(any(self.bot("getMyDefaultAdministratorRights").values()))
        rights = self.bot("getMyDefaultAdministratorRights") | {"can_delete_messages": True}
        self.assertIs(self.bot("setMyDefaultAdministratorRights", rights=rights), True)
        self.assertEqual(self.bot("getMyDefaultAdministratorRights"), rights)
        self.assertFalse(any(self.bot("getMyDefaultAdministratorRights", for_channels=True).values()))
        self.assertIs(self.bot("setMyDefaultAdministratorRights"), True)
        self.assertFalse(any(self.bot("getMyDefaultAdministratorRights").values()))

    def test_photo(self):
        self.wrong("setMyProfilePhoto", "photo must be uploaded as an InputFile",
                   photo={"type": "static", "photo": "AgAC"})
        self.assertIs(self.bot("removeMyProfilePhoto"), True)


if __name__ == "__main__":
    unittest.main()
