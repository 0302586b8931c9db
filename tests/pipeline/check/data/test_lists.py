"""The lists of ImageData layers: what Caffe misreads in them, and their images."""

from __future__ import annotations

import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from support.check_folders import SOLVER, TESTED, classifier, found, texts

LINES = [f"pics/{number}.pgm {number % 3}" for number in range(6)]
NET = classifier(3)


def image_layer(param: str = "batch_size: 2", source: str = "list.txt", more: str = "") -> str:
    return (
        'layer { name: "data" type: "ImageData" top: "data" top: "label" '
        f'{more} image_data_param {{ source: "{source}" {param} }} }}\n'
    )


def write_list(lines: list[str], name: str = "list.txt") -> None:
    Path(name).write_text("".join(f"{line}\n" for line in lines))


def write_pgm(path: str, width: int = 4, height: int = 4) -> None:
    """A gray picture in the simplest of formats."""
    pixels = bytes(x * y % 256 for y in range(height) for x in range(width))
    Path(path).write_bytes(b"P5 %d %d 255\n" % (width, height) + pixels)


@pytest.fixture(autouse=True)
def _pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pics").mkdir()
    for number in range(6):
        write_pgm(f"pics/{number}.pgm")
    write_list(LINES)


def test_a_good_list() -> None:
    assert texts(image_layer() + NET) == []
    write_list([line + "\r" for line in LINES])
    assert texts(image_layer() + NET) == []


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("pics/0.pgm", "SSDH603", "1 line that are not a path and a label"),
        ("pics/0.pgm 0 ", "SSDH604", "1 line with white space after the label"),
        ("pics/0.pgm\t0", "SSDH605", "1 line with a tab before the label"),
        ("pics/0.pgm cat", "SSDH606", "1 line with a label that is not an integer"),
        ("pics/0.pgm 0 1 1", "SSDH611", "1 line with several labels"),
        ("pics/0.pgm 99999999999", "SSDH608", "1 line with a label beyond 32 bits"),
        ("", "SSDH141", "1 line without content"),
        ("pics/x.pgm 0", "SSDH601", "1 line with images that do not exist"),
    ],
)
def test_lines_that_caffe_misreads(line: str, code: str, message: str) -> None:
    write_list([*LINES, line])
    (finding,) = found(image_layer() + NET)
    assert (finding.code, finding.message.split("\n")[0]) == (code, message)
    assert str(finding.location) == "list.txt:7"


def test_labels_do_not_matter_where_nothing_reads_them() -> None:
    """Autoencoders read lists without labels."""
    write_list([line.split()[0] for line in LINES])
    net = (
        'layer { name: "none" type: "Silence" bottom: "label" }'
        'layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" '
        "inner_product_param { num_output: 48 } }"
        'layer { name: "loss" type: "EuclideanLoss" bottom: "fc" bottom: "data" top: "loss" }'
    )
    assert texts(image_layer() + net) == []
    write_list([*LINES, "pics/x.pgm"])
    assert [each.code for each in found(image_layer() + net)] == ["SSDH601"]


def test_a_fork_may_read_lists_of_its_own() -> None:
    write_list([f"{line} 1 1" for line in LINES])
    assert [each.code for each in found(image_layer() + NET)] == ["SSDH611"]
    assert "SSDH611" not in [
        each.code for each in found(image_layer("batch_size: 2 label_size: 3") + NET)
    ]


def test_labels_out_of_range() -> None:
    write_list([f"pics/{number}.pgm {number % 3 + 1}" for number in range(6)])
    assert texts(image_layer() + NET) == [
        "SSDH101 2 of 6 lines of list.txt have label 3 (first: line 3), but the classifier has 3 "
        "outputs (0 to 2)\nhint: labels start at 1; Caffe counts from 0: number them 0 to 2"
    ]


def test_a_negative_label_may_be_ignored() -> None:
    write_list([*LINES, "pics/0.pgm -1"])
    net = image_layer() + classifier(3, "loss_param { ignore_label: -1 }")
    assert [each.code for each in found(net)] == ["SSDH155"]
    assert [each.code for each in found(image_layer() + NET)] == ["SSDH101", "SSDH155"]


def test_an_empty_list() -> None:
    Path("list.txt").write_text("")
    assert texts(image_layer() + NET) == ["SSDH140 list.txt: the list is empty"]
    Path("list.txt").write_bytes(b"\x89PNG\0\0")
    assert texts(image_layer() + NET) == ["SSDH140 list.txt: not a list: it is not text"]


def test_a_folder_in_place_of_a_list() -> None:
    assert texts(image_layer(source="pics") + NET) == [
        "SSDH103 the source is a folder, not a list: pics\nhint: layer 'data' (ImageData) reads a "
        "text; a database is read by type: \"Data\", and 'ssdh data build' makes one of a folder "
        "of images"
    ]


