"""What a bot can send, change, repeat and delete besides plain texts and files, without a host."""
import unittest

from sandbox_case import ALICE, BORIS, PNG, SandboxTest, disagreement, keyboard

NOWHERE = {"chat_id": ALICE, "message_id": 99999}


class MethodsTest(SandboxTest):
    def setUp(self):
        super().setUp()
        self.updates(offset=-1, allowed_updates=["message", "edited_message", "poll", "poll_answer", "callback_query",
                                                 "message_reaction", "business_message", "deleted_business_messages"])
        self.news()

    def news(self):
        """What the bot has not yet been told of, without the ids; each is as the description says."""
        new = self.updates()
        if new:
            self.updates(offset=new[-1]["update_id"] + 1)
        for update in new:
            self.assertIsNone(disagreement(update, "Update"))
        return [{name: value for name, value in update.items() if name != "update_id"} for update in new]

    def act(self, call, **body):
        return self.stack.api(f"/sandbox/{call}", body)

    def act_refused(self, wanted, call, **body):
        status, error = self.control_refuses(f"/sandbox/{call}", body)
        self.assertEqual(400, status)
        self.assertIn(wanted, error)

    def photo(self, **params):
        return self.result("sendPhoto", chat_id=ALICE, files=[("photo", "p.png", "image/png", PNG)], **params)

    def group(self, **more):
        chat = self.act("chats", user_id=ALICE, **({"type": "supergroup", "title": "G"} | more))["id"]
        self.news()
        return chat

    def promote(self, group):
        """Makes the bot an administrator."""
        self.act("members", chat_id=group, user_id=ALICE, bot=True, status="administrator")
        self.news()

    def event(self, kind, after):
        return self.stack.wait_event(after, type=kind)


class PlacesTest(MethodsTest):
    def test_a_place_is_sent(self):
        sent = self.result("sendLocation", chat_id=ALICE, latitude=1.5, longitude=-2, horizontal_accuracy=12.2)
        self.assertEqual({"latitude": 1.5, "longitude": -2, "horizontal_accuracy": 13}, sent["location"])
        sent = self.result("sendVenue", chat_id=ALICE, latitude=1, longitude=2, title="T", address="A",
                           foursquare_id="f")
        self.assertEqual(("T", "A", "f", 1), (sent["venue"]["title"], sent["venue"]["address"],
                                             sent["venue"]["foursquare_id"], sent["location"]["latitude"]))
        for latitude, longitude in ((91, 0), (0, 181), (-91, 0)):
            self.refuses("invalid location specified", "sendLocation", chat_id=ALICE, latitude=latitude,
                         longitude=longitude)
        self.refuses("wrong venue location specified", "sendVenue", chat_id=ALICE, latitude=91, longitude=0, title="T",
                     address="A")

    def test_a_live_place_moves_until_it_stops(self):
        live = {"chat_id": ALICE, "latitude": 1, "longitude": 2, "live_period": 60}
        sent = self.result("sendLocation", heading=90, proximity_alert_radius=5, **live)
        self.assertEqual((60, 90, 5), tuple(sent["location"][name] for name in
                                            ("live_period", "heading", "proximity_alert_radius")))
        where = {"chat_id": ALICE, "message_id": sent["message_id"]}
        moved = self.result("editMessageLiveLocation", latitude=3, longitude=4, **where)
        self.assertEqual({"latitude": 3, "longitude": 4, "live_period": 60}, moved["location"])
        stopped = self.result("stopMessageLiveLocation", reply_markup=keyboard([("A", "a")]), **where)
        self.assertEqual(({"latitude": 3, "longitude": 4}, keyboard([("A", "a")])),
                         (stopped["location"], stopped["reply_markup"]))
        for method in ("editMessageLiveLocation", "stopMessageLiveLocation"):
            self.refuses("message can't be edited", method, latitude=3, longitude=4, **where)
        self.refuses("message to edit not found", "stopMessageLiveLocation", **NOWHERE)
        self.refuses("message identifier is not specified", "stopMessageLiveLocation")
        for wrong, description in (({"live_period": 59}, "period"), ({"heading": 361}, "heading"),
                                   ({"proximity_alert_radius": 100001}, "proximity alert radius")):
            self.refuses(f"wrong live location {description} specified", "sendLocation", **(live | wrong))

    def test_a_live_place_ends_with_its_time(self):
        sent = self.result("sendLocation", chat_id=ALICE, latitude=1, longitude=2, live_period=60)
        self.act("clock", advance_s=61)
        self.refuses("message can't be edited", "stopMessageLiveLocation", chat_id=ALICE,
                     message_id=sent["message_id"])


