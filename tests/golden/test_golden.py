"""Golden cases: a net before, one command, and the very bytes after.

`golden/VERB/CASE/` holds `before.prototxt`, `command` and `after.prototxt`. The command is one
Python expression that makes a `Change`; without an `after.prototxt` it must change nothing.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.kind import Kind, kind_of
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.core.judge import MESSAGE_OF
from ssdh_surgery.surgery.hashing import insert
from ssdh_surgery.surgery.hashing.recipe import Filler, Recipe, SolverRecipe
from ssdh_surgery.surgery.solver import retarget
from ssdh_surgery.surgery.verbs import blobs, fields, layers

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/command"))

VERBS = {
    "Decimal": Decimal,
    "Filler": Filler,
    "Recipe": Recipe,
    "SolverRecipe": SolverRecipe,
    "Word": Word,
    "blobs": blobs,
    "fields": fields,
    "hashing": insert,
    "layers": layers,
    "merged": merge,
    "solver": retarget,
}


def _names(document: Document) -> dict[str, Any]:
    """What a command may speak of: the verbs, and what the document holds."""
    root = document.root
    if kind_of(document) is Kind.SOLVER:
        return {**VERBS, "root": root, "the_solver": Solver(document)}
    net = Net(document)
    main = next((head for head in heads(net) if head.is_main), None)
    return {**VERBS, "root": root, "net": net, "head": main}


def test_there_are_cases() -> None:
    assert len(CASES) > 20


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{case.parent.name}/{case.name}") for case in CASES]
)
def test_golden(case: Path) -> None:
    data = (case / "before.prototxt").read_bytes()
    document = parse(data, "before.prototxt")
    command = (case / "command").read_text()
    made = eval(command.strip(), _names(document))
    change = made if isinstance(made, Change) else made.change
    proven = prove(document, change, MESSAGE_OF[kind_of(document)])
    after = case / "after.prototxt"
    if after.exists():
        assert bytes(proven.document) == after.read_bytes()
    else:
        assert change == Change()