@pytest.mark.parametrize(
    ("root", "note"),
    [
        ("pics", " (root_folder needs a slash at its end: 'pics/')"),
        ("other/", ""),
    ],
)
def test_the_root_folder(root: str, note: str) -> None:
    write_list([line.removeprefix("pics/") for line in LINES])
    assert texts(image_layer('batch_size: 2 root_folder: "pics/"') + NET) == []
    (text,) = texts(image_layer(f'batch_size: 2 root_folder: "{root}"') + NET)
    assert text.startswith(
        f"SSDH601 6 lines with images that do not exist\n    line 1: '0.pgm'{note}\n"
    )
    assert text.endswith(
        f"hint: caffe opens root_folder '{root}' and the path from its working directory: "
        f"{Path.cwd()}"
    )


def test_images_that_are_found_from_the_folder_of_the_list() -> None:
    Path("pics/list.txt").write_text("0.pgm 0\n1.pgm 1\n2.pgm 2\n")
    (text,) = texts(image_layer(source="pics/list.txt") + NET)
    assert "line 1: '0.pgm' (it exists relative to the list's folder)" in text


def test_a_byte_order_mark() -> None:
    Path("list.txt").write_text("".join(f"{line}\n" for line in LINES), "utf-8-sig")
    (text,) = texts(image_layer() + NET)
    assert text.startswith("SSDH601 1 line with images that do not exist")
    assert "byte order mark" in text


def test_files_that_are_no_images() -> None:
    Path("pics/2.pgm").write_text("<!DOCTYPE html>")
    (text,) = texts(image_layer() + NET)
    assert text == (
        "SSDH602 1 line with images that cannot be read\n"
        "    line 3: 'pics/2.pgm': no image that OpenCV reads: it is a web page"
    )


SEVERAL = (
    "SSDH142 'pics/2.pgm' (list.txt:3) is 4 x 4 and 'pics/3.pgm' (list.txt:4) is 5 x 6 (height x "
    "width): a batch of 2 needs one size\n"
    "hint: set new_height and new_width in image_data_param, or crop_size in transform_param"
)


@pytest.mark.parametrize(
    ("param", "more", "message"),
    [
        ("batch_size: 2", "", SEVERAL),
        ("batch_size: 1", "", None),
        ("batch_size: 3", "", None),  # three of a size, and three of the other
        ("batch_size: 3 shuffle: true", "", SEVERAL.replace("of 2 needs", "of 3 needs")),
        ("batch_size: 2 new_height: 4 new_width: 4", "", None),
        ("batch_size: 2", "transform_param { crop_size: 4 }", None),
        (
            "batch_size: 2",
            "transform_param { crop_size: 5 }",
            "SSDH134 crop_size 5 is larger than 'pics/0.pgm' (list.txt:1) of 3 x 4 x 4 (channels x "
            "height x width)\nhint: resize the images when building the LMDB, or set a smaller "
            "crop_size",
        ),
        (
            "batch_size: 2 is_color: false",
            "transform_param { mean_value: 1 mean_value: 2 crop_size: 4 }",
            "SSDH132 2 mean values for 'pics/0.pgm' (list.txt:1) with 1 channel\nhint: give one "
            "mean_value, or one per channel",
        ),
    ],
)
def test_several_sizes(param: str, more: str, message: str | None) -> None:
    for number in range(3, 6):
        write_pgm(f"pics/{number}.pgm", 6, 5)
    assert texts(image_layer(param, more=more) + NET) == ([message] if message else [])


def test_a_photograph_that_may_be_rotated_has_no_size() -> None:
    """OpenCV rotates it or not, as its version does."""
    jpeg = cv2.imencode(".jpg", np.zeros((4, 6, 3), np.uint8))[1].tobytes()
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    tiff = b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    exif = b"Exif\0\0" + tiff
    turned = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
    Path("pics/5.jpg").write_bytes(turned)
    lines = [*LINES[:5], "pics/5.jpg 0"]
    write_list(lines)
    assert texts(image_layer() + NET) == []
    Path("pics/5.jpg").write_bytes(jpeg)
    assert [each.code for each in found(image_layer() + NET)] == ["SSDH142"]


def test_an_image_with_two_labels() -> None:
    write_list([*LINES, "pics/0.pgm 2"])
    assert texts(image_layer() + NET) == [
        "SSDH155 'pics/0.pgm' has label 0 in line 1 of list.txt, and label 2 in line 7\nhint: keep "
        "the line with the right label; for several labels per image there is 'ssdh data build "
        "--multi-label'"
    ]
    write_list([*LINES, LINES[0]])  # twice with the same: some lists make up for rare classes
    assert texts(image_layer() + NET) == []


