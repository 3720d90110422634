"""What a picky reader says of a text of the bot: find_faults(text, entities, language) → a list of words for it.

A text is in the language of who reads it: names, commands, addresses, code and what NAMES lists are in any.
Placeholders, keys of the catalogues and what programs print of nothing must not be seen.
"""
import glob
import json
import os
import re
from html.parser import HTMLParser

from stack import ROOT

NAMES = re.compile(r"Telegram|TELEGRAM_ID|English|Русский|Ann|Борис|Eve|MP3|OGG|M4A|WAV|balance\|bonus\|discount|"
                   r"\bdefault\b|\bid\b|⭐")
COMMANDS = re.compile(r"/\w+|@\w+|https?://\S+")
FOREIGN = {"en": re.compile(r"[А-Яа-яЁё][А-Яа-яЁё -]*"), "ru": re.compile(r"[A-Za-z][A-Za-z -]*")}
NEUTRAL = {"code", "pre", "bot_command", "mention", "url", "text_mention"}
LEFT_OVER = re.compile(r"\{\w*\}|%(?:s|d|zu|l+d)|\(?\bnull\b\)?|\bnil\b|\bNone\b|\bNaN\b|\bundefined\b"
                       r"|&(?:amp|lt|gt|quot);|</?[a-z]+>")
TYPOGRAPHY = ((re.compile(r"[^\s·—–-] [,.:;!?](?!\S)"), "a space before a mark"),
              (re.compile(r"(?<![./…])\.\.(?!\S*/)"), "two full stops"),
              (re.compile(r"\(\s*\)|«\s*»|“\s*”"), "nothing between brackets"),
              (re.compile(r"\n\n\n"), "two empty lines"))
VOID = {"br"}


def catalogue_keys():
    """Those keys that no text would have as a word."""
    keys = set()
    for pattern in ("host/locale/*.json", "plugins/*/locale/*.json"):
        for name in glob.glob(os.path.join(ROOT, pattern)):
            with open(name, encoding="utf-8") as file:
                keys |= set(json.load(file))
    assert keys
    return {key for key in keys if "_" in key}


def without_entities(text, entities):
    """The text without code, names and addresses; offsets are in UTF-16, as Telegram counts."""
    units = text.encode("utf-16-le")
    for entity in sorted(entities, key=lambda e: -e["offset"]):
        if entity["type"] in NEUTRAL:
            units = units[:2 * entity["offset"]] + units[2 * (entity["offset"] + entity["length"]):]
    return units.decode("utf-16-le")


def find_faults(text, entities=(), language=None, keys=frozenset()):
    """language: None = of nobody in particular; keys: of catalogue_keys()."""
    faults = [] if text.strip() else ["nothing in it"]
    if text != text.strip():
        faults.append("space at its edges")
    faults += [f"what is left over: {found[0]!r}" for found in LEFT_OVER.finditer(text)]
    faults += [f"a key: {key}" for key in re.findall(r"(?<![/\w@])[a-z]+(?:_[a-z]+)+", text) if key in keys]
    faults += [words for pattern, words in TYPOGRAPHY if pattern.search(text)]
    if language:
        plain = NAMES.sub("", COMMANDS.sub("", without_entities(text, entities)))
        faults += [f"not in {language}: {found[0].strip()!r}" for found in FOREIGN[language].finditer(plain)]
    return faults


class Markup(HTMLParser):
    """Whether every tag is closed, in its order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.is_balanced = [], True
        self.feed(text)
        self.close()
        self.is_balanced = self.is_balanced and not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.is_balanced = False


def is_balanced(html):
    return Markup(html).is_balanced
