"""encode, build_index, search and evaluate as functions: the answers of the commands, as values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ssdh_surgery
from ssdh_surgery import DataError, FileError, UsageError
from support.command_line import Ssdh

NET: Any = {"deploy": "deploy.prototxt", "weights": Path("w.caffemodel"), "resize": (9, 9)}
WORDS = ("--deploy", "deploy.prototxt", "--weights", "w.caffemodel", "--resize", "9x9")


@pytest.fixture
def index(photos: Path) -> str:
    """An index of the photos, next to their codes."""
    ssdh_surgery.encode("photos", "codes.npz", **NET)
    ssdh_surgery.build_index("codes.npz", "x.index", kind="numpy")
    return "x.index"


def test_encode_answers_as_the_command(photos: Path, ssdh: Ssdh) -> None:
    told = ssdh("encode", "photos", "-o", "codes.npz", *WORDS, "--json").json
    made = Path("codes.npz").read_bytes()
    result = ssdh_surgery.encode("photos", "codes.npz", force=True, **NET)
    assert json.loads(json.dumps(result.as_json())) == told
    assert Path("codes.npz").read_bytes() == made
    codes = ssdh_surgery.read_codes("codes.npz")
    assert repr(codes) == "<Codes codes.npz: 6 x 20 bits>"
    assert codes.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_encode_takes_images_and_reports_its_progress(photos: Path) -> None:
    steps: list[tuple[int, int]] = []
    images = [Path("photos/0/0.png"), "photos/1/1.png", "photos/0/2.png"]
    result = ssdh_surgery.encode(
        images, "c.npz", progress=lambda *each: steps.append(each), batch=2, **NET
    )
    assert result.count == 3
    assert steps == [(2, 3), (3, 3)]


def test_what_is_left_out_is_a_value(photos: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Path("photos/0/bad.png").write_bytes(b"no image")
    result = ssdh_surgery.encode("photos", "codes.npz", **NET)
    assert [name for name, _ in result.left_out] == ["0/bad.png"]
    assert capfd.readouterr() == ("", "")


def test_build_index_writes_what_the_command_writes(index: str, ssdh: Ssdh) -> None:
    told = ssdh("index", "build", "codes.npz", "-o", "y.index", "--kind", "numpy", "--json").json
    made = Path("y.index").read_bytes()
    result = ssdh_surgery.build_index(
        ["codes.npz"], Path("y.index"), kind="numpy", measure_recall=3, force=True
    )
    assert Path("y.index").read_bytes() == made
    assert result.index == told["index"]
    assert (result.kind, result.count, result.bits) == ("numpy", told["codes"], told["bits"])
    assert result.recall == 1.0
    assert result.warnings == ()


def test_files_of_another_preparation_are_warnings(index: str, ssdh: Ssdh) -> None:
    ssdh_surgery.encode("photos/0", "other.npz", **{**NET, "scale": 0.5})
    result = ssdh_surgery.search(index, queries="other.npz", k=1)
    told = ssdh("search", index, "--queries", "other.npz", "-k", "1").err
    (warning,) = result.warnings
    assert told == f"warning: {warning}\n"


@pytest.mark.parametrize(
    ("words", "keywords"),
    [
        (["--queries", "codes.npz", "-k", "2"], {"queries": "codes.npz", "k": 2}),
        (["--id", "0/0.png", "--id", "1/1.png"], {"ids": ["0/0.png", "1/1.png"]}),
        (["--id", "0/0.png"], {"ids": "0/0.png"}),
        (["--code", "0" * 20], {"codes": "0" * 20}),
        (["--image", "photos/0/0.png", *WORDS], {"images": Path("photos/0/0.png"), **NET}),
    ],
    ids=["queries", "ids", "id", "code", "image"],
)
def test_search_answers_as_the_command(
    words: list[str], keywords: Any, index: str, ssdh: Ssdh
) -> None:
    told = ssdh("search", index, *words, "--json").json
    result = ssdh_surgery.search(index, **keywords)
    assert {"results": [answer.as_json() for answer in result.answers]} == told


def test_hits_are_values(index: str) -> None:
    (answer,) = ssdh_surgery.search(Path(index), ids="1/1.png", k=1).answers
    assert answer.query == "1/1.png"
    assert answer.hits == (ssdh_surgery.Hit("1/1.png", 0, 1, "1"),)


def test_evaluate_answers_as_the_command(index: str, ssdh: Ssdh) -> None:
    both = ("--queries", "codes.npz", "--database", "codes.npz")
    told = ssdh(
        "evaluate", *both, "--map", "all", "--map", "3", "--precision", "2", "--ties", "expected",
        "--json",
    ).json  # fmt: skip
    evaluation = ssdh_surgery.evaluate(
        "codes.npz", "codes.npz", map=["all", 3], precision=2, ties="expected", csv="table.csv"
    )
    assert json.loads(json.dumps(evaluation.as_json())) == told
    assert Path("table.csv").exists()
    assert "are in the database too" in evaluation.warnings()[0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ssdh_surgery.encode([], "c.npz"), UsageError, "encode needs an input"),
        (
            lambda: ssdh_surgery.encode("photos", "c.npz", **{**NET, "batch": 0}),
            UsageError,
            "batch must be an integer of at least 1, not 0",
        ),
        (
            lambda: ssdh_surgery.encode("photos", "c.npz", **{**NET, "resize": (9,)}),
            UsageError,
            r"resize must be \(width, height\) or 'none', not \(9,\)",
        ),
        (
            lambda: ssdh_surgery.encode("photos", "c.npz", **NET, crops=5),
            UsageError,
            "crops must be 1 or 10, not 5",
        ),
        (
            lambda: ssdh_surgery.encode("photos", "c.npz", **NET, scale=0),
            UsageError,
            "scale must be a finite number other than 0, not 0",
        ),
        (
            lambda: ssdh_surgery.encode("photos", "c.npz", **NET, engine="caffe"),
            UsageError,
            "engine must be 'auto' or 'onnx' or 'torch' or 'pycaffe' or 'binary', not 'caffe'",
        ),
        (
            lambda: ssdh_surgery.encode("photos", "c.npz", **NET, mean_file="a", mean_value=[1]),
            UsageError,
            "--mean-value and --mean-file exclude each other",
        ),
        (
            lambda: ssdh_surgery.encode("photos", "c.npz", **NET, classes=4),
            UsageError,
            "classes needs multi_label",
        ),
        (lambda: ssdh_surgery.encode("photos", "codes.npz", **NET), FileError, "the file exists"),
        (
            lambda: ssdh_surgery.build_index([], "y.index"),
            UsageError,
            "build_index needs a file of codes",
        ),
        (
            lambda: ssdh_surgery.build_index("codes.npz", "y.index", kind="flatt"),
            UsageError,
            "no kind of index is called 'flatt'",
        ),
        (
            lambda: ssdh_surgery.search("x.index"),
            UsageError,
            "search needs one of queries, images, ids and codes",
        ),
        (
            lambda: ssdh_surgery.search("x.index", ids="a", codes="0"),
            UsageError,
            "search needs one of queries, images, ids and codes",
        ),
        (
            lambda: ssdh_surgery.search("x.index", ids="a", k=0),
            UsageError,
            "k must be an integer of at least 1, not 0",
        ),
        (
            lambda: ssdh_surgery.search("x.index", ids="a", shortlist=9),
            UsageError,
            "shortlist and features belong to rerank",
        ),
        (
            lambda: ssdh_surgery.search("x.index", ids="a", rerank="b", features="codes.npz"),
            UsageError,
            "features belong to queries",
        ),
        (lambda: ssdh_surgery.search("x.index", ids="a"), DataError, "no item 'a'|'a'"),
        (
            lambda: ssdh_surgery.evaluate("codes.npz", "codes.npz", map=0),
            UsageError,
            "map must be an integer of at least 1, not 0",
        ),
        (
            lambda: ssdh_surgery.evaluate("codes.npz", "codes.npz", protocol="hash"),
            UsageError,
            "protocol must be 'authors' or 'hashnet' or 'deephash', not 'hash'",
        ),
    ],
)
def test_refusals(
    call: Callable[[], Any], error: type[Exception], message: str, index: str
) -> None:
    with pytest.raises(error, match=message):
        call()
    assert not Path("c.npz").exists()
    assert not Path("y.index").exists()


@pytest.mark.parametrize("function", [ssdh_surgery.encode, ssdh_surgery.search])
def test_an_unknown_keyword(function: Any, photos: Path) -> None:
    with pytest.raises(TypeError) as caught:
        function("photos", *(["c.npz"] if function is ssdh_surgery.encode else []), weigths="w")
    name = function.__name__
    assert str(caught.value) == (
        f"{name}() got an unexpected keyword argument 'weigths'; did you mean 'weights'?"
    )
