"""Means and crops that do not suit the images."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.data.datum import write_encoded
from ssdh_surgery.data.mean_file import write_mean_file
from support.check_folders import (
    SOLVER,
    classifier,
    data_layer,
    found,
    labelled,
    texts,
    write_lmdb,
)

NET = classifier(3)


def transformed(transform: str) -> str:
    return data_layer("lmdb", more=f"transform_param {{ {transform} }}") + NET


def blob(**values: Any) -> bytes:
    return schema.message_class("BlobProto")(**values).SerializeToString()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_lmdb("lmdb", labelled([0, 1, 2], (3, 6, 8)))
    for name, shape in {"mean": (3, 6, 8), "gray": (1, 6, 8), "small": (3, 5, 5)}.items():
        write_mean_file(name, np.zeros(shape, np.float32))


SIZED = "(channels x height x width)"
BAD = [
    (
        'mean_file: "gray"',
        "SSDH131",
        f"gray is 1 x 6 x 8 {SIZED}, the records of lmdb 3 x 6 x 8",
        "Check failed: datum_channels == data_mean_.channels() (3 vs. 1)",
    ),
    (
        'mean_file: "small" crop_size: 5',
        "SSDH131",
        f"small is 3 x 5 x 5 {SIZED}, the records of lmdb 3 x 6 x 8",
        "Check failed: datum_height == data_mean_.height() (6 vs. 5)",
    ),
    (
        "mean_value: 1 mean_value: 2",
        "SSDH132",
        "2 mean values for the records of lmdb with 3 channels",
        "Specify either 1 mean_value or as many as channels: 3",
    ),
    (
        'mean_file: "mean" mean_value: 1',
        "SSDH133",
        "mean_file and mean_value cannot both be set",
        "Cannot specify mean_file and mean_value at the same time",
    ),
    (
        "crop_size: 7",
        "SSDH134",
        f"crop_size 7 is larger than the records of lmdb of 3 x 6 x 8 {SIZED}",
        "Check failed: datum_height >= crop_",
    ),
]


@pytest.mark.parametrize(("transform", "code", "message", "_words"), BAD)
def test_what_does_not_suit_the_records(
    transform: str, code: str, message: str, _words: str
) -> None:
    (finding,) = found(transformed(transform))
    assert (finding.code, finding.message) == (code, message)
    assert finding.location is not None
    assert finding.location.line == 1
    assert finding.location.column is not None
    assert finding.location.column > 90


@pytest.mark.parametrize(
    "transform",
    [
        'mean_file: "mean" crop_size: 5 mirror: true',
        "mean_value: 104",
        "mean_value: 104 mean_value: 117 mean_value: 123",
        "crop_size: 6",
        "force_color: true force_gray: true",  # of raw records Caffe asks neither
    ],
)
def test_what_suits_them(transform: str) -> None:
    assert texts(transformed(transform)) == []


@pytest.mark.caffe
@pytest.mark.parametrize(("transform", "_code", "_message", "words"), BAD)
def test_what_caffe_does(
    caffe: Path, transform: str, _code: str, _message: str, words: str
) -> None:
    Path("net.prototxt").write_text(transformed(transform))
    Path("solver.prototxt").write_text(SOLVER + 'snapshot_prefix: "run"')
    command = [caffe, "train", "--solver=solver.prototxt"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode != 0
    assert words in process.stderr


def test_the_mean_of_the_crop() -> None:
    (text,) = texts(transformed('mean_file: "small" crop_size: 5'))
    assert text.endswith(
        "hint: a mean file has the size of the images before the crop; this one has the size of "
        "the crop"
    )


def test_files_that_hold_no_mean() -> None:
    np.save("mean.npy", np.zeros((3, 6, 8)))
    assert texts(transformed('mean_file: "mean.npy"')) == [
        "SSDH130 mean.npy: not a mean file: it is a numpy array\nhint: ssdh data mean "
        "--convert mean.npy mean.binaryproto"
    ]
    Path("mean.npy").write_bytes(b"")
    (text,) = texts(transformed('mean_file: "mean.npy"'))
    assert text.startswith("SSDH130 mean.npy: not a mean file: it is empty\n")
    shape = schema.message_class("BlobShape")(dim=[3, 6, 8])
    Path("mean.npy").write_bytes(blob(shape=shape, data=[0.0] * 144))
    (text,) = texts(transformed('mean_file: "mean.npy"'))
    assert text.startswith(
        "SSDH130 mean.npy: not a mean image: its shape is 3 x 6 x 8, expected 1 x C x H x W\n"
    )


def test_encoded_records() -> None:
    image = np.zeros((6, 8), np.uint8)
    png = cv2.imencode(".png", image)[1].tobytes()
    write_lmdb("encoded", [write_encoded(png, label) for label in (0, 1, 2)])

    def net(transform: str) -> str:
        return transformed(transform).replace('"lmdb"', '"encoded"')

    assert texts(net('mean_file: "gray"')) == []
    assert texts(net('mean_file: "mean" force_color: true')) == []
    assert [each.code for each in found(net('mean_file: "mean"'))] == ["SSDH131"]
    assert [each.code for each in found(net("force_color: true force_gray: true"))] == ["SSDH143"]


def test_old_dialects() -> None:
    data = (
        'layers {{ name: "data" type: DATA top: "data" top: "label" data_param {{ source: "lmdb" '
        "backend: LMDB batch_size: 2 {} }} }}"
    )
    rest = (
        'layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc" '
        "inner_product_param { num_output: 3 } }"
        'layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" }'
    )
    (finding,) = found(data.format('mean_file: "gray"') + rest)
    assert (finding.code, finding.location and finding.location.column) == ("SSDH131", 126)
    assert [each.code for each in found(data.format("crop_size: 7") + rest)] == ["SSDH134"]
