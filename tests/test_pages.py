"""The project's pages: links lead to existing files, and the paths that they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.paths import ROOT

PAGES = sorted(
    page for page in ROOT.rglob("*.md") if not any(part[0] == "." for part in page.parts[1:])
)
_LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
# A path in code, with a folder in front, relative to the project or to the package.
_NAMED = re.compile(r"`((?:[\w.]+/)+[\w.]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "page",
    [
        "docs/architecture.md",
        "docs/performance.md",
        "docs/layers.md",
        "docs/findings.md",
        "CONTRIBUTING.md",
    ],
)
def test_files_that_are_named_are_there(page: str) -> None:
    named = _NAMED.findall((ROOT / page).read_text())
    roots = (ROOT, ROOT / "ssdh_surgery", ROOT / "ssdh_surgery/engines/torch")
    assert named
    assert [name for name in named if not any((root / name).exists() for root in roots)] == []
