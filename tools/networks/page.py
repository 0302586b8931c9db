"""Write docs/networks.md, trying everything with every net; `page.py NET...` prints these alone.

It needs the Caffe of `make caffe` and the corpus of real nets in ../shared/corpus.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from caffe_loads import CaffeLoads
from cells import COLUMNS, CURRENT, YES, Judge

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe
from ssdh_surgery.pipeline.files.sources import read_source

ROOT = Path(__file__).parent.parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"
PAGE = ROOT / "docs" / "networks.md"

HEAD = f"""\
# Networks

What becomes of every built-in network (`zoo:NAME`) and of every net of the corpus, files that
people published: each was tried, by `make networks`. A number stands for the reason below the
table; `current` is a file that has nothing to upgrade.

- **show**: the table and the drawing, with no shape unknown and nothing to warn of.
- **shapes**: every blob and param has the shape that the Caffe of `make caffe` gives it.
- **upgrade**: the same net as Caffe's own tool makes of the file.
- **patch**: Caffe sets up what `ssdh patch` writes, with the shapes that we expect; of a deploy
  net, what it writes with `--train-data` and `--test-data`.
- **deploy**: the same of what `ssdh deploy` writes; of a train net, with no deploy file at hand.
- **Caffe**: Caffe sets up the file as it is, with inputs in place of its data.
- **engine**: the embedded engine runs it forward, and all that comes out is finite.

| net | {" | ".join(COLUMNS)} |
| --- |{" --- |" * len(COLUMNS)}
"""
# The list of all layer types, which Caffe adds to its message.
_KNOWN_TYPES = re.compile(r" \(known types: .*\)$")


def nets() -> Iterator[str]:
    """Every net of the zoo and of the corpus, by the name that it is read by."""
    for name in zoo.names():
        yield f"zoo:{name}"
        yield f"zoo:{name}/deploy"
    for path in sorted(Path("corpus").rglob("*.prototxt")):
        if read_source(str(path)).kind in (Kind.TRAIN, Kind.DEPLOY):
            yield str(path)


def tried(pycaffe: Path, names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Nets with their cells: `yes`, `current`, or the reason why not."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, CaffeLoads(pycaffe) as loads:
        os.chdir(folder)
        Path("corpus").symlink_to(CORPUS)
        judge = Judge(loads, Path(folder))
        for name in names:
            cells = judge.cells(name)
            yield name, [_KNOWN_TYPES.sub("", cells[column]) for column in COLUMNS]
        os.chdir(here)


def page(pycaffe: Path) -> str:
    """The text of docs/networks.md."""
    rows: list[str] = []
    notes: dict[str, int] = {}
    for name, cells in tried(pycaffe, nets()):
        rows.append(f"| {name} | {' | '.join(_cell(each, notes) for each in cells)} |\n")
    told = [f"{number}. {reason}\n" for reason, number in notes.items()]
    return HEAD + "".join(rows) + "\n" + "".join(told)


def _cell(words: str, notes: dict[str, int]) -> str:
    if words in (YES, CURRENT):
        return words
    return f"no ({notes.setdefault(words, len(notes) + 1)})"


def main(names: list[str]) -> int:
    """Write the page, or print the cells of some nets."""
    pycaffe = built_pycaffe()
    if pycaffe is None or not CORPUS.is_dir():
        missing = "make caffe" if pycaffe is None else "the corpus at ../shared/corpus"
        sys.stderr.write(f"nothing can be tried here: it needs {missing}\n")
        return 1
    for name, cells in tried(pycaffe, names):
        sys.stdout.write("\t".join([name, *cells]) + "\n")
    if not names:
        PAGE.write_text(page(pycaffe), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
