"""A command line as the user has typed it so far, and completions as the shell inserts them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from click.shell_completion import split_arg_string

# Ends the last word of a line, whether it is empty, quoted or neither; no one types it.
_CURSOR = "\x00"
_ASSIGNMENT = re.compile(r"\w+=")
_SPECIAL = re.compile(r"[^\w@%+=:,./~^-]")


@dataclass(frozen=True)
class CommandLine:
    """The words of a command line around the cursor.

    Args:
        words: the finished words before the cursor, without the program.
        incomplete: the word at the cursor, up to it, without quotes.
        after: the words after the cursor.
        quote: the quote that is open at the cursor, or nothing.
    """

    words: tuple[str, ...]
    incomplete: str
    after: tuple[str, ...] = ()
    quote: str = ""

    @classmethod
    def parse(cls, left: str, right: str = "") -> CommandLine:
        """The line from its text before and after the cursor.

        >>> CommandLine.parse("ssdh show zoo:goo", " --phase TEST")
        CommandLine(words=('show',), incomplete='zoo:goo', after=('--phase', 'TEST'), quote='')
        >>> CommandLine.parse("ssdh patch 'my net").incomplete
        'my net'
        """
        *words, incomplete = split_arg_string(left + _CURSOR)
        while words and _ASSIGNMENT.match(words[0]):
            words = words[1:]
        # What directly follows the cursor belongs to the incomplete word.
        after = split_arg_string(right) if right[:1].isspace() else split_arg_string(right)[1:]
        return cls(
            tuple(words[1:]), incomplete.replace(_CURSOR, ""), tuple(after), _open_quote(left)
        )

    @property
    def finished(self) -> tuple[str, ...]:
        """The words around the incomplete one, `--name=value` as two.

        >>> CommandLine.parse("ssdh deploy --net=a --at ", " d.prototxt").finished
        ('deploy', '--net', 'a', '--at', 'd.prototxt')
        """
        parts: list[str] = []
        for word in (*self.words, *self.after):
            parts += word.split("=", 1) if word.startswith("-") else [word]
        return tuple(parts)

    def value_of(self, option: str) -> str | None:
        """The word after an option; None without it."""
        pairs = zip(self.finished, self.finished[1:], strict=False)
        return next((value for name, value in pairs if name == option), None)

    @property
    def option(self) -> str:
        """The option and its `=` that the incomplete word begins with, or nothing."""
        name, equals, _ = self.incomplete.partition("=")
        return name + equals if equals and name.startswith("-") else ""

    def whole_word(self, value: str) -> str:
        """A completion in place of the whole word, quoted as the shell needs it."""
        if self.quote:
            return value
        return self.option + _escaped(value)

    def in_place_of(self, value: str, replaced: str) -> str:
        """A completion in place of the end of the word, where bash begins a word at `:` and `=`.

        >>> CommandLine.parse("ssdh show zoo:goo").in_place_of("zoo:googlenet", "goo")
        'googlenet'

        Args:
            value: the completion.
            replaced: what bash takes for the word, and replaces.
        """
        word = self.whole_word(value)
        if self.quote or not self.incomplete.endswith(replaced):
            return word
        return word.removeprefix(self.incomplete.removesuffix(replaced))


def _escaped(value: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", value)


def _open_quote(text: str) -> str:
    """The quote that is open at the end of a text."""
    quote, is_escaped = "", False
    for char in text:
        if is_escaped:
            is_escaped = False
        elif char == "\\" and quote != "'":
            is_escaped = True
        elif char in ("'", '"') and quote in ("", char):
            quote = "" if quote else char
    return quote
