"""Labels against the classes of a net: what is wrong with them, and advice that mends it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.data.datum import write_floats, write_raw
from support.check_folders import (
    TESTED,
    classifier,
    data_layer,
    found,
    labelled,
    texts,
    write_lmdb,
)

NET = data_layer("lmdb") + classifier(4)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("labels", "hint"),
    [
        ([1, 2, 3, 4], "labels start at 1; Caffe counts from 0: number them 0 to 3"),
        ([1, 2, 4, 4], "labels start at 1; Caffe counts from 0: number them 0 to 3"),
        (
            [1, 2, 3, 4, 5],
            "labels start at 1; Caffe counts from 0: number them 0 to 4 and give the classifier 5 "
            "outputs: num_output: 5 in layer 'fc' of line 2, or ssdh patch net.prototxt "
            "--classes 5",
        ),
        ([1456, 1570, 1580, 1600], "4 different labels, from 1456 to 1600: number them 0 to 3"),
        ([10, 11, 12, 13], "4 different labels, from 10 to 13: number them 0 to 3"),
        (
            [10, 20, 30, 40, 50],
            "5 different labels, from 10 to 50: number them 0 to 4 and give the classifier 5 "
            "outputs: num_output: 5 in layer 'fc' of line 2, or ssdh patch net.prototxt "
            "--classes 5",
        ),
        (
            [0, 1, 2, 3, 4, 5],
            "give the classifier 6 outputs: num_output: 6 in layer 'fc' of line 2, or ssdh patch "
            "net.prototxt --classes 6",
        ),
        (
            [0, 1, 2, 3, 255],
            "correct the label, or leave it out of the loss: loss_param { ignore_label: 255 }",
        ),
        (
            [-1, 0, 1, 2, 3],
            "correct the label, or leave it out of the loss: loss_param { ignore_label: -1 }",
        ),
        ([-1, -1, 1, 1], "2 different labels, from -1 to 1: number them 0 to 1"),
    ],
)
def test_what_to_do_about_labels_out_of_range(labels: list[int], hint: str) -> None:
    write_lmdb("lmdb", labelled(labels))
    (finding,) = found(NET)
    assert finding.code == "SSDH101"
    assert finding.hint is not None
    assert finding.hint.startswith(hint)
    assert "1601" not in finding.hint


def test_the_ignored_label_counts_as_no_class() -> None:
    write_lmdb("lmdb", labelled([1, 2, 3, 255, 4]))
    net = data_layer("lmdb") + classifier(4, "loss_param { ignore_label: 255 }")
    (finding,) = found(net)
    assert "1 of 5 records of lmdb has label 4 (first: key '00000004')" in finding.message
    assert finding.hint == "labels start at 1; Caffe counts from 0: number them 0 to 3"


def test_an_accuracy_ignores_a_label_of_its_own() -> None:
    """An Accuracy without ignore_label counts beyond its outputs, even if the loss does not."""
    accuracy = 'layer {{ name: "a" type: "Accuracy" bottom: "fc" bottom: "label" top: "a" {} }}\n'
    write_lmdb("lmdb", labelled([0, 1, 2, 3, 255]))
    net = data_layer("lmdb") + classifier(4, "loss_param { ignore_label: 255 }")
    assert texts(net) == []
    assert [each.code for each in found(net + accuracy.format(""))] == ["SSDH101"]
    ignoring = accuracy.format("accuracy_param { ignore_label: 255 }")
    assert texts(net + ignoring) == []


def test_labels_that_the_net_shifts_are_left_alone() -> None:
    """A Power that subtracts 1 is the usual way to read labels from 1 on."""
    write_lmdb("lmdb", labelled([1, 2, 3, 4]))
    shift = (
        'layer { name: "s" type: "Power" bottom: "label" top: "l0" power_param { shift: -1 } }\n'
    )
    net = data_layer("lmdb") + shift + classifier(4).replace('bottom: "label"', 'bottom: "l0"')
    assert texts(net) == []


def test_numbers_that_a_net_predicts_are_no_classes() -> None:
    write_lmdb("lmdb", labelled([3, 50, 7]))
    net = data_layer("lmdb") + classifier(1).replace("SoftmaxWithLoss", "EuclideanLoss")
    assert texts(net) == []


def masks(highest: int) -> list[bytes]:
    random = np.random.default_rng(1)
    pixels = random.integers(0, highest + 1, (4, 1, 6, 6)).astype(np.uint8)
    pixels[0, 0, 0, :4] = range(4)
    pixels[2, 0, 0, 0] = highest
    return [write_raw(each, 0) for each in pixels]


@pytest.mark.parametrize(
    ("highest", "message"),
    [
        (3, None),
        (4, "have label 4 (first: key '0000000"),
        (255, " to 255 (first: key "),
    ],
)
def test_labels_that_are_pixels_of_a_second_database(highest: int, message: str | None) -> None:
    """The label image of a segmentation: the record's own label is 0 throughout, and not read."""
    write_lmdb("lmdb", labelled([0, 0, 0, 0], (1, 6, 6)))
    write_lmdb("masks", masks(highest))
    mask = data_layer("masks").replace('top: "data" top: "label"', 'top: "label"')
    images = data_layer("lmdb").replace('top: "data" top: "label"', 'top: "data"')
    conv = (
        classifier(4)
        .replace("InnerProduct", "Convolution")
        .replace(
            "inner_product_param { num_output: 4 }",
            "convolution_param { num_output: 4 kernel_size: 1 }",
        )
    )
    said = texts(images.replace('"data" type', '"images" type') + mask + conv)
    assert len(said) == bool(message)
    if message:
        assert "of 144 pixels of masks" in said[0]
        assert message in said[0]
    # Where the layer scales them, they are no class numbers any more.
    scaled = mask.replace("data_param", "transform_param { scale: 0.01 } data_param")
    assert texts(images.replace('"data" type', '"images" type') + scaled + conv) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_labels_in_the_columns_of_a_second_database(dtype: type) -> None:
    """Two heads, each with the column that a Slice gives it; the second has 3 classes."""
    write_lmdb("lmdb", labelled([0] * 8))
    columns = [(number % 4, number % 5) for number in range(8)]
    write = write_raw if dtype is np.uint8 else lambda values, _: write_floats(values)
    vectors = [write(np.array(each, dtype).reshape(2, 1, 1), 0) for each in columns]
    write_lmdb("vectors", vectors)
    net = (
        data_layer("lmdb").replace('top: "data" top: "label"', 'top: "data"')
        + data_layer("vectors")
        .replace('"data" type', '"l" type')
        .replace('top: "data" top: "label"', 'top: "both"')
        + 'layer { name: "s" type: "Slice" bottom: "both" top: "label" top: "label3" }\n'
        + classifier(4)
        + classifier(3)
        .replace('"fc"', '"fc3"')
        .replace('"loss"', '"loss3"')
        .replace('"label"', '"label3"')
    )
    (text,) = texts(net)
    assert text.startswith(
        "SSDH101 2 of 8 values of vectors have labels from 3 to 4 (first: key '00000003'), but the "
        "classifier has 3 outputs (0 to 2)"
    )


