"""What is said of text that does not parse, whole: NAME.error for each NAME.prototxt."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.errors import ParseError

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.prototxt"))


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_invalid_file(file: Path) -> None:
    with pytest.raises(ParseError) as caught:
        parse(file.read_bytes(), file.name)
    assert f"{caught.value}\n" == file.with_suffix(".error").read_text("utf-8")


def test_every_file_has_its_error() -> None:
    assert len(FILES) > 60
    assert [file.stem for file in FILES] == sorted(file.stem for file in FOLDER.glob("*.error"))
