"""`ssdh search --sheet`: the query first, right or wrong framed, from any folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery import open_net
from ssdh_surgery.report.contact_sheet import GAP, LINE, SIDE
from ssdh_surgery.retrieval.codes.code_file import read_codes
from support.command_line import Ssdh

DEPLOY = """\
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "latent" type: "InnerProduct" bottom: "data" top: "latent"
  inner_product_param { num_output: 16 weight_filler { type: "gaussian" std: 0.01 } } }
layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" }
"""
NET = ("--deploy", "d.prototxt", "--weights", "w.caffemodel", "--mean-value", "99")
GREEN, RED, GREY = (70, 160, 60), (50, 50, 210), (225, 225, 225)
# Blue, green, red of the images of each class.
CLASSES = {"cat": (220, 40, 40), "dog": (40, 220, 40)}


@pytest.fixture(autouse=True)
def files(ssdh: Ssdh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d.prototxt").write_text(DEPLOY)
    open_net("d.prototxt").save("w.caffemodel")
    for number, (name, color) in enumerate(CLASSES.items()):
        folder = Path("photos") / name
        folder.mkdir(parents=True)
        for shade in range(3):
            image = np.full((8, 8, 3), color, np.uint8) + np.uint8(4 * shade + number)
            cv2.imwrite(str(folder / f"{shade}.png"), image)
    ssdh("encode", "photos", "-o", "c.npz", *NET, "--resize", "8x8")
    ssdh("index", "build", "c.npz", "-o", "c.index")
    Path("elsewhere").mkdir()


class Sheet:
    """The cells of a sheet, by row and column."""

    def __init__(self, path: str) -> None:
        self.pixels = cv2.imread(path)
        self.height = SIDE + 2 * LINE + GAP
        self.rows, self.columns = (
            (self.pixels.shape[0] - GAP) // self.height,
            (self.pixels.shape[1] - GAP) // (SIDE + GAP),
        )

    def frame(self, row: int, column: int) -> tuple[int, ...]:
        top, left = GAP + row * self.height, GAP + column * (SIDE + GAP)
        return tuple(self.pixels[top + 1, left + 1].tolist())

    def centre(self, row: int, column: int) -> tuple[int, ...]:
        # Beside the word in the middle of an empty place.
        top, left = GAP + row * self.height + 20, GAP + column * (SIDE + GAP) + 20
        return tuple(self.pixels[top, left].tolist())


def test_the_query_comes_first_and_hits_are_framed(
    ssdh: Ssdh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("elsewhere")
    out = ssdh("search", "../c.index", "--id", "dog/1.png", "-k", "6", "--sheet", "s.png")
    assert out.err == "wrote s.png: 1 query, 6 images\n"
    sheet = Sheet("s.png")
    assert (sheet.rows, sheet.columns) == (1, 7)
    assert sheet.frame(0, 0) == GREY
    assert sheet.centre(0, 0) == tuple(each + 5 for each in CLASSES["dog"])
    labels = [line.split()[2] for line in out.out.splitlines()[1:]]
    assert sorted(labels) == ["cat", "cat", "cat", "dog", "dog", "dog"]
    for column, label in enumerate(labels, 1):
        assert sheet.frame(0, column) == (GREEN if label == "dog" else RED)


def test_missing_images_have_a_place_and_are_counted(ssdh: Ssdh) -> None:
    Path("photos/dog/1.png").unlink()
    Path("photos/cat/0.png").write_bytes(b"no image")
    words = ("--queries", "c.npz", "-k", "6", "--sheet", "s.png")
    out = ssdh("search", "c.index", *words)
    photos = Path("photos").absolute()
    assert out.err == (
        f"warning: {photos}: 2 of 6 images missing, the first is 'cat/0.png'; give the folder "
        "that their ids are relative to: --root DIR\n"
        "wrote s.png: 6 queries, 4 images, 2 missing\n"
    )
    sheet = Sheet("s.png")
    assert (sheet.rows, sheet.columns) == (6, 7)
    assert sheet.centre(0, 0) == (240, 240, 240)
    answer = ssdh("search", "c.index", *words[:-2]).out
    assert out.out == answer
    out = ssdh("search", "c.index", *words, code=3)
    assert out.out == answer
    assert out.err == "s.png: the file exists; nothing was written\nhint: --force replaces it\n"
    assert ssdh("search", "c.index", *words[:-1], "no/s.png", code=3).out == answer


def test_moved_images_are_found_below_the_root_or_beside_the_index(ssdh: Ssdh) -> None:
    Path("photos").rename("moved")
    words = ("search", "../../c.index", "--id", "cat/0.png", "-k", "2", "--sheet")
    with pytest.MonkeyPatch.context() as patch:
        Path("elsewhere/a/b").mkdir(parents=True)
        patch.chdir("elsewhere/a")
        out = ssdh(*words, "s.png", code=3)
        assert out.out.startswith("cat/0.png\n      0  cat/0.png")
        assert "none of the images of the hits exists" in out.err
        assert ssdh(*words, "s.png", "--root", "../../moved").err == (
            "wrote s.png: 1 query, 2 images\n"
        )
    for name in ("c.index", "moved"):
        shutil.move(name, f"elsewhere/{name.replace('moved', 'photos')}")
    err = ssdh(
        "search", "elsewhere/c.index", "--id", "cat/0.png", "-k", "2", "--sheet", "t.png"
    ).err
    assert err == "wrote t.png: 1 query, 2 images\n"


def test_an_index_of_several_folders_finds_the_images_of_each(ssdh: Ssdh) -> None:
    Path("more/bird").mkdir(parents=True)
    shutil.copy("photos/cat/0.png", "more/bird/9.png")
    ssdh("encode", "more", "-o", "more.npz", *NET, "--resize", "8x8")
    ssdh("index", "add", "c.index", "more.npz")
    ssdh("index", "build", "c.npz", "more.npz", "-o", "both.index")
    for index in ("c.index", "both.index"):
        out = ssdh("search", index, "--id", "bird/9.png", "-k", "7", "--sheet", f"{index}.png")
        assert out.err == f"wrote {index}.png: 1 query, 7 images\n"


def test_queries_without_labels_or_images(ssdh: Ssdh) -> None:
    ssdh("search", "c.index", "--image", "photos/dog/0.png", "-k", "1", "--sheet", "i.png", *NET)
    sheet = Sheet("i.png")
    assert [sheet.frame(0, column) for column in (0, 1)] == [GREY, GREY]
    assert sheet.centre(0, 0) == sheet.centre(0, 1)
    code = read_codes("c.npz").packed[0].tobytes().hex()
    out = ssdh("search", "c.index", "--code", code, "-k", "1", "--sheet", "c.png")
    assert out.err == "wrote c.png: 1 query, 1 image\n"
