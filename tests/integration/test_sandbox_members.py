"""Groups in the sandbox: who is in them, how they come and go, topics, and what reaches the bot."""
import json
import unittest
import urllib.request

from stack import ApiError, Stack

ANN, BOB = 1001, 1002
UPDATES = ["message", "edited_message", "my_chat_member", "chat_member", "chat_join_request", "callback_query"]


class Groups(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(Stack(host=False))
        self.bot("getUpdates", allowed_updates=UPDATES)
        self.me = self.bot("getMe")["id"]

    def bot(self, method, **params):
        try:
            return self.stack.api(f"/bot5:x/{method}", params)["result"]
        except ApiError as error:
            return error.status, json.loads(error.body)["description"]

    def act(self, call, **body):
        return self.stack.api(f"/sandbox/{call}", body)

    def refused(self, call, wanted, **body):
        with self.assertRaises(ApiError) as caught:
            self.act(call, **body)
        self.assertEqual(caught.exception.status, 400)
        self.assertIn(wanted, caught.exception.body)

    def wrong(self, method, wanted, **params):
        self.assertEqual(self.bot(method, **params), (400, f"Bad Request: {wanted}"))

    def forbidden(self, method, wanted, **params):
        self.assertEqual(self.bot(method, **params), (403, f"Forbidden: {wanted}"))

    def updates(self):
        """What is new, as (kind, payload)."""
        new = self.bot("getUpdates")
        if new:
            self.bot("getUpdates", offset=new[-1]["update_id"] + 1)
        return [next((kind, value) for kind, value in update.items() if kind != "update_id") for update in new]

    def kinds(self):
        """What is new: the status of member updates, the fields that a service message has."""
        plain = {"message_id", "from", "chat", "date", "message_thread_id", "is_topic_message", "reply_to_message"}
        return [f"{kind} {value['new_chat_member']['status']}" if kind.endswith("member")
                else " ".join(name for name in value if name not in plain) for kind, value in self.updates()]

    def group(self, kind="supergroup", administrator=False, **more):
        chat = self.act("chats", user_id=ANN, type=kind, title="G", **more)["id"]
        if administrator:
            self.act("members", chat_id=chat, user_id=ANN, bot=True, status="administrator")
        self.updates()
        return chat

    def members(self, chat):
        return {member["user"]["id"]: member["status"]
                for member in self.stack.api(f"/sandbox/members?chat_id={chat}")["members"]}

    # ---- coming and going

    def test_a_new_group(self):
        group = self.act("chats", user_id=ANN, type="group", title="G")["id"]
        self.assertEqual(self.kinds(), ["my_chat_member member", "group_chat_created"])
        supergroup = self.act("chats", user_id=ANN, type="supergroup", title="S", username="the_group")["id"]
        self.assertEqual(self.kinds(), ["my_chat_member member", "new_chat_members"])
        self.assertLess(supergroup, -1000000000000)
        self.assertGreater(group, -1000000000000)
        self.assertEqual(self.members(group), {ANN: "creator", self.me: "member"})
        self.assertEqual(self.bot("sendMessage", chat_id="@The_Group", text="x")["chat"]["id"], supergroup)
        self.wrong("sendMessage", "chat not found", chat_id="@nobody", text="x")
        self.refused("chats", "username must be", user_id=ANN, type="supergroup", title="S", username="the_group")
        without = self.act("chats", user_id=ANN, type="group", title="G", bot=False)["id"]
        self.forbidden("sendMessage", "bot is not a member of the group chat", chat_id=without, text="x")

    def test_users_come_and_go(self):
        chat = self.group()
        self.act("members", chat_id=chat, user_id=BOB, status="member")
        (kind, message), = self.updates()
        self.assertEqual((kind, [user["id"] for user in message["new_chat_members"]], message["from"]["id"]),
                         ("message", [BOB], BOB))
        self.act("members", chat_id=chat, user_id=BOB, status="left")
        self.assertEqual(self.updates()[0][1]["left_chat_member"]["id"], BOB)
        self.act("members", chat_id=chat, user_id=BOB, status="member", by=ANN)
        self.assertEqual(self.updates()[0][1]["from"]["id"], ANN)
        self.act("members", chat_id=chat, user_id=BOB, status="kicked", by=ANN)
        self.updates()
        self.refused("members", "is banned", chat_id=chat, user_id=BOB, status="member")
        self.refused("send", "is banned", chat_id=chat, user_id=BOB, text="x")
        self.assertEqual(self.members(chat), {ANN: "creator", self.me: "member"})
        self.refused("members", "owns the group", chat_id=chat, user_id=ANN, status="left")
        self.refused("members", "status must be", chat_id=chat, user_id=BOB, status="creator")
        self.refused("members", "no such group", chat_id=-5, user_id=BOB, status="member")

    def test_who_writes_joins_silently(self):
        chat = self.group()
        self.act("send", chat_id=chat, user_id=BOB, text="hi")
        self.assertEqual(self.kinds(), ["text"])
        self.assertEqual(self.members(chat)[BOB], "member")

    def test_administrators_are_told_of_members(self):
        chat = self.group()
        self.act("members", chat_id=chat, user_id=BOB, status="member")
        self.assertEqual(self.kinds(), ["new_chat_members"])
        self.act("members", chat_id=chat, user_id=ANN, bot=True, status="administrator")
        (kind, change), = self.updates()
        self.assertEqual((kind, change["from"]["id"], change["new_chat_member"]["can_delete_messages"],
                          change["new_chat_member"]["can_promote_members"]), ("my_chat_member", ANN, True, False))
        self.act("members", chat_id=chat, user_id=BOB, status="left")
        self.assertEqual(self.kinds(), ["chat_member left", "left_chat_member"])

    def test_the_bot_is_thrown_out(self):
        for kind in ("group", "supergroup"):
            chat = self.group(kind)
            self.act("members", chat_id=chat, user_id=ANN, bot=True, status="kicked")
            (first, change), (second, message) = self.updates()
            self.assertEqual((first, change["old_chat_member"]["status"], change["new_chat_member"]["status"]),
                             ("my_chat_member", "member", "kicked"))
            self.assertEqual((second, message["left_chat_member"]["id"]), ("message", self.me))
            self.forbidden("sendMessage", f"bot was kicked from the {kind} chat", chat_id=chat, text="x")
            self.act("send", chat_id=chat, user_id=ANN, text="gone?")
            self.assertEqual(self.updates(), [])
            self.act("members", chat_id=chat, user_id=ANN, bot=True, status="left")
            self.forbidden("sendMessage", f"bot is not a member of the {kind} chat", chat_id=chat, text="x")
            self.act("members", chat_id=chat, user_id=ANN, bot=True, status="member")
            self.assertIn("new_chat_members", self.kinds())
            self.assertEqual(self.bot("sendMessage", chat_id=chat, text="x")["text"], "x")

    def test_bans_run_out(self):
        chat = self.group()
        now = self.stack.api("/sandbox/clock")["now"]
        self.act("members", chat_id=chat, user_id=BOB, status="kicked", by=ANN, until_date=now + 3600)
        self.refused("send", "is banned", chat_id=chat, user_id=BOB, text="x")
        self.act("clock", advance_s=3601)
        self.act("send", chat_id=chat, user_id=BOB, text="x")

    def test_restrictions(self):
        chat = self.group()
        self.act("members", chat_id=chat, user_id=BOB, status="restricted", by=ANN,
                 permissions={"can_send_photos": True})
        self.refused("send", "may not send that", chat_id=chat, user_id=BOB, text="x")
        self.act("send", chat_id=chat, user_id=ANN, text="x")

    def test_a_deleted_group(self):
        for kind, wanted in (("group", "the group chat was deleted"),
                             ("supergroup", "bot was kicked from the supergroup chat")):
            chat = self.group(kind)
            request = urllib.request.Request(f"{self.stack.url}/sandbox/chats?chat_id={chat}", method="DELETE")
            with urllib.request.urlopen(request, timeout=10) as answer:
                self.assertEqual(answer.status, 200)
            self.forbidden("sendMessage", wanted, chat_id=chat, text="x")
            self.refused("send", "is banned", user_id=ANN, chat_id=chat, text="x")
        self.assertEqual(self.stack.api("/sandbox/chats")["chats"], [])

    # ---- lists

    def test_lists_of_chats(self):
        def titles(user):
            listed = self.stack.api(f"/sandbox/chats?user_id={user}")["chats"]
            return [(entry["chat"].get("title", "private"), entry["member"]["status"]) for entry in listed]

        first = self.act("chats", user_id=ANN, type="group", title="First")["id"]
        self.act("chats", user_id=ANN, type="supergroup", title="Second")
        self.assertEqual(titles(ANN), [("Second", "creator"), ("First", "creator"), ("private", "member")])
        self.assertEqual(titles(BOB), [("private", "member")])
        self.act("send", user_id=BOB, chat_id=first, text="x")
        self.assertEqual(titles(BOB), [("First", "member"), ("private", "member")])
        newest = self.stack.api(f"/sandbox/chats?user_id={ANN}")["chats"][0]
        self.assertEqual((newest["chat"]["title"], newest["last_message"]["text"]), ("First", "x"))
        self.act("members", chat_id=first, user_id=BOB, status="left")
        self.assertEqual(titles(BOB), [("private", "member")])
        self.act("send", user_id=ANN, text="x")
        self.act("chats", user_id=ANN, type="group", title="Third")
        self.assertEqual([title for title, _ in titles(ANN)], ["Third", "private", "First", "Second"])
        self.assertEqual([entry["chat"]["title"] for entry in self.stack.api("/sandbox/chats")["chats"]],
                         ["Third", "First", "Second"])

    # ---- privacy mode

    def test_privacy_mode(self):
        chat = self.group()
        self.assertIs(self.bot("getMe")["can_read_all_group_messages"], True)
        self.act("bot", can_read_all_group_messages=False)
        self.assertIs(self.bot("getMe")["can_read_all_group_messages"], False)
        answer = self.bot("sendMessage", chat_id=chat, text="hello")["message_id"]
        for text in ("chat", "/start", "/start@other_bot", "/start@AISHA_sandbox_bot now", "/"):
            self.act("send", chat_id=chat, user_id=ANN, text=text)
        self.act("send", chat_id=chat, user_id=ANN, text="reply", reply_to_message_id=answer)
        self.act("send", user_id=ANN, text="private")
        self.act("members", chat_id=chat, user_id=BOB, status="member")
        self.assertEqual([value.get("text", "joined") for _, value in self.updates()],
                         ["/start", "/start@AISHA_sandbox_bot now", "reply", "private", "joined"])
        self.act("members", chat_id=chat, user_id=ANN, bot=True, status="administrator")
        self.act("send", chat_id=chat, user_id=ANN, text="chat")
        self.assertEqual(self.kinds(), ["my_chat_member administrator", "text"])
        self.refused("bot", "must be true or false", can_read_all_group_messages="no")

    # ---- migration

    def test_migration(self):
        old = self.group("group")
        self.act("members", chat_id=old, user_id=BOB, status="member")
        self.updates()
        new = self.act("migrate", chat_id=old)["chat_id"]
        (_, first), (_, second) = self.updates()
        self.assertEqual((first["chat"]["id"], first["migrate_to_chat_id"]), (old, new))
        self.assertEqual((second["chat"]["id"], second["migrate_from_chat_id"]), (new, old))
        self.assertEqual(second["chat"]["type"], "supergroup")
        self.assertEqual(self.members(new), {ANN: "creator", self.me: "member", BOB: "member"})
        with self.assertRaises(ApiError) as caught:
            self.stack.api("/bot5:x/sendMessage", {"chat_id": old, "text": "x"})
        self.assertEqual(json.loads(caught.exception.body), {
            "ok": False, "error_code": 400, "description": "Bad Request: group chat was upgraded to a supergroup chat",
            "parameters": {"migrate_to_chat_id": new}})
        self.assertEqual(self.bot("sendMessage", chat_id=new, text="x")["text"], "x")
        self.refused("migrate", "supergroup already", chat_id=old)
        self.refused("migrate", "supergroup already", chat_id=new)
        self.assertEqual(len(self.stack.api(f"/sandbox/chats?user_id={BOB}")["chats"]), 2)

    # ---- topics

    def test_topics_of_users(self):
        forum = self.group(is_forum=True)
        topic = self.act("topics", user_id=ANN, chat_id=forum, name="News")
        (_, message), = self.updates()
        thread = topic["message_thread_id"]
        self.assertEqual((message["message_id"], message["message_thread_id"], message["forum_topic_created"]["name"]),
                         (thread, thread, "News"))
        self.act("send", user_id=ANN, chat_id=forum, message_thread_id=thread, text="x")
        self.assertEqual(self.updates()[0][1]["reply_to_message"]["message_id"], thread)
        self.assertEqual([topic["name"] for topic in self.stack.api(f"/sandbox/topics?chat_id={forum}")["topics"]],
                         ["General", "News"])
        self.refused("topics", "no such forum", user_id=ANN, chat_id=self.group(), name="x")

    def test_topics_of_the_bot(self):
        forum = self.group(is_forum=True)
        plain = self.group()
        create = {"chat_id": forum, "name": "News", "icon_color": 16766590}
        self.wrong("createForumTopic", "CHAT_ADMIN_REQUIRED", **create)
        self.act("members", chat_id=forum, user_id=ANN, bot=True, status="administrator",
                 rights={"can_manage_topics": False, "can_delete_messages": False})
        self.wrong("createForumTopic", "not enough rights to create a topic", **create)
        of_ann = self.act("topics", user_id=ANN, chat_id=forum, name="Hers")["message_thread_id"]
        hers = {"chat_id": forum, "message_thread_id": of_ann}
        self.wrong("closeForumTopic", "not enough rights to close or open the topic", **hers)
        self.wrong("editForumTopic", "not enough rights to edit the topic", name="x", **hers)
        self.wrong("deleteForumTopic", "not enough rights to delete the topic", **hers)
        self.act("members", chat_id=forum, user_id=ANN, bot=True, status="administrator")
        self.updates()
        topic = self.bot("createForumTopic", **create)
        self.assertEqual(topic, {"message_thread_id": topic["message_thread_id"], "name": "News",
                                 "icon_color": 16766590})
        own = {"chat_id": forum, "message_thread_id": topic["message_thread_id"]}
        self.assertEqual(self.bot("sendMessage", text="x", **own)["message_thread_id"], topic["message_thread_id"])
        self.assertIs(self.bot("editForumTopic", name="Old news", **own), True)
        self.wrong("editForumTopic", "TOPIC_NOT_MODIFIED", name="Old news", **own)
        self.assertIs(self.bot("closeForumTopic", **own), True)
        self.wrong("closeForumTopic", "TOPIC_NOT_MODIFIED", **own)
        self.refused("send", "topic is closed", user_id=BOB, text="x", **own)
        self.assertIs(self.bot("reopenForumTopic", **own), True)
        self.act("send", user_id=BOB, text="x", **own)
        self.assertEqual(self.kinds(), ["forum_topic_created", "forum_topic_edited", "forum_topic_closed",
                                        "forum_topic_reopened", "text"])
        self.assertIs(self.bot("deleteForumTopic", **own), True)
        self.wrong("sendMessage", "message thread not found", text="x", **own)
        self.wrong("closeForumTopic", "TOPIC_ID_INVALID", **own)
        self.wrong("createForumTopic", "the chat is not a forum", chat_id=plain, name="x")
        self.assertEqual(len(self.bot("createForumTopic", chat_id=forum, name="x" * 200)["name"]), 128)

    def test_a_closed_topic(self):
        forum = self.group(is_forum=True, administrator=True)
        thread = self.act("topics", user_id=ANN, chat_id=forum, name="Hers")["message_thread_id"]
        self.bot("closeForumTopic", chat_id=forum, message_thread_id=thread)
        self.act("members", chat_id=forum, user_id=ANN, bot=True, status="member")
        self.wrong("sendMessage", "TOPIC_CLOSED", chat_id=forum, message_thread_id=thread, text="x")

    def test_the_general_topic(self):
        forum = self.group(is_forum=True, administrator=True)
        for method, more in (("editGeneralForumTopic", {"name": "Lobby"}), ("closeGeneralForumTopic", {}),
                             ("hideGeneralForumTopic", {})):
            self.assertIs(self.bot(method, chat_id=forum, **more), True)
            self.wrong(method, "TOPIC_NOT_MODIFIED", chat_id=forum, **more)
        self.refused("send", "topic is closed", user_id=BOB, chat_id=forum, text="x")
        self.assertIs(self.bot("reopenGeneralForumTopic", chat_id=forum), True)
        self.assertIs(self.bot("unhideGeneralForumTopic", chat_id=forum), True)
        self.assertEqual(self.kinds(), ["forum_topic_edited", "forum_topic_closed", "general_forum_topic_hidden",
                                        "forum_topic_reopened", "general_forum_topic_unhidden"])
        icons = self.bot("getForumTopicIconStickers")
        self.assertEqual(icons[0]["type"], "custom_emoji")
        topic = self.bot("createForumTopic", chat_id=forum, name="x", icon_custom_emoji_id=icons[0]["custom_emoji_id"])
        self.assertEqual(topic["icon_custom_emoji_id"], icons[0]["custom_emoji_id"])
        self.wrong("createForumTopic", "DOCUMENT_INVALID", chat_id=forum, name="x", icon_custom_emoji_id="1")


if __name__ == "__main__":
    unittest.main()
