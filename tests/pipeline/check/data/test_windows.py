"""Window files, as Caffe reads them word by word."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.data.mean_file import write_mean_file
from support.check_folders import SOLVER, classifier, texts

NET = classifier(3)
IMAGES = """# 0
a.ppm
3
8
8
3
1 0.9 0 0 3 3
2 0.6 2 2 7 7
0 0.1 1 1 5 5
# 1
b.ppm
3 8 8 1 2 1.0 0 0 7 7
"""


def window_layer(more: str = "", transform: str = "crop_size: 4") -> str:
    return (
        'layer { name: "data" type: "WindowData" top: "data" top: "label" '
        f"transform_param {{ {transform} }} window_data_param {{ "
        f'source: "windows.txt" batch_size: 4 {more} }} }}\n'
    )


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.ppm", "b.ppm"):
        Path(name).write_bytes(b"P6 8 8 255\n" + bytes(range(192)))
    Path("windows.txt").write_text(IMAGES)


def test_a_good_file() -> None:
    assert texts(window_layer() + NET) == []


BAD = [
    (
        ("# 1\n", "1\n"),
        "windows.txt:10: expected '#' before the next image, found '1': does the number of windows "
        "above agree with the lines that follow it?",
    ),
    (
        ("8\n3\n1", "8\n2\n1"),
        "windows.txt:9: expected '#' before the next image, found '0': does the number of windows "
        "above agree with the lines that follow it?",
    ),
    (
        ("3 8 8 1", "3 8 8 2"),
        "windows.txt:12: ends in the middle of an image: fewer windows than it states",
    ),
    (("2 0.6", "cat 0.6"), "windows.txt:8: expected the class of a window, found 'cat'"),
    (
        ("# 1", "# 2"),
        "windows.txt:10: image 2 is the 1th of the file, counted from 0: Caffe finds images by "
        "this number",
    ),
    (
        ("1 0.9", "0 0.9"),
        "windows.txt:7: a window of an object, with overlap 0.9, has class 0; classes of objects "
        "count from 1",
    ),
    (("0 0.1", "1 0.7"), "windows.txt has no window of the background: no overlap is below 0.5"),
    (
        ("0 0 7 7", "0 0 8 7"),
        "windows.txt:12: the window from (0, 0) to (8, 7) is not inside its image of 8 x 8 (width "
        "x height)",
    ),
    (
        ("b.ppm\n3", "b.ppm\n1"),
        "windows.txt:10: 'b.ppm' has 1 channel there, and Caffe reads 3 of every image",
    ),
]


@pytest.mark.parametrize(("edit", "message"), BAD)
def test_files_that_caffe_cannot_use(edit: tuple[str, str], message: str) -> None:
    assert edit[0] in IMAGES
    Path("windows.txt").write_text(IMAGES.replace(*edit))
    text, *_ = texts(window_layer() + NET)
    assert text.startswith(f"SSDH153 {message}")


def test_windows_beyond_the_image_may_be_padded() -> None:
    Path("windows.txt").write_text(IMAGES.replace("0 0 7 7", "0 0 8 7"))
    assert texts(window_layer("context_pad: 1") + NET) == []
    assert texts(window_layer('crop_mode: "square"') + NET) == []


def test_a_missing_image() -> None:
    Path("b.ppm").unlink()
    assert texts(window_layer() + NET) == [
        "SSDH153 windows.txt:10: 1 image of 2 does not exist, the first is 'b.ppm', looked up from "
        f"{Path.cwd()}"
    ]
    Path("pics").mkdir()
    Path("a.ppm").rename("pics/a.ppm")
    Path("pics/b.ppm").write_bytes(Path("pics/a.ppm").read_bytes())
    assert texts(window_layer('root_folder: "pics/"') + NET) == []


def test_an_empty_file() -> None:
    Path("windows.txt").write_text("\n")
    assert texts(window_layer() + NET) == ["SSDH153 windows.txt: the list is empty"]


def test_labels() -> None:
    Path("windows.txt").write_text(IMAGES.replace("2 0.6", "3 0.6"))
    (text,) = texts(window_layer() + NET)
    assert text.startswith("SSDH101 1 of 4 windows of windows.txt has label 3 (first: line 8)")
    # A window of the background has label 0, whatever it says.
    Path("windows.txt").write_text(IMAGES.replace("0 0.1", "7 0.1"))
    assert texts(window_layer() + NET) == []


def test_the_mean() -> None:
    write_mean_file("mean", np.zeros((3, 4, 4), np.float32))
    assert texts(window_layer(transform='crop_size: 4 mean_file: "mean"') + NET) == []
    (text,) = texts(window_layer(transform='crop_size: 5 mean_file: "mean"') + NET)
    assert text.startswith(
        "SSDH154 mean is 3 x 4 x 4 (channels x height x width), a window 3 x 5 x 5\n"
    )
    (text,) = texts(window_layer(transform="crop_size: 4 mean_value: 1 mean_value: 2") + NET)
    assert text.startswith("SSDH132 2 mean values for the windows with 3 channels")


@pytest.mark.caffe
@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (("", ""), None),
        (BAD[0][0], None),  # what follows is ignored
        (BAD[1][0], 'Check failed: hashtag == "#"'),
        (BAD[5][0], "Check failed: label > 0 (0 vs. 0)"),
        (BAD[6][0], "Check failed: bg_windows_.size() > 0 (0 vs. 0)"),
        (BAD[7][0], "roi.x"),
    ],
)
def test_what_caffe_does(caffe: Path, edit: tuple[str, str], words: str | None) -> None:
    Path("windows.txt").write_text(IMAGES.replace(*edit))
    Path("net.prototxt").write_text(window_layer("fg_fraction: 0.75") + NET)
    Path("solver.prototxt").write_text(SOLVER + 'snapshot_prefix: "run"')
    command = [caffe, "train", "--solver=solver.prototxt"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (process.returncode == 0) == (words is None)
    assert words is None or words in process.stderr
