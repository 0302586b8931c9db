"""Scales and means for pixels of another range, and phases that prepare images differently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.data.datum import write_floats
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
ALL = SOLVER + "test_iter: 2 test_interval: 5"


def layers(train: str, test: str) -> str:
    return "".join(
        data_layer(source, phase, more=f"transform_param {{ {transform} }}")
        for source, phase, transform in (("lmdb", "TRAIN", train), ("test", "TEST", test))
    )


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_lmdb("lmdb", labelled([0, 1, 2]))
    write_lmdb("test", labelled([2, 1, 0])[::-1])
    write_mean_file("mean", np.full((1, 2, 2), 100, np.float32))


def warnings(net: str, solver: str = ALL) -> list[str]:
    return [text for text in texts(net, solver) if "SSDH121" not in text]


SCALE_HINT = "\nhint: write scale: 0.5 in the transform_param of both, if that is the right one"
MEAN_HINT = "\nhint: subtract the same mean in both phases: tests get what the net was trained on"


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ("scale: 0.5", "scale: 0.5", None),
        (
            "scale: 0.5",
            "",
            "SSDH135 TRAIN multiplies pixels by 0.5 (layer 'data', line 1), TEST does not"
            + SCALE_HINT,
        ),
        (
            "scale: 0.5",
            "scale: 0.25",
            "SSDH135 TRAIN multiplies pixels by 0.5 (layer 'data', line 1), TEST by 0.25"
            + SCALE_HINT,
        ),
        (
            'mean_file: "mean"',
            "",
            "SSDH135 TRAIN subtracts mean_file 'mean' (layer 'data', line 1), TEST none"
            + MEAN_HINT,
        ),
        (
            "",
            "mean_value: 100",
            "SSDH135 TRAIN subtracts no mean (layer 'data', line 1), TEST mean_value 100"
            + MEAN_HINT,
        ),
        ('mean_file: "mean"', "mean_value: 100", None),
        ("crop_size: 2 mirror: true", "crop_size: 2", None),
    ],
)
def test_phases_that_prepare_images_differently(train: str, test: str, message: str | None) -> None:
    assert warnings(layers(train, test) + NET) == ([message] if message else [])


def test_a_layer_of_one_phase_may_make_up_for_it() -> None:
    net = layers("scale: 0.5", "") + NET
    power = (
        'layer { name: "half" type: "Power" bottom: "data" top: "data" include { phase: TEST } '
        "power_param { scale: 0.5 } }"
    )
    assert warnings(net.replace('layer { name: "fc"', power + 'layer { name: "fc"')) == []


def test_a_net_that_is_never_tested() -> None:
    assert texts(layers("scale: 0.5", "") + NET, SOLVER) == []


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ("scale: 0.00390625", None),
        ("scale: 0.017", None),
        (
            "scale: 255",
            "SSDH136 a scale of 255 gives inputs of up to 65025: they may be 255 times too large\n"
            "hint: pixels range from 0 to 255; a scale of 0.00390625 maps them to 0 to 1",
        ),
        (
            "scale: 0.00390625 mean_value: 0.5",
            "SSDH137 mean_value 0.5 is for pixels from 0 to 1, but these range from 0 to 255\n"
            "hint: the mean is subtracted before scaling: give it for pixels from 0 to 255",
        ),
        ("mean_value: 104", None),
        ("mean_value: 0", None),
    ],
)
def test_pixels_of_bytes(transform: str, message: str | None) -> None:
    net = layers(transform, transform) + NET
    # Once for each phase, since both have it.
    assert warnings(net) == ([message, message] if message else [])


def test_a_mean_file_for_other_pixels() -> None:
    write_mean_file("mean", np.full((1, 2, 2), 0.4, np.float32))
    net = data_layer("lmdb", more='transform_param { mean_file: "mean" }') + NET
    (text,) = warnings(net, SOLVER)
    assert text.startswith("SSDH137 mean is for pixels from 0 to 1, but these range from 0 to 255")


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ("", None),
        ("scale: 2", None),
        (
            "scale: 0.00390625",
            "SSDH136 the records of floats are floats of at most 1 already: the scale makes them "
            "0.003906 at most\nhint: remove the scale: it is for pixels from 0 to 255",
        ),
        (
            "mean_value: 104",
            "SSDH137 the mean is for pixels from 0 to 255, but those of floats are at most 1\n"
            "hint: give the mean of these very records: 'ssdh data mean' computes it",
        ),
    ],
)
def test_records_of_floats(transform: str, message: str | None) -> None:
    values = np.array([0, 0.25, 0.5, 1], np.float32).reshape(1, 2, 2)
    write_lmdb("floats", [write_floats(values), write_floats(values[::-1])])
    net = data_layer("floats", more=f"transform_param {{ {transform} }}") + classifier(1)
    assert texts(net) == ([message] if message else [])


def test_tests_that_mirror() -> None:
    (text,) = warnings(layers("", "mirror: true") + NET)
    assert text == (
        "SSDH139 layer 'data' mirrors images at random in tests, too\n"
        "hint: give tests a layer of their own without mirror: include { phase: TEST }"
    )
    assert warnings(layers("mirror: true", "") + NET) == []


def raw(filler: str, transform: str = "", rate: str = "0.1", more: str = "") -> list[str]:
    net = data_layer("lmdb", more=f"transform_param {{ {transform} }}") + more
    net += NET.replace("num_output: 3", f"num_output: 3 weight_filler {{ {filler} }}")
    return [each.code for each in found(net, SOLVER.replace("0.1", rate))]


def test_pixels_as_they_are() -> None:
    assert raw('type: "xavier"') == ["SSDH138"]
    assert raw('type: "gaussian" std: 0.01') == ["SSDH138"]
    assert raw('type: "gaussian" std: 0.0001') == []  # made for such pixels
    assert raw('type: "xavier"', rate="0.001") == []
    assert raw('type: "xavier"', "scale: 0.00390625") == []
    assert raw('type: "xavier"', "mean_value: 120") == []
    norm = """\
layer { name: "norm" type: "BatchNorm" bottom: "data" top: "data" }
layer { name: "scale" type: "Scale" bottom: "data" top: "data" scale_param { bias_term: true } }
"""
    assert raw('type: "xavier"', more=norm) == []