class SmallThingsTest(MethodsTest):
    def test_a_contact_is_sent(self):
        sent = self.result("sendContact", chat_id=ALICE, phone_number="+1", first_name="A", vcard="V")
        self.assertEqual({"phone_number": "+1", "first_name": "A", "vcard": "V"}, sent["contact"])
        self.refuses('parameter "phone_number" is required', "sendContact", chat_id=ALICE, first_name="A")
        self.refuses('parameter "first_name" is required', "sendContact", chat_id=ALICE, phone_number="+1",
                     first_name="")

    def test_a_dice_is_thrown(self):
        for emoji, most in ((None, 6), ("🎯", 6), ("🏀", 5), ("⚽️", 5), ("🎳", 6), ("🎰", 64)):
            sent = self.result("sendDice", chat_id=ALICE, **({"emoji": emoji} if emoji else {}))
            self.assertIn(sent["dice"]["value"], range(1, most + 1))
        self.refuses("DICE_EMOJI_INVALID", "sendDice", chat_id=ALICE, emoji="😀")
        where = {"chat_id": ALICE, "message_id": sent["message_id"]}
        self.refuses("message can't be deleted for everyone", "deleteMessage", **where)
        self.act("clock", advance_s=24 * 3600)
        self.result("deleteMessage", **where)

    def test_what_any_message_can_have(self):
        first = self.say("first")
        sent = self.say("second", message_effect_id="5104841245755180586", protect_content=True,
                        link_preview_options={"is_disabled": True, "show_above_text": False})
        self.assertEqual(("5104841245755180586", True, {"is_disabled": True}),
                         (sent["effect_id"], sent["has_protected_content"], sent["link_preview_options"]))
        refused = {
            "EFFECT_ID_INVALID": {"message_effect_id": "9999999999999999999"},
            "FLOODSKIP_NOT_ALLOWED": {"allow_paid_broadcast": True},
            "WEBPAGE_URL_INVALID": {"link_preview_options": {"url": "not-a-url"}},
            "invalid amount of Telegram Stars specified": {
                "suggested_post_parameters": {"price": {"currency": "XTR", "amount": 1}}},
            "suggested posts can be sent only to channel direct messages": {"suggested_post_parameters": {}},
        }
        for description, params in refused.items():
            self.refuses(description, "sendMessage", chat_id=ALICE, text="x", **params)
        self.refuses("can't use message effects in the chat", "sendMessage", chat_id=self.group(), text="x",
                     message_effect_id="5104841245755180586")
        self.assertEqual(first["message_id"] + 1, sent["message_id"])