def test_rearranged_outputs_count_by_their_axis() -> None:
    """8 outputs as 4 classes of 2 places each: a label image of 2 x 1 would belong to it."""
    write_lmdb("lmdb", labelled([0, 1, 5, 3]))
    reshape = (
        'layer { name: "r" type: "Reshape" bottom: "fc" top: "r" '
        "reshape_param { shape { dim: -1 dim: 4 } } }\n"
    )
    fc, loss = classifier(4).split("\nlayer", 1)
    net = (
        data_layer("lmdb")
        + fc
        + "\n"
        + reshape
        + "layer"
        + loss.replace('"fc" bottom', '"r" bottom')
    )
    (finding,) = found(net)
    assert "label 5" in finding.message
    assert "4 outputs (0 to 3)" in finding.message


def test_every_head_counts() -> None:
    """An auxiliary head of fewer outputs than the main one."""
    write_lmdb("lmdb", labelled([0, 1, 2, 3]))
    small = classifier(3).replace('"fc"', '"fc3"').replace('"loss"', '"loss3"')
    (finding,) = found(NET + small)
    assert "label 3" in finding.message
    assert "3 outputs" in finding.message
    assert "layer 'fc3'" in (finding.hint or "")


def test_the_labels_of_test_data() -> None:
    write_lmdb("lmdb", labelled([0, 1, 2, 3]))
    write_lmdb("test", labelled([1, 4]))
    net = data_layer("lmdb") + data_layer("test", "TEST") + classifier(4)
    (finding,) = [each for each in found(net, TESTED) if each.is_error]
    assert "1 of 2 records of test has label 4" in finding.message


def test_one_label_on_either_side() -> None:
    write_lmdb("lmdb", labelled([0, 1, 2, 3]))
    write_lmdb("test", labelled([2, 2, 2, 2]))
    net = data_layer("lmdb") + data_layer("test", "TEST") + classifier(4)
    (text,) = [text for text in texts(net, TESTED) if text.startswith("SSDH107")]
    assert text.startswith(
        "SSDH107 all 4 records of test have the label 2, but the classifier has 4 outputs"
    )
