"""The commands of every example page run, and print what the page says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.paths import ROOT

PAGES = sorted((ROOT / "examples").glob("*/README.md"))
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
# diff's answer "they differ" is 1.
_EXPECTED_CODES = {"diff": 1}


def blocks(page: Path) -> list[tuple[str, str]]:
    """The commands of a page, each with the output that the page shows for it."""
    found = []
    for block in _BLOCK.findall(page.read_text()):
        command, _, output = block.partition("\n")
        assert command.startswith("$ "), f"{page}: a console block begins with a command"
        found.append((command.removeprefix("$ "), output))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    for command, expected in blocks(page):
        words = shlex.split(command)
        assert words[0] == "ssdh", command
        ran = subprocess.run(
            [sys.executable, "-m", "ssdh_surgery", *words[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == _EXPECTED_CODES.get(words[1], 0), f"{command}\n{ran.stderr}"
        assert "Traceback" not in ran.stderr
        if expected:
            assert ran.stdout == expected, command


def test_there_are_pages() -> None:
    assert PAGES
