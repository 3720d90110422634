"""Files, stickers, paid media, checklists, drafts, games, ephemeral messages and inline messages, without a host."""
import struct
import unittest

from sandbox_case import ALICE, BORIS, PNG, keyboard
from test_sandbox_methods import MethodsTest, NOWHERE


def png(width, height):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0) + b"....IEND"


class FilesTest(MethodsTest):
    def refused_photo(self, description, content):
        self.refuses(description, "sendPhoto", chat_id=ALICE, files=[("photo", "p.png", "image/png", content)])

    def test_photos_have_limits(self):
        self.refused_photo("PHOTO_INVALID_DIMENSIONS", png(9000, 1001))
        self.refused_photo("PHOTO_INVALID_DIMENSIONS", png(2100, 100))
        self.refused_photo("IMAGE_PROCESS_FAILED", b"nonsense")
        size = 10 * 1024 * 1024 + 1
        self.refused_photo(f"file of size {size} bytes is too big for a photo; the maximum size is 10485760 bytes",
                           PNG + bytes(size - len(PNG)))
        for image in (b"GIF89a" + struct.pack("<HH", 30, 20) + bytes(20),
                      b"BM" + bytes(16) + struct.pack("<II", 30, 20) + bytes(20),
                      b"RIFF....WEBPVP8X" + bytes(8) + b"\x1d\0\0\x13\0\0" + bytes(8)):
            photo = self.result("sendPhoto", chat_id=ALICE, files=[("photo", "p", "image/x", image)])["photo"][-1]
            self.assertEqual((30, 20), (photo["width"], photo["height"]))

    def test_a_file_keeps_to_its_kind(self):
        photo = self.photo()["photo"][-1]["file_id"]
        self.refuses("can't use file of type Photo as Document", "sendDocument", chat_id=ALICE, document=photo)
        self.refuses("can't use file of type Photo as VoiceNote", "sendVoice", chat_id=ALICE, voice=photo)
        self.refuses("failed to get HTTP URL content", "sendPhoto", chat_id=ALICE, photo="cat.example/x")

    def test_what_is_said_of_a_file(self):
        video = self.result("sendVideo", chat_id=ALICE, duration=7, width=20, height=10, start_timestamp=3,
                            has_spoiler=True, show_caption_above_media=True, caption="c",
                            files=[("video", "dir/v.mp4", "video/mp4", b"v"), ("thumbnail", "t.png", "image/png",
                                                                               png(90, 60)),
                                   ("cover", "c.png", "image/png", PNG)])
        self.assertEqual((7, 20, 10, 3, "v.mp4", 90, 640, True, True),
                         (video["video"]["duration"], video["video"]["width"], video["video"]["height"],
                          video["video"]["start_timestamp"], video["video"]["file_name"],
                          video["video"]["thumbnail"]["width"], video["video"]["cover"][0]["width"],
                          video["has_media_spoiler"], video["show_caption_above_media"]))
        audio = self.result("sendAudio", chat_id=ALICE, performer="P", title="T", duration=5, has_spoiler=True,
                            files=[("audio", "a.mp3", "audio/mpeg", b"a"), ("thumbnail", "t.png", "image/png", PNG)])
        self.assertEqual(("P", "T", 5), tuple(audio["audio"][name] for name in ("performer", "title", "duration")))
        self.assertFalse({"thumbnail"} & audio["audio"].keys() | {"has_media_spoiler"} & audio.keys())
        note = self.result("sendVideoNote", chat_id=ALICE, length=100,
                           files=[("video_note", "v.mp4", "video/mp4", b"v")])
        self.assertEqual(100, note["video_note"]["length"])

    def test_a_live_photo(self):
        files = [("live_photo", "v.mp4", "video/mp4", b"v"), ("photo", "p.png", "image/png", PNG)]
        sent = self.result("sendLivePhoto", chat_id=ALICE, caption="c", files=files)
        self.assertEqual((640, 640), (sent["photo"][0]["width"], sent["live_photo"]["photo"][0]["width"]))
        self.refuses("there is no photo in the request", "sendLivePhoto", chat_id=ALICE, files=files[:1])
        self.refuses("there is no live photo in the request", "sendLivePhoto", chat_id=ALICE, files=files[1:])

    def test_paid_media(self):
        media = [{"type": "photo", "media": "attach://a"}, {"type": "video", "media": "attach://a", "width": 5}]
        paid = {"chat_id": ALICE, "star_count": 5, "media": media, "files": [("a", "p.png", "image/png", PNG)]}
        sent = self.result("sendPaidMedia", caption="c", **paid)
        self.assertEqual((5, "c", ["photo", "video"]), (sent["paid_media"]["star_count"], sent["caption"],
                                                        [m["type"] for m in sent["paid_media"]["paid_media"]]))
        self.refuses("STARS_AMOUNT_INVALID", "sendPaidMedia", **(paid | {"star_count": 25001}))
        self.refuses("MEDIA_PAYLOAD_INVALID", "sendPaidMedia", payload="x" * 129, **paid)
        self.refuses("too many paid media specified", "sendPaidMedia", **(paid | {"media": media * 6}))
        self.refuses("can't parse InputPaidMedia: type \"audio\" is unsupported", "sendPaidMedia",
                     **(paid | {"media": [{"type": "audio", "media": "x"}]}))
        self.refuses("the message can't be copied", "copyMessage", chat_id=ALICE, from_chat_id=ALICE,
                     message_id=sent["message_id"])

    def test_nobody_has_profile_photos_but_the_bot(self):
        self.assertEqual({"total_count": 0, "photos": []}, self.result("getUserProfilePhotos", user_id=ALICE))
        self.assertEqual({"total_count": 0, "audios": []}, self.result("getUserProfileAudios", user_id=ALICE))
        self.refuses("user not found", "getUserProfilePhotos", user_id=99)
        self.result("setMyProfilePhoto", photo={"type": "static", "photo": "attach://p"},
                    files=[("p", "p.png", "image/png", PNG)])
        me = self.result("getMe")["id"]
        self.assertEqual(1, self.result("getUserProfilePhotos", user_id=me)["total_count"])


