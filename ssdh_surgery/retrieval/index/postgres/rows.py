r"""Items as rows of a table: values in PostgreSQL's text form, and back.

An id is text. A byte that is not UTF-8 is written as `\xe9`, and a backslash as two, so that
distinct ids stay distinct. A code is `bit(K)`, without padding.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.names import name_bytes, name_text
from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.index.backends import Packed
from ssdh_surgery.retrieval.index.index import Features, label_value

# Rows converted at a time.
_CHUNK = 10_000
_SPELT = re.compile(rb"\\(\\|x[0-9a-f]{2})")


def id_text(name: str) -> str:
    """An id as the table stores it."""
    raw = name_bytes(name).replace(b"\\", b"\\\\").replace(b"\0", b"\\x00")
    return raw.decode("utf-8", "backslashreplace")


def id_of(text: str) -> str:
    """The id that the table stores as this text."""

    def plain(match: re.Match[bytes]) -> bytes:
        word = match[1]
        return word if word == b"\\" else bytes.fromhex(word[1:].decode())

    return name_text(_SPELT.sub(plain, name_bytes(text)))


def bit_texts(packed: Packed, bits: int) -> list[str]:
    """Codes as zeros and ones."""
    letters = np.unpackbits(packed, axis=1, count=bits) + np.uint8(ord("0"))
    return [row.tobytes().decode() for row in letters]


def packed_bits(texts: Sequence[str], bits: int) -> Packed:
    """Codes from zeros and ones, uint8 [N, ceil(bits / 8)]."""
    letters = np.frombuffer("".join(texts).encode(), np.uint8).reshape(len(texts), bits)
    return np.packbits(letters - ord("0"), axis=1)


def vector_text(values: NDArray[np.float32]) -> str:
    """A feature as pgvector reads it, without loss."""
    return json.dumps(values.tolist())


def vectors(texts: Sequence[str], width: int) -> NDArray[np.float32]:
    """Features from pgvector's text, [N, D]."""
    rows = [json.loads(each) for each in texts]
    return np.array(rows, np.float32).reshape(len(texts), width)


def rows_of(codes: Codes, features: Features) -> Iterator[tuple[Any, ...]]:
    """Each item as a row: id, code, label or labels, then its features."""
    for start in range(0, len(codes), _CHUNK):
        part = slice(start, start + _CHUNK)
        yield from zip(
            (id_text(str(each)) for each in codes.ids[part]),
            bit_texts(codes.packed[part], codes.bits),
            map(label_value, codes.labels[part]),
            *([vector_text(each) for each in values[part]] for values in features.values()),
            strict=True,
        )
