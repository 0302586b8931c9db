"""The examples in docstrings are true, in every module that imports nothing heavy."""

from __future__ import annotations

import ast
import doctest
import importlib
from pathlib import Path

import pytest

import ssdh_surgery

ROOT = Path(ssdh_surgery.__file__).parent
# The only ones that import PyTorch at their top.
HEAVY = ROOT / "engines" / "torch"


def _has_example(file: Path) -> bool:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = (node for node in ast.walk(tree) if isinstance(node, documented))
    return any(">>> " in (ast.get_docstring(node) or "") for node in nodes)


def _modules() -> list[str]:
    files = sorted(ROOT.rglob("*.py"))
    with_examples = [file for file in files if HEAVY not in file.parents and _has_example(file)]
    parts = (file.relative_to(ROOT.parent).with_suffix("").parts for file in with_examples)
    return [".".join(part for part in names if part != "__init__") for names in parts]


def test_there_are_examples() -> None:
    assert "ssdh_surgery.surgery.verbs.layers" in _modules()


@pytest.mark.parametrize("module", _modules())
def test_examples(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0