class StickersTest(MethodsTest):
    FILES = [("s", "s.webp", "image/webp", b"RIFF....WEBPVP8X" + bytes(8) + b"\xff\1\0\xff\1\0" + bytes(8))]

    def sticker(self, **more):
        return {"sticker": "attach://s", "format": "static", "emoji_list": ["😀", "🎉"]} | more

    def create(self, name="animals", **more):
        params = {"user_id": ALICE, "name": name + "_by_aisha_sandbox_bot", "title": "T",
                  "stickers": [self.sticker()], "files": self.FILES}
        self.assertIs(True, self.result("createNewStickerSet", **(params | more)))
        return self.result("getStickerSet", name=params["name"])

    def test_a_set_can_be_that_of_a_group(self):
        name = self.create()["name"]
        group = self.stack.api("/sandbox/chats", {"user_id": ALICE, "type": "supergroup", "title": "G"})["id"]
        self.refuses("CHAT_ADMIN_REQUIRED", "setChatStickerSet", chat_id=group, sticker_set_name=name)
        self.stack.api("/sandbox/members", {"user_id": ALICE, "chat_id": group, "bot": True, "status": "administrator"})
        self.assertIs(True, self.result("setChatStickerSet", chat_id=group, sticker_set_name=name.upper()))
        self.assertEqual(name.upper(), self.result("getChat", chat_id=group)["sticker_set_name"])
        self.assertIs(True, self.result("deleteChatStickerSet", chat_id=group))
        self.assertNotIn("sticker_set_name", self.result("getChat", chat_id=group))

    def test_a_sticker_is_sent(self):
        sent = self.result("sendSticker", chat_id=ALICE, emoji="😀", files=[("sticker", *self.FILES[0][1:])])["sticker"]
        self.assertEqual(("regular", 512, False, "😀"), (sent["type"], sent["width"], sent["is_video"], sent["emoji"]))
        again = self.result("sendSticker", chat_id=ALICE, sticker=sent["file_id"])["sticker"]
        self.assertEqual(sent, again)
        shared = self.act("share", user_id=ALICE, sticker={"file_id": sent["file_id"]})["message"]
        self.assertEqual(sent, shared["sticker"])
        self.refuses("there is no sticker in the request", "sendSticker", chat_id=ALICE)

    def test_a_set_is_made_and_changed(self):
        file = self.result("uploadStickerFile", user_id=ALICE, sticker_format="static",
                           files=[("sticker", *self.FILES[0][1:])])
        made = self.create(stickers=[self.sticker(), self.sticker(sticker=file["file_id"], emoji_list=["🎉"])])
        self.assertEqual(("T", "regular", ["😀", "🎉"]), (made["title"], made["sticker_type"],
                                                        [s["emoji"] for s in made["stickers"]]))
        name, (first, second) = made["name"], [s["file_id"] for s in made["stickers"]]
        self.result("setStickerPositionInSet", sticker=second, position=0)
        self.result("setStickerEmojiList", sticker=first, emoji_list=["👍"])
        self.result("setStickerKeywords", sticker=first, keywords=["a"])
        self.result("setStickerSetTitle", name=name, title="New")
        self.result("addStickerToSet", user_id=ALICE, name=name, sticker=self.sticker(), files=self.FILES)
        changed = self.result("getStickerSet", name=name.upper())
        self.assertEqual(("New", ["🎉", "👍", "😀"]), (changed["title"], [s["emoji"] for s in changed["stickers"]]))
        self.result("replaceStickerInSet", user_id=ALICE, name=name, old_sticker=second,
                    sticker=self.sticker(emoji_list=["🔥"]), files=self.FILES)
        self.result("deleteStickerFromSet", sticker=first)
        self.assertEqual(["🔥", "😀"], [s["emoji"] for s in self.result("getStickerSet", name=name)["stickers"]])
        self.result("setStickerSetThumbnail", user_id=ALICE, name=name, format="static",
                    files=[("thumbnail", "t.png", "image/png", PNG)])
        self.assertEqual(640, self.result("getStickerSet", name=name)["thumbnail"]["width"])
        self.result("deleteStickerSet", name=name)
        self.refuses("STICKERSET_INVALID", "getStickerSet", name=name)

    def test_custom_emoji_can_be_looked_up(self):
        made = self.create(sticker_type="custom_emoji")
        emoji = made["stickers"][0]["custom_emoji_id"]
        self.assertEqual(made["stickers"], self.result("getCustomEmojiStickers", custom_emoji_ids=[emoji, "5"]))
        self.refuses("invalid custom emoji identifier specified", "getCustomEmojiStickers", custom_emoji_ids=["x"])
        sent = self.say("x", entities=[{"type": "custom_emoji", "offset": 0, "length": 1, "custom_emoji_id": emoji}])
        self.assertEqual(emoji, sent["entities"][0]["custom_emoji_id"])

    def test_sets_that_cannot_be(self):
        params = {"user_id": ALICE, "name": "x_by_aisha_sandbox_bot", "title": "T", "stickers": [self.sticker()],
                  "files": self.FILES}
        for description, wrong in (
                ("invalid sticker set name is specified", {"name": "x"}),
                ("invalid sticker set title is specified", {"title": "x" * 65}),
                ("user not found", {"user_id": 99}), ("invalid user_id specified", {"user_id": -1}),
                ("STICKERS_EMPTY", {"stickers": []}),
                ("too many stickers specified", {"stickers": [self.sticker()] * 51}),
                ("can't parse InputSticker: emoji list must be non-empty", {"stickers": [self.sticker(emoji_list=[])]}),
                ("can't parse InputSticker: expected a Unicode emoji", {"stickers": [self.sticker(emoji_list=["x"])]}),
                ("can't parse InputSticker: Can't find field \"sticker\"",
                 {"stickers": [{"format": "static", "emoji_list": ["😀"]}]})):
            with self.subTest(wrong=wrong):
                self.refuses(description, "createNewStickerSet", **(params | wrong))
        self.create("x")
        self.refuses("sticker set name is already occupied", "createNewStickerSet", **params)
        self.refuses("STICKER_INVALID", "deleteStickerFromSet", sticker="nonsense")


