"""Files that other tools stumble over: kept byte for byte, and read for what they mean.

Beside each NAME.prototxt stands NAME.plain: its values, one per line, strings as Python
shows bytes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.prototxt.cst import Message, Scalar

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.prototxt"))


def plain(message: Message, indent: str = "") -> list[str]:
    """The fields of a message, without anything of their layout."""
    lines = []
    for field in message.fields:
        if field.is_list:
            lines.append(f"{indent}{field.name} has {len(field.values)} in a list")
        for value in field.values:
            if isinstance(value, Scalar):
                meaning = ascii(value.data)[1:] if value.is_string else value.text
                lines.append(f"{indent}{field.name}: {meaning}")
            else:
                lines += [f"{indent}{field.name}:", *plain(value, indent + "  ")]
    return lines


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_hostile_file(file: Path) -> None:
    data = file.read_bytes()
    document = parse(data, file.name)
    assert bytes(document) == data
    assert plain(document.root) == file.with_suffix(".plain").read_text("utf-8").splitlines()


def test_every_file_has_its_meaning() -> None:
    assert len(FILES) > 30
    assert [file.stem for file in FILES] == sorted(file.stem for file in FOLDER.glob("*.plain"))
