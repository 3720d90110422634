#!/usr/bin/python3
"""Checks a plugin's catalogues (locale/ru.json, locale/en.json) and the keys its sources use.

    check_locales.py [--fallback DIR] [--output DIR] [--library] [--call NAME]... LOCALE_DIR SOURCE...

Run by the build, so that a missing text is a build error with file and line instead of a key shown
to a user. The catalogues are checked as the host checks them when it loads them. In the sources
  - aisha_t(ctx, "key", ...), aisha_t_plain(ctx, "key", ...), .key = "key" (.yes_key, .no_key), "@key" and calls of
    NAME have to name texts of the catalogue or of --fallback, the host's catalogue;
  - every placeholder of such a text has to be given by an AISHA_ARG("name", ...) of the call, or of the .args directly
    behind the .key;
  - every key of the catalogue has to stand in some string of some source, unless it is a library
    of texts for others.
When all is well, both files are copied to --output.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
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
ARG = re.compile(r'\bAISHA_ARG\s*\(\s*"([^"]*)"')
STRING = re.compile(r'"((?:\\.|[^"\\])*)"')


class Duplicate(ValueError):
    pass


def unique(pairs):
    members = {}
    for key, value in pairs:
        if key in members:
            raise Duplicate(f'"{key}" is given twice')
        members[key] = value
    return members


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
        place = os.path.relpath(path)
        self.faults.append(f"{place}:{line}: {text}" if line else f"{place}: {text}")

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


def uses(source, calls):
    """(offset, key, names of the given arguments) of everything that has to be a key."""
    names = "|".join(map(re.escape, ["aisha_t", "aisha_t_plain", *calls]))
    for match in re.finditer(rf'\b(?:{names})\s*\(\s*[^,"()]+,([^,()]*)', source):
        call = source[match.end():call_end(source, match.end())]
        given = set(ARG.findall(call))
        for key in STRING.findall(match[1]):
            yield match.start(), key, given
    for match in re.finditer(r"\.(?:yes_|no_)?key\s*=([^,;(){}]*)(,\s*\.args\s*=\s*AISHA_ARGS\s*\()?", source):
        args = source[match.end():call_end(source, match.end())] if match[2] else ""
        given = set(ARG.findall(args))
        for key in STRING.findall(match[1]):
            yield match.start(), key, given
    for match in re.finditer(r'"@([a-z0-9_.]+)"', source):
        yield match.start(), match[1], set()


def check_sources(checker, catalogue, fallback, options):
    strings = set()
    for path in options.sources:
        source = without_comments(path.read_text(encoding="utf-8"))
        strings |= {text.removeprefix("@") for text in STRING.findall(source)}
        for offset, key, given in sorted(uses(source, options.call), key=lambda use: use[0]):
            line = source.count("\n", 0, offset) + 1
            needed = catalogue.get(key, fallback.get(key))
            if needed is None:
                checker.fault(path, line, f'there is no text "{key}"; add it to {os.path.relpath(options.directory)}')
            elif needed - given:
                name = sorted(needed - given)[0]
                checker.fault(path, line, f'the text "{key}" needs AISHA_ARG("{name}", ...)')
    for key in sorted(set(catalogue) - strings):
        if not options.library:
            checker.fault(options.directory, 0, f'no source uses the text "{key}"; remove it')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fallback", type=pathlib.Path, help="the host's locale directory")
    parser.add_argument("--output", type=pathlib.Path, help="where copies go when all is well")
    parser.add_argument("--library", action="store_true", help="texts that no source uses are fine")
    parser.add_argument("--call", action="append", default=[], metavar="NAME",
                        help="another function whose second argument is a key")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("sources", type=pathlib.Path, nargs="*")
    options = parser.parse_args()

    checker = Checker()
    catalogue = checker.read_catalogue(options.directory)
    fallback = checker.read_catalogue(options.fallback) if options.fallback else {}
    if not checker.faults and options.sources:
        check_sources(checker, catalogue, fallback, options)
    for fault in checker.faults:
        print(fault, file=sys.stderr)
    if not checker.faults and options.output:
        for language in PLURALS:
            shutil.copyfile(options.directory / f"{language}.json", options.output / f"{language}.json")
    return 1 if checker.faults else 0


if __name__ == "__main__":
    sys.exit(main())