class RepliesTest(MethodsTest):
    def test_a_part_is_quoted(self):
        first = self.say("one <b>two</b> one", parse_mode="HTML")

        def reply(**parameters):
            return {"reply_parameters": {"message_id": first["message_id"]} | parameters}

        sent = self.say("x", **reply(quote="one"))
        self.assertEqual({"text": "one", "position": 0, "is_manual": True}, sent["quote"])
        self.assertEqual(first, sent["reply_to_message"])
        self.assertEqual(8, self.say("x", **reply(quote="one", quote_position=7))["quote"]["position"])
        bold = [{"type": "bold", "offset": 4, "length": 3}]
        sent = self.say("x", **reply(quote="one <b>two</b>", quote_parse_mode="HTML"))
        self.assertEqual(("one two", bold), (sent["quote"]["text"], sent["quote"]["entities"]))
        for wrong in ("three", "one two", "ONE"):
            self.refuses("QUOTE_TEXT_INVALID", "sendMessage", chat_id=ALICE, text="x", **reply(quote=wrong))
        self.refuses("can't find field \"message_id\"", "sendMessage", chat_id=ALICE, text="x",
                     reply_parameters={"quote": "one"})

    def test_a_message_of_another_chat_is_shown(self):
        group = self.group()
        said = self.act("send", user_id=BORIS, chat_id=group, text="in the group")["message"]
        there = {"chat_id": group, "message_id": said["message_id"]}
        sent = self.say("x", reply_parameters=there)
        self.assertEqual((group, said["message_id"], BORIS), (sent["external_reply"]["chat"]["id"],
                                                              sent["external_reply"]["message_id"],
                                                              sent["external_reply"]["origin"]["sender_user"]["id"]))
        self.assertEqual({"text": "in the group", "position": 0}, sent["quote"])
        self.assertNotIn("reply_to_message", sent)
        photo = self.photo()
        sent = self.result("sendMessage", chat_id=group, text="x",
                           reply_parameters={"chat_id": ALICE, "message_id": photo["message_id"]})
        self.assertEqual(photo["photo"], sent["external_reply"]["photo"])
        self.assertNotIn("chat", sent["external_reply"])
        self.refuses("chat not found", "sendMessage", chat_id=ALICE, text="x",
                     reply_parameters={"chat_id": -5, "message_id": 1})
        self.refuses("message to be replied not found", "sendMessage", chat_id=ALICE, text="x",
                     reply_parameters={"chat_id": group, "message_id": 9999, "allow_sending_without_reply": True})

    def test_replies_keep_to_their_topic(self):
        forum = self.group(is_forum=True)
        said = self.act("send", user_id=ALICE, chat_id=forum, message_thread_id=7, text="x")["message"]
        sent = self.result("sendMessage", chat_id=forum, text="y", reply_parameters={"message_id": said["message_id"]})
        self.assertEqual((7, True), (sent["message_thread_id"], sent["is_topic_message"]))
        plain = self.group()
        said = self.act("send", user_id=ALICE, chat_id=plain, text="x")["message"]
        reply = self.act("send", user_id=BORIS, chat_id=plain, text="y", reply_to_message_id=said["message_id"])
        sent = self.result("sendMessage", chat_id=plain, text="z",
                           reply_parameters={"message_id": reply["message"]["message_id"]})
        self.assertEqual([said["message_id"]] * 2, [reply["message"]["message_thread_id"], sent["message_thread_id"]])
        self.assertNotIn("is_topic_message", sent)

    def test_the_old_parameters_are_understood(self):
        first = self.say("first")
        self.assertEqual(first, self.say("x", reply_to_message_id=first["message_id"])["reply_to_message"])
        self.refuses("message to be replied not found", "sendMessage", chat_id=ALICE, text="x",
                     reply_to_message_id=99999)
        self.say("x", reply_to_message_id=99999, allow_sending_without_reply=True)
        self.assertTrue(self.say("x", disable_web_page_preview=True)["link_preview_options"]["is_disabled"])


