"""`ssdh search`: the documented JSON, the order of ties, and queries that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.cli import run
from ssdh_surgery.retrieval.codes import Codes, pack, write_codes

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


def test_reranking_by_activations(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    stored = random.random((60, 8)).astype(np.float32)
    asked = random.random((4, 8)).astype(np.float32)
    for name, values in (("s", stored), ("a", asked)):
        ids = np.array([f"{name}{number}" for number in range(len(values))])
        labels = np.zeros(len(values), np.int64)
        write_codes(f"{name}.npz", Codes(pack(values), 8, ids, labels, {}, values))
    assert run(["index", "build", "s.npz", "-o", "s.index", "--activations"]) == 0
    capsys.readouterr()
    words = ["search", "s.index", "--queries", "a.npz", "-k", "3", "--json", "--rerank"]
    assert run([*words, "60"]) == 0
    for query, result in zip(asked, json.loads(capsys.readouterr().out)["results"], strict=True):
        distances = np.linalg.norm(stored - query, axis=1)
        nearest = np.argsort(distances)[:3]
        assert [hit["id"] for hit in result["hits"]] == [f"s{row}" for row in nearest]
        told = [hit["feature_distance"] for hit in result["hits"]]
        assert told == pytest.approx(distances[nearest].tolist())
        hamming = [int(((stored[row] > 0.5) != (query > 0.5)).sum()) for row in nearest]
        assert [hit["distance"] for hit in result["hits"]] == hamming
    assert run(["search", "s.index", "--id", "s5", "-k", "1", "--rerank", "9"]) == 0
    assert capsys.readouterr().out == "s5\n      0  s5  0  (0.0000)\n"
    assert run(["search", "x.index", "--id", "d", "--rerank", "9"]) == 3
    assert capsys.readouterr().err == (
        "x.index: the index keeps no activations to re-rank by\n"
        "hint: ssdh index build --activations keeps them\n"
    )
    assert run(["search", "s.index", "--queries", "q.npz", "--rerank", "9"]) == 3
    assert capsys.readouterr().err == "q.npz: codes of 5 bits, the index s.index has 8\n"
