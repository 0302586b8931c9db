"""Run every command on every net and write docs/networks.md; `page.py NET...` prints single rows.

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

The result of each command on every built-in network (`zoo:NAME`) and on every net of the corpus,
which consists of published files. `make networks` runs them all and writes this page. A number
refers to the reason below the table; `current` means that the file has nothing to upgrade.

- **show**: prints the table and the drawing, with every shape known and without a warning.
- **shapes**: every blob and param has the shape that it has in the Caffe of `make caffe`.
- **upgrade**: gives the same net as Caffe's own upgrade tool.
- **patch**: Caffe sets up the net that `ssdh patch` writes, with the expected shapes; for a deploy
  net, the train net that it writes with `--train-data` and `--test-data`.
- **deploy**: the same for `ssdh deploy`; for a train net, without a deploy file.
- **Caffe**: Caffe sets up the file as it is, with inputs in place of its data layers.
- **engine**: the embedded engine runs a forward pass, and every output is finite.

| net | {" | ".join(COLUMNS)} |
| --- |{" --- |" * len(COLUMNS)}
"""
# The list of all layer types that Caffe appends to its message.
_KNOWN_TYPES = re.compile(r" \(known types: .*\)$")


def nets() -> Iterator[str]:
    """The names of all nets of the zoo and the corpus, as `read_source` takes them."""
    for name in zoo.names():
        yield f"zoo:{name}"
        yield f"zoo:{name}/deploy"
    for path in sorted(Path("corpus").rglob("*.prototxt")):
        if read_source(str(path)).kind in (Kind.TRAIN, Kind.DEPLOY):
            yield str(path)


def rows(pycaffe: Path, names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The names of nets, each with its cells: `yes`, `current`, or the reason why not."""
    start = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, CaffeLoads(pycaffe) as loads:
        os.chdir(folder)
        Path("corpus").symlink_to(CORPUS)
        judge = Judge(loads, Path(folder))
        for name in names:
            cells = judge.cells(name)
            yield name, [_KNOWN_TYPES.sub("", cells[column]) for column in COLUMNS]
        os.chdir(start)


def page(pycaffe: Path) -> str:
    """The text of docs/networks.md."""
    table: list[str] = []
    reasons: dict[str, int] = {}
    for name, cells in rows(pycaffe, nets()):
        table.append(f"| {name} | {' | '.join(_cell(each, reasons) for each in cells)} |\n")
    notes = [f"{number}. {reason}\n" for reason, number in reasons.items()]
    return HEAD + "".join(table) + "\n" + "".join(notes)


def _cell(text: str, reasons: dict[str, int]) -> str:
    if text in (YES, CURRENT):
        return text
    return f"no ({reasons.setdefault(text, len(reasons) + 1)})"


def main(names: list[str]) -> int:
    """Write the page, or print the cells of the given nets."""
    pycaffe = built_pycaffe()
    if pycaffe is None or not CORPUS.is_dir():
        missing = "make caffe" if pycaffe is None else "the corpus at ../shared/corpus"
        sys.stderr.write(f"docs/networks.md cannot be made without {missing}\n")
        return 1
    for name, cells in rows(pycaffe, names):
        sys.stdout.write("\t".join([name, *cells]) + "\n")
    if not names:
        PAGE.write_text(page(pycaffe), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
