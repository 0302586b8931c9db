"""The commands of the README, of getting started and of the examples run as the pages show them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery import open_net, zoo
from support.paths import ROOT

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_CONTINUATION = re.compile(r" *\\\n *")
# diff's answer "they differ" is 1.
_EXPECTED_CODES = {"diff": 1}
_WEIGHTS = Path("bvlc_googlenet.caffemodel")


@dataclass(frozen=True)
class Page:
    """A page with console blocks.

    Attributes:
        path: its path in the project.
        first: the command that the run begins with; those above it are not run here.
        substitutions: words that are replaced where the page's own would take hours.
        needs_images: whether it starts with a folder of images and the weights of GoogLeNet.
    """

    path: str
    first: str = ""
    substitutions: Mapping[str, str] = field(default_factory=dict)
    needs_images: bool = False


_SHORT = {"max_iter=4000": "max_iter=2", "snapshot=1000": "snapshot=2"}
PAGES = [
    Page("examples/googlenet/README.md"),
    Page("README.md", "ssdh data build", _SHORT, needs_images=True),
    Page("docs/getting-started.md", substitutions=_SHORT, needs_images=True),
]


def commands(page: Page) -> list[tuple[str, str]]:
    """The commands of a page, each with the output that the page shows for it."""
    found = []
    for block in _BLOCK.findall((ROOT / page.path).read_text()):
        assert block.startswith("$ "), f"{page.path}: a console block begins with a command"
        for part in _CONTINUATION.sub(" ", block).removeprefix("$ ").split("\n$ "):
            command, _, output = part.partition("\n")
            found.append((command, output))
    (start, *_) = (at for at, (command, _) in enumerate(found) if command.startswith(page.first))
    return found[start:]


def write_images(folder: Path) -> None:
    """Write three classes of images, an image to search with, and weights of GoogLeNet."""
    random = np.random.default_rng(0)
    for number, name in enumerate(("cat", "dog", "fish")):
        (folder / "photos" / name).mkdir(parents=True)
        for image in range(24):
            pixels = random.integers(0, 256, (90, 120, 3), dtype=np.uint8)
            pixels[:, :, number] = 255
            cv2.imwrite(str(folder / "photos" / name / f"{image}.jpg"), pixels)
    cv2.imwrite(str(folder / "query.jpg"), pixels)
    deploy = folder / "zoo.prototxt"
    deploy.write_text(zoo.text("googlenet", "deploy"))
    open_net(deploy).save(str(folder / _WEIGHTS))
    deploy.unlink()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_commands_print_what_the_page_shows(page: Page, tmp_path: Path) -> None:
    if page.needs_images:
        write_images(tmp_path)
    for command, expected in commands(page):
        words = [page_word(word, page) for word in shlex.split(command)]
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


def page_word(word: str, page: Page) -> str:
    """A word of a command, with the page's substitution for it."""
    return page.substitutions.get(word, word)


def test_every_page_with_commands_is_run() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md")]
    with_commands = {path for path in pages if _BLOCK.search(path.read_text())}
    # The commands of one stand between blocks of Python; each of the other has a job of its own.
    own_tests = {ROOT / "docs/python.md", ROOT / "docs/findings.md"}
    assert {str(path.relative_to(ROOT)) for path in with_commands - own_tests} == {
        page.path for page in PAGES
    }