class ChecklistsTest(MethodsTest):
    def setUp(self):
        super().setUp()
        self.connection = self.act("business", user_id=ALICE)["business_connection_id"]
        self.place = {"business_connection_id": self.connection, "chat_id": BORIS}

    def checklist(self, *texts, **more):
        return {"title": "<b>T</b>", "parse_mode": "HTML",
                "tasks": [{"id": n, "text": text} for n, text in enumerate(texts, 1)]} | more

    def test_a_checklist_is_sent_and_edited(self):
        sent = self.result("sendChecklist", checklist=self.checklist("a", "b", others_can_add_tasks=True), **self.place)
        self.assertEqual(("T", [{"type": "bold", "offset": 0, "length": 1}], True, ["a", "b"]),
                         (sent["checklist"]["title"], sent["checklist"]["title_entities"],
                          sent["checklist"]["others_can_add_tasks"], [t["text"] for t in sent["checklist"]["tasks"]]))
        edited = self.result("editMessageChecklist", message_id=sent["message_id"], checklist=self.checklist("c"),
                             **self.place)
        self.assertEqual(["c"], [t["text"] for t in edited["checklist"]["tasks"]])
        reply = self.result("sendMessage", text="x", reply_parameters={
            "message_id": sent["message_id"], "checklist_task_id": 1}, **self.place)
        self.assertEqual(1, reply["reply_to_checklist_task_id"])

    def test_checklists_that_cannot_be(self):
        for description, wrong in (
                ("text must be non-empty", self.checklist("a", title=" ")),
                ("checklist title length must not exceed 255", self.checklist("a", title="x" * 256)),
                ("checklist must have at least 1 task", self.checklist()),
                ("checklist can't have more than 30 tasks", self.checklist(*"x" * 31)),
                ("checklist task text length must not exceed 100", self.checklist("x" * 101)),
                ("checklist task identifiers must be unique",
                 self.checklist(tasks=[{"id": 1, "text": "a"}, {"id": 1, "text": "b"}])),
                ("checklist task identifier must be positive", self.checklist(tasks=[{"id": 0, "text": "a"}]))):
            with self.subTest(wrong=wrong):
                self.refuses(description, "sendChecklist", checklist=wrong, **self.place)
        self.refuses('parameter "business_connection_id" is required', "sendChecklist", chat_id=BORIS,
                     checklist=self.checklist("a"))
        self.refuses("business connection not found", "sendChecklist", chat_id=BORIS, business_connection_id="x",
                     checklist=self.checklist("a"))
        text = self.result("sendMessage", text="x", **self.place)
        self.refuses("there is no checklist in the message to edit", "editMessageChecklist",
                     message_id=text["message_id"], checklist=self.checklist("a"), **self.place)

    def test_messages_are_read_and_deleted(self):
        said = self.act("send", user_id=BORIS, text="x", business_connection_id=self.connection)["message"]
        self.assertIs(True, self.result("readBusinessMessage", message_id=said["message_id"], **self.place))
        self.refuses("MESSAGE_ID_INVALID", "readBusinessMessage", message_id=9999, **self.place)
        ids = {"business_connection_id": self.connection, "message_ids": [said["message_id"], 9999]}
        self.assertIs(True, self.result("deleteBusinessMessages", **ids))
        self.refuses("MESSAGE_ID_INVALID", "readBusinessMessage", message_id=said["message_id"], **self.place)
        self.refuses("business connection not found", "deleteBusinessMessages",
                     **(ids | {"business_connection_id": "x"}))
        self.refuses("message identifiers are not specified", "deleteBusinessMessages", **(ids | {"message_ids": []}))


