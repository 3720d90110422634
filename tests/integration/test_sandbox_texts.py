"""Texts, keyboards and what is said of wrong parameters: in the words of the real server, without a host."""
import unittest

from sandbox_case import ALICE, BORIS, SandboxTest, keyboard


def entity(kind, offset=0, length=5, **more):
    return {"type": kind, "offset": offset, "length": length} | more


def inline(**button):
    return {"reply_markup": {"inline_keyboard": [[{"text": "b"} | button]]}}


def keys(**button):
    return {"reply_markup": {"keyboard": [[{"text": "b"} | button]]}}


class EntitiesTest(SandboxTest):
    def found(self, text, **params):
        return [(e["type"], e["offset"], e["length"]) for e in self.say(text, **params).get("entities", ())]

    def test_given_entities_are_checked(self):
        refused = {
            "entity begins after the end of the text at UTF-16 offset 100": entity("bold", 100, 1),
            "entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 100":
                entity("bold", 0, 100),
            "receive an entity with incorrect offset -1": entity("bold", -1, 1),
            "can't parse MessageEntity: Unsupported type specified": entity("invalid_type"),
            "can't parse MessageEntity: Can't find field \"url\"": entity("text_link"),
            "can't parse MessageEntity: Can't find field \"user\"": entity("text_mention"),
            "can't parse MessageEntity: Can't find field \"custom_emoji_id\"": entity("custom_emoji"),
            "can't parse MessageEntity: Field \"custom_emoji_id\" must be a valid Number":
                entity("custom_emoji", custom_emoji_id="9999999999999999999"),
            "entity URL 'not-a-url' is invalid: Wrong HTTP URL": entity("text_link", url="not-a-url"),
            "entity URL '' is invalid: URL host is empty": entity("text_link", url=""),
            "user not found": entity("text_mention", user={"id": 5, "is_bot": False, "first_name": "X"}),
        }
        for description, wrong in refused.items():
            with self.subTest(entity=wrong):
                self.refuses(description, "sendMessage", chat_id=ALICE, text="hello", entities=[wrong])
        for offset, length, where in ((1, 1, "begins in a middle of a UTF-16 symbol at UTF-16 offset 1"),
                                      (0, 1, "beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at "
                                             "UTF-16 offset 1")):
            self.refuses("entity " + where, "sendMessage", chat_id=ALICE, text="😀",
                         entities=[entity("bold", offset, length)])

    def test_entities_do_not_cross(self):
        self.assertEqual([("bold", 0, 6), ("italic", 3, 3), ("italic", 6, 2)],
                         self.found("abcdefgh", entities=[entity("bold", 0, 6), entity("italic", 3, 5)]))
        self.assertEqual([("bold", 0, 8)],
                         self.found("abcdefgh", entities=[entity("bold", 0, 5), entity("bold", 3, 5)]))
        self.assertEqual([("bold", 0, 2), ("code", 2, 2), ("bold", 4, 4)],
                         self.found("abcdefgh", entities=[entity("bold", 0, 8), entity("code", 2, 2)]))
        links = [entity("text_link", 0, 4, url="a.org"), entity("text_link", 2, 4, url="b.org")]
        self.assertEqual([("text_link", 0, 4)], self.found("abcdefgh", entities=links))
        self.assertEqual([("blockquote", 0, 8), ("bold", 2, 2)],
                         self.found("abcdefgh", entities=[entity("bold", 2, 2), entity("blockquote", 0, 8)]))
        many = [entity("bold", 2 * n, 1) for n in range(150)]
        self.assertEqual(100, len(self.found("x" * 300, entities=many)))
        self.assertEqual([], self.found("abc", entities=[entity("bold", 1, 0), entity("hashtag", 0, 3)]))

    def test_what_is_found_in_a_text(self):
        text = "@someone, #tag_1 #12 $USD me@example.org, https://a.org/x?(y). b.com/z a@b c.d /do_it!"
        self.assertEqual([("mention", "@someone"), ("hashtag", "#tag_1"), ("cashtag", "$USD"),
                          ("email", "me@example.org"), ("url", "https://a.org/x?(y)"), ("url", "b.com/z"),
                          ("bot_command", "/do_it")],
                         [(kind, text[offset:offset + length]) for kind, offset, length in self.found(text)])
        self.assertEqual([("code", 0, 7)], self.found("`a.org/b`", parse_mode="MarkdownV2"))

    def test_links_have_their_normal_form(self):
        for given, wanted in (("EXAMPLE.org", "http://example.org/"), ("https://E.org?q#f", "https://e.org/?q#f"),
                              ("http://e.org:8080/P", "http://e.org:8080/P"), ("tg:resolve?domain=x",
                                                                             "tg://resolve?domain=x")):
            sent = self.say(f'<a href="{given}">link</a>', parse_mode="HTML")
            self.assertEqual(wanted, sent["entities"][0]["url"])
        self.assertNotIn("entities", self.say('<a href="nonsense">link</a>', parse_mode="HTML"))

    def test_a_link_to_a_user_is_a_mention(self):
        for text, mode in (('<a href="tg://user?id=1001">she</a>', "HTML"), ("[she](tg://user?id=1001)", "Markdown"),
                           ("[she](tg://user?id=1001)", "MarkdownV2")):
            mentioned = self.say(text, parse_mode=mode)["entities"]
            self.assertEqual([("text_mention", ALICE)], [(e["type"], e["user"]["id"]) for e in mentioned])
        self.assertNotIn("entities", self.say('<a href="tg://user?id=77">she</a>', parse_mode="HTML"))

    def test_the_old_markdown(self):
        sent = self.say("*bold* _it_ `c` [l](e.org) ```py\nx = 1``` \\_ a_b_c", parse_mode="Markdown")
        self.assertEqual("bold it c l x = 1 _ abc", sent["text"])
        self.assertEqual([("bold", 0, 4), ("italic", 5, 2), ("code", 8, 1), ("text_link", 10, 1), ("pre", 12, 5),
                          ("italic", 21, 1)], [(e["type"], e["offset"], e["length"]) for e in sent["entities"]])
        self.assertEqual(("http://e.org/", "py"), (sent["entities"][3]["url"], sent["entities"][4]["language"]))
        for text, offset in (("*unclosed", 0), ("a _b", 2), ("[x", 0), ("```x", 0), ("*a* `", 4)):
            self.refuses(f"can't parse entities: Can't find end of the entity starting at byte offset {offset}",
                         "sendMessage", chat_id=ALICE, text=text, parse_mode="Markdown")

    def test_parse_modes(self):
        self.refuses("unsupported parse_mode", "sendMessage", chat_id=ALICE, text="x", parse_mode="INVALID")
        self.assertEqual("b", self.say("<b>b</b>", parse_mode="html")["text"])
        refused = (
            ("Can't find end of Bold entity at byte offset 15", "*bold _italic\\_*", "MarkdownV2"),
            ("Invalid custom emoji identifier specified",
             '<tg-emoji emoji-id="9999999999999999999">x</tg-emoji>', "HTML"),
            ('Unmatched end tag at byte offset 10, expected "</i>", found "</b>"', "<b><i>test</b></i>", "HTML"),
            ('Unsupported start tag "script" at byte offset 0', "<script>alert(1)</script>", "HTML"),
            *(("Character '" + c + "' is reserved and must be escaped with the preceding '\\'", f"a{c}b", "MarkdownV2")
              for c in ".-!()#+={}>|"),
        )
        for description, text, mode in refused:
            with self.subTest(text=text):
                self.refuses("can't parse entities: " + description, "sendMessage", chat_id=ALICE, text=text,
                             parse_mode=mode)