def test_lines_that_come_class_by_class() -> None:
    write_list(sorted((LINES * 10), key=lambda line: line[-1]))
    assert texts(image_layer() + NET) == [
        "SSDH117 the lines of list.txt come class by class: 60 lines of 3 labels are 3 runs "
        "of one label, and a batch has 2\nhint: write shuffle: true in image_data_param"
    ]
    assert texts(image_layer("batch_size: 2 shuffle: true") + NET) == []
    write_list(LINES * 10)
    assert texts(image_layer() + NET) == []


def test_how_much_of_a_list_a_test_reads() -> None:
    assert texts(image_layer() + NET, TESTED) == [
        "SSDH109 a test reads 1 x 2 = 2 of the 6 lines of list.txt\nhint: test_iter: 3 reads all"
    ]


def test_a_test_list_beside_the_training_list() -> None:
    net = image_layer(more="include { phase: TRAIN }")
    net += image_layer("batch_size: 1", "test.txt", more="include { phase: TEST }") + NET
    write_list(["pics/3.pgm 0", "pics/4.pgm 1", "pics/5.pgm 2"], "test.txt")
    write_list(LINES[:3])
    solver = TESTED.replace("test_iter: 1", "test_iter: 3")
    assert texts(net, solver) == []
    write_list(["pics/0.pgm 0", "pics/1.pgm 1"])
    write_list(["pics/3.pgm 0", "pics//1.pgm 1", "pics/5.pgm 2"], "test.txt")
    assert texts(net, solver) == [
        "SSDH108 1 class of 3 without a line in list.txt: 2\nhint: labels up to 1 need --classes 2",
        "SSDH118 1 of 3 lines of test.txt have labels that no line of list.txt has: 2\nhint: "
        "number both sets alike: 'ssdh data build --labels-file labels.txt' takes the numbers of "
        "the training set",
        "SSDH121 1 of 3 images of test.txt is in list.txt, too: line 2 is line 2 there\nhint: "
        "'ssdh data build' with --split keeps identical images on one side",
    ]


def test_a_list_without_labels_is_not_compared_with_another() -> None:
    net = image_layer(more="include { phase: TRAIN }")
    net += image_layer("batch_size: 1", "test.txt", more="include { phase: TEST }") + NET
    write_list(["pics/3.pgm 0", "pics/4.pgm 1", "pics/5.pgm 2"], "test.txt")
    write_list([line.split()[0] for line in LINES[:3]])
    solver = TESTED.replace("test_iter: 1", "test_iter: 3")
    assert [each.code for each in found(net, solver)] == ["SSDH603"]


def test_old_dialects() -> None:
    """The fields of a V1 layer, and those of a V0 layer."""
    write_list([*LINES[:-1], "pics/x.pgm 0"])
    rest = (
        'layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc" '
        "inner_product_param { num_output: 3 } }"
        'layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" }'
    )
    v1 = (
        'layers { name: "data" type: IMAGE_DATA top: "data" top: "label" image_data_param '
        '{ source: "list.txt" batch_size: 2 crop_size: 5 } }'
    )
    assert [each.code for each in found(v1 + rest)] == ["SSDH601", "SSDH134"]


def test_a_long_list_is_looked_at_in_a_moment(cpu_seconds: Callable[[], float]) -> None:
    write_list([f"pics/{number % 6}.pgm {number % 3}" for number in range(100_000)])
    net = image_layer("batch_size: 2 shuffle: true") + NET
    assert texts(net) == []
    assert cpu_seconds() < 2


@pytest.fixture
def cpu_seconds() -> Callable[[], float]:
    start = time.process_time()
    return lambda: time.process_time() - start


@pytest.mark.caffe
@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (LINES, None),
        ([*LINES[:4], "", *LINES[4:]], "Could not load"),
        ([*LINES[:4], "pics/x.pgm 0"], "Could not load pics/x.pgm"),
        ([*LINES[:4], "pics/0.pgm\t0"], "Could not load pics/0.pgm\t0"),
        ([*LINES[:4], "pics/0.pgm 0 "], "Could not load pics/0.pgm 0"),
        ([], "File is empty"),
        ([line.split()[0] for line in LINES], None),  # trains on labels that are none
    ],
)
def test_what_caffe_does(caffe: Path, lines: list[str], words: str | None) -> None:
    write_list(lines)
    Path("net.prototxt").write_text(image_layer("batch_size: 2 is_color: false") + NET)
    Path("solver.prototxt").write_text(SOLVER + 'snapshot_prefix: "run"')
    process = subprocess.run(
        [caffe, "train", "--solver=solver.prototxt"], capture_output=True, text=True, check=False
    )
    if words is None:
        assert process.returncode == 0
    else:
        assert process.returncode != 0
        assert words in process.stderr
