"""Everything Telegram says about a call that fails, and what the host does with it: a table."""
import contextlib
import json
import os
import unittest

from stack import BUILD, Stack, until

SENDER = "[home]\n[sender]\npath = " + os.path.join(BUILD, "tests/plugins/sender/sender.so") + "\n"
SEND, EDIT = ("sendMessage", {"text": "x"}), ("editMessageText", {"text": "y", "message_id": 1})
DELETE = ("deleteMessage", {"message_id": 1})
DOCUMENT = ("sendDocument", {"document": "AgADsomething"})
ANSWER, CHECKOUT = ("answerCallbackQuery", {"callback_query_id": "1"}), \
    ("answerPreCheckoutQuery", {"pre_checkout_query_id": "1", "ok": True})
GET_FILE = ("getFile", {"file_id": "x"})

# What is called, how it is refused (the first time), how often it is asked, and what its caller sees: "ok" when the
# call succeeds in the end, "done" when it counts as one, "failed" when the refusal is handed on.
TABLE = [
    (SEND, 400, "Bad Request: chat not found", 1, "failed"),
    (EDIT, 400, "Bad Request: message is not modified: specified new message content and reply markup are exactly "
     "the same", 1, "done"),
    (SEND, 400, "Bad Request: message is not modified", 1, "failed"),
    (EDIT, 400, "Bad Request: message to edit not found", 1, "failed"),
    (EDIT, 400, "Bad Request: message can't be edited", 1, "failed"),
    (DELETE, 400, "Bad Request: message can't be deleted", 1, "failed"),
    (DELETE, 400, "Bad Request: message to delete not found", 1, "done"),
    (SEND, 400, "Bad Request: message to be replied not found", 1, "failed"),
    (SEND, 400, "Bad Request: message thread not found", 1, "failed"),
    (ANSWER, 400, "Bad Request: query is too old and response timeout expired or query ID is invalid", 1, "done"),
    (CHECKOUT, 400, "Bad Request: query is too old and response timeout expired or query ID is invalid", 1, "failed"),
    (SEND, 400, "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 0", 1, "failed"),
    (SEND, 400, "Bad Request: message is too long", 1, "failed"),
    (DOCUMENT, 400, "Bad Request: message caption is too long", 1, "failed"),
    (SEND, 400, "Bad Request: text is too long", 1, "failed"),
    (SEND, 400, "Bad Request: message text is empty", 1, "failed"),
    (DOCUMENT, 400, "Bad Request: wrong file identifier/HTTP URL specified", 2, "failed"),
    (DOCUMENT, 400, "Bad Request: wrong file_id or the file is temporarily unavailable", 2, "failed"),
    (GET_FILE, 400, "Bad Request: file is too big", 1, "failed"),
    (DOCUMENT, 400, "Bad Request: wrong HTTP URL specified", 1, "failed"),
    (DOCUMENT, 400, "Bad Request: failed to get HTTP URL content", 1, "failed"),
    (DOCUMENT, 400, "Bad Request: wrong type of the web page content", 1, "failed"),
    (SEND, 400, "Bad Request: reply markup is too long", 1, "failed"),
    (SEND, 400, "Bad Request: BUTTON_DATA_INVALID", 1, "failed"),
    (SEND, 400, "Bad Request: FROZEN_METHOD_INVALID", 1, "failed"),
    (SEND, 403, "Forbidden: bot was blocked by the user", 1, "failed"),
    (SEND, 403, "Forbidden: user is deactivated", 1, "failed"),
    (SEND, 403, "Forbidden: bot can't initiate conversation with a user", 1, "failed"),
    (SEND, 403, "Forbidden: bot can't send messages to bots", 1, "failed"),
    (SEND, 404, "Not Found: method not found", 1, "failed"),
    (SEND, 409, "Conflict", 1, "failed"),
    (SEND, 413, "Request Entity Too Large", 1, "failed"),
    (SEND, 421, "Misdirected Request", 2, "ok"),
    (SEND, 429, "Too Many Requests: retry after 1", 2, "ok"),
    (SEND, 500, "Internal Server Error", 2, "ok"),
    (SEND, 500, "Internal Server Error: restart", 2, "ok"),
]
AWAY = {"Forbidden: bot was blocked by the user": "blocked_at", "Forbidden: user is deactivated": "gone_at"}


def row_of(stack, sql, *values):
    """The first row, or None; values are numbers, each for a question mark."""
    return next(iter(stack.sql(sql.replace("?", "{}").format(*values))), None)


def call(stack, user, method, params):
    """Lets the plugin make a call, and returns what it says came of it."""
    last = stack.send(user, f"/call {method} {json.dumps(params)}")["message_id"]
    return stack.wait_message(user, lambda m: m.get("text", "").startswith(("ok ", "failed ")), after=last)["text"]