class KeyboardsTest(SandboxTest):
    def test_buttons_that_cannot_be(self):
        refused = {
            "BUTTON_DATA_INVALID": inline(callback_data="x" * 100),
            "inline keyboard button URL 'not-a-url' is invalid: Wrong HTTP URL": inline(url="not-a-url"),
            "inline keyboard button URL 'ftp://example.com' is invalid: Unsupported URL protocol":
                inline(url="ftp://example.com"),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard":
                inline(callback_data=""),
            "inline keyboard button Web App URL 'bad' is invalid: Only HTTPS links are allowed":
                inline(web_app={"url": "bad"}),
            "inline keyboard button Web App URL 'http://example.com' is invalid: Only HTTPS links are allowed":
                inline(web_app={"url": "http://example.com"}),
            "BUTTON_COPY_TEXT_INVALID": inline(copy_text={"text": ""}),
            'bot "nonexistent_bot_xyz_12345" not found':
                inline(login_url={"url": "https://e.com", "bot_username": "nonexistent_bot_xyz_12345"}),
            'can\'t parse inline keyboard button: Field "request_write_access" must be of type Boolean':
                inline(login_url={"url": "https://e.com", "request_write_access": "yes"}),
            'can\'t parse inline keyboard button: Field "allow_user_chats" must be of type Boolean':
                inline(switch_inline_query_chosen_chat={"allow_user_chats": "yes"}),
            "can't parse inline keyboard button: Can't find field \"text\"":
                {"reply_markup": {"inline_keyboard": [[{"callback_data": "x"}]]}},
            "BUTTON_QUANTITY_MAX_INVALID": keys(request_users={"request_id": 1, "max_quantity": 999}),
            "can't parse keyboard button: Can't find field \"request_id\"":
                keys(request_chat={"chat_is_channel": True}),
            'can\'t parse keyboard button: Field "chat_is_forum" must be of type Boolean':
                keys(request_chat={"request_id": 1, "chat_is_channel": True, "chat_is_forum": "yes"}),
            "keyboard button Web App URL 'http://example.com' is invalid: Only HTTPS links are allowed":
                keys(web_app={"url": "http://example.com"}),
            "reply markup is too long": {"reply_markup": {"keyboard": [["A"]], "input_field_placeholder": "x" * 65}},
        }
        for description, params in refused.items():
            with self.subTest(params=params):
                self.refuses(description, "sendMessage", chat_id=ALICE, text="x", **params)
        for button in ({"pay": True}, {"callback_game": {}}):
            self.refuses("BUTTON_TYPE_INVALID", "sendMessage", chat_id=ALICE, text="x", **inline(**button))

    def test_buttons_are_shown_as_messages_have_them(self):
        shown = {
            "url": ("example.org", {"url": "http://example.org/"}),
            "callback_data": ("x" * 64, {"callback_data": "x" * 64}),
            "switch_inline_query": ("", {"switch_inline_query": ""}),
            "switch_inline_query_current_chat": ("q", {"switch_inline_query_current_chat": "q"}),
            "copy_text": ({"text": "t"}, {"copy_text": {"text": "t"}}),
            "web_app": ({"url": "https://e.org"}, {"web_app": {"url": "https://e.org/"}}),
            "login_url": ({"url": "https://e.org/l"}, {"url": "https://e.org/l"}),
            "switch_inline_query_chosen_chat": (
                {"allow_user_chats": True},
                {"switch_inline_query_chosen_chat": {"query": "", "allow_user_chats": True, "allow_bot_chats": False,
                                                     "allow_group_chats": False, "allow_channel_chats": False}}),
        }
        for name, (given, wanted) in shown.items():
            with self.subTest(name=name):
                sent = self.say(**inline(**{name: given, "style": "danger"}))
                self.assertEqual([[{"text": "b", "style": "danger"} | wanted]], sent["reply_markup"]["inline_keyboard"])
        sent = self.say(reply_markup={"inline_keyboard": [[{"text": "", "callback_data": "x"}], []]})
        self.assertNotIn("reply_markup", sent)

    def test_some_keys_are_for_private_chats(self):
        group = self.stack.api("/sandbox/chats", {"user_id": ALICE, "type": "group", "title": "G"})["id"]
        for key, wanted in (({"request_contact": True}, "phone number can be requested"),
                            ({"request_location": True}, "location can be requested"),
                            ({"request_poll": {}}, "poll can be requested"),
                            ({"request_users": {"request_id": 1}}, "users can be requested"),
                            ({"web_app": {"url": "https://e.org"}}, "Web App buttons can be used")):
            self.say(**keys(**key))
            self.refuses(wanted + " in private chats only", "sendMessage", chat_id=group, text="x", **keys(**key))

    def test_a_message_with_keys_cannot_be_edited(self):
        for markup in ({"keyboard": [["A"]]}, {"remove_keyboard": True}, {"force_reply": True}):
            where = {"chat_id": ALICE, "message_id": self.say(reply_markup=markup)["message_id"]}
            self.refuses("message can't be edited", "editMessageText", text="x", **where)
        where = {"chat_id": ALICE, "message_id": self.say(reply_markup=keyboard([("A", "a")]))["message_id"]}
        self.result("editMessageText", text="y", **where)


