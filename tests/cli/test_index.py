"""`ssdh index`: built, added to, changed by id, told; and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.cli import run
from ssdh_surgery.retrieval.codes.code_file import write_codes
from ssdh_surgery.retrieval.codes.codes import Codes, pack
from ssdh_surgery.retrieval.index.file_index import open_file_index


def write(path: str, count: int, prefix: str, *, seed: int, bits: int = 12) -> None:
    random = np.random.default_rng(seed)
    ids = np.array([f"{prefix}{number}" for number in range(count)])
    recipe = {"model": {"weights": "a" * 64, "blob": "code"}}
    packed = pack(random.random((count, bits)))
    write_codes(path, Codes(packed, bits, ids, np.arange(count) % 3, recipe))


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("a.npz", 20, "a", seed=0)
    write("b.npz", 5, "b", seed=1)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(["index", *words]) == 0
    return capsys.readouterr().out


def test_the_life_of_an_index(capsys: pytest.CaptureFixture[str]) -> None:
    built = told(capsys, "build", "a.npz", "-o", "x.index", "--measure-recall")
    assert built == (
        "wrote x.index: 20 codes of 12 bits, flat\nrecall@10 1.0000 on codes of the index itself\n"
    )
    assert told(capsys, "add", "x.index", "b.npz") == "added 5: 25 codes in x.index\n"
    assert run(["index", "add", "x.index", "b.npz"]) == 3
    assert capsys.readouterr().err == (
        "b.npz: 5 of 5 ids are already in the index x.index, the first is 'b0'\n"
        "hint: 'ssdh index add --replace' replaces their codes\n"
    )
    again = told(capsys, "add", "x.index", "b.npz", "--replace")
    assert again == "added 0, replaced 5: 25 codes in x.index\n"
    assert told(capsys, "remove", "x.index", "a3", "b4") == "removed 2: 23 codes in x.index\n"
    assert "a3" not in list(open_file_index("x.index").ids)
    about = json.loads(told(capsys, "info", "x.index", "--json"))
    assert (about["kind"], about["codes"], about["bits"]) == ("flat", 23, 12)
    assert about["features"] == {}
    assert about["model"] == {"weights": "a" * 64, "blob": "code"}
    assert told(capsys, "info", "x.index").splitlines()[0] == ("x.index: 23 codes of 12 bits, flat")


def test_a_file_of_codes_is_given_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["index", "build", "a.npz", "b.npz", "a.npz", "-o", "x.index"]) == 3
    assert capsys.readouterr().err == (
        "a.npz: 20 of 20 ids are already in an earlier file of codes, the first is 'a0'\n"
        "hint: give each file of codes once\n"
    )
    assert not Path("x.index").exists()


def test_the_same_life_in_postgres(capsys: pytest.CaptureFixture[str], database: str) -> None:
    place = database.replace("postgres:@", "postgres:secret@") + "#x"
    name = database.replace("postgres:@", "postgres@")
    name = re.sub(r"@/(\w+)\?host=(.*)", r"@\2/\1#x", name)
    built = told(capsys, "build", "a.npz", "-o", place, "--kind", "hnsw", "--measure-recall")
    assert built == (
        f"wrote {name}: 20 codes of 12 bits, hnsw\nrecall@10 1.0000 on codes of the index itself\n"
    )
    assert told(capsys, "add", place, "b.npz") == f"added 5: 25 codes in {name}\n"
    assert run(["index", "add", place, "b.npz"]) == 3
    assert capsys.readouterr().err == (
        f"b.npz: 5 of 5 ids are already in the index {name}, the first is 'b0'\n"
        "hint: 'ssdh index add --replace' replaces their codes\n"
    )
    again = told(capsys, "add", place, "b.npz", "--replace")
    assert again == f"added 0, replaced 5: 25 codes in {name}\n"
    assert told(capsys, "remove", place, "a3", "b4") == f"removed 2: 23 codes in {name}\n"
    about = json.loads(told(capsys, "info", place, "--json"))
    assert (about["kind"], about["codes"], about["bits"]) == ("hnsw", 23, 12)
    assert about["model"] == {"weights": "a" * 64, "blob": "code"}
    assert run(["index", "build", "a.npz", "-o", place]) == 3
    assert "the table exists; nothing was written" in capsys.readouterr().err
    write("c.npz", 5, "c", seed=1, bits=16)
    assert run(["index", "add", place, "c.npz"]) == 3
    assert capsys.readouterr().err == f"c.npz: codes of 16 bits, the index {name} has 12\n"


def test_features_beside_the_codes(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(3)

    def features(path: str, ids: list[str], blob: str = "fc7", weights: str = "a") -> None:
        values = random.random((len(ids), 6)).astype(np.float32)
        recipe = {"model": {"weights": weights * 64, "blob": blob}}
        labels = np.zeros(len(ids), np.int64)
        none = np.empty((len(ids), 0), np.uint8)
        write_codes(path, Codes(none, 0, np.array(ids), labels, recipe, values))

    features("f.npz", [f"a{number}" for number in reversed(range(20))])
    features("g.npz", [f"b{number}" for number in range(5)])
    told(capsys, "build", "a.npz", "b.npz", "-o", "x.index", "--features", "f.npz",
         "--features", "g.npz")  # fmt: skip
    assert "feature 'fc7': 6 values each, for search --rerank" in told(capsys, "info", "x.index")
    kept = open_file_index("x.index")
    with np.load("f.npz") as archive:
        values = kept.features("fc7", kept.rows(archive["ids"].tolist()))
        assert np.array_equal(values, archive["activations"])
    assert run(["index", "add", "x.index", "b.npz", "--replace"]) == 3
    assert "lacks the feature 'fc7', which the index x.index keeps" in capsys.readouterr().err
    told(capsys, "add", "x.index", "b.npz", "--replace", "--features", "g.npz")
    features("fc6.npz", [f"b{number}" for number in range(5)], "fc6")
    words = ["index", "add", "x.index", "b.npz", "--replace", "--features", "g.npz"]
    assert run([*words, "--features", "fc6.npz"]) == 3
    assert "the index keeps no feature 'fc6'; it has 'fc7'" in capsys.readouterr().err
    features("other.npz", [f"a{number}" for number in range(20)], weights="b")
    for file, message in {
        "g.npz": "g.npz: no activations of 'fc7' for 'a0' of a.npz\n"
        "hint: encode the same source for both\n",
        "other.npz": "other.npz: made by another model than a.npz: weights bbbbbbbbbbbb against "
        "aaaaaaaaaaaa\nhint: encode both with the same net and weights\n",
        "a.npz": "a.npz: holds no activations to re-rank by\n"
        "hint: ssdh encode --activations keeps them\n",
    }.items():
        assert run(["index", "build", "a.npz", "-o", "y.index", "--features", file]) == 3
        assert capsys.readouterr().err == message
    assert not Path("y.index").exists()


def test_several_files_and_a_file_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "build", "a.npz", "b.npz", "-o", "x.index", "--kind", "hnsw")
    assert len(open_file_index("x.index")) == 25
    before = Path("x.index").read_bytes()
    assert run(["index", "build", "a.npz", "-o", "x.index"]) == 3
    assert capsys.readouterr().err == (
        "x.index: the file exists; nothing was written\n"
        "hint: --force replaces it, 'ssdh index add' adds to it\n"
    )
    assert Path("x.index").read_bytes() == before
    told(capsys, "build", "a.npz", "-o", "x.index", "--force")


def test_codes_of_another_width(capsys: pytest.CaptureFixture[str]) -> None:
    write("c.npz", 5, "c", seed=1, bits=16)
    assert run(["index", "build", "a.npz", "c.npz", "-o", "x.index"]) == 3
    assert capsys.readouterr().err == "c.npz: codes of 16 bits, the index x.index has 12\n"
    assert not Path("x.index").exists()


def test_an_index_cut_short(capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "build", "a.npz", "-o", "x.index")
    data = Path("x.index").read_bytes()
    Path("x.index").write_bytes(data[: len(data) // 2])
    assert run(["index", "info", "x.index"]) == 3
    assert capsys.readouterr().err == ("x.index: is truncated or damaged: File is not a zip file\n")
