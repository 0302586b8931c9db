"""Benchmarks are run by hand: what they import must be there when somebody does."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from support.paths import ROOT

BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("file", BENCHMARKS, ids=lambda file: file.stem)
def test_a_benchmark_can_be_imported(file: Path) -> None:
    assert callable(runpy.run_path(str(file))["main"])


def test_there_are_benchmarks() -> None:
    assert BENCHMARKS