class AlbumsTest(MethodsTest):
    def album(self, *items, **params):
        return {"chat_id": ALICE, "media": list(items), "files": [("a", "p.png", "image/png", PNG),
                                                                  ("b", "b.txt", "text/plain", b"b")]} | params

    def test_photos_and_videos_go_together(self):
        first = self.say("first")
        photo = {"type": "photo", "media": "attach://a", "caption": "<b>c</b>", "parse_mode": "HTML"}
        video = {"type": "video", "media": "attach://b", "width": 10, "height": 20, "has_spoiler": True}
        sent = self.result("sendMediaGroup", **self.album(
            photo, video, photo, protect_content=True, reply_parameters={"message_id": first["message_id"]}))
        self.assertEqual(["photo", "video", "photo"], [next(k for k in m if k in ("photo", "video")) for m in sent])
        self.assertEqual(1, len({m["media_group_id"] for m in sent}))
        self.assertEqual({(first["message_id"], True)},
                         {(m["reply_to_message"]["message_id"], m["has_protected_content"]) for m in sent})
        self.assertEqual(("c", 10, True), (sent[0]["caption"], sent[1]["video"]["width"], sent[1]["has_media_spoiler"]))
        self.assertEqual(sent, self.stack.messages(ALICE)[-3:])
        alone = self.result("sendMediaGroup", **self.album(photo))
        self.assertNotIn("media_group_id", alone[0])

    def test_albums_that_cannot_be(self):
        photo, document = {"type": "photo", "media": "attach://a"}, {"type": "document", "media": "attach://b"}
        audio = {"type": "audio", "media": "attach://b"}
        before = len(self.stack.messages(ALICE))

        def refused(description, *items):
            self.refuses(description, "sendMediaGroup", **self.album(*items))

        refused("there are no messages to send")
        refused("too many messages to send as an album", *[photo] * 11)
        refused("document can't be mixed with other media types", photo, document)
        refused("audio can't be mixed with other media types", audio, photo)
        refused("parameter show_caption_above_media must be the same for all messages", photo,
                photo | {"show_caption_above_media": True})
        refused("can't parse InputMedia: media not found", photo, {"type": "photo", "media": "attach://c"})
        refused("failed to send message #2 with the error message \"IMAGE_PROCESS_FAILED\"", photo,
                {"type": "photo", "media": "attach://b"})
        refused("wrong file identifier/HTTP URL specified", photo, {"type": "photo", "media": "nonsense"})
        self.assertEqual(before, len(self.stack.messages(ALICE)))

    def test_media_of_an_album_keep_to_their_kind(self):
        photo, document = {"type": "photo", "media": "attach://a"}, {"type": "document", "media": "attach://b"}
        sent = self.result("sendMediaGroup", **self.album(photo, photo))
        where = {"chat_id": ALICE, "message_id": sent[0]["message_id"], "files": self.album()["files"]}
        self.refuses("can't change media type in the album", "editMessageMedia", media=document, **where)
        edited = self.result("editMessageMedia", media={"type": "video", "media": "attach://b"}, **where)
        self.assertEqual(sent[0]["media_group_id"], edited["media_group_id"])


