"""Hints for text that is not a prototxt at all, or has pieces of something else in it.

Only looked at where the text does not parse: templates, merge conflicts, web pages, Markdown,
punctuation of other scripts, other file formats.
"""

from __future__ import annotations

import html
import re
import unicodedata

from ssdh_surgery.prototxt.source import BOM, Source

JSON = "this looks like JSON: a prototxt has no outer braces and no quotes around names"
WEB_PAGE = "this looks like a web page: download the raw file instead"
_DIFF = "this looks like a diff: give the file that it applies to"

# How much of a file, and of a line around a place, is looked at.
_HEAD = 8192
_WINDOW = 200

# What a whole file is, by a pattern near its beginning.
_FILES = (
    (
        re.compile(r"version https://git-lfs\.github\.com/"),
        "this is a Git LFS pointer, not the file itself: fetch it with git lfs pull",
    ),
    (
        re.compile(r"\s*<(?:!DOCTYPE|html|head|\?xml)", re.IGNORECASE),
        WEB_PAGE,
    ),
    (
        re.compile(r"(?:diff --git |--- \S.*\n\+\+\+ )"),
        _DIFF,
    ),
    (
        re.compile(r"\s*\[\s*[\[{\]]|\s*\{\s*(?:[\"}]|\Z)"),
        JSON,
    ),
    (
        re.compile(
            r"(?:[ \t]*(?:#.*)?\n)*(?:import [\w.]+|from [\w.]+ import |def \w+\(|class \w+[(:]"
            r"|\"\"\"|'''|\w+ = caffe\.)"
        ),
        "this looks like a Python script: run it, and give the prototxt that it writes",
    ),
)
# What a line is, by its beginning.
_LINES = (
    (
        re.compile(r"<{7}(?!<)|={7}(?!=)|>{7}(?!>)|\|{7}(?!\|)"),
        "this is a merge conflict: keep one side, and delete the lines with <<<<<<<, ======= "
        "and >>>>>>>",
    ),
    (re.compile(r"\s*(?:```|~~~)"), "this is a fence of Markdown: delete the line"),
    (re.compile(r"@@ "), _DIFF),
)
_ENTITY = re.compile(r"&(?:[a-zA-Z]+|#[0-9]+|#[xX][0-9a-fA-F]+);")
_PLACEHOLDER = re.compile(
    r"\$\w+|\$\{[^}\n]*\}|\$\([^)\n]*\)|\{\{.*?\}\}|\{%.*?%\}|<\w[\w .-]*>"
    r"|%\(\w+\)[a-z]|%[0-9.]*[sdifgr]\b|@\w+@"
)
_OMISSION = re.compile(r"\.\.\.|\u2026")
CURLY_QUOTES = frozenset("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u0060\u00b4")
_OTHER_SCRIPTS = {"\u3001": ",", "\u3002": ".", "\u300c": '"', "\u300d": '"', "\u2236": ":"}


def hint_of_file(text: str) -> str | None:
    """The hint for a text that is a file of another kind as a whole."""
    head = text[:_HEAD].removeprefix(BOM)
    return next((hint for pattern, hint in _FILES if pattern.match(head)), None)


def hint_at(source: Source, offset: int) -> str | None:
    """The hint for a place where the text does not parse; None if nothing foreign is there."""
    if (hint := hint_of_file(source.text)) is not None:
        return hint
    number = source.line(offset)
    start, row = source.line_starts[number - 1], source.lines[number - 1]
    for pattern, hint in _LINES:
        if pattern.match(row):
            return hint
    first = max(start, offset - _WINDOW)
    return _piece(source.text[first : offset + _WINDOW].split("\n")[0], offset - first)


def _piece(line: str, column: int) -> str | None:
    """For a column of a line: an entity, a placeholder, an omission, foreign punctuation."""
    if (entity := _ENTITY.match(line, column)) is not None:
        return f"{entity[0]} is an entity of HTML: write {html.unescape(entity[0])}"
    for match in _PLACEHOLDER.finditer(line):
        if match.start() <= column < match.end():
            return f"'{match[0]}' is a placeholder: write the value in its place"
    for match in _OMISSION.finditer(line):
        if match.start() <= column < match.end():
            return f"'{match[0]}' stands for text that was left out: write it"
    char = line[column : column + 1]
    if char in CURLY_QUOTES and char:
        return "strings need straight quotes: \" or '"
    plain = _OTHER_SCRIPTS.get(char) or unicodedata.normalize("NFKC", char)
    if char > "\x7f" and len(plain) == 1 and "!" <= plain <= "~":
        return f"'{char}' is a full-width character: write '{plain}'"
    return None