class ShownForAWhileTest(MethodsTest):
    def test_a_draft_is_shown(self):
        after = self.stack.revision()
        self.assertIs(True, self.result("sendMessageDraft", chat_id=ALICE, draft_id=7, text="<b>so</b>",
                                        parse_mode="HTML", can_stop=True))
        event = self.event("draft", after)
        self.assertEqual((7, "so", True, ALICE), (event["draft_id"], event["text"], event["can_stop"],
                                                 event["chat_id"]))
        self.assertEqual(1, len(self.stack.messages(ALICE)))
        self.result("sendMessageDraft", chat_id=ALICE, draft_id=7, text="")
        self.updates(allowed_updates=[])
        self.act("stop_draft", user_id=ALICE, draft_id=7)
        self.assertEqual(7, self.news()[0]["stopped_message_generation"]["draft_id"])
        self.refuses("invalid draft identifier specified", "sendMessageDraft", chat_id=ALICE, draft_id=0, text="x")
        self.refuses("message drafts can be sent only to private chats", "sendMessageDraft", chat_id=self.group(),
                     draft_id=1, text="x")

    def test_an_ephemeral_message_is_for_one(self):
        group = self.group()
        sent = self.result("sendMessage", chat_id=group, text="psst",
                           ephemeral_message_parameters={"receiver_user_id": BORIS})
        self.assertEqual((0, BORIS), (sent["message_id"], sent["receiver_user"]["id"]))
        self.assertNotIn("psst", [m.get("text") for m in self.stack.messages(group)])
        where = {"chat_id": group, "receiver_user_id": BORIS, "ephemeral_message_id": sent["ephemeral_message_id"]}
        after = self.stack.revision()
        self.assertIs(True, self.result("editEphemeralMessageText", text="shh", **where))
        event = self.event("ephemeral", after)
        self.assertEqual((BORIS, "shh"), (event["user_id"], event["message"]["text"]))
        self.assertIs(True, self.result("editEphemeralMessageReplyMarkup", reply_markup=keyboard([("A", "a")]),
                                        **where))
        self.assertIs(True, self.result("editEphemeralMessageMedia", media={"type": "photo", "media": "attach://p"},
                                        files=[("p", "p.png", "image/png", PNG)], **where))
        self.assertIs(True, self.result("editEphemeralMessageCaption", caption="c", **where))
        self.assertIn("not modified", self.refusal("editEphemeralMessageCaption", caption="c", **where)[1])
        other = where | {"receiver_user_id": ALICE}
        self.refuses("message to edit not found", "editEphemeralMessageText", text="x", **other)
        self.refuses("message to delete not found", "deleteEphemeralMessage", **other)
        self.assertIs(True, self.result("deleteEphemeralMessage", **where))
        self.refuses("message to delete not found", "deleteEphemeralMessage", **where)
        for description, user in (("user not found", 99), ("invalid receiver_user_id specified", -1)):
            self.refuses(description, "sendMessage", chat_id=group, text="x",
                         ephemeral_message_parameters={"receiver_user_id": user})