class Table(unittest.TestCase):
    """One stack for all: each row has users of its own."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(plugins_ini=SENDER)
        cls.stack.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    def check(self, asked, code, description, tries, seen):
        stack, caller, other = self.stack, self.stack.user("Caller"), self.stack.user("Other")
        stack.send(other, "/start")
        stack.wait_message(other, "Hello")
        method, params = asked
        if method not in ("answerCallbackQuery", "answerPreCheckoutQuery", "getFile"):
            params = params | {"chat_id": other}
        before = stack.newest_request()
        more = {"retry_after": 1} if code == 429 else {}
        stack.fault(method, count=1 if seen == "ok" else tries, error_code=code, description=description, **more)
        text = call(stack, caller, method, params)
        own = [r for r in stack.requests(method, before) if r["params"].get("chat_id", caller) != caller
               or "chat_id" not in params]
        self.assertEqual(len(own), tries, own)
        if seen == "failed":
            self.assertEqual(text, f"failed {code} {description}")
        elif seen == "done":
            self.assertEqual(text, "ok true")
        else:
            self.assertTrue(text.startswith("ok {"), text)
        self.check_presence(other, AWAY.get(description))

    def check_presence(self, user, column):
        """Whether the host has noted it, and that writing again undoes it."""
        stack = self.stack
        seen = row_of(stack, "SELECT blocked_at, gone_at FROM users WHERE telegram_id = ?", user)
        self.assertEqual([seen[0] is not None, seen[1] is not None], [column == "blocked_at", column == "gone_at"])
        if column:
            stack.send(user, "/start")
            until(lambda: row_of(stack, "SELECT blocked_at, gone_at FROM users WHERE telegram_id = ?",
                                 user) == (None, None), "the user is known to be back")


def add_row(number, row):
    def test(self):
        self.check(*row)

    name = f"test_{number:02}_{row[1]}_{''.join(c if c.isalnum() else '_' for c in row[2])[:50]}_{row[0][0]}"
    setattr(Table, name, test)


for number, row in enumerate(TABLE):
    add_row(number, row)


def refusal(code, description, **parameters):
    return {"http": code, "body": {"ok": False, "error_code": code, "description": description,
                                   "parameters": parameters}}


def sent(chat_id, text="x"):
    return {"http": 200, "body": {"ok": True, "result": {
        "message_id": 5, "date": 1, "chat": {"id": chat_id, "type": "supergroup", "title": "G"}, "text": text}}}


class Groups(unittest.TestCase):
    def test_a_group_that_has_moved_is_found_again(self):
        old, new = -4711, -1001234567890
        with Stack(plugins_ini=SENDER) as stack:
            ann = stack.user()
            stack.fault("sendMessage", **refusal(400, "Bad Request: group chat was upgraded to a supergroup chat",
                                                 migrate_to_chat_id=new))
            stack.fault("sendMessage", **sent(new))
            self.assertTrue(call(stack, ann, "sendMessage", {"chat_id": old, "text": "one"}).startswith("ok {"))
            asked = [r["params"]["chat_id"] for r in stack.requests("sendMessage") if r["params"]["chat_id"] != ann]
            self.assertEqual(asked, [old, new])
            stack.restart_host()
            before = stack.newest_request()
            stack.fault("sendMessage", **sent(new))
            self.assertTrue(call(stack, ann, "sendMessage", {"chat_id": old, "text": "two"}).startswith("ok {"))
            asked = [r["params"]["chat_id"] for r in stack.requests("sendMessage", before)
                     if r["params"]["chat_id"] != ann]
            self.assertEqual(asked, [new])

    def test_a_group_tells_itself_that_it_moved(self):
        old, new = -4712, -1001234567891
        group = {"id": old, "type": "group", "title": "G"}
        with Stack(plugins_ini=SENDER) as stack:
            ann = stack.user()
            stack.update(message={"message_id": 1, "date": 1, "chat": group, "migrate_to_chat_id": new,
                                  "from": {"id": ann, "is_bot": False, "first_name": "Ann"}})
            until(lambda: row_of(stack, "SELECT moved_to FROM chats WHERE chat_id = ?", old) == (new,),
                  "the new id is kept")

    def test_leaving_a_group_is_remembered(self):
        gone = "SELECT gone_at IS NOT NULL FROM chats WHERE chat_id = ?"
        with Stack(plugins_ini=SENDER) as stack:
            ann = stack.user()
            for number, text in enumerate(("bot was kicked from the supergroup chat", "the group chat was deleted",
                                           "bot is not a member of the channel chat")):
                chat = -1002000000000 - number
                stack.fault("sendMessage", error_code=403, description="Forbidden: " + text)
                answer = call(stack, ann, "sendMessage", {"chat_id": chat, "text": "x"})
                self.assertTrue(answer.startswith("failed 403"), answer)
                self.assertEqual(row_of(stack, gone, chat), (1,))
            person = {"id": ann, "is_bot": False, "first_name": "Ann"}
            bot = {"id": 123456, "is_bot": True, "first_name": "B"}
            for status, is_gone in (("member", 0), ("left", 1), ("administrator", 0), ("kicked", 1)):
                stack.update(my_chat_member={
                    "chat": {"id": chat, "type": "channel", "title": "C"}, "from": person, "date": 1,
                    "old_chat_member": {"status": "member", "user": bot},
                    "new_chat_member": {"status": status, "user": bot}})
                until(lambda: row_of(stack, gone, chat) == (is_gone,), f"{status} is noted")


class People(unittest.TestCase):
    def test_who_blocks_the_bot_is_away_until_they_unblock_it(self):
        away = "SELECT blocked_at IS NOT NULL FROM users WHERE telegram_id = ?"
        with Stack(plugins_ini=SENDER) as stack:
            ann = stack.user()
            stack.send(ann, "/start")
            stack.wait_message(ann, "Hello")
            self.assertEqual(row_of(stack, away, ann), (0,))
            for blocked in (True, False):
                stack.api("/sandbox/block", {"user_id": ann, "blocked": blocked})
                until(lambda: row_of(stack, away, ann) == (int(blocked),), f"blocked is {blocked}")


class Token(unittest.TestCase):
    def test_a_revoked_token_ends_the_host(self):
        stack = Stack(plugins_ini=SENDER)
        with contextlib.ExitStack() as clean:
            clean.callback(stack.discard, show=False)
            stack.__enter__()
            ann = stack.user()
            stack.fault("sendMessage", error_code=401, description="Unauthorized")
            stack.send(ann, "/start")
            self.assertEqual(stack.host_died(), 1)
            self.assertIn(b"Telegram does not accept the token", stack.host.output())


if __name__ == "__main__":
    unittest.main()
