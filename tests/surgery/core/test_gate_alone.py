"""Edits become text in the gate alone: nothing that was not proven leaves the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ssdh_surgery

PACKAGE = Path(ssdh_surgery.__file__).parent
EDITS = "ssdh_surgery.prototxt.edits"


def appliers(tree: ast.AST) -> Iterator[int]:
    """The lines at which a module's code calls, or hands on, `prototxt.edits.apply`."""
    modules, functions = {EDITS}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {each.asname or each.name for each in node.names if each.name == EDITS}
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                name = each.asname or each.name
                if f"{node.module}.{each.name}" == EDITS:
                    modules.add(name)
                elif node.module == EDITS and each.name in ("apply", "*"):
                    functions.add(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "apply":
            if ast.unparse(node.value) in modules:
                yield node.lineno
        elif isinstance(node, ast.Name) and node.id in functions:
            yield node.lineno


def test_the_gate_alone_applies_edits() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(appliers(ast.parse(path.read_text("utf-8"))))
    }
    assert found == {"surgery/core/gate.py"}


@pytest.mark.parametrize(
    "text",
    [
        "from ssdh_surgery.prototxt import edits\nedits.apply('', ())",
        "from ssdh_surgery.prototxt import edits as e\nwork = e.apply",
        "from ssdh_surgery.prototxt.edits import apply as put\nput('', ())",
        "import ssdh_surgery.prototxt.edits\nssdh_surgery.prototxt.edits.apply('', ())",
    ],
)
def test_every_way_to_call_it_is_seen(text: str) -> None:
    assert list(appliers(ast.parse(text))) == [2]


def test_other_functions_of_that_name_are_let_be() -> None:
    assert not list(appliers(ast.parse("promise.apply(message)\nedits.apply(x)")))
