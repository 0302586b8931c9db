"""Names are nouns of the field: no participle or pronoun names what a reader has to remember."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ssdh_surgery

WORDS = {
    *("asked", "done", "found", "given", "known", "made", "own", "said", "shown", "taken"),
    *("there", "told", "wanted"),
}
# A local of this many lines or fewer is read at a glance.
GLANCE = 6
PACKAGE = Path(ssdh_surgery.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


def names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The names of functions, classes, parameters and attributes, each with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        if isinstance(node, ast.ClassDef):
            fields = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
            yield from ((each.lineno, each.id) for each in fields if isinstance(each, ast.Name))


def long_lived_locals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The locals of functions that are used over more lines than a glance takes."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines: dict[str, list[int]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Name):
                lines.setdefault(node.id, []).append(node.lineno)
        for name, uses in lines.items():
            if max(uses) - min(uses) >= GLANCE:
                yield min(uses), name


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_participle_or_pronoun_is_a_name(module: Path) -> None:
    assert module.stem not in WORDS
    tree = ast.parse(module.read_text())
    found = [*names(tree), *long_lived_locals(tree)]
    assert [
        f"line {line}: {name}" for line, name in found if name.strip("_").lower() in WORDS
    ] == []
