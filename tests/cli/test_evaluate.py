"""`ssdh evaluate`: figures with their protocol, as words and as JSON; warnings and errors."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import html5lib
import numpy as np
import pytest

from ssdh_surgery.cli import run
from ssdh_surgery.retrieval.codes.codes import Codes, pack, read_features, write_codes


def write(path: str, count: int, prefix: str, *, seed: int, model: str = "a") -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, count)
    activations = random.random((count, 12)).astype(np.float32)
    activations[:, :4] += labels[:, None] * 0.2
    ids = np.array([f"{prefix}{number}" for number in range(count)])
    recipe = {"model": {"weights": model * 64, "blob": "code"}}
    write_codes(path, Codes(pack(activations), 12, ids, labels, recipe, activations))


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("q.npz", 10, "q", seed=0)
    write("d.npz", 50, "d", seed=1)


COMMON = ["evaluate", "--queries", "q.npz", "--database", "d.npz"]


def test_json_has_the_documented_form(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--map", "all", "--map", "20", "--precision", "5", "--json"]
    assert run([*COMMON, *words]) == 0
    out = capsys.readouterr()
    answer = json.loads(out.out)
    assert set(answer) >= {"protocol", "map", "precision", "baselines"}
    assert set(answer["map"]) == {"all", "20"}
    assert set(answer["precision"]) == {"5"}
    assert answer["baselines"] == {}
    protocol = answer["protocol"]
    assert protocol["name"] == "authors"
    assert (protocol["ties"], protocol["divisor"], protocol["no_hits"]) == (
        "database",
        "hits",
        "zero",
    )
    assert protocol["queries"] == {"file": "q.npz", "items": 10}
    assert protocol["database"] == {"file": "d.npz", "items": 50}
    assert protocol["overlap"] == 0
    assert len(answer["curve"]) == 13
    # Progress is said after two seconds, as when the kernels are compiled first.
    assert "warning" not in out.err


def test_words_state_the_protocol(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*COMMON, "--protocol", "hashnet", "--ties", "expected"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:6] == [
        "10 queries, 50 in the database, 12 bits",
        "protocol: hashnet, changed (mean_average_precision in test.py of thuml/HashNet, "
        "of signs, sort not stable)",
        "          expected value over all orders of items at one distance",
        "          AP divided by the relevant items within the cut-off",
        "          a query without a hit is left out",
        "          precision within radius 2: 0 where nothing is within it",
    ]
    assert lines[6] == "          no top-1 by k-NN: expected ties leave no order to vote in"
    assert lines[7].split()[0] == "mAP@all"
    assert run([*COMMON, "--knn", "1", "--knn", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[6] == (
        "          k-NN: the label that most of the k nearest have, of equals the one ranked first"
    )
    assert [line[:11] for line in lines[-2:]] == ["top-1 1-NN ", "top-1 5-NN "]


def test_baselines_of_the_same_features(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*COMMON, "--features", "q.npz", "d.npz", "--json"]) == 0
    baselines = json.loads(capsys.readouterr().out)["baselines"]
    assert set(baselines) == {"lsh", "pca-sign", "itq", "features"}
    assert all(0 < each["map"]["all"] <= 1 for each in baselines.values())
    assert run([*COMMON, "--features", "q.npz", "d.npz"]) == 0
    shown = capsys.readouterr()
    assert "baselines" not in shown.err
    rows = [line.split()[0] for line in shown.out.splitlines()[-5:]]
    assert rows == ["codes", "lsh", "pca-sign", "itq", "features"]


def test_queries_in_the_database_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "--queries", "d.npz", "--database", "d.npz"]) == 0
    assert capsys.readouterr().err == (
        "warning: 50 of 50 queries are in the database too ('d0', 'd1', 'd2', ...): each finds "
        "itself, which makes the figures better than they are\n"
        "no baselines: --features names the activations of the features, which "
        "'ssdh encode --blob' writes\n"
    )


def test_errors(capsys: pytest.CaptureFixture[str]) -> None:
    write("other.npz", 5, "o", seed=2, model="b")
    assert run(["evaluate", "--queries", "other.npz", "--database", "d.npz"]) == 3
    assert capsys.readouterr().err == (
        "other.npz: made by another model than d.npz: weights bbbbbbbbbbbb, there aaaaaaaaaaaa\n"
        "hint: encode both with the same net and weights\n"
    )
    assert run(["evaluate", "--queries", "none.npz", "--database", "d.npz", "--json"]) == 3
    error = json.loads(capsys.readouterr().err.splitlines()[-1])["error"]
    assert (error["type"], error["file"]) == ("FileError", "none.npz")
    assert run([*COMMON, "--features", "d.npz", "d.npz"]) == 3
    assert capsys.readouterr().err == (
        "d.npz: its items are not those of q.npz\nhint: encode the same source for both\n"
    )
    assert run([*COMMON, "--map", "0"]) == 2
    assert "0 is not in the range x>=1" in capsys.readouterr().err


def test_a_table_and_curves(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--features", "q.npz", "d.npz", "--precision", "5", "--csv", "t.csv"]
    assert run([*COMMON, *words, "--plot", "p.png", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    with Path("t.csv").open(newline="") as file:
        rows = {
            (row["of"], row["measure"], row["at"]): row["value"] for row in csv.DictReader(file)
        }
    assert float(rows["codes", "map", "all"]) == answer["map"]["all"]
    assert float(rows["itq", "precision", "5"]) == answer["baselines"]["itq"]["precision"]["5"]
    assert float(rows["codes", "radius_precision", "2"]) == answer["radius_precision"]
    assert ("features", "radius_precision", "2") not in rows
    picture = cv2.imread("p.png")
    assert picture.shape[1] == 1000
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50
    assert run([*COMMON, "--plot", "p.svg"]) == 0
    assert "among the first N" in Path("p.svg").read_text()
    capsys.readouterr()
    assert run([*COMMON, "--plot", "p.svg"]) == 3
    assert capsys.readouterr().err == (
        "p.svg: the file exists; nothing was written\nhint: --force replaces it\n"
    )
    assert run([*COMMON, "--plot", "p.bmp"]) == 2
    assert capsys.readouterr().err == "p.bmp: a plot ends in .png, .svg, .pdf, not in '.bmp'\n"


@pytest.mark.parametrize(
    ("missing", "words", "purpose", "extra"),
    [
        ("numba", COMMON, "evaluating codes", "search"),
        (
            "faiss",
            ["index", "build", "many.npz", "-o", "x.index", "--kind", "hnsw"],
            "an index",
            "search",
        ),
        (
            "psycopg",
            ["index", "info", "postgresql:///x#y"],
            "an index in PostgreSQL",
            "postgres",
        ),
        ("matplotlib", [*COMMON, "--plot", "p.png"], "drawing curves", "plot"),
        ("jinja2", [*COMMON, "--html", "p.html"], "writing a page", "plot"),
        ("h5py", ["encode", ".", "-o", "x.h5"], "reading and writing HDF5 files", "train"),
        ("pyarrow", ["encode", ".", "-o", "x.parquet"], "reading and writing Parquet", "codes"),
    ],
)
def test_what_is_not_installed_is_named(
    missing: str, words: list[str], purpose: str, extra: str
) -> None:
    if "many.npz" in words:
        write("many.npz", 2000, "m", seed=2)
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from ssdh_surgery.cli import run\n"
        f"sys.exit(run({words!r}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (
        3,
        f"error: {purpose} needs the extra '{extra}'\nhint: pip install 'ssdh-surgery[{extra}]'\n",
    )
    assert not Path("x.index").exists()


def test_an_interrupted_evaluation_leaves_nothing_and_says_nothing() -> None:
    random = np.random.default_rng(0)
    for name, count in (("many.npz", 4000), ("more.npz", 400_000)):
        packed = random.integers(0, 256, (count, 8), dtype=np.uint8)
        ids = np.arange(count).astype(str)
        write_codes(name, Codes(packed, 64, ids, np.zeros(count, np.int64)))
    words = ["evaluate", "--queries", "many.npz", "--database", "more.npz", "--csv", "x.csv"]
    words.insert(0, "--quiet")  # progress comes after two seconds
    # Interrupted in the midst of the compiled ranking, a little after it began.
    code = (
        "import os, signal, sys, threading\n"
        "from ssdh_surgery.cli import run\n"
        "from ssdh_surgery.retrieval.evaluate import metrics\n"
        "take = metrics._Tally.take_counts\n"
        "def stopped(*given):\n"
        "    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "    return take(*given)\n"
        "metrics._Tally.take_counts = stopped\n"
        f"sys.exit(run({words!r}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.strip()) == (130, "")
    assert not Path("x.csv").exists()


def test_a_page_that_needs_nothing_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    write("<b>.npz", 10, "q", seed=0)
    words = ["evaluate", "--queries", "<b>.npz", "--database", "q.npz", "--html", "p.html"]
    assert run([*words, "--features", "<b>.npz", "q.npz", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    text = Path("p.html").read_text()
    page = html5lib.parse(text, namespaceHTMLElements=False)
    assert page.findtext(".//h1") == "10 queries, 10 in the database, 12 bits"
    rows = [[cell.text or "" for cell in row] for row in page.findall(".//tbody/tr")]
    assert [row[0] for row in rows] == ["codes", "lsh", "pca-sign", "itq", "features"]
    assert rows[0][1] == f"{answer['map']['all']:.6f}"
    assert page.find(".//li").text.startswith("authors (")
    assert "10 of 10 queries are in the database too" in page.findtext(".//p")
    assert page.find(".//{http://www.w3.org/2000/svg}svg") is not None
    links = re.findall(r"(?:src|href)=\"([^\"]*)\"", text)
    assert all(link.startswith("#") for link in links)
    assert "@import" not in text
    assert run([*words, "--features", "<b>.npz", "q.npz"]) == 3
    assert "p.html: the file exists" in capsys.readouterr().err
    before = text
    assert run([*words, "--features", "<b>.npz", "q.npz", "--force"]) == 0
    assert Path("p.html").read_text() == before


def write_scores(path: str, of: str, classes: int, *, model: str = "a") -> None:
    """Scores that are right for all but the first two of ten."""
    queries = read_features(of)
    wrong = np.arange(len(queries)) < 2
    scores = np.eye(classes, dtype=np.float32)[(queries.labels + wrong) % classes]
    recipe = {"model": {"weights": model * 64, "blob": "fc8"}}
    none = np.empty((len(queries), 0), np.uint8)
    write_codes(path, Codes(none, 0, queries.ids, queries.labels, recipe, scores))


def test_the_classifier_stands_beside_the_codes(capsys: pytest.CaptureFixture[str]) -> None:
    write_scores("s.npz", "q.npz", 7)
    words = [*COMMON, "--scores", "s.npz", "--features", "q.npz", "d.npz"]
    assert run([*words, "--csv", "t.csv", "--html", "p.html", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["accuracy"] == {"1": 0.8, "5": 0.8}
    assert answer["protocol"]["classifier"] == {"file": "s.npz", "blob": "fc8"}
    assert set(answer["knn"]) == {"10"}
    assert all(set(each["knn"]) == {"10"} for each in answer["baselines"].values())
    with Path("t.csv").open(newline="") as file:
        rows = {
            (row["of"], row["measure"], row["at"]): row["value"] for row in csv.DictReader(file)
        }
    assert rows["classifier", "accuracy", "1"] == "0.8"
    assert float(rows["codes", "knn", "10"]) == answer["knn"]["10"]
    assert float(rows["features", "knn", "10"]) == answer["baselines"]["features"]["knn"]["10"]
    page = html5lib.parse(Path("p.html").read_text(), namespaceHTMLElements=False)
    columns = [cell.text or "" for cell in page.findall(".//thead//th")]
    last = [cell.text or "" for cell in page.findall(".//tbody/tr")[-1]]
    assert dict(zip(columns, last, strict=True))["top-1"] == "0.800000"
    assert run(words) == 0
    out = capsys.readouterr().out
    assert "          classifier: 'fc8' of 7 classes, counted as Caffe's Accuracy layer\n" in out
    assert out.splitlines()[-1].split() == ["classifier", "0.800000", "0.800000"]
    write_scores("s.npz", "q.npz", 3, model="b")
    assert run([*COMMON, "--scores", "s.npz"]) == 0
    out = capsys.readouterr().out
    assert "Accuracy layer; by other weights than the codes\n" in out
    assert out.splitlines()[-3].split() == ["mAP@all", "radius", "2", "top-1", "10-NN", "top-1"]


def test_scores_that_do_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    write_scores("s.npz", "q.npz", 2)
    write_scores("other.npz", "d.npz", 3)

    def told(*words: str) -> str:
        assert run([*COMMON, *words]) == 3
        return capsys.readouterr().err

    assert told("--scores", "s.npz") == (
        "s.npz: scores of 2 classes, and there are labels up to 2\n"
        "hint: the scores are what the classifier's blob holds\n"
    )
    assert told("--scores", "other.npz") == (
        "other.npz: its items are not those of q.npz\nhint: encode the same source for both\n"
    )
    assert told("--scores", "q.npz") == (
        "q.npz: holds codes of 12 bits and no classifier's scores\n"
        "hint: ssdh deploy --with-classifier, then ssdh encode --blob CLASSIFIER\n"
    )
    bare = read_features("q.npz")
    unknown = np.where(np.arange(10) < 4, -1, bare.labels)
    write_codes("q.npz", replace(bare, labels=unknown))
    assert told("--scores", "s.npz") == (
        "q.npz: 4 of 10 items of the query set have no label, the first is 'q0'\n"
        "hint: encode a list with labels, class folders or an LMDB\n"
    )
    write_codes("q.npz", replace(bare, labels=np.eye(3, dtype=np.uint8)[bare.labels]))
    assert told("--scores", "s.npz") == (
        "s.npz: items of q.npz have several labels each, an accuracy needs one\n"
    )


def test_several_labels_have_no_vote(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("q.npz", "d.npz"):
        codes = read_features(name)
        write_codes(name, replace(codes, labels=np.eye(3, dtype=np.uint8)[codes.labels]))
    assert run([*COMMON, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["knn"] == {}
    assert run(COMMON) == 0
    assert "no top-1 by k-NN: items have several labels\n" in capsys.readouterr().out