class CopiesTest(MethodsTest):
    def test_a_forward_says_where_it_came_from(self):
        said = self.stack.send(BORIS, "/start his words")
        sent = self.result("forwardMessage", chat_id=ALICE, from_chat_id=BORIS, message_id=said["message_id"])
        self.assertEqual((said["text"], "user", BORIS), (sent["text"], sent["forward_origin"]["type"],
                                                         sent["forward_origin"]["sender_user"]["id"]))
        again = self.result("forwardMessage", chat_id=ALICE, from_chat_id=ALICE, message_id=sent["message_id"])
        self.assertEqual(sent["forward_origin"], again["forward_origin"])
        self.refuses("message can't be edited", "editMessageText", chat_id=ALICE, message_id=again["message_id"],
                     text="mine")
        kept = {"inline_keyboard": [[{"text": "A", "url": "https://example.org/"}]]}
        for markup, wanted in ((kept, kept), (keyboard([("A", "a")]), None)):
            source = self.say(reply_markup=markup)
            sent = self.result("forwardMessage", chat_id=ALICE, from_chat_id=ALICE, message_id=source["message_id"])
            self.assertEqual(wanted, sent.get("reply_markup"))

    def test_what_cannot_be_repeated(self):
        source = {"from_chat_id": ALICE, "message_id": self.say(protect_content=True)["message_id"]}
        self.refuses("the message can't be forwarded", "forwardMessage", chat_id=ALICE, **source)
        self.result("copyMessage", chat_id=ALICE, **source)
        for method, verb in (("forwardMessage", "forward"), ("copyMessage", "copy")):
            self.refuses(f"message to {verb} not found", method, chat_id=ALICE, from_chat_id=ALICE, message_id=9999)
            self.refuses("chat not found", method, chat_id=ALICE, from_chat_id=-9, message_id=1)
            self.refuses('parameter "from_chat_id" is required', method, chat_id=ALICE, message_id=1)
            self.assertEqual(403, self.refusal(method, chat_id=BORIS, **source)[0])

    def test_a_copy_is_as_if_sent_anew(self):
        source = self.photo(caption="old", has_spoiler=True)
        place = {"chat_id": ALICE, "from_chat_id": ALICE, "message_id": source["message_id"]}
        copy = self.result("copyMessage", reply_markup=keyboard([("A", "a")]), **place)
        self.assertEqual(["message_id"], list(copy))
        shown = self.stack.messages(ALICE)[-1]
        self.assertEqual((source["photo"], "old", True, keyboard([("A", "a")])),
                         (shown["photo"], shown["caption"], shown["has_media_spoiler"], shown["reply_markup"]))
        self.assertNotIn("forward_origin", shown)
        self.result("copyMessage", caption="<i>new</i>", parse_mode="HTML", show_caption_above_media=True, **place)
        shown = self.stack.messages(ALICE)[-1]
        self.assertEqual(("new", True), (shown["caption"], shown["show_caption_above_media"]))
        self.result("copyMessage", caption="", **place)
        self.assertNotIn("caption", self.stack.messages(ALICE)[-1])
        self.refuses("message caption is too long", "copyMessage", caption="x" * 1025, **place)

    def test_several_at_once(self):
        photo = {"type": "photo", "media": "attach://a", "caption": "c"}
        album = self.result("sendMediaGroup", chat_id=ALICE, media=[photo, photo],
                            files=[("a", "p.png", "image/png", PNG)])
        ids = [m["message_id"] for m in album]
        place = {"chat_id": ALICE, "from_chat_id": ALICE}
        for method in ("forwardMessages", "copyMessages"):
            sent = self.result(method, message_ids=[*ids, 9999], **place)
            shown = self.stack.messages(ALICE)[-2:]
            self.assertEqual([m["message_id"] for m in shown], [m["message_id"] for m in sent])
            group = {m["media_group_id"] for m in shown}
            self.assertEqual((1, False), (len(group), album[0]["media_group_id"] in group))
            self.refuses("message identifiers are not specified", method, message_ids=[], **place)
            self.refuses("too many message identifiers specified", method, message_ids=list(range(1, 102)), **place)
            self.refuses("message identifiers must be in a strictly increasing order", method,
                         message_ids=ids[::-1], **place)
            self.refuses("invalid message identifier specified", method, message_ids=[-1], **place)
        self.refuses("there are no messages to forward", "forwardMessages", message_ids=[9998, 9999], **place)
        self.result("copyMessages", message_ids=ids, remove_caption=True, **place)
        self.assertNotIn("caption", self.stack.messages(ALICE)[-1])


