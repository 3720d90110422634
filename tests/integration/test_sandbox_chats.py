"""What bots do with chats and their members in the sandbox, and what they are refused, in Telegram's words."""
import json
import unittest
import urllib.error
import urllib.request

from picture import png
from stack import ApiError, Stack

ANN, BOB, CAT = 1001, 1002, 1003
PHOTO = png(8)
UPDATES = ["message", "my_chat_member", "chat_member", "chat_join_request"]
RIGHTS = ["can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
          "can_promote_members", "can_change_info", "can_invite_users", "can_pin_messages"]


class Chats(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(Stack(host=False))
        self.bot("getUpdates", allowed_updates=UPDATES)
        self.me = self.bot("getMe")["id"]
        self.stack.user("Cat")
        for user in (ANN, BOB):
            self.act("send", user_id=user, text="/start")
        self.updates()

    def bot(self, method, **params):
        try:
            return self.stack.api(f"/bot5:x/{method}", params)["result"]
        except ApiError as error:
            return error.status, json.loads(error.body)["description"]

    def act(self, call, **body):
        return self.stack.api(f"/sandbox/{call}", body)

    def good(self, method, **params):
        self.assertIs(self.bot(method, **params), True)

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

    def service(self, field):
        """The content of the one new service message."""
        found = [value[field] for kind, value in self.updates() if kind == "message" and field in value]
        self.assertEqual(len(found), 1)
        return found[0]

    def group(self, kind="supergroup", rights=None, people=(BOB,), **more):
        """A group of Ann's; rights: those of the bot as an administrator, True = all."""
        chat = self.act("chats", user_id=ANN, type=kind, title="G", **more)["id"]
        for user in people:
            self.act("members", chat_id=chat, user_id=user, status="member")
        if rights is not None:
            given = dict.fromkeys(RIGHTS, rights is True) | ({} if rights is True else rights)
            self.act("members", chat_id=chat, user_id=ANN, bot=True, status="administrator", rights=given)
        self.updates()
        return chat

    def status(self, chat, user):
        return self.bot("getChatMember", chat_id=chat, user_id=user)["status"]

    # ---- what there is

    def test_get_chat(self):
        private = self.bot("getChat", chat_id=ANN)
        self.assertEqual((private["type"], private["first_name"], private["accepted_gift_types"]["unlimited_gifts"]),
                         ("private", "Alice", True))
        chat = self.group(username="the_group")
        full = self.bot("getChat", chat_id="@the_group")
        self.assertEqual((full["id"], full["title"], full["active_usernames"]), (chat, "G", ["the_group"]))
        self.assertTrue(full["permissions"]["can_send_messages"])
        self.assertNotIn("has_visible_history", full)
        self.assertLessEqual({"accent_color_id", "max_reaction_count"}, set(full))
        self.wrong("getChat", "chat not found", chat_id=-1)
        self.wrong("getChat", "chat not found", chat_id=CAT)
        self.wrong("getChat", "chat_id is empty")

    def test_members(self):
        chat = self.group()
        self.assertEqual([self.status(chat, user) for user in (ANN, BOB, CAT, self.me)],
                         ["creator", "member", "left", "member"])
        self.assertEqual(self.bot("getChatMember", chat_id=chat, user_id=BOB)["user"]["first_name"], "Борис")
        self.assertEqual(self.status(ANN, ANN), "member")
        self.wrong("getChatMember", "member not found", chat_id=ANN, user_id=BOB)
        self.wrong("getChatMember", "member not found", chat_id=chat, user_id=77)
        self.wrong("getChatMember", "invalid user_id specified", chat_id=chat)
        self.assertEqual(self.bot("getChatMemberCount", chat_id=chat), 3)
        self.assertEqual(self.bot("getChatMemberCount", chat_id=ANN), 2)
        self.assertEqual([member["status"] for member in self.bot("getChatAdministrators", chat_id=chat)], ["creator"])
        self.wrong("getChatAdministrators", "there are no administrators in the private chat", chat_id=ANN)

    def test_leaving(self):
        for kind in ("group", "supergroup"):
            chat = self.group(kind)
            self.good("leaveChat", chat_id=chat)
            (first, change), (second, message) = self.updates()
            self.assertEqual((first, change["new_chat_member"]["status"], change["from"]["id"]),
                             ("my_chat_member", "left", self.me))
            self.assertEqual((second, message["left_chat_member"]["id"]), ("message", self.me))
            self.forbidden("getChatAdministrators", f"bot is not a member of the {kind} chat", chat_id=chat)
        self.wrong("leaveChat", "can't leave private chats", chat_id=ANN)
        public = self.group(username="the_group")
        self.good("leaveChat", chat_id=public)
        self.assertEqual(self.bot("getChat", chat_id=public)["title"], "G")

    # ---- bans and restrictions

    def test_bans(self):
        chat = self.group()
        who = {"chat_id": chat, "user_id": BOB}
        self.wrong("banChatMember", "not enough rights to restrict/unrestrict chat member", **who)
        self.act("members", chat_id=chat, user_id=ANN, bot=True, status="administrator")
        message = self.act("send", user_id=BOB, chat_id=chat, text="spam")["message"]
        self.updates()
        self.good("banChatMember", until_date=self.stack.api("/sandbox/clock")["now"] + 3600, **who)
        (first, change), (second, left) = self.updates()
        self.assertEqual((first, change["old_chat_member"]["status"], change["new_chat_member"]["status"],
                          change["from"]["id"]), ("chat_member", "member", "kicked", self.me))
        self.assertEqual((second, left["left_chat_member"]["id"], left["from"]["id"]), ("message", BOB, self.me))
        self.assertNotIn(message["message_id"], [m["message_id"] for m in self.stack.messages(chat)])
        self.act("clock", advance_s=3601)
        self.assertEqual(self.status(chat, BOB), "left")
        self.good("banChatMember", **who)
        self.assertEqual(self.bot("getChatMember", **who)["until_date"], 0)
        self.good("unbanChatMember", only_if_banned=True, **who)
        self.assertEqual(self.status(chat, BOB), "left")
        self.wrong("banChatMember", "can't remove chat owner", chat_id=chat, user_id=ANN)
        self.wrong("banChatMember", "can't restrict self", chat_id=chat, user_id=self.me)
        self.act("members", chat_id=chat, user_id=BOB, status="administrator", by=ANN)
        self.wrong("banChatMember", "user is an administrator of the chat", **who)
        self.wrong("banChatMember", "can't ban members in private chats", chat_id=ANN, user_id=ANN)

    def test_bans_in_a_group(self):
        chat = self.group("group")
        self.wrong("banChatMember", "not enough rights to restrict/unrestrict chat member", chat_id=chat, user_id=BOB)
        self.act("members", chat_id=chat, user_id=ANN, bot=True, status="administrator")
        self.good("banChatMember", chat_id=chat, user_id=BOB)
        self.wrong("banChatMember", "USER_NOT_PARTICIPANT", chat_id=chat, user_id=CAT)
        self.wrong("unbanChatMember", "method is available for supergroup and channel chats only",
                   chat_id=chat, user_id=BOB)

    def test_unbanning_throws_out(self):
        chat = self.group(rights=True)
        self.good("unbanChatMember", chat_id=chat, user_id=BOB, only_if_banned=True)
        self.assertEqual(self.status(chat, BOB), "member")
        self.good("unbanChatMember", chat_id=chat, user_id=BOB)
        self.assertEqual(self.status(chat, BOB), "left")

    def test_restrictions(self):
        chat = self.group(rights=True)
        who = {"chat_id": chat, "user_id": BOB}
        self.good("restrictChatMember", permissions={"can_send_photos": True}, **who)
        member = self.bot("getChatMember", **who)
        self.assertEqual((member["status"], member["is_member"], member["can_send_messages"], member["can_send_photos"],
                          member["until_date"]), ("restricted", True, False, True, 0))
        with self.assertRaises(ApiError):
            self.act("send", user_id=BOB, chat_id=chat, text="x")
        self.good("restrictChatMember", permissions={"can_send_polls": True}, **who)
        self.assertTrue(self.bot("getChatMember", **who)["can_send_messages"])
        self.good("restrictChatMember", permissions={"can_send_polls": True}, use_independent_chat_permissions=True,
                  **who)
        self.assertFalse(self.bot("getChatMember", **who)["can_send_messages"])
        self.good("restrictChatMember", permissions=self.bot("getChat", chat_id=chat)["permissions"], **who)
        self.assertEqual(self.status(chat, BOB), "member")
        self.wrong("restrictChatMember", "method is available only for supergroups", chat_id=self.group("group"),
                   user_id=BOB, permissions={})
        weak = self.group(rights={"can_invite_users": True})
        self.wrong("restrictChatMember", "not enough rights to restrict/unrestrict chat member", chat_id=weak,
                   user_id=BOB, permissions={})

    def test_what_the_bot_may_not_send(self):
        chat = self.group()
        self.act("members", chat_id=chat, user_id=ANN, bot=True, status="restricted",
                 permissions={"can_send_messages": True})
        self.assertEqual(self.bot("sendMessage", chat_id=chat, text="x")["text"], "x")
        file = self.stack.upload(ANN, b"x", kind="document")["document"]["file_id"]
        self.wrong("sendDocument", "not enough rights to send documents to the chat", chat_id=chat, document=file)
        self.act("members", chat_id=chat, user_id=ANN, bot=True, status="restricted")
        self.wrong("sendMessage", "not enough rights to send text messages to the chat", chat_id=chat, text="x")

    def test_permissions_of_all(self):
        chat = self.group(rights=True)
        self.good("setChatPermissions", chat_id=chat, permissions={"can_send_messages": True})
        self.wrong("setChatPermissions", "CHAT_NOT_MODIFIED", chat_id=chat, permissions={"can_send_messages": True})
        permissions = self.bot("getChat", chat_id=chat)["permissions"]
        self.assertEqual((permissions["can_send_messages"], permissions["can_send_photos"]), (True, False))
        self.wrong("setChatPermissions", "can't change private chat permissions", chat_id=ANN, permissions={})
        plain = self.group()
        self.wrong("setChatPermissions", "not enough rights to change chat permissions", chat_id=plain, permissions={})

    # ---- ranks

    def test_promotions(self):
        chat = self.group(rights=True)
        who = {"chat_id": chat, "user_id": BOB}
        self.good("promoteChatMember", can_pin_messages=True, **who)
        member = self.bot("getChatMember", **who)
        self.assertEqual((member["status"], member["can_be_edited"], member["can_pin_messages"],
                          member["can_manage_chat"], member["can_delete_messages"]),
                         ("administrator", True, True, True, False))
        self.good("setChatAdministratorCustomTitle", custom_title="Boss", **who)
        self.assertEqual(self.bot("getChatMember", **who)["custom_title"], "Boss")
        self.wrong("setChatAdministratorCustomTitle", "ADMIN_RANK_INVALID", custom_title="x" * 17, **who)
        self.assertEqual(len(self.bot("getChatAdministrators", chat_id=chat)), 3)
        self.good("promoteChatMember", **who)
        self.assertEqual(self.status(chat, BOB), "member")
        self.wrong("setChatAdministratorCustomTitle", "user is not an administrator", custom_title="x", **who)
        self.wrong("setChatAdministratorCustomTitle", "only creator can edit their custom title", chat_id=chat,
                   user_id=ANN, custom_title="x")
        self.wrong("promoteChatMember", "USER_NOT_PARTICIPANT", chat_id=chat, user_id=CAT, can_pin_messages=True)
        self.wrong("promoteChatMember", "can't remove chat owner", chat_id=chat, user_id=ANN)
        self.wrong("promoteChatMember", "can't promote self", chat_id=chat, user_id=self.me, can_pin_messages=True)
        self.act("members", chat_id=chat, user_id=BOB, status="administrator", by=ANN)
        self.wrong("promoteChatMember", "CHAT_ADMIN_REQUIRED", can_pin_messages=True, **who)
        self.wrong("setChatAdministratorCustomTitle", "not enough rights to change custom title of the user",
                   custom_title="x", **who)
        weak = self.group(rights={"can_promote_members": True})
        self.wrong("promoteChatMember", "RIGHT_FORBIDDEN", chat_id=weak, user_id=BOB, can_pin_messages=True)
        self.wrong("promoteChatMember", "not enough rights", chat_id=self.group(), user_id=BOB, can_pin_messages=True)
        self.wrong("promoteChatMember", "method is available for supergroup and channel chats only",
                   chat_id=self.group("group"), user_id=BOB)

    def test_tags(self):
        chat = self.group(rights=True)
        self.good("setChatMemberTag", chat_id=chat, user_id=BOB, tag="new")
        self.assertEqual(self.bot("getChatMember", chat_id=chat, user_id=BOB)["tag"], "new")
        self.good("setChatMemberTag", chat_id=chat, user_id=BOB)
        self.assertNotIn("tag", self.bot("getChatMember", chat_id=chat, user_id=BOB))

    # ---- what a chat is called and looks like

    def test_title_and_description(self):
        chat = self.group()
        self.wrong("setChatTitle", "CHAT_ADMIN_REQUIRED", chat_id=chat, title="N")
        self.act("members", chat_id=chat, user_id=ANN, bot=True, status="administrator",
                 rights={"can_change_info": False})
        self.wrong("setChatTitle", "not enough rights to change chat title", chat_id=chat, title="N")
        self.wrong("setChatDescription", "not enough rights to set chat description", chat_id=chat, description="N")
        self.act("members", chat_id=chat, user_id=ANN, bot=True, status="administrator")
        self.updates()
        self.good("setChatTitle", chat_id=chat, title="N" * 200)
        self.assertEqual(self.service("new_chat_title"), "N" * 128)
        self.good("setChatTitle", chat_id=chat, title="N" * 128)
        self.assertEqual(self.updates(), [])
        self.good("setChatDescription", chat_id=chat, description="about")
        self.wrong("setChatDescription", "chat description is not modified", chat_id=chat, description="about")
        full = self.bot("getChat", chat_id=chat)
        self.assertEqual((len(full["title"]), full["description"], full["has_visible_history"]), (128, "about", True))
        self.wrong("setChatTitle", "can't change private chat title", chat_id=ANN, title="N")
        self.wrong("setChatDescription", "can't change private chat description", chat_id=ANN, description="N")

    def form(self, method, name, content, **fields):
        """A multipart call with one file."""
        parts = [f'--B\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
                 for key, value in fields.items()]
        parts.append(f'--B\r\nContent-Disposition: form-data; name="{name}"; filename="f.png"\r\n\r\n'.encode()
                     + content + b"\r\n--B--\r\n")
        request = urllib.request.Request(f"{self.stack.url}/bot5:x/{method}", data=b"".join(parts),
                                         headers={"Content-Type": "multipart/form-data; boundary=B"})
        try:
            return json.load(urllib.request.urlopen(request, timeout=20))["result"]
        except urllib.error.HTTPError as error:
            return json.load(error)["description"]

    def test_what_is_missing(self):
        chat = self.group(rights=True)
        old = "query is too old and response timeout expired or query ID is invalid"
        for method, wanted in (
            ("setChatTitle", "title must be non-empty"), ("banChatMember", "invalid user_id specified"),
            ("setChatStickerSet", "STICKERSET_INVALID"), ("answerInlineQuery", old), ("answerWebAppQuery", old),
            ("getBusinessConnection", "business connection not found"),
        ):
            self.wrong(method, wanted, chat_id=chat)
        self.good("setChatPermissions", chat_id=chat)
        self.assertFalse(any(self.bot("getChat", chat_id=chat)["permissions"].values()))
        self.good("setMyCommands")
        self.good("promoteChatMember", chat_id=chat, user_id=BOB, can_pin_messages=True)
        self.good("setChatAdministratorCustomTitle", chat_id=chat, user_id=BOB)

    def test_photo(self):
        chat = self.group(rights=True)
        self.wrong("setChatPhoto", "there is no photo in the request", chat_id=chat)
        self.wrong("setChatPhoto", "photo must be uploaded as an InputFile", chat_id=chat, photo="AgAC")
        self.wrong("deleteChatPhoto", "CHAT_NOT_MODIFIED", chat_id=chat)
        self.assertEqual(self.form("setChatPhoto", "photo", b"no picture", chat_id=chat),
                         "Bad Request: IMAGE_PROCESS_FAILED")
        self.assertEqual(self.form("setChatPhoto", "photo", PHOTO, chat_id=ANN),
                         "Bad Request: can't change private chat photo")
        self.assertIs(self.form("setChatPhoto", "photo", PHOTO, chat_id=chat), True)
        self.assertEqual(len(self.service("new_chat_photo")), 1)
        big = self.bot("getChat", chat_id=chat)["photo"]["big_file_id"]
        self.assertEqual(self.stack.api(f"/sandbox/files/{big}"), PHOTO)
        self.good("deleteChatPhoto", chat_id=chat)
        self.assertIs(self.service("delete_chat_photo"), True)
        self.assertNotIn("photo", self.bot("getChat", chat_id=chat))

    def test_stickers_and_boosts(self):
        chat = self.group(rights=True)
        self.wrong("setChatStickerSet", "STICKERSET_INVALID", chat_id=chat, sticker_set_name="none")
        self.wrong("setChatStickerSet", "method is available only for supergroups", chat_id=self.group("group"),
                   sticker_set_name="none")
        self.good("deleteChatStickerSet", chat_id=chat)
        self.assertEqual(self.bot("getUserChatBoosts", chat_id=chat, user_id=BOB), {"boosts": []})
        self.wrong("getUserChatBoosts", "CHAT_ADMIN_REQUIRED", chat_id=self.group(), user_id=BOB)

    def test_business_connection(self):
        connection = self.act("business", user_id=ANN)["business_connection_id"]
        self.assertEqual(self.bot("getBusinessConnection", business_connection_id=connection)["user"]["id"], ANN)
        self.wrong("getBusinessConnection", "business connection not found", business_connection_id="x")

    # ---- messages of others

    def test_deleting_and_pinning_need_rights(self):
        chat = self.group()
        hers = self.act("send", user_id=BOB, chat_id=chat, text="x")["message"]["message_id"]
        own = self.bot("sendMessage", chat_id=chat, text="y")["message_id"]
        self.wrong("deleteMessage", "message can't be deleted", chat_id=chat, message_id=hers)
        self.wrong("deleteMessages", "message can't be deleted", chat_id=chat, message_ids=[own, hers])
        self.good("pinChatMessage", chat_id=chat, message_id=hers)
        self.assertEqual(self.bot("getChat", chat_id=chat)["pinned_message"]["text"], "x")
        self.good("deleteMessage", chat_id=chat, message_id=own)
        self.act("members", chat_id=chat, user_id=ANN, bot=True, status="administrator",
                 rights={"can_pin_messages": False})
        for method, more in (("pinChatMessage", {"message_id": hers}), ("unpinChatMessage", {}),
                             ("unpinAllChatMessages", {})):
            self.wrong(method, "not enough rights to manage pinned messages in the chat", chat_id=chat, **more)
        self.act("clock", advance_s=3 * 86400)
        self.good("deleteMessage", chat_id=chat, message_id=hers)

    # ---- invite links

    def test_links(self):
        chat = self.group(rights=True)
        primary = self.bot("exportChatInviteLink", chat_id=chat)
        self.assertEqual(self.bot("getChat", chat_id=chat)["invite_link"], primary)
        link = self.bot("createChatInviteLink", chat_id=chat, name="ad", member_limit=1)
        self.assertEqual({name: link[name] for name in link if name not in ("invite_link", "creator")},
                         {"name": "ad", "member_limit": 1, "creates_join_request": False, "is_primary": False,
                          "is_revoked": False})
        where = {"chat_id": chat, "invite_link": link["invite_link"]}
        self.assertEqual(self.act("members", user_id=CAT, invite_link=link["invite_link"]),
                         {"chat_id": chat, "is_request": False})
        change = self.updates()[0][1]
        self.assertEqual((change["invite_link"]["name"], change["new_chat_member"]["user"]["id"]), ("ad", CAT))
        fourth = self.stack.user("Dan")
        self.refused("as often as it may be", user_id=fourth, invite_link=link["invite_link"])
        now = self.stack.api("/sandbox/clock")["now"]
        edited = self.bot("editChatInviteLink", expire_date=now + 60, **where)
        self.assertEqual((edited["expire_date"], "name" in edited), (now + 60, False))
        self.act("clock", advance_s=61)
        self.refused("has expired", user_id=fourth, invite_link=link["invite_link"])
        self.assertTrue(self.bot("revokeChatInviteLink", **where)["is_revoked"])
        self.wrong("editChatInviteLink", "INVITE_HASH_EXPIRED", **where)
        self.refused("has been revoked", user_id=fourth, invite_link=link["invite_link"])
        self.wrong("editChatInviteLink", "CHAT_INVITE_PERMANENT", chat_id=chat, invite_link=primary, name="x")
        self.assertTrue(self.bot("revokeChatInviteLink", chat_id=chat, invite_link=primary)["is_revoked"])
        self.assertNotEqual(self.bot("getChat", chat_id=chat)["invite_link"], primary)

    def refused(self, wanted, **body):
        with self.assertRaises(ApiError) as caught:
            self.act("members", **body)
        self.assertIn(wanted, caught.exception.body)

    def test_what_is_refused_of_links(self):
        chat = self.group(rights=True)
        self.wrong("createChatInviteLink", "member limit can't be specified for links requiring administrator approval",
                   chat_id=chat, creates_join_request=True, member_limit=5)
        self.wrong("createChatInviteLink", "EXPIRE_DATE_INVALID", chat_id=chat, expire_date=5)
        self.wrong("createChatInviteLink", "not enough rights to manage chat invite link", chat_id=self.group())
        self.wrong("createChatInviteLink", "can't invite members to a private chat", chat_id=ANN)
        self.wrong("editChatInviteLink", "INVITE_HASH_INVALID", chat_id=chat, invite_link="https://t.me/+x")
        self.wrong("revokeChatInviteLink", "invite link must be non-empty", chat_id=chat)

    def test_join_requests(self):
        chat = self.group(rights=True)
        link = self.bot("createChatInviteLink", chat_id=chat, creates_join_request=True)["invite_link"]
        who = {"chat_id": chat, "user_id": CAT}
        self.wrong("approveChatJoinRequest", "HIDE_REQUESTER_MISSING", **who)
        for answer in ("declineChatJoinRequest", "approveChatJoinRequest"):
            self.assertTrue(self.act("members", user_id=CAT, invite_link=link)["is_request"])
            (kind, request), = self.updates()
            self.assertEqual((kind, request["from"]["id"], request["user_chat_id"],
                              request["invite_link"]["pending_join_request_count"]), ("chat_join_request", CAT, CAT, 1))
            self.assertEqual(self.status(chat, CAT), "left")
            self.good(answer, **who)
        (first, change), (second, message) = self.updates()
        self.assertEqual((first, change["invite_link"]["invite_link"], change["new_chat_member"]["status"]),
                         ("chat_member", link, "member"))
        self.assertEqual((second, message["new_chat_members"][0]["id"]), ("message", CAT))
        self.wrong("approveChatJoinRequest", "USER_ALREADY_PARTICIPANT", **who)
        self.wrong("declineChatJoinRequest", "not enough rights to manage chat join requests", chat_id=self.group(),
                   user_id=CAT)


if __name__ == "__main__":
    unittest.main()
