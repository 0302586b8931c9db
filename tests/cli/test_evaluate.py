"""`ssdh evaluate`: figures with their protocol, as words and as JSON; warnings and errors."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import html5lib
import numpy as np
import pytest

from ssdh_surgery.cli import run
from ssdh_surgery.cli.table import text_width
from ssdh_surgery.report.contact_sheet import GAP, SIDE
from ssdh_surgery.retrieval.codes.code_file import read_features, write_codes
from ssdh_surgery.retrieval.codes.codes import Codes, pack
from support.screen import in_terminal, plain

pytestmark = pytest.mark.usefixtures("default_signals")


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
    assert lines[:8] == [
        "10 queries, 50 in the database, 12 bits",
        "queries:  q.npz",
        "database: d.npz",
        "protocol: hashnet, changed (mean_average_precision in test.py of thuml/HashNet, "
        "of signs, sort not stable)",
        "          expected value over all orders of items at one distance",
        "          AP divided by the relevant items within the cut-off",
        "          a query without a hit is left out",
        "          precision within radius 2: 0 if nothing is within it",
    ]
    assert lines[8] == "          no top-1 by k-NN: expected ties leave no order"
    assert lines[9].split()[0] == "mAP@all"
    assert run([*COMMON, "--knn", "1", "--knn", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[8] == (
        "          k-NN: the most frequent label of the k nearest; of equals, the one ranked first"
    )
    assert [line[:11] for line in lines[11:13]] == ["top-1 1-NN ", "top-1 5-NN "]
    head = ["3 classes", "queries", "mAP@all", "top-1 1-NN", "top-1 5-NN"]
    assert re.split("  +", lines[13]) == head
    assert [line.split()[0] for line in lines[14:]] == ["0", "1", "2"]


def test_baselines_of_the_same_features(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*COMMON, "--features", "q.npz", "d.npz", "--json"]) == 0
    baselines = json.loads(capsys.readouterr().out)["baselines"]
    assert set(baselines) == {"lsh", "pca-sign", "itq", "features"}
    assert all(0 < each["map"]["all"] <= 1 for each in baselines.values())
    assert run([*COMMON, "--features", "q.npz", "d.npz"]) == 0
    shown = capsys.readouterr()
    assert "baselines" not in shown.err
    lines = shown.out.splitlines()
    head = next(number for number, line in enumerate(lines) if line.endswith("features"))
    assert lines[head].split() == ["codes", "lsh", "pca-sign", "itq", "features"]
    assert [line.split("  ")[0] for line in lines[head + 1 : head + 4]] == [
        "mAP@all",
        "radius 2",
        "top-1 10-NN",
    ]
    assert max(map(len, lines)) <= 100


def test_queries_in_the_database_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "--queries", "d.npz", "--database", "d.npz"]) == 0
    assert capsys.readouterr().err == (
        "warning: 50 of 50 queries are in the database too ('d0', 'd1', 'd2', ...): each finds "
        "itself, so the figures are too good\n"
        "no baselines: --features takes the activations of the features, which "
        "'ssdh encode --blob' writes\n"
    )


def test_errors(capsys: pytest.CaptureFixture[str]) -> None:
    write("other.npz", 5, "o", seed=2, model="b")
    assert run(["evaluate", "--queries", "other.npz", "--database", "d.npz"]) == 3
    assert capsys.readouterr().err == (
        "other.npz: made by another model than d.npz: weights bbbbbbbbbbbb against aaaaaaaaaaaa\n"
        "hint: encode both with the same net and weights\n"
    )
    assert run(["evaluate", "--queries", "none.npz", "--database", "d.npz", "--json"]) == 3
    error = json.loads(capsys.readouterr().err.splitlines()[-1])["error"]
    assert (error["type"], error["file"]) == ("FileError", "none.npz")
    assert run([*COMMON, "--features", "d.npz", "d.npz"]) == 3
    assert capsys.readouterr().err == (
        "d.npz: its items differ from those of q.npz\nhint: encode the same source for both\n"
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
    assert capsys.readouterr().err == "p.bmp: a plot must end in .png, .svg, .pdf, not in '.bmp'\n"


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
        ("h5py", ["encode", ".", "-o", "x.h5"], "reading and writing HDF5 files", "codes"),
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
        "from ssdh_surgery.retrieval.evaluate import tally\n"
        "take = tally.Tally.take_counts\n"
        "def stopped(*given):\n"
        "    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "    return take(*given)\n"
        "tally.Tally.take_counts = stopped\n"
        f"sys.exit(run({words!r}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert (ran.returncode, ran.stderr.strip()) == (130, "")
    assert not Path("x.csv").exists()


def texts(table: Any, part: str) -> list[list[str]]:
    """The texts of the cells of a part of a table."""
    return [[cell.text or "" for cell in row] for row in table.findall(f"./{part}/tr")]


def test_a_page_that_needs_nothing_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    write("<b>.npz", 10, "q", seed=0)
    words = ["evaluate", "--queries", "<b>.npz", "--database", "q.npz", "--html", "p.html"]
    assert run([*words, "--features", "<b>.npz", "q.npz", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    text = Path("p.html").read_text()
    page = html5lib.parse(text, namespaceHTMLElements=False)
    assert page.findtext(".//h1") == "10 queries, 10 in the database, 12 bits"
    figures, classes = page.findall(".//table")
    assert texts(figures, "thead") == [["", "codes", "lsh", "pca-sign", "itq", "features"]]
    rows = texts(figures, "tbody")
    # Of ten items there is no precision@20.
    places = [f"precision@{place}" for place in (1, 2, 5, 10)]
    assert [row[0] for row in rows] == ["mAP@all", *places, "radius 2", "top-1 10-NN"]
    maps = [answer["map"], *(each["map"] for each in answer["baselines"].values())]
    assert rows[0][1:] == [f"{each['all']:.4f}" for each in maps]
    assert texts(classes, "thead") == [["class", "queries", "mAP@all", "top-1 10-NN"]]
    assert texts(classes, "tbody") == [
        [
            str(each["label"]),
            str(each["queries"]),
            f"{each['map']['all']:.4f}",
            f"{each['knn']['10']:.4f}",
        ]
        for each in answer["classes"]
    ]
    assert [cell.text for cell in page.findall(".//dd")] == ["<b>.npz", "q.npz", "<b>.npz, q.npz"]
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
    table = page.find(".//table")
    (columns,) = texts(table, "thead")
    rows_of_page = {row[0]: dict(zip(columns, row, strict=True)) for row in texts(table, "tbody")}
    assert rows_of_page["top-1"]["classifier"] == "0.8000"
    assert (rows_of_page["top-1"]["codes"], rows_of_page["mAP@all"]["classifier"]) == ("", "")
    assert run(words) == 0
    out = capsys.readouterr().out
    assert "          classifier: 'fc8' of 7 classes, counted as Caffe's Accuracy layer\n" in out
    assert [line.split() for line in out.splitlines() if line.startswith("top-")][1:] == [
        ["top-1", "0.800000"],
        ["top-5", "0.800000"],
    ]
    write_scores("s.npz", "q.npz", 3, model="b")
    assert run([*COMMON, "--scores", "s.npz"]) == 0
    out = capsys.readouterr().out
    assert "Accuracy layer; its weights differ from those of the codes\n" in out
    head = next(line for line in out.splitlines() if line.endswith("classifier"))
    assert head.split() == ["codes", "classifier"]


def test_scores_that_do_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    write_scores("s.npz", "q.npz", 2)
    write_scores("other.npz", "d.npz", 3)

    def told(*words: str) -> str:
        assert run([*COMMON, *words]) == 3
        return capsys.readouterr().err

    assert told("--scores", "s.npz") == (
        "s.npz: scores of 2 classes, but labels up to 2\n"
        "hint: encode the classifier's blob to get its scores\n"
    )
    assert told("--scores", "other.npz") == (
        "other.npz: its items differ from those of q.npz\nhint: encode the same source for both\n"
    )
    assert told("--scores", "q.npz") == (
        "q.npz: holds codes of 12 bits, not a classifier's scores\n"
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
        "s.npz: items of q.npz have several labels each, but an accuracy needs one\n"
    )


def test_several_labels_have_no_vote(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("q.npz", "d.npz"):
        codes = read_features(name)
        write_codes(name, replace(codes, labels=np.eye(3, dtype=np.uint8)[codes.labels]))
    assert run([*COMMON, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["knn"] == {}
    assert run(COMMON) == 0
    assert "no top-1 by k-NN: items have several labels\n" in capsys.readouterr().out


def test_a_precision_needs_as_many_items(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--precision", "50", "--precision", "1000", "--map", "1000", "--csv", "t.csv"]
    assert run([*COMMON, *words, "--json"]) == 0
    out = capsys.readouterr()
    assert "warning: no precision@1000: the database has 50 items\n" in out.err
    answer = json.loads(out.out)
    assert set(answer["precision"]) == {"50", "1000"}
    assert answer["precision"]["1000"] is None
    assert answer["warnings"] == ["no precision@1000: the database has 50 items"]
    assert ",1000," not in Path("t.csv").read_text().replace("map,1000,", "")
    assert run([*COMMON, *words, "--force"]) == 0
    out = capsys.readouterr()
    assert "precision@1000" not in out.out
    assert "          mAP@1000 is that of all 50 items of the database\n" in out.out
    # A curve has the points that the database allows.
    assert run([*COMMON, "--precision", "1000", "--plot", "p.svg", "--json"]) == 0
    precision = json.loads(capsys.readouterr().out)["precision"]
    assert [place for place, value in precision.items() if value is not None] == [
        *("1", "2", "5", "10", "20", "50")
    ]


def test_codes_that_lose_to_untrained_ones(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    for name in ("q", "d"):
        codes = read_features(f"{name}.npz")
        features = np.eye(20, dtype=np.float32)[codes.labels]
        features += random.normal(0, 0.1, features.shape).astype(np.float32)
        none = np.empty((len(codes), 0), np.uint8)
        recipe = {"model": {"weights": "a" * 64, "blob": "fc7"}}
        write_codes(f"{name}7.npz", Codes(none, 0, codes.ids, codes.labels, recipe, features))
    words = [*COMMON, "--features", "q7.npz", "d7.npz"]
    assert run([*words, "--json"]) == 0
    out = capsys.readouterr()
    answer = json.loads(out.out)
    own = answer["map"]["all"]
    name, best = max(
        (
            (name, each["map"]["all"])
            for name, each in answer["baselines"].items()
            if name != "features"
        ),
        key=lambda pair: pair[1],
    )
    assert best > own
    start = f"the codes lose to {name}, which makes codes of the same features without training: "
    assert answer["warnings"][-1].startswith(f"{start}mAP@all {own:.4f} against {best:.4f}. Check")
    assert f"warning: {start}" in out.err
    assert answer["protocol"]["features"] == {"queries": "q7.npz", "database": "d7.npz"}


def test_classes_equal_an_evaluation_of_their_queries(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--map", "7", "--precision", "5", "--knn", "3", "--json"]
    assert run([*COMMON, *words, "--csv", "t.csv"]) == 0
    answer = json.loads(capsys.readouterr().out)
    queries = read_features("q.npz")
    assert [each["label"] for each in answer["classes"]] == np.unique(queries.labels).tolist()
    for each in answer["classes"]:
        of_class = queries.labels == each["label"]
        assert each["queries"] == of_class.sum()
        assert each["name"] is None
        some = replace(
            queries,
            packed=queries.packed[of_class],
            ids=queries.ids[of_class],
            labels=queries.labels[of_class],
            activations=None,
        )
        write_codes("some.npz", some)
        assert run(["evaluate", "--queries", "some.npz", "--database", "d.npz", *words]) == 0
        alone = json.loads(capsys.readouterr().out)
        for key in ("map", "precision", "knn"):
            assert each[key] == alone[key]
        assert f"class {each['label']},map,7,{each['map']['7']!r}\n" in Path("t.csv").read_text()


def test_codes_that_are_all_one_are_doubted(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("q", "d"):
        codes = read_features(f"{name}.npz")
        ones = np.packbits(np.ones((len(codes), 12), np.uint8), axis=1)
        write_codes(f"{name}.npz", replace(codes, packed=ones, activations=None))
    assert run([*COMMON, "--html", "p.html", "--json"]) == 0
    out = capsys.readouterr()
    assert "warning SSDH710 collapsed-codes: not trained enough: nearly all images" in out.err
    assert [each["code"] for each in json.loads(out.out)["findings"]] == ["SSDH710"]
    assert "SSDH710: not trained enough" in Path("p.html").read_text()


def test_names_are_text_in_curves(capsys: pytest.CaptureFixture[str]) -> None:
    write("$x_{1}$.npz", 10, "q", seed=0)
    words = ["evaluate", "--queries", "$x_{1}$.npz", "--database", "d.npz", "--plot"]
    assert run([*words, "p.svg"]) == 0
    text = Path("p.svg").read_text()
    assert "queries $x_{1}$.npz, database d.npz" in text
    for panel in ("within a Hamming radius", "among the first N", "by class of the query"):
        assert panel in text
    assert "mathdefault" not in text
    ticks = re.findall(r">([01]\.[0-9])</text>", text)
    assert ticks.count("0.0") == ticks.count("1.0") == 4  # precision, twice; recall; mAP


def test_a_sheet_of_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for name, count in (("q", 10), ("d", 50)):
        Path(name).mkdir()
        codes = read_features(f"{name}.npz")
        for each in codes.ids.tolist():
            cv2.imwrite(f"{name}/{each}.png", np.full((9, 9, 3), 90, np.uint8))
        ids = np.array([f"{each}.png" for each in codes.ids.tolist()])
        recipe = {**codes.recipe, "root": str(Path(name).absolute())}
        write_codes(f"{name}.npz", replace(codes, ids=ids, recipe=recipe))
        assert count == len(codes)
    Path("d/d3.png").unlink()
    assert run([*COMMON, "--sheet", "s.png"]) == 0
    out = capsys.readouterr()
    assert "wrote s.png: 10 queries, " in out.err
    sheet = cv2.imread("s.png")
    assert sheet.shape[1] == GAP + 11 * (SIDE + GAP)
    frames = {tuple(sheet[GAP + 1, GAP + 1 + n * (SIDE + GAP)].tolist()) for n in range(1, 11)}
    assert frames == {(70, 160, 60), (50, 50, 210)}
    assert run([*COMMON, "--sheet", "s.png"]) == 3
    assert "s.png: the file exists" in capsys.readouterr().err
    shutil.rmtree("d")
    shutil.rmtree("q")
    assert run([*COMMON, "--sheet", "t.png"]) == 3
    out = capsys.readouterr()
    assert out.out.startswith("10 queries, 50 in the database, 12 bits\n")
    assert "none of the images of the hits exists" in out.err


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    lines = plain(in_terminal("-q", *COMMON, columns=columns, cwd=Path.cwd())).splitlines()
    assert [line for line in lines if text_width(line) > columns] == []
    protocol = next(number for number, line in enumerate(lines) if line.startswith("protocol: "))
    further = lines[protocol + 1]
    assert further.startswith(" " * 10)
    assert not further[10].isspace()
