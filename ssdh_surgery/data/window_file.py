"""The window file of a WindowData layer, read word by word as by Caffe.

Source: window_data_layer.cpp.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ssdh_surgery.data.label_counts import LabelCounts
from ssdh_surgery.errors import DataError, file_errors
from ssdh_surgery.files import refuse_device
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_text, printable

# Files of windows have hundreds of megabytes: the first images show how one was written.
_MOST_BYTES = 4 << 20


class WindowImage(NamedTuple):
    """An image of a window file, with the line on which it begins."""

    path: str
    channels: int
    height: int
    width: int
    line: int


class Window(NamedTuple):
    """A window in an image: its class, its overlap with an object, and its corners."""

    image: int
    label: int
    overlap: float
    corners: tuple[int, int, int, int]
    line: int


@dataclass
class WindowFile:
    """The images and windows of a file; of a large one those at its beginning."""

    path: Path
    images: list[WindowImage] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    is_complete: bool = True

    def labels(self, foreground: float, background: float) -> LabelCounts:
        """The labels that Caffe gives: 0 to windows of the background, none to those between."""
        counts: Counter[int] = Counter()
        places: dict[int, str] = {}
        for window in self.windows:
            if background <= window.overlap < foreground:
                continue
            label = window.label if window.overlap >= foreground else 0
            counts[label] += 1
            places.setdefault(label, f"line {window.line}")
        return LabelCounts(self.path, "window", counts, places, self.is_complete)


def read_windows(path: Path) -> WindowFile:
    """Read a window file.

    Raises:
        FileError: it cannot be read.
        DataError: it is empty, or has a word that Caffe does not expect there.
    """
    with file_errors(path, "read"):
        refuse_device(path)
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES)
            is_complete = not file.read(1)
    result = WindowFile(path, is_complete=is_complete)
    words = _Words(path, data)
    try:
        while (mark := words.next()) is not None:
            _read_image(words, mark, result)
    except EOFError:
        if is_complete:
            raise DataError(
                "ends in the middle of an image: fewer windows than it states",
                location=Location(str(path), words.line),
            ) from None
        if result.images:  # cut off here, not by its writer
            last = result.images.pop()
            result.windows = [each for each in result.windows if each.line < last.line]
    if not result.images:
        raise DataError("the list is empty", location=Location(str(path)))
    return result


class _Words:
    """The words of a file, with the line of the last one."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path = path
        self.line = 0
        self._words = self._split(data)

    def _split(self, data: bytes) -> Iterator[bytes]:
        for number, line in enumerate(data.split(b"\n"), 1):
            for word in line.split():
                self.line = number
                yield word

    def next(self) -> bytes | None:
        """The next word, None at the end."""
        return next(self._words, None)

    def word(self) -> bytes:
        """The next word of an image.

        Raises:
            EOFError: the file ends here.
        """
        word = self.next()
        if word is None:
            raise EOFError
        return word

    def integer(self, what: str) -> int:
        """The next word as an integer."""
        return int(self.number(what, is_integer=True))

    def number(self, what: str, *, is_integer: bool = False) -> float:
        """The next word as a number.

        Raises:
            DataError: it is none.
        """
        word = self.word()
        try:
            return int(word) if is_integer else float(word)
        except ValueError:
            raise self.error(f"expected {what}, found '{printable(word)}'") from None

    def error(self, message: str) -> DataError:
        """An error at the line of the last word."""
        return DataError(message, location=Location(str(self.path), self.line))


def _read_image(words: _Words, mark: bytes, result: WindowFile) -> None:
    if mark != b"#":
        raise words.error(
            f"expected '#' before the next image, found '{printable(mark)}': does the number of "
            "windows above agree with the lines that follow it?"
        )
    line = words.line
    number = words.integer("the number of an image")
    if number != len(result.images):
        raise words.error(
            f"image {number} is the {len(result.images)}th of the file, counted from 0: Caffe "
            "finds images by this number"
        )
    path = name_text(words.word())
    channels, height, width = (
        words.integer(what) for what in ("the channels", "the height", "the width")
    )
    result.images.append(WindowImage(path, channels, height, width, line))
    for _ in range(words.integer("the number of windows")):
        label = words.integer("the class of a window")
        overlap = words.number("the overlap of a window")
        x1, y1, x2, y2 = (words.integer("a corner of a window") for _ in range(4))
        result.windows.append(Window(number, label, overlap, (x1, y1, x2, y2), words.line))
