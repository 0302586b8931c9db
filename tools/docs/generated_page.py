"""Write a generated file, or with `--check` compare it: shared by the generators."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def write_or_check(name: str, text: str, generator: str) -> int:
    """Write a file of the project; with --check, write nothing, and return 1 if it would change."""
    page = ROOT / name
    if "--check" not in sys.argv[1:]:
        page.write_text(text, encoding="utf-8")
        return 0
    if page.exists() and page.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{name} is out of date: run {generator}\n")
    return 1


def cell(text: str) -> str:
    """A text escaped for a cell of a table."""
    return text.replace("|", "\\|")
