"""What the generators of pages share: a page is written, or with `--check` compared."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def write_or_check(name: str, text: str, generator: str) -> int:
    """Write `docs/NAME`; with --check write nothing, and return 1 where it would change."""
    page = ROOT / "docs" / name
    if "--check" not in sys.argv[1:]:
        page.write_text(text, encoding="utf-8")
        return 0
    if page.exists() and page.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"docs/{name} is not up to date: run {generator}\n")
    return 1


def cell(text: str) -> str:
    """A text as it stands in a cell of a table."""
    return text.replace("|", "\\|")