class PinsTest(MethodsTest):
    def test_a_pinned_message_is_announced(self):
        sent = self.say("important")
        where = {"chat_id": ALICE, "message_id": sent["message_id"]}
        after = self.stack.revision()
        self.assertIs(True, self.result("pinChatMessage", **where))
        notice = self.news()[0]["message"]
        self.assertEqual((sent, True), (notice["pinned_message"], notice["from"]["is_bot"]))
        self.assertEqual([sent["message_id"]], self.event("pin", after)["message_ids"])
        self.result("pinChatMessage", **where)
        self.assertEqual([], self.news())
        older = self.stack.messages(ALICE)[0]
        self.result("pinChatMessage", chat_id=ALICE, message_id=older["message_id"])
        after = self.stack.revision()
        self.result("unpinChatMessage", chat_id=ALICE)
        self.assertEqual([older["message_id"]], self.event("pin", after)["message_ids"])
        self.result("unpinAllChatMessages", chat_id=ALICE)
        self.refuses("message to unpin not found", "unpinChatMessage", chat_id=ALICE)
        self.refuses("message to unpin not found", "unpinChatMessage", **NOWHERE)
        self.refuses("message to pin not found", "pinChatMessage", **NOWHERE)

    def test_rights_in_groups(self):
        group = self.group(is_forum=True)
        said = self.act("send", user_id=BORIS, chat_id=group, text="x")["message"]
        where = {"chat_id": group, "message_id": said["message_id"]}
        self.promote(group)
        self.result("pinChatMessage", **where)
        self.assertEqual(said["message_id"], self.result("getChat", chat_id=group)["pinned_message"]["message_id"])
        self.result("unpinAllGeneralForumTopicMessages", chat_id=group)
        self.assertNotIn("pinned_message", self.result("getChat", chat_id=group))
        self.refuses("message thread not found", "unpinAllForumTopicMessages", chat_id=group, message_thread_id=99)
        self.result("setChatPermissions", chat_id=group, permissions={"can_send_messages": True})
        self.act("members", chat_id=group, user_id=ALICE, bot=True, status="member")
        for method in ("pinChatMessage", "unpinChatMessage", "unpinAllChatMessages",
                       "unpinAllGeneralForumTopicMessages"):
            self.refuses("not enough rights to manage pinned messages in the chat", method, **where)
        self.refuses("message can't be deleted", "deleteMessage", **where)
        self.refuses("message can't be deleted", "deleteMessages", chat_id=group, message_ids=[said["message_id"]])

    def test_a_pin_goes_with_its_message(self):
        sent = self.say("important")
        where = {"chat_id": ALICE, "message_id": sent["message_id"]}
        self.result("pinChatMessage", **where)
        self.result("deleteMessage", **where)
        self.refuses("message to unpin not found", "unpinChatMessage", chat_id=ALICE)


class ReactionsTest(MethodsTest):
    def test_the_bot_reacts(self):
        said = self.stack.send(ALICE, "nice")
        where = {"chat_id": ALICE, "message_id": said["message_id"]}
        thumb = [{"type": "emoji", "emoji": "👍"}]
        after = self.stack.revision()
        self.assertIs(True, self.result("setMessageReaction", reaction=thumb, is_big=True, **where))
        event = self.event("reaction", after)
        self.assertEqual((said["message_id"], [thumb]), (event["message_id"], list(event["reactions"].values())))
        after = self.stack.revision()
        self.result("setMessageReaction", **where)
        self.assertEqual({}, self.event("reaction", after)["reactions"])
        self.refuses("REACTION_INVALID", "setMessageReaction", reaction=[{"type": "emoji", "emoji": "x"}], **where)
        self.refuses("REACTION_INVALID", "setMessageReaction", reaction=[{"type": "paid"}], **where)
        self.refuses("can't parse ReactionType: invalid reaction type specified", "setMessageReaction",
                     reaction=[{"type": "x"}], **where)
        self.refuses("REACTIONS_TOO_MANY", "setMessageReaction", reaction=thumb * 2, **where)
        self.refuses("message to react not found", "setMessageReaction", reaction=thumb, **NOWHERE)

    def test_a_user_reacts(self):
        sent = self.say("nice")
        self.news()
        where = {"user_id": ALICE, "message_id": sent["message_id"]}
        self.act("react", emoji="🔥", **where)
        self.act("react", emoji="🔥", **where)
        self.act("react", emoji="", **where)
        fire = [{"type": "emoji", "emoji": "🔥"}]
        changes = [update["message_reaction"] for update in self.news()]
        self.assertEqual([([], fire), (fire, [])], [(c["old_reaction"], c["new_reaction"]) for c in changes])
        self.assertEqual((ALICE, ALICE), (changes[0]["user"]["id"], changes[0]["chat"]["id"]))
        self.act_refused("emoji must be", "react", emoji="x", **where)
        self.act_refused("no such message", "react", emoji="🔥", user_id=ALICE, message_id=9999)

    def test_reactions_are_taken_away(self):
        group = self.group()
        said = self.act("send", user_id=ALICE, chat_id=group, text="x")["message"]
        where = {"chat_id": group, "message_id": said["message_id"]}
        self.refuses("CHAT_ADMIN_REQUIRED", "deleteMessageReaction", user_id=BORIS, **where)
        self.promote(group)
        for method, more in (("deleteMessageReaction", where), ("deleteAllMessageReactions", {"chat_id": group})):
            self.act("react", user_id=BORIS, emoji="🔥", **where)
            after = self.stack.revision()
            self.assertIs(True, self.result(method, user_id=BORIS, **more))
            self.assertEqual({}, self.event("reaction", after)["reactions"])
            self.refuses("invalid user_id specified", method, **more)
            self.refuses("method is available only for groups and supergroups", method, user_id=BORIS,
                         **(more | {"chat_id": ALICE, "message_id": self.say()["message_id"]}))


