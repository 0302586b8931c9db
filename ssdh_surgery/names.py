"""Text for names, keys, counts, shapes, sizes; names and keys are bytes, maybe not UTF-8."""

from __future__ import annotations

from collections.abc import Sequence


def name_bytes(name: str) -> bytes:
    """The bytes of a name as `name_text` decodes it."""
    return name.encode("utf-8", "surrogateescape")


def name_text(name: bytes) -> str:
    """A name as text; bytes that are not UTF-8 become lone surrogates."""
    return name.decode("utf-8", "surrogateescape")


def printable(name: bytes | str) -> str:
    r"""A name that prints on one line: `a\nb.jpg`, `caf\xe9.jpg`."""
    raw = name if isinstance(name, bytes) else name_bytes(name)
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def readable(name: str) -> str:
    r"""A name as valid text: bytes that are not UTF-8 become `\xe9`."""
    return name_bytes(name).decode("utf-8", "backslashreplace")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def count_text(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    >>> count_text(1, "image"), count_text(1200, "image"), count_text(2, "class", "classes")
    ('1 image', '1,200 images', '2 classes')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def shape_text(shape: Sequence[int] | None) -> str:
    """A shape for a table or a drawing: `1x3x224x224`, `scalar`, `?` where it is unknown."""
    if shape is None:
        return "?"
    return "x".join(map(str, shape)) or "scalar"


def size_text(shape: Sequence[int]) -> str:
    """A shape for a sentence: `3 x 224 x 224`."""
    return " x ".join(map(str, shape))


def bytes_text(size: int) -> str:
    """A number of bytes in the unit that suits it.

    >>> bytes_text(900), bytes_text(3_500_000), bytes_text(15_032_385_536)
    ('900 bytes', '3.3 MiB', '14 GiB')
    """
    if size < 1024:
        return f"{size} bytes"
    value = float(size)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        if value < 1000 or unit == "TiB":
            break
    return f"{value:.2g} {unit}" if value < 10 else f"{value:,.0f} {unit}"