class WordsTest(SandboxTest):
    """What is said of parameters that are no such thing."""

    def test_wrong_types(self):
        refused = {
            'field "prefer_small_media" must be of type Boolean':
                {"link_preview_options": {"prefer_small_media": "yes"}},
            'field "is_disabled" must be of type Boolean': {"link_preview_options": {"is_disabled": "yes"}},
            'field "force_reply" must be of type Boolean': {"reply_markup": {"force_reply": "yes"}},
            'field "remove_keyboard" must be of type Boolean': {"reply_markup": {"remove_keyboard": "yes"}},
            'field "inline_keyboard" must be of type Array': {"reply_markup": {"inline_keyboard": "bad"}},
            'field "keyboard" must be of type Array': {"reply_markup": {"keyboard": "bad"}},
            'field "selective" must be of type Boolean': {"reply_markup": {"keyboard": [["A"]], "selective": "yes"}},
            'field "one_time_keyboard" must be of type Boolean':
                {"reply_markup": {"keyboard": [["A"]], "one_time_keyboard": "yes"}},
            "can't parse reply keyboard markup JSON object": {"reply_markup": "{"},
            "object expected as reply markup": {"reply_markup": [1]},
            "can't parse link preview options JSON object": {"link_preview_options": "{"},
            "object expected as link preview options": {"link_preview_options": [1]},
            "object expected as reply parameters": {"reply_parameters": [1]},
            "can't find field \"message_id\"": {"reply_parameters": {"quote": "hello"}},
        }
        for description, params in refused.items():
            with self.subTest(params=params):
                self.refuses(description, "sendMessage", chat_id=ALICE, text="x", **params)

    def test_chats_that_are_not_there(self):
        for chat in (0, -1, "@this_channel_does_not_exist_12345xyz", "not_a_chat", 99):
            self.refuses("chat not found", "sendMessage", chat_id=chat, text="x")
        for chat in ({}, {"chat_id": ""}):
            self.refuses("chat_id is empty", "sendMessage", text="x", **chat)
        self.assertEqual((403, "Forbidden: bot can't initiate conversation with a user"),
                         self.refusal("sendMessage", chat_id=BORIS, text="x"))

    def test_what_is_missing(self):
        for method, description in {
                "sendPhoto": "there is no photo in the request",
                "sendVideoNote": "there is no video note in the request",
                "forwardMessage": 'parameter "from_chat_id" is required', "sendLocation": "latitude is empty",
                "deleteMessages": "message identifiers are not specified",
                "deleteMessage": "message identifier is not specified"}.items():
            self.refuses(description, method, chat_id=ALICE)


if __name__ == "__main__":
    unittest.main()