class GamesTest(MethodsTest):
    def test_scores(self):
        sent = self.result("sendGame", chat_id=ALICE, game_short_name="chess")
        self.assertEqual(("chess", {}), (sent["game"]["title"],
                                         sent["reply_markup"]["inline_keyboard"][0][0]["callback_game"]))
        where = {"chat_id": ALICE, "message_id": sent["message_id"]}
        self.result("setGameScore", user_id=ALICE, score=5, **where)
        self.result("setGameScore", user_id=BORIS, score=9, **where)
        self.assertEqual([(1, BORIS, 9), (2, ALICE, 5)],
                         [(row["position"], row["user"]["id"], row["score"])
                          for row in self.result("getGameHighScores", user_id=ALICE, **where)])
        self.refuses("BOT_SCORE_NOT_MODIFIED", "setGameScore", user_id=ALICE, score=4, **where)
        self.result("setGameScore", user_id=ALICE, score=4, force=True, **where)
        self.refuses("message to set game score not found", "setGameScore", user_id=ALICE, score=1, **NOWHERE)
        self.refuses("wrong game short name specified", "sendGame", chat_id=ALICE, game_short_name="!")
        self.refuses("REPLY_MARKUP_GAME_EMPTY", "sendGame", chat_id=ALICE, game_short_name="chess",
                     reply_markup=keyboard([("A", "a")]))


class InlineMessagesTest(MethodsTest):
    def setUp(self):
        super().setUp()
        self.updates(allowed_updates=[])
        query = self.act("inline", user_id=ALICE, query="q")["id"]
        result = {"type": "article", "id": "1", "title": "t", "input_message_content": {"message_text": "m"},
                  "reply_markup": keyboard([("A", "a")])}
        self.result("answerInlineQuery", inline_query_id=query, results=[result])
        self.inline_id = self.act("choose", user_id=ALICE, inline_query_id=query, result_id="1")["inline_message_id"]

    def shown(self):
        return self.stack.api(f"/sandbox/inline/{self.inline_id}")

    def test_every_kind_of_edit(self):
        where = {"inline_message_id": self.inline_id}
        self.assertIs(True, self.result("editMessageText", text="<b>n</b>", parse_mode="HTML", **where))
        self.assertEqual("n", self.shown()["text"])
        self.refuses("there is no caption in the message to edit", "editMessageCaption", caption="x", **where)
        photo = self.photo()["photo"][-1]["file_id"]
        self.assertIs(True, self.result("editMessageMedia", media={"type": "photo", "media": photo, "caption": "c"},
                                        **where))
        self.assertEqual((photo, "c"), (self.shown()["photo"][-1]["file_id"], self.shown()["caption"]))
        self.assertIs(True, self.result("editMessageCaption", caption="d", show_caption_above_media=True, **where))
        self.assertEqual(("d", True), (self.shown()["caption"], self.shown()["show_caption_above_media"]))
        self.assertIs(True, self.result("editMessageReplyMarkup", reply_markup=keyboard([("B", "b")]), **where))
        self.assertEqual(keyboard([("B", "b")]), self.shown()["reply_markup"])
        self.refuses("there is no text in the message to edit", "editMessageText", text="x", **where)
        self.refuses("invalid message content specified", "editMessageMedia",
                     media={"type": "photo", "media": "attach://p"}, files=[("p", "p.png", "image/png", PNG)], **where)

    def test_what_is_not_there(self):
        for method, more in (("editMessageText", {"text": "x"}), ("editMessageCaption", {"caption": "x"}),
                             ("editMessageReplyMarkup", {}), ("editMessageMedia", {"media": {"type": "photo",
                                                                                             "media": "x"}})):
            self.refuses("MESSAGE_ID_INVALID", method, inline_message_id="x", **more)
            self.refuses("message identifier is not specified", method, **more)


if __name__ == "__main__":
    unittest.main()
