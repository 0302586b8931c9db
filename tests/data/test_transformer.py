"""Transformer: the steps of pycaffe's, in its order, and what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ssdh_surgery import DataError, Transformer

SHAPE = (10, 3, 6, 5)
Settings = Callable[[Any], None]


def everything(transformer: Any) -> None:
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_channel_swap("data", (2, 1, 0))
    transformer.set_raw_scale("data", 255)
    transformer.set_mean("data", np.array([104.0, 117.0, 123.0]))
    transformer.set_input_scale("data", 0.017)


def transpose(transformer: Any) -> None:
    transformer.set_transpose("data", (2, 0, 1))


def mean_image(transformer: Any) -> None:
    transpose(transformer)
    transformer.set_mean("data", np.random.default_rng(1).random((3, 6, 5)) * 100)


def flat_mean_of_one_channel(transformer: Any) -> None:
    transpose(transformer)
    transformer.set_raw_scale("data", 2)


CASES = [everything, transpose, mean_image, flat_mean_of_one_channel]


def image(height: int = 6, width: int = 5, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, channels)).astype(np.float32)


@pytest.mark.caffe
@pytest.mark.parametrize("settings", CASES)
def test_equals_pycaffe(settings: Settings) -> None:
    from ssdh_surgery.engines.caffe_binary.pycaffe import import_pycaffe

    import_pycaffe()
    import caffe.io

    ours, theirs = Transformer({"data": SHAPE}), caffe.io.Transformer({"data": SHAPE})
    settings(ours)
    settings(theirs)
    item = theirs.preprocess("data", image())
    np.testing.assert_array_equal(ours.preprocess("data", image()), item)
    np.testing.assert_array_equal(
        ours.deprocess("data", item[None]), theirs.deprocess("data", item[None])
    )


@pytest.mark.caffe
def test_equals_pycaffe_on_gray_images() -> None:
    from ssdh_surgery.engines.caffe_binary.pycaffe import import_pycaffe

    import_pycaffe()
    import caffe.io

    shape = {"data": (1, 1, 6, 5)}
    ours, theirs = Transformer(shape), caffe.io.Transformer(shape)
    item = image(channels=1)[:, :, 0]
    np.testing.assert_array_equal(ours.preprocess("data", item), theirs.preprocess("data", item))
    batch = item[None, None]
    np.testing.assert_array_equal(ours.deprocess("data", batch), theirs.deprocess("data", batch))


def test_the_steps_come_in_the_order_of_pycaffe() -> None:
    transformer = Transformer({"data": SHAPE})
    everything(transformer)
    bgr = image()[:, :, ::-1].transpose(2, 0, 1)
    expected = (bgr * 255 - np.reshape([104, 117, 123], (3, 1, 1))) * 0.017
    np.testing.assert_allclose(transformer.preprocess("data", image()), expected, rtol=1e-5)


@pytest.mark.parametrize("settings", CASES)
def test_deprocess_inverts(settings: Settings) -> None:
    transformer = Transformer({"data": SHAPE})
    settings(transformer)
    item = transformer.preprocess("data", image())
    np.testing.assert_allclose(transformer.deprocess("data", item), image(), atol=1e-5)


def test_deprocess_keeps_the_channel_of_a_gray_image() -> None:
    transformer = Transformer({"data": (1, 1, 6, 5)})
    transpose(transformer)
    item = transformer.preprocess("data", image(channels=1))
    np.testing.assert_array_equal(transformer.deprocess("data", item[None]), image(channels=1))


def test_the_array_of_the_caller_stays() -> None:
    # pycaffe changes it, if it has the net's size and type.
    transformer, mine = Transformer({"data": SHAPE}), image()
    transpose(transformer)
    transformer.set_raw_scale("data", 255)
    transformer.preprocess("data", mine)
    np.testing.assert_array_equal(mine, image())


def test_images_and_means_of_another_size_are_resized() -> None:
    transformer = Transformer({"data": SHAPE})
    transpose(transformer)
    transformer.set_mean("data", np.full((3, 9, 9), 2.0))
    item = transformer.preprocess("data", np.full((20, 30, 3), 7, np.uint8))
    np.testing.assert_array_equal(item, np.full((3, 6, 5), 5, np.float32))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda t: t.set_raw_scale("dat", 255),
            "'dat' is not one of the net's inputs: data\nhint: did you mean 'data'?",
        ),
        (
            lambda t: t.preprocess("x", image()),
            "'x' is not one of the net's inputs: data",
        ),
        (
            lambda t: t.set_transpose("data", (1, 0)),
            "the transpose order (1, 0) must have the 3 dimensions of an item of 'data', which is "
            "10x3x6x5",
        ),
        (
            lambda t: t.set_channel_swap("data", (1, 0)),
            "the channel swap (1, 0) must have the 3 channels of 'data'",
        ),
        (
            lambda t: t.set_mean("data", np.zeros(2)),
            "a mean of 2 channels, but 'data' has 3",
        ),
        (
            lambda t: t.set_mean("data", np.zeros((2, 6, 5))),
            "a mean of 2x6x5 does not fit 'data', which is 10x3x6x5\n"
            "hint: a value of each channel [K], or an image [K, H, W] or [H, W]",
        ),
        (
            lambda t: t.preprocess("data", np.zeros(3)),
            "an image for 'data' is [H, W, K] or [H, W], not 3",
        ),
    ],
)
def test_refusals(call: Callable[[Transformer], Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        call(Transformer({"data": SHAPE}))
    assert str(caught.value) == message


def test_an_image_without_transpose_is_refused_with_the_way_out() -> None:
    transformer = Transformer({"data": SHAPE})
    transformer.set_mean("data", np.zeros(3))
    with pytest.raises(DataError, match=r"an image of 6x5x3 does not fit 'data'") as caught:
        transformer.preprocess("data", image())
    assert caught.value.hint == (
        "set_transpose(..., (2, 0, 1)) makes [K, H, W] of an image [H, W, K]"
    )


def test_an_input_that_takes_no_images() -> None:
    transformer = Transformer({"data": (10, 4)})
    with pytest.raises(DataError, match=r"'data' takes no images: it is 10x4, not \[N, K, H, W\]"):
        transformer.preprocess("data", image())


def test_repr() -> None:
    transformer = Transformer({"data": SHAPE, "other": (1, 2)})
    everything(transformer)
    assert repr(transformer) == (
        "<Transformer data: 10x3x6x5, transpose (2, 0, 1), channel_swap (2, 1, 0), raw_scale 255, "
        "mean 3x1x1, input_scale 0.017; other: 1x2>"
    )
