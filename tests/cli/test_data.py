"""`ssdh data`: built, averaged, shown; all problems of a list told before anything is written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery.cli import run
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.data.mean import read_mean
from ssdh_surgery.report.contact_sheet import GAP, LINE, SIDE
from support.images import tiles
from support.leveldbs import write_leveldb
from support.processes import running

pytestmark = pytest.mark.usefixtures("default_signals")


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number, (pixels, label) in enumerate(tiles(20, 11)):
        picture = Path(f"photos/class{label}/{number:02d}.png")
        picture.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(picture), pixels.transpose(1, 2, 0))
    lines = [f"{path} {path.parts[1][-1]}\n" for path in sorted(Path("photos").rglob("*.png"))]
    Path("list.txt").write_text("".join(lines))


def test_an_order_that_no_net_should_be_trained_in_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["data", "build", "photos", "a_lmdb"]) == 0
    assert capsys.readouterr().err == (
        "photos: info SSDH624 class-by-class: the images are sorted by class\n"
        "    11 of 2 classes\n"
        "hint: a net trained in this order sees one class at a time; --shuffle mixes them\n"
    )
    assert run(["data", "build", "photos", "b_lmdb", "--shuffle"]) == 0
    assert capsys.readouterr().err == ""


def test_build_mean_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "build", "photos", "a_lmdb", "--resize", "10x8"]) == 0
    assert capsys.readouterr().out == (
        "wrote a_lmdb: 11 records\n"
        "size 3 x 8 x 10 (channels x height x width)\n"
        "the classes are named in labels.txt\n"
    )
    assert run(["data", "mean", "a_lmdb", "mean.binaryproto"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "wrote mean.binaryproto: the mean of 11 images, 3 x 8 x 10"
    mean = read_mean("mean.binaryproto")
    values = ", ".join(f"{each:.4f}" for each in mean.mean((1, 2), dtype=np.float64))
    assert told[1] == f"mean of the channels (B, G, R): {values}"
    assert run(["data", "mean", "list.txt", "--resize", "10x8", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["records"], answer["shape"]) == (11, [3, 8, 10])
    assert answer["channels"] == pytest.approx(mean.mean((1, 2), dtype=np.float64))
    assert run(["data", "show", "a_lmdb", "--sheet", "sheet.png"]) == 0
    out = capsys.readouterr()
    assert out.out == (
        "a_lmdb: 11 records\n"
        "size 3 x 8 x 10 (channels x height x width), raw\n"
        "first keys: 00000000_class0/00.png, 00000001_class0/02.png, 00000002_class0/04.png, "
        "00000003_class0/06.png, 00000004_class0/08.png\n"
        "2 labels:\n"
        f"       0          6  {'#' * 30}  class0\n"
        f"       1          5  {'#' * 25}       class1\n"
    )
    assert out.err == "wrote sheet.png: the first 11 images\n"
    sheet = cv2.imread("sheet.png")
    height, width = SIDE + LINE + GAP, SIDE + GAP
    assert sheet.shape == (3 * height + GAP, 4 * width + GAP, 3)
    assert sheet[GAP + 20 : SIDE - 20, GAP + 10 : SIDE - 10].std() > 10
    assert sheet[SIDE + GAP : SIDE + GAP + LINE, GAP : SIDE + GAP].min() < 100  # the label
    assert (sheet[-height:, -width:] == 255).all()


def test_options_reach_the_records(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--gray", "--encoded", "--shuffle", "--seed", "3", "--split", "0.5"]
    assert run(["data", "build", "list.txt", "b_lmdb", *words]) == 0
    assert "b_train_lmdb" in capsys.readouterr().out
    with LmdbStore("b_train_lmdb") as train, LmdbStore("b_test_lmdb") as test:
        assert len(train) + len(test) == 11
        assert all(header.encoded for _, header in train.headers())
    assert run(["data", "show", "b_train_lmdb", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["encoded"] == answer["records"] == answer["sized"]
    assert answer["bad"] is None


def test_a_bad_list_is_told_whole_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Path("list.txt").open("a") as file:
        file.write("photos/none.png 1\nphotos/class0/00.png\n")
    assert run(["data", "build", "list.txt", "a_lmdb"]) == 3
    err = capsys.readouterr().err
    assert err.splitlines()[:2] == [
        "list.txt: 2 of 13 images cannot be used; nothing was written",
        "hint: --skip-bad leaves them out",
    ]
    assert "SSDH601 missing-picture" in err
    assert "SSDH603 no-label" in err
    assert not Path("a_lmdb").exists()
    assert run(["data", "build", "list.txt", "a_lmdb", "--skip-bad"]) == 0
    out = capsys.readouterr()
    assert "left out 2\n" in out.out
    assert "SSDH601" in out.err


def test_verify_names_what_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    with LmdbWriter("bad_lmdb") as writer:
        writer.put(b"0", write_raw(np.zeros((3, 4, 4), np.uint8), 7))
        writer.put(b"1", b"\xff\xff")
    assert run(["data", "show", "bad_lmdb", "--verify"]) == 1
    out = capsys.readouterr()
    assert out.out.splitlines()[-1] == "1 of 2 records can be read"
    assert out.err.startswith("warning: record '1': not a Datum: ")
    assert run(["data", "show", "bad_lmdb"]) == 3


def test_files_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mean.binaryproto").write_bytes(b"mine")
    assert run(["data", "mean", "list.txt", "mean.binaryproto"]) == 3
    assert capsys.readouterr().err == (
        "mean.binaryproto: the file exists; nothing was written\nhint: --force replaces it\n"
    )
    assert Path("mean.binaryproto").read_bytes() == b"mine"
    assert run(["data", "build", "list.txt", "x_lmdb", "--split", "1"]) == 2
    assert run(["data", "build", "list.txt", "a_lmdb"]) == 0
    assert run(["data", "show", "a_lmdb", "--sheet", "mean.binaryproto"]) == 2
    assert Path("mean.binaryproto").read_bytes() == b"mine"


def test_the_mean_of_an_lmdb_is_of_its_records_and_never_replaces_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["data", "build", "list.txt", "a_lmdb"]) == 0
    for words in (["--gray"], ["--resize", "3x3"], ["--root", "photos"]):
        assert run(["data", "mean", "a_lmdb", *words]) == 2
        assert "error: --root, --resize and --gray are for images, but a_lmdb is an LMDB" in (
            capsys.readouterr().err
        )
    assert run(["data", "mean", "a_lmdb", "a_lmdb/data.mdb", "--force"]) == 3
    assert "a_lmdb/data.mdb: is read by this command; nothing was written" in (
        capsys.readouterr().err
    )
    assert run(["data", "show", "a_lmdb", "--verify"]) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_build_that_is_told_to_end_leaves_nothing(number: signal.Signals) -> None:
    Path("long.txt").write_text(Path("list.txt").read_text() * 1000)
    before = sorted(Path().iterdir())
    command = [sys.executable, "-m", "ssdh_surgery", "data", "build", "long.txt", "a_lmdb"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with running([*command, "--resize", "200x200"], **pipes) as process:
        unfinished = Path(".a_lmdb.partial/data.mdb")
        while process.poll() is None and not (
            unfinished.is_file() and unfinished.stat().st_size > 1 << 20
        ):
            time.sleep(0.01)
        process.send_signal(number)
        said = process.communicate()
    assert (process.returncode, *said) == (130, b"", b"\n")
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mean", "a_lmdb", "mean.mat"], "a mean is written as .binaryproto or .npy, not as .mat"),
        (["mean", "a_lmdb", "mean.txt"], "a mean is written as .binaryproto or .npy, not as .txt"),
        (["build", "list.txt", "out.npz"], "'out.npz' is the name of a file, not of a folder"),
    ],
)
def test_names_of_another_kind(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", *words]) == 2
    assert message in capsys.readouterr().err
    assert not Path(words[-1]).exists()


def test_images_above_max_pixels_are_refused() -> None:
    Path("one.txt").write_text("photos/class0/00.png 0\n")
    height, width = cv2.imread("photos/class0/00.png").shape[:2]
    bounds = {"low": height * width - 1, "high": height * width}
    ssdh = (sys.executable, "-m", "ssdh_surgery")
    # In processes of their own: OpenCV reads its bound once, when it is imported.
    ran = {
        name: subprocess.run(
            [*ssdh, "data", "build", "one.txt", f"{name}_lmdb", "--max-pixels", str(bound)],
            capture_output=True,
            text=True,
            check=False,
        )
        for name, bound in bounds.items()
    }
    assert ran["low"].returncode == 3
    assert f"'photos/class0/00.png': has more than {bounds['low']:,} pixels" in ran["low"].stderr
    assert ran["high"].returncode == 0


def test_a_leveldb_is_shown_and_averaged_as_an_lmdb_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "build", "photos", "a_lmdb", "--resize", "10x8"]) == 0
    with LmdbStore("a_lmdb") as store:
        write_leveldb("level", [record for _, record in store.items()])
    told = {}
    for name in ("a_lmdb", "level"):
        assert run(["data", "mean", name, f"{name}.binaryproto"]) == 0
        capsys.readouterr()
        assert run(["data", "show", name, "--verify", "--json"]) == 0
        told[name] = json.loads(capsys.readouterr().out)
        told[name]["first_keys"] = None
    assert told["level"] == told["a_lmdb"]
    assert Path("level.binaryproto").read_bytes() == Path("a_lmdb.binaryproto").read_bytes()
    assert run(["data", "mean", "level", "--gray"]) == 2
    assert "level is a LevelDB, whose records are used unchanged" in capsys.readouterr().err
