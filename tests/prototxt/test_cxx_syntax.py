"""What C++ refuses of the texts that `parse` accepts, as protoc recorded it."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.errors import ParseError
from ssdh_surgery.prototxt.cxx_syntax import cxx_refusals

# Recorded by support/record_cxx_verdicts.py: text, verdict, bytes.
TABLE = Path(__file__).with_name("cxx_verdicts.tsv").read_text().splitlines()[1:]


def rows() -> list[tuple[str, bytes, bool]]:
    recorded = []
    for line in TABLE:
        shown, verdict, _ = line.split("\t")
        text = shown.encode().decode("unicode_escape").encode("latin-1")
        try:
            parse(text)
        except ParseError:
            continue
        recorded.append((shown, text, verdict == "refuses"))
    return recorded


@pytest.mark.parametrize(
    ("text", "is_refused"), [row[1:] for row in rows()], ids=[row[0] for row in rows()]
)
def test_refusals_are_those_of_cxx(text: bytes, is_refused: bool) -> None:
    assert bool(cxx_refusals(parse(text))) == is_refused


BLANKS = [chr(code) for code in range(0x80, 0x3001) if chr(code).isspace()]


@pytest.mark.parametrize("blank", BLANKS, ids=lambda char: unicodedata.name(char, repr(char)))
def test_blanks_of_other_scripts(blank: str) -> None:
    (refusal,) = cxx_refusals(parse(f'layer {{\n{blank}{blank}name: "a"\n}}\n'.encode(), "n"))
    assert str(refusal.location) == "n:2:1"
    assert refusal.message == f"U+{ord(blank):04X} is not a space"
    assert cxx_refusals(parse(f'# {blank}\nname: "{blank}"'.encode())) == []
