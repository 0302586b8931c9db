"""`ssdh search`: the documented JSON, the order of ties, and queries that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.cli import run
from ssdh_surgery.retrieval.codes import Codes, write_codes

BITS = np.array(
    [[0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]],
    np.uint8,
)


def write(path: str, bits: np.ndarray, ids: list[str], weights: str = "a") -> None:  # type: ignore[type-arg]
    recipe = {"model": {"weights": weights * 64, "blob": "code"}}
    labels = np.array([number if number != 2 else -1 for number in range(len(bits))], np.int64)
    packed = np.packbits(bits, axis=1)
    write_codes(path, Codes(packed, bits.shape[1], np.array(ids, str), labels, recipe))


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("d.npz", BITS, ["a", "b", "caf\udce9", "d", "e"])
    write("q.npz", BITS[3:], ["q1", "q2"])
    assert run(["index", "build", "d.npz", "-o", "x.index"]) == 0


def test_json_has_the_documented_form(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["search", "x.index", "--queries", "q.npz", "-k", "3", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer == {
        "results": [
            {
                "query": "q1",
                "hits": [
                    {"id": "d", "distance": 0, "label": 3},
                    {"id": "b", "distance": 4, "label": 1},
                    {"id": "caf\\xe9", "distance": 4, "label": None},
                ],
            },
            {
                "query": "q2",
                "hits": [
                    {"id": "a", "distance": 0, "label": 0},
                    {"id": "e", "distance": 0, "label": 4},
                    {"id": "b", "distance": 1, "label": 1},
                ],
            },
        ]
    }


def test_by_id_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["search", "x.index", "--id", "d", "-k", "100"]) == 0
    assert capsys.readouterr().out == (
        "d\n      0  d  3\n      4  b  1\n      4  caf\\xe9\n      5  a  0\n      5  e  4\n"
    )


def test_what_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write("other.npz", BITS, list("abcde"), "b")
    write("wide.npz", np.hstack([BITS, BITS]), list("abcde"))
    write("none.npz", BITS[:0], [])
    capsys.readouterr()
    cases = {
        "other.npz": "other.npz: made by another model than the index x.index: weights "
        "bbbbbbbbbbbb, there aaaaaaaaaaaa\nhint: encode both with the same net and weights\n",
        "wide.npz": "wide.npz: codes of 10 bits, the index x.index has 5\n",
        "none.npz": "none.npz: the query set is empty: no codes\n",
    }
    for file, message in cases.items():
        assert run(["search", "x.index", "--queries", file]) == 3
        assert capsys.readouterr().err == message
    assert run(["search", "x.index", "--id", "z"]) == 3
    assert capsys.readouterr().err == "x.index: no item has the id 'z'\n"
    assert run(["search", "x.index"]) == 2
    assert "say what to search with" in capsys.readouterr().err
