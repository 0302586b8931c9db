"""`ssdh search`: the documented JSON, the order of ties, and queries that are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.cli import run
from ssdh_surgery.retrieval.codes.code_file import read_codes, write_codes
from ssdh_surgery.retrieval.codes.codes import Codes, pack

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
                    {"id": "d", "distance": 0, "label": 3, "label_name": None},
                    {"id": "b", "distance": 4, "label": 1, "label_name": None},
                    {"id": "caf\\xe9", "distance": 4, "label": None, "label_name": None},
                ],
            },
            {
                "query": "q2",
                "hits": [
                    {"id": "a", "distance": 0, "label": 0, "label_name": None},
                    {"id": "e", "distance": 0, "label": 4, "label_name": None},
                    {"id": "b", "distance": 1, "label": 1, "label_name": None},
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


def test_an_index_without_items_has_no_match(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["index", "remove", "x.index", "a", "b", "caf\udce9", "d", "e"]) == 0
    capsys.readouterr()
    assert run(["search", "x.index", "--code", "01010", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"results": [{"query": "01010", "hits": []}]}


def test_what_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write("other.npz", BITS, list("abcde"), "b")
    write("wide.npz", np.hstack([BITS, BITS]), list("abcde"))
    write("none.npz", BITS[:0], [])
    capsys.readouterr()
    cases = {
        "other.npz": "other.npz: made by another model than the index x.index: weights "
        "bbbbbbbbbbbb against aaaaaaaaaaaa\nhint: encode both with the same net and weights\n",
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
    assert run([*words, "activations"]) == 0
    for query, result in zip(asked, json.loads(capsys.readouterr().out)["results"], strict=True):
        distances = np.linalg.norm(stored - query, axis=1)
        nearest = np.argsort(distances)[:3]
        assert [hit["id"] for hit in result["hits"]] == [f"s{row}" for row in nearest]
        told = [hit["feature_distance"] for hit in result["hits"]]
        assert told == pytest.approx(distances[nearest].tolist())
        hamming = [int(((stored[row] > 0.5) != (query > 0.5)).sum()) for row in nearest]
        assert [hit["distance"] for hit in result["hits"]] == hamming
    assert run(["search", "s.index", "--id", "s5", "-k", "1", "--rerank", "activations"]) == 0
    assert capsys.readouterr().out == "s5\n      0  s5  0  (0.0000)\n"
    assert run(["search", "x.index", "--id", "d", "--rerank", "activations"]) == 3
    assert capsys.readouterr().err == (
        "x.index: the index keeps no feature 'activations'; it has none\n"
        "hint: ssdh index build --activations keeps them\n"
    )
    assert run(["search", "s.index", "--queries", "q.npz", "--rerank", "activations"]) == 3
    assert capsys.readouterr().err == "q.npz: codes of 5 bits, the index s.index has 8\n"


def test_reranking_by_another_blob(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    for name, count in (("s", 60), ("a", 4)):
        ids = np.array([f"{name}{number}" for number in range(count)])
        labels = np.zeros(count, np.int64)
        packed = random.integers(0, 256, (count, 1), dtype=np.uint8)
        write_codes(f"{name}.npz", Codes(packed, 8, ids, labels, {}))
        wide = random.random((count, 5)).astype(np.float32)
        recipe = {"model": {"weights": "a" * 64, "blob": "fc7"}}
        none = np.empty((count, 0), np.uint8)
        write_codes(f"{name}7.npz", Codes(none, 0, ids, labels, recipe, wide))
    assert run(["index", "build", "s.npz", "-o", "s.index", "--features", "s7.npz"]) == 0
    capsys.readouterr()
    words = ["search", "s.index", "--queries", "a.npz", "-k", "3", "--rerank", "fc7", "--json"]
    assert run([*words, "--features", "a7.npz", "--shortlist", "9"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    with np.load("s7.npz") as stored, np.load("a7.npz") as asked, np.load("s.npz") as codes:
        mine = np.load("a.npz")["codes"]
        for row, result in enumerate(results):
            hamming = np.unpackbits(codes["codes"] ^ mine[row], axis=1).sum(1)
            shortlist = np.argsort(hamming, kind="stable")[:9]
            distances = np.linalg.norm(
                stored["activations"][shortlist] - asked["activations"][row], axis=1
            )
            nearest = shortlist[np.argsort(distances)[:3]]
            assert [hit["id"] for hit in result["hits"]] == [f"s{row}" for row in nearest]
    assert run(words) == 2
    assert "re-ranking by 'fc7' needs that feature of the queries" in capsys.readouterr().err
    assert run(["search", "s.index", "--id", "s1", "--rerank", "fc6"]) == 3
    assert capsys.readouterr().err == (
        "s.index: the index keeps no feature 'fc6'; it has 'fc7'\n"
        "hint: ssdh index build --features FILE keeps them\n"
    )


def test_by_code(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    for code in ("10000", "80", "0x80"):
        assert run(["search", "x.index", "--code", code, "-k", "2"]) == 0
        assert capsys.readouterr().out == f"{code}\n      0  b  1\n      1  a  0\n"
    for code in ("1000", "8", "102", "2x", "", "1000g"):
        assert run(["search", "x.index", "--code", code]) == 3
        assert capsys.readouterr().err == (
            f"error: '{code}' is not a code of the 5 bits of x.index\n"
            "hint: 5 zeros and ones, or 2 hex digits\n"
        )
    assert run(["search", "x.index", "--code", "84"]) == 3
    assert "'84' has ones after the 5 bits" in capsys.readouterr().err
    assert run(["search", "x.index", "--code", "80", "--rerank", "activations"]) == 2


def test_postgres_answers_as_a_file(capsys: pytest.CaptureFixture[str], database: str) -> None:
    place = f"{database}#x"
    assert run(["index", "build", "d.npz", "-o", place]) == 0
    write("other.npz", BITS, list("abcde"), "b")
    for words in (["--queries", "q.npz"], ["--id", "caf\udce9"], ["--code", "01110"]):
        capsys.readouterr()
        assert run(["search", "x.index", *words, "--json"]) == 0
        expected = capsys.readouterr().out
        assert run(["search", place, *words, "--json"]) == 0
        assert capsys.readouterr().out == expected
    assert run(["search", place, "--queries", "other.npz"]) == 3
    assert "other.npz: made by another model than the index postgresql://" in (
        capsys.readouterr().err
    )


def test_queries_whose_pictures_were_prepared_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path, mean in (("one.npz", [104.0, 117.0, 123.0]), ("two.npz", None)):
        codes = read_codes("q.npz")
        recipe = {**codes.recipe, "transform": {"mean_value": mean}}
        ids = np.array([f"{path}{each}" for each in codes.ids])
        write_codes(path, replace(codes, ids=ids, recipe=recipe))
    assert run(["index", "build", "one.npz", "-o", "y.index"]) == 0
    assert run(["search", "y.index", "--queries", "one.npz"]) == 0
    assert not capsys.readouterr().err
    told = (
        "warning: two.npz: its images were prepared differently from those of {} (mean_value "
        "none against 104,117,123), so distances mean little\n"
    )
    for words in (
        ["search", "y.index", "--queries", "two.npz"],
        ["index", "add", "y.index", "two.npz"],
        ["index", "build", "one.npz", "two.npz", "-o", "y.index", "--force"],
    ):
        assert run(words) == 0
        assert capsys.readouterr().err == told.format("the index y.index")
    assert run(["evaluate", "--queries", "two.npz", "--database", "one.npz"]) == 0
    assert told.format("one.npz") in capsys.readouterr().err


def write_clumps() -> None:
    """6,000 codes of 16 bits of which one is far from all others, i4321."""
    packed = np.repeat(np.array([[0, 0], [0, 1], [0, 3]], np.uint8), 2000, axis=0)
    packed[4321] = 255
    ids = np.array([f"i{number}" for number in range(6000)])
    write_codes("clumps.npz", Codes(packed, 16, ids, np.zeros(6000, np.int64)))


def test_fewer_hits_than_there_are_items_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    write_clumps()
    for kind in ("multihash", "hnsw", "flat"):
        assert run(["index", "build", "clumps.npz", "-o", f"{kind}.index", "--kind", kind]) == 0
    capsys.readouterr()
    words = ["-k", "5", "--id", "i4321"]
    assert run(["search", "multihash.index", *words]) == 0
    out = capsys.readouterr()
    assert out.out == "i4321\n      0  i4321  0\n"
    assert out.err == (
        "note: 1 hit of 5: multihash looks near the query alone; flat finds the rest\n"
    )
    assert run(["search", "multihash.index", *words, "--id", "i0"]) == 0
    assert capsys.readouterr().err == (
        "note: 1 of 2 queries have fewer than 5 hits: multihash looks near the query alone; flat "
        "finds the rest\n"
    )
    assert run(["search", "flat.index", *words]) == 0
    exact = capsys.readouterr()
    assert run(["search", "hnsw.index", *words]) == 0
    assert capsys.readouterr() == exact
    assert (exact.err, len(exact.out.splitlines())) == ("", 6)


def test_an_index_of_one_code_is_doubted(capsys: pytest.CaptureFixture[str]) -> None:
    ids = [f"i{number}" for number in range(30)]
    write("ones.npz", np.ones((30, 12), np.uint8), ids)
    write("mixed.npz", np.tile(np.arange(12, dtype=np.uint8) % 2, (30, 1)), ids)
    for name in ("ones", "mixed"):
        assert run(["index", "build", f"{name}.npz", "-o", f"{name}.index"]) == 0
    capsys.readouterr()
    assert run(["search", "ones.index", "--id", "i0", "-k", "1"]) == 0
    out = capsys.readouterr()
    assert out.out == "i0\n      0  i0  0\n"
    assert "warning SSDH710 collapsed-codes: not trained enough: nearly all images" in out.err
    assert run(["search", "mixed.index", "--id", "i0", "-k", "1", "--json"]) == 0
    out = capsys.readouterr()
    assert set(json.loads(out.out)) == {"results"}
    assert "warning SSDH710 collapsed-codes: the codes have collapsed" in out.err