class SharingTest(MethodsTest):
    def test_what_a_user_can_share(self):
        shared = {
            "location": {"latitude": 1, "longitude": 2},
            "venue": {"latitude": 1, "longitude": 2, "title": "T", "address": "A"},
            "contact": {"phone_number": "+1", "first_name": "A", "user_id": ALICE},
            "dice": {"emoji": "🎲"},
            "poll": {"question": "Q", "options": ["a", "b"]},
            "users_shared": {"request_id": 1, "user_ids": [BORIS]},
            "chat_shared": {"request_id": 1, "chat_id": -5},
            "web_app_data": {"data": "d", "button_text": "b"},
        }
        for name, value in shared.items():
            message = self.act("share", user_id=ALICE, **{name: value})["message"]
            self.assertIn(name, message)
            self.assertEqual([{"message": message}], self.news())
            self.act_refused("", "share", user_id=ALICE, **{name: {}} if name != "dice" else {name: {"emoji": "x"}})
        self.act_refused("name one thing", "share", user_id=ALICE)
        self.act_refused("name one thing", "share", user_id=ALICE, dice={}, location={})

    def test_a_user_forwards(self):
        sent = self.say("words")
        message = self.act("share", user_id=ALICE, forward={"from_chat_id": ALICE, "message_id": sent["message_id"]})
        self.assertEqual(("words", True), (message["message"]["text"],
                                           message["message"]["forward_origin"]["sender_user"]["is_bot"]))
        self.act_refused("no such message", "share", user_id=ALICE,
                         forward={"from_chat_id": ALICE, "message_id": 99999})

    def test_a_business_chat_tells_what_was_deleted(self):
        connection = self.act("business", user_id=ALICE)["business_connection_id"]
        place = {"user_id": BORIS, "business_connection_id": connection}
        said = self.act("send", text="x", **place)["message"]
        self.news()
        self.act("delete", message_id=said["message_id"], **place)
        self.assertEqual([{"deleted_business_messages": {
            "business_connection_id": connection, "chat": said["chat"], "message_ids": [said["message_id"]]}}],
            self.news())
        sent = self.result("sendMessage", chat_id=BORIS, text="y", business_connection_id=connection)
        self.assertEqual((ALICE, True), (sent["from"]["id"], sent["sender_business_bot"]["is_bot"]))
        self.result("editMessageText", chat_id=BORIS, message_id=sent["message_id"], text="z",
                    business_connection_id=connection)

    def test_a_user_deletes(self):
        sent = self.say("words")
        self.act("delete", user_id=ALICE, message_id=sent["message_id"])
        self.refuses("message to edit not found", "editMessageText", chat_id=ALICE, message_id=sent["message_id"],
                     text="x")
        self.act_refused("no such message", "delete", user_id=ALICE, message_id=sent["message_id"])
        self.assertEqual([], self.news())


if __name__ == "__main__":
    unittest.main()
