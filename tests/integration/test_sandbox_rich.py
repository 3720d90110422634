"""Rich messages: blocks, HTML and Markdown, without a host."""
import unittest

from sandbox_case import ALICE, PNG
from test_sandbox_methods import MethodsTest

FILES = [("p", "p.png", "image/png", PNG)]


class RichMessagesTest(MethodsTest):
    def blocks(self, **rich):
        files = FILES if "media" in rich else ()
        return self.result("sendRichMessage", chat_id=ALICE, rich_message=rich, files=files)["rich_message"]["blocks"]

    def paragraph(self, text):
        return {"type": "paragraph", "text": text}

    def test_blocks(self):
        item = {"blocks": [self.paragraph("a")]}
        shown = self.blocks(blocks=[
            self.paragraph(["plain ", {"type": "bold", "text": "bold"}]), {"type": "divider"},
            {"type": "list", "items": [item, item]}, {"type": "list", "items": [item | {"type": "1"}] * 2},
            {"type": "blockquote", "blocks": [self.paragraph("q")]},
            {"type": "map", "location": {"latitude": 1, "longitude": 2}}])
        self.assertEqual(["plain ", {"type": "bold", "text": "bold"}], shown[0]["text"])
        self.assertEqual([["•", "•"], ["1.", "2."]], [[i["label"] for i in block["items"]] for block in shown[2:4]])
        self.assertEqual((self.paragraph("q"), 15), (shown[4]["blocks"][0], shown[5]["zoom"]))

    def test_html(self):
        html = ("<h2>Title</h2>loose &amp; <b>bold <i>both</i></b><p>two<br>lines</p><ul><li>a</li><li>b<ol><li>c</li>"
                "</ol></li></ul><hr><blockquote><p>q</p></blockquote><details><summary>s</summary>x</details>"
                '<pre>a  b</pre><p><a href="https://e.org">l</a></p>')
        self.assertEqual([
            {"type": "heading", "text": "Title", "size": 2},
            self.paragraph(["loose & ", {"type": "bold", "text": ["bold ", {"type": "italic", "text": "both"}]}]),
            self.paragraph(["two", "\n", "lines"]),
            {"type": "list", "items": [
                {"blocks": [self.paragraph("a")], "label": "•"},
                {"blocks": [self.paragraph("b"), {"type": "list", "items": [
                    {"type": "1", "blocks": [self.paragraph("c")], "label": "1."}]}], "label": "•"}]},
            {"type": "divider"}, {"type": "blockquote", "blocks": [self.paragraph("q")]},
            {"type": "details", "summary": "s", "blocks": [self.paragraph("x")]}, {"type": "pre", "text": "a  b"},
            self.paragraph({"type": "url", "text": "l", "url": "https://e.org"})], self.blocks(html=html))

    def test_markdown(self):
        markdown = ("# Title\n\nsome **bold *both*** and `a*b` \\*x\nsecond line\n\n- a\n- [x] b\n\n3. c\n4. d\n\n"
                    "> q\n> r\n\n---\n```py\nx = 1\n```\n[l](https://e.org) ~~s~~ ||h|| 2 * 3")
        self.assertEqual([
            {"type": "heading", "text": "Title", "size": 1},
            self.paragraph(["some ", {"type": "bold", "text": ["bold ", {"type": "italic", "text": "both"}]}, " and ",
                            {"type": "code", "text": "a*b"}, " ", "*x\nsecond line"]),
            {"type": "list", "items": [
                {"blocks": [self.paragraph("a")], "label": "•"},
                {"blocks": [self.paragraph("b")], "has_checkbox": True, "is_checked": True, "label": "•"}]},
            {"type": "list", "items": [
                {"blocks": [self.paragraph("c")], "type": "1", "value": 3, "label": "3."},
                {"blocks": [self.paragraph("d")], "type": "1", "value": 4, "label": "4."}]},
            {"type": "blockquote", "blocks": [self.paragraph("q\nr")]}, {"type": "divider"},
            {"type": "pre", "text": "x = 1", "language": "py"},
            self.paragraph([{"type": "url", "text": "l", "url": "https://e.org"}, " ",
                            {"type": "strikethrough", "text": "s"}, " ", {"type": "spoiler", "text": "h"}, " 2 * 3"])],
            self.blocks(markdown=markdown))

    def test_media(self):
        media = [{"id": "1", "media": {"type": "photo", "media": "attach://p", "has_spoiler": True}}]
        for text in ({"html": 'x<img src="tg://photo?id=1">'}, {"markdown": "x\n![](tg://photo?id=1)"}):
            shown = self.blocks(media=media, **text)
            self.assertEqual((self.paragraph("x"), 640, True), (shown[0], shown[1]["photo"][0]["width"],
                                                               shown[1]["has_spoiler"]))
        self.refuses('can\'t parse rich message: media "2" not found', "sendRichMessage", chat_id=ALICE,
                     rich_message={"html": '<img src="tg://photo?id=2">'})

    def test_what_cannot_be(self):
        one = "exactly one of the fields html, markdown, or blocks must be used"
        for description, rich in (
                (one, {}), (one, {"html": "x", "markdown": "x"}), ("text must be non-empty", {"html": " "}),
                ("text must be non-empty", {"blocks": []}),
                ('can\'t parse rich message: Unsupported start tag "blink" at byte offset 7',
                 {"html": "<blink>x</blink>"}),
                ('can\'t parse rich message: Can\'t find end tag corresponding to start tag "b" at byte offset 4',
                 {"html": "<b>x"}),
                ('can\'t parse rich message: Unexpected end tag "p" at byte offset 0', {"html": "</p>"}),
                ("can't parse InputRichBlock: type \"x\" is unsupported", {"blocks": [{"type": "x"}]}),
                ("can't parse InputRichBlock: Can't find field \"text\"", {"blocks": [{"type": "paragraph"}]})):
            with self.subTest(rich=rich):
                self.refuses(description, "sendRichMessage", chat_id=ALICE, rich_message=rich)
        deep = "<blockquote>" * 50 + "x" + "</blockquote>" * 50
        refused = self.refusal("sendRichMessage", chat_id=ALICE, rich_message={"html": deep})[1]
        self.assertIn("Too many nested tags", refused)
        self.result("sendRichMessage", chat_id=ALICE, rich_message={"markdown": "*" * 3000 + "[" * 3000})

    def test_texts_and_rich_messages_take_each_others_place(self):
        where = {"chat_id": ALICE, "message_id": self.say("plain")["message_id"]}
        edited = self.result("editMessageText", rich_message={"markdown": "# T"}, **where)
        self.assertEqual((1, None), (len(edited["rich_message"]["blocks"]), edited.get("text")))
        edited = self.result("editMessageText", text="again", **where)
        self.assertEqual(("again", None), (edited["text"], edited.get("rich_message")))
        after = self.stack.revision()
        self.result("sendRichMessageDraft", chat_id=ALICE, draft_id=3, rich_message={"html": "x"})
        self.assertEqual([self.paragraph("x")], self.event("draft", after)["rich_message"]["blocks"])


if __name__ == "__main__":
    unittest.main()
