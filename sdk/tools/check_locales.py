#!/usr/bin/python3
"""Checks a plugin's catalogues (locale/ru.json, locale/en.json) and the keys its sources use.

    check_locales.py [--fallback DIR] [--stamp FILE] LOCALE_DIR SOURCE...

Run by the build, so that a missing text is a build error with file and line instead of a key shown
to a user. The catalogues are checked as the host checks them when it loads them. In the sources
  - aisha_t(ctx, "key", ...), aisha_t_plain(ctx, "key", ...), .key = "key" and "@key" have to name
    texts of the catalogue or of --fallback, the host's catalogue;
  - a call with a literal key has to give every placeholder of its text by AISHA_ARG("name", ...);
  - every key of the catalogue has to stand in some string of some source, with or without "@".
"""
import argparse
import json
import pathlib
import re
import sys

PLURALS = {"ru": {"one", "few", "many"}, "en": {"one", "other"}}
OPTIONAL_PLURALS = {"ru": {"other"}, "en": set()}
MAX_BYTES = 1 << 20
MAX_DEPTH = 16
KEY = re.compile(r"[a-z0-9_.]{1,60}")
PLACEHOLDER = re.compile(r"\{(\{|[a-z0-9_]+\}|)")
MARKUP = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)((?:[^<>\"]|\"[^\"]*\")*)>|[<&]")
ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|#39|#x27);")
BARE_TAGS = set("b strong i em u ins s strike del tg-spoiler code pre blockquote".split())
FULL_TAG = re.compile(r'<a href="[^"]+">|<code class="language-[^"]+">|<tg-emoji emoji-id="[^"]+">'
                      r'|<span class="tg-spoiler">|<blockquote expandable>')


class Duplicate(ValueError):
    pass


def unique(pairs):
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise Duplicate(f'"{key}" is given twice')
    return dict(pairs)


def placeholders(text):
    """The set of names; None when a brace is wrong."""
    names = set()
    for match in PLACEHOLDER.finditer(text):
        if not match[1]:
            return None
        if match[1] != "{":
            names.add(match[1][:-1])
    return names


def markup_fault(text):
    stack = []
    for match in MARKUP.finditer(text):
        tag, closing, name = match[0], match[1], match[2]
        if tag == "&":
            if not ENTITY.match(text, match.start()):
                return 'a "&" that starts no entity of Telegram; write &amp;'
        elif tag == "<":
            return 'a "<" that starts no tag; write &lt;'
        elif closing:
            if not stack or stack[-1] != name or match[3]:
                return f"{tag} closes nothing that is open"
            stack.pop()
        elif (name not in BARE_TAGS or match[3]) and not FULL_TAG.fullmatch(tag):
            return f"Telegram has no {tag}"
        else:
            stack.append(name)
            if len(stack) > MAX_DEPTH:
                return "tags are nested too deep"
    return f"<{stack[-1]}> is not closed" if stack else None


class Checker:
    def __init__(self):
        self.faults = []

    def fault(self, path, line, text):
        self.faults.append(f"{path}:{line}: {text}" if line else f"{path}: {text}")

    def read_language(self, path):
        """(object, text) of one file, or None."""
        try:
            data = path.read_bytes()
            if len(data) > MAX_BYTES:
                return self.fault(path, 0, "over 1 MiB")
            text = data.decode("utf-8")
            tree = json.loads(text, object_pairs_hook=unique)
        except OSError as error:
            return self.fault(path, 0, f"cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            return self.fault(path, data[:error.start].count(b"\n") + 1, "not valid UTF-8")
        except json.JSONDecodeError as error:
            return self.fault(path, error.lineno, f"not valid JSON: {error.msg}")
        except (Duplicate, RecursionError) as error:
            return self.fault(path, 0, str(error))
        if not isinstance(tree, dict):
            return self.fault(path, 1, 'a catalogue is one object: {"key": "text", …}')
        return tree, text

    def forms(self, language, value):
        """What is wrong with the shape of a text, and its forms."""
        if isinstance(value, str):
            return None, [value]
        if not isinstance(value, dict):
            return "neither a text nor an object of plural forms", []
        wrong = sorted(set(value) - PLURALS[language] - OPTIONAL_PLURALS[language])
        missing = sorted(PLURALS[language] - set(value))
        if wrong:
            return f'this language has no plural form "{wrong[0]}"', []
        if missing:
            return f'the plural form "{missing[0]}" is missing', []
        return None, list(value.values())

    def check_text(self, language, value):
        """(fault, placeholders) of all forms of one text."""
        fault, forms = self.forms(language, value)
        names = None
        for form in forms:
            if not isinstance(form, str) or not form:
                return "not a text", None
            found = placeholders(form)
            fault = fault or markup_fault(form)
            if found is None:
                return "a broken placeholder; write {name}, and {{ for a brace", None
            if names is not None and found != names:
                return "the plural forms differ in their placeholders", None
            names = found
        return fault, names

    def read_catalogue(self, directory):
        """{key: placeholders} of a directory whose files were added to the faults when wrong."""
        paths = {language: directory / f"{language}.json" for language in PLURALS}
        read = {language: self.read_language(path) for language, path in paths.items()}
        if not all(read.values()):
            return {}
        catalogue = {}
        for key in sorted(set().union(*(tree for tree, _ in read.values()))):
            for language, (tree, text) in read.items():
                path, line = paths[language], line_of(text, key)
                if not KEY.fullmatch(key):
                    self.fault(path, line, f'"{key}": a key has 1-60 of a-z 0-9 _ .')
                    continue
                if key not in tree:
                    self.fault(path, 0, f'"{key}": the text is missing in this language')
                    continue
                fault, names = self.check_text(language, tree[key])
                if fault:
                    self.fault(path, line, f'"{key}": {fault}')
                elif catalogue.setdefault(key, names) != names:
                    self.fault(path, line, f'"{key}": other placeholders than in the other language')
            catalogue.setdefault(key, set())
        return catalogue


def line_of(text, key):
    match = re.search(re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:", text)
    return text.count("\n", 0, match.start()) + 1 if match else 0


def without_comments(source):
    """The source with its comments blanked, newlines and strings kept."""
    token = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|/\*.*?\*/|//[^\n]*', re.S)

    def blank(match):
        return match[0] if match[0][0] in "\"'" else re.sub(r"[^\n]", " ", match[0])
    return token.sub(blank, source)


def call_end(source, start):
    """Where the call whose arguments start at start ends."""
    depth = 1
    for match in re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[()]').finditer(source, start):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if not depth:
            return match.start()
    return len(source)


def uses(source):
    """(offset, key, given placeholders or None) of everything that has to be a key."""
    for match in re.finditer(r'\baisha_t(?:_plain)?\s*\(\s*[^,"]+,\s*"([^"\\]*)"', source):
        call = source[match.end():call_end(source, match.end())]
        yield match.start(), match[1], set(re.findall(r'\bAISHA_ARG\s*\(\s*"([^"]*)"', call))
    for match in re.finditer(r'\.key\s*=\s*"([^"\\]*)"', source):
        yield match.start(), match[1], None
    for match in re.finditer(r'"@([a-z0-9_.]+)"', source):
        yield match.start(), match[1], None


def check_sources(checker, catalogue, fallback, paths, directory):
    strings = set()
    for path in paths:
        source = without_comments(path.read_text(encoding="utf-8"))
        strings |= set(re.findall(r'"@?((?:\\.|[^"\\])*)"', source))
        for offset, key, given in uses(source):
            line = source.count("\n", 0, offset) + 1
            known = catalogue.get(key, fallback.get(key))
            if known is None:
                checker.fault(path, line, f'no catalogue has the text "{key}"; add it to {directory}')
            elif given is not None and known - given:
                checker.fault(path, line, f'"{key}" needs AISHA_ARG("{sorted(known - given)[0]}", …)')
    for key in sorted(set(catalogue) - strings):
        checker.fault(directory, 0, f'"{key}" is used by no source; remove it')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fallback", type=pathlib.Path, help="the host's locale directory")
    parser.add_argument("--stamp", type=pathlib.Path, help="written when all is well")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("sources", type=pathlib.Path, nargs="*")
    options = parser.parse_args()

    checker = Checker()
    catalogue = checker.read_catalogue(options.directory)
    fallback = checker.read_catalogue(options.fallback) if options.fallback else {}
    if not checker.faults and options.sources:
        check_sources(checker, catalogue, fallback, options.sources, options.directory)
    for fault in checker.faults:
        print(fault, file=sys.stderr)
    if not checker.faults and options.stamp:
        options.stamp.write_text("")
    return 1 if checker.faults else 0


if __name__ == "__main__":
    sys.exit(main())
