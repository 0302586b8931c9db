"""The table of index kinds: a line of it and a backend are all that a kind needs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ssdh_surgery.cli import run
from ssdh_surgery.errors import UsageError
from ssdh_surgery.pipeline.search.index_change import build
from ssdh_surgery.retrieval.codes.code_file import write_codes
from ssdh_surgery.retrieval.index import backends
from ssdh_surgery.retrieval.index.backends import Neighbours, Packed
from ssdh_surgery.retrieval.index.kinds import DEFAULT, KINDS, IndexKind, alternatives
from ssdh_surgery.retrieval.index.places import open_index
from support.small_codes import random_codes


class Farthest:
    """A toy: of so many codes, as its options say, it finds the last ones."""

    def __init__(
        self, bytes_per_code: int, options: Mapping[str, float], saved: Packed | None
    ) -> None:
        self._last = int(options["last"])
        self._count = 0 if saved is None else int(saved[0])

    def add(self, packed: Packed) -> None:
        self._count += len(packed)

    def search(self, queries: Packed, k: int) -> Neighbours:
        rows = np.arange(self._count - min(k, self._last), self._count)
        shape = (len(queries), len(rows))
        return np.zeros(shape, np.int32), np.broadcast_to(rows, shape).astype(np.int64)

    def saved(self) -> Packed:
        return np.array([self._count], np.uint8)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType(f"{backends.__name__}.toy")
    module.Farthest = Farthest  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    kind = IndexKind("toy", "finds the last", "toy:Farthest", {"last": 3})
    monkeypatch.setitem(KINDS, "toy", kind)


@pytest.mark.usefixtures("toy")
def test_a_line_and_a_backend_make_a_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_codes("codes.npz", random_codes(20, 16, 2, seed=0))
    build([Path("codes.npz")], "x.index", "toy")
    with open_index("x.index") as index:
        assert index.about.kind == "toy"
        assert index.search(index.codes(np.array([0])), 5)[1].tolist() == [[17, 18, 19]]
    assert run(["search", "x.index", "--id", "4", "-k", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["      0  18  0", "      0  19  1"]


def test_without_a_line_there_is_no_kind(tmp_path: Path) -> None:
    write_codes(tmp_path / "codes.npz", random_codes(20, 16, 2, seed=0))
    with pytest.raises(UsageError, match="no kind of index is called 'toy'"):
        build([tmp_path / "codes.npz"], str(tmp_path / "x.index"), "toy")
    assert not (tmp_path / "x.index").exists()


def test_the_help_has_every_kind_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["index", "build", "--help"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    for kind in KINDS.values():
        assert f"{kind.name}: {kind.summary}" in words
    assert f"In PostgreSQL: flat or hnsw (default: {DEFAULT})." in words


def test_alternatives() -> None:
    assert alternatives(["a"]) == "a"
    assert alternatives(["a", "b", "c"]) == "a, b or c"
