"""A place in a file, and its form in messages."""

from __future__ import annotations

from dataclasses import dataclass

# Longer lines are cut to a window around the caret; a net on one line is legal.
_EXCERPT_WIDTH = 100
_LEAST_WIDTH = 20


@dataclass(frozen=True)
class Location:
    """A place in a file; line and column count from 1, in code points.

    `text` is the line of the place, `width` the number of code points to mark.
    """

    file: str
    line: int | None = None
    column: int | None = None
    text: str | None = None
    width: int = 1

    def __str__(self) -> str:
        parts = [self.file, self.line, self.column]
        return ":".join(str(part) for part in parts if part is not None)

    def excerpt(self, columns: int | None = None) -> str:
        """The line with a caret below it, or nothing if the line is unknown.

        A long line is cut to a window around the caret, in a terminal to its number of columns.
        """
        if self.text is None or self.line is None or self.column is None:
            return ""
        start = self.column - 1
        width = max(1, min(self.width, len(self.text) - start))
        number = f"  {self.line} "
        room = _EXCERPT_WIDTH
        if columns is not None:
            room = max(_LEAST_WIDTH, min(room, columns - len(number) - len("| ......")))
        text, start, width = _window(self.text, start, width, room)
        # Tabs stay tabs, so that the caret lines up in any terminal.
        margin = "".join("\t" if char == "\t" else " " for char in text[:start])
        return f"{number}| {_printable(text)}\n{' ' * len(number)}| {margin}{'^' * width}"


def _window(text: str, start: int, width: int, room: int) -> tuple[str, int, int]:
    """Cut a long line to the part around its caret."""
    if len(text) <= room:
        return text, start, width
    width = min(width, room // 2)
    left = max(0, start - (room - width) // 2)
    right = left + room
    head = "..." if left else ""
    tail = "..." if right < len(text) else ""
    return head + text[left:right] + tail, start - left + len(head), width


def _printable(text: str) -> str:
    """The text with control characters and undecodable bytes as question marks."""
    return "".join(char if char == "\t" or char.isprintable() else "?" for char in text)


def describe(message: str, location: Location | None, hint: str | None) -> str:
    """A message after its place, followed by the line with a caret and by a hint."""
    lines = [f"{location}: {message}" if location else message]
    if location and (excerpt := location.excerpt()):
        lines.append(excerpt)
    if hint:
        lines.append(f"hint: {hint}")
    return "\n".join(lines)
