"""The build's check of texts: what is missing, unused or malformed is an error with file and line."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).with_name("check_locales.py")


class CheckLocales(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = pathlib.Path(directory.name)

    def catalogue(self, ru, en, name="locale"):
        directory = self.dir / name
        directory.mkdir(exist_ok=True)
        for language, tree in (("ru", ru), ("en", en)):
            data = tree if isinstance(tree, bytes) else json.dumps(tree, indent=1).encode()
            (directory / f"{language}.json").write_bytes(data)
        return directory

    def check(self, *arguments, source=None):
        files = []
        if source is not None:
            files = [self.dir / "plugin.c"]
            files[0].write_text(source)
        run = subprocess.run([sys.executable, TOOL, *arguments, self.dir / "locale", *files],
                             cwd=self.dir, capture_output=True, text=True, timeout=60)
        self.assertEqual(run.returncode, 1 if run.stderr else 0)
        self.assertNotIn("Traceback", run.stderr)
        return run.stderr

    def refuses(self, ru, en, expected):
        self.catalogue(ru, en)
        self.assertIn(expected, self.check())

    def test_good_catalogues_pass_and_are_copied(self):
        self.catalogue({"a": {"one": "{n}", "few": "{n}", "many": "{n}"}, "b": "<b>{{</b> &amp;"},
                       {"a": {"one": "{n}", "other": "{n}"}, "b": "<a href=\"x>y\">z</a>"})
        out = self.dir / "out"
        out.mkdir()
        self.assertEqual(self.check("--output", out), "")
        for name in "ru.json", "en.json":
            self.assertEqual((out / name).read_bytes(), (self.dir / "locale" / name).read_bytes())

    def test_nothing_is_copied_when_something_is_wrong(self):
        self.catalogue({"a": "x"}, {})
        out = self.dir / "out"
        out.mkdir()
        self.check("--output", out)
        self.assertEqual(list(out.iterdir()), [])

    def test_missing_translations(self):
        self.refuses({"a": "x"}, {}, 'en.json: "a": the text is missing in this language\n')
        self.refuses({}, {"a": "x"}, 'ru.json: "a": the text is missing in this language\n')

    def test_placeholders_that_differ(self):
        self.refuses({"a": "{x}"}, {"a": "{y}"}, "other placeholders than in the other language\n")
        self.refuses({"a": {"one": "", "few": "x", "many": "x"}}, {"a": "x"}, "not a text\n")
        self.refuses({"a": "x"}, {"a": {"one": "{n}", "other": "x"}},
                     'en.json:2: "a": the plural forms differ in their placeholders\n')

    def test_broken_placeholders(self):
        for text in "{", "{x", "{X}", "{}", "{ x}":
            self.refuses({"a": text}, {"a": text}, 'ru.json:2: "a": a broken placeholder')

    def test_plural_forms(self):
        self.refuses({"a": {"one": "x", "few": "x"}}, {"a": "x"},
                     'ru.json:2: "a": the plural form "many" is missing\n')
        self.refuses({"a": "x"}, {"a": {"one": "x", "other": "x", "few": "x"}},
                     'en.json:2: "a": this language has no plural form "few"\n')

    def test_markup(self):
        for text, fault in (("<b>x", "<b> is not closed"), ("x</b>", "</b> closes nothing"),
                            ("<p>x</p>", "Telegram has no <p>"), ("a < b", 'a "<" that starts'),
                            ("a & b", 'a "&" that starts'), ("<b><i>x</b></i>", "</b> closes"),
                            ("<b class=\"x\">x</b>", "Telegram has no <b"),
                            ("<b>" * 17 + "</b>" * 17, "tags are nested too deep")):
            self.refuses({"a": text}, {"a": text}, f'"a": {fault}')

    def test_files_that_are_no_catalogues(self):
        self.refuses(b"[]", {}, "ru.json:1: a catalogue is one object")
        self.refuses(b"{\n\"a\": }", {}, "ru.json:2: not valid JSON")
        self.refuses(b"{\n\n\"a\": \"\xff\"}", {}, "ru.json:3: not valid UTF-8\n")
        self.refuses(b'{"a": "x", "a": "y"}', {"a": "x"}, 'ru.json: "a" is given twice\n')
        self.refuses(b" " * (1 << 20) + b"{}", {}, "ru.json: over 1 MiB\n")
        self.refuses(b'{"a":' + b"[" * 100000, {}, "ru.json: ")
        self.refuses({"A": "x"}, {"A": "x"}, '"A": a key has')
        (self.dir / "locale/ru.json").unlink()
        self.assertIn("ru.json: cannot be read: No such file", self.check())

    def test_keys_without_a_text_are_found_by_line(self):
        texts = {"a": "x", "b": "x"}
        self.catalogue(texts, texts)
        self.catalogue({"host": "x"}, {"host": "x"}, "host")
        source = ('/* aisha_t(ctx, "comment") */\n'
                  'f(aisha_t(ctx, "lost1"), aisha_t_plain(ctx,\n "a"));\n'
                  'aisha_reply(ctx, .key = x == 1 ? "lost2" : "b");\n'
                  '{.summary = "@lost3"},\n'
                  'aisha_t(ctx, "host"); say(ctx, "unchecked");\n'
                  'aisha_t(ctx, ok ? "a" : "lost4");\n')
        report = self.check("--fallback", self.dir / "host", source=source)
        self.assertEqual(report, "".join(
            f'plugin.c:{line}: there is no text "lost{n}"; add it to locale\n'
            for n, line in ((1, 2), (2, 4), (3, 5), (4, 7))))
        self.assertIn('plugin.c:6: there is no text "unchecked"',
                      self.check("--fallback", self.dir / "host", "--call", "say", source=source))

    def test_arguments_that_are_not_given(self):
        self.catalogue({"a": "{n} {name}"}, {"a": "{n} {name}"})
        call = 'aisha_t(ctx, "a", AISHA_ARG("n", f(")", 1)), AISHA_ARG("name", name));\n'
        self.assertEqual(self.check(source=call), "")
        self.assertIn('plugin.c:1: the text "a" needs AISHA_ARG("name", ...)\n',
                      self.check(source='aisha_t(ctx, "a", AISHA_ARG("n", 1)); AISHA_ARG("name", 2)'))
        self.assertIn('needs AISHA_ARG("n", ...)', self.check(source='{.key = "a"}'))
        args = '.key = "a", .args = AISHA_ARGS(AISHA_ARG("n", 1)%s), .text = f(AISHA_ARG("name", 2))'
        self.assertEqual(self.check(source=args % ', AISHA_ARG("name", 2)'), "")
        self.assertIn('needs AISHA_ARG("name", ...)', self.check(source=args % ""))

    def test_texts_that_nothing_uses(self):
        self.catalogue({"a": "x", "b": "x"}, {"a": "x", "b": "x"})
        self.assertEqual(self.check(source='aisha_t(ctx, "a"); /* "b" */'),
                         'locale: no source uses the text "b"; remove it\n')
        self.assertEqual(self.check("--library", source='aisha_t(ctx, "a");'), "")
        self.assertEqual(self.check(source='static const char *const keys[] = {"a", "@b"};'), "")


if __name__ == "__main__":
    unittest.main()
