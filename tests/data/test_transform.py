"""The transform beside a loop over single pixels, as Caffe's source has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.data.datum import read_datum, write_encoded, write_raw
from ssdh_surgery.data.image import encode, planar
from ssdh_surgery.data.mean_file import write_mean_file
from ssdh_surgery.data.transform import Chance, DataTransformer, Phase
from ssdh_surgery.errors import DataError, SchemaError

PICTURE = np.random.default_rng(5).integers(0, 256, (3, 7, 9), dtype=np.uint8)


def transformer(phase: Phase = "TEST", folder: Path | str = ".", **fields: Any) -> DataTransformer:
    param = schema.message_class("TransformationParameter")(**fields)
    return DataTransformer(param, phase, random=np.random.default_rng(1), folder=folder)


def naive(
    pixels: NDArray[Any], row: int, column: int, size: tuple[int, int], *, mirror: bool,
    mean: NDArray[np.float32], scale: float,
) -> NDArray[np.float32]:  # fmt: skip
    channels, (height, width) = len(pixels), size
    top = np.empty((channels, height, width), np.float32)
    for c in range(channels):
        for h in range(height):
            for w in range(width):
                value = np.float32(pixels[c, row + h, column + w])
                value = (value - mean[c, row + h, column + w]) * np.float32(scale)
                top[c, h, width - 1 - w if mirror else w] = value
    return top


@given(
    chance=st.builds(Chance, *[st.integers(0, (1 << 32) - 1)] * 3),
    crop=st.integers(0, 7),
    mirror=st.booleans(),
    phase=st.sampled_from(["TRAIN", "TEST"]),
    scale=st.sampled_from([1.0, 0.00390625, 0.017]),
    means=st.sampled_from([[], [12.5], [104, 117, 123.68]]),
    floats=st.booleans(),
)
def test_every_pixel_is_the_one_that_caffe_gives(
    chance: Chance, crop: int, mirror: bool, phase: Phase, scale: float, means: list[float],
    floats: bool,
) -> None:  # fmt: skip
    pixels = PICTURE.astype(np.float32) / 3 if floats else PICTURE
    given = transformer(phase, crop_size=crop, mirror=mirror, scale=scale, mean_value=means)
    row = column = 0
    if crop:
        free = (7 - crop, 9 - crop)
        row, column = free[0] // 2, free[1] // 2
        if phase == "TRAIN":
            row, column = chance.row % (free[0] + 1), chance.column % (free[1] + 1)
    expected = naive(
        pixels, row, column, (crop or 7, crop or 9), mirror=mirror and bool(chance.mirror % 2),
        mean=np.broadcast_to(np.float32(means or 0).reshape(-1, 1, 1), (3, 7, 9)), scale=scale,
    )  # fmt: skip
    np.testing.assert_array_equal(given(pixels, chance), expected)
    assert given.shape((3, 7, 9)) == expected.shape


def test_a_mean_file_is_cropped_where_the_picture_is(tmp_path: Path) -> None:
    mean = np.random.default_rng(6).random((3, 7, 9), np.float32) * 255
    write_mean_file(tmp_path / "mean", mean)
    given = transformer("TRAIN", tmp_path, crop_size=4, mirror=True, mean_file="mean", scale=0.5)
    for chance in (Chance(0, 2, 5), Chance(1, 3, 0)):
        expected = naive(
            PICTURE, chance.row, chance.column, (4, 4), mirror=bool(chance.mirror), mean=mean,
            scale=0.5,
        )  # fmt: skip
        np.testing.assert_array_equal(given(PICTURE, chance), expected)


def test_the_result_goes_where_it_is_wanted() -> None:
    batch = np.zeros((2, 3, 7, 9), np.float32)
    result = transformer()(PICTURE, out=batch[1])
    assert np.shares_memory(result, batch)
    np.testing.assert_array_equal(batch[1], PICTURE)
    assert not batch[0].any()


def test_every_crop_and_both_mirrors_are_drawn() -> None:
    given = transformer("TRAIN", crop_size=6, mirror=True)
    seen = {given(PICTURE).tobytes() for _ in range(400)}
    assert len(seen) == 2 * 2 * 4
    still = transformer("TEST", crop_size=6)
    assert {still.draw() for _ in range(4)} == {Chance(0, 0, 0)}


def test_chance_depends_on_the_generator_alone() -> None:
    first, second = (transformer("TRAIN", crop_size=6) for _ in range(2))
    draws = [first.draw() for _ in range(5)]
    second(PICTURE)
    assert [second.draw() for _ in range(4)] == draws[1:]
    param = schema.message_class("TransformationParameter")(mirror=True)
    with pytest.raises(ValueError, match=r"^a random generator is needed here$"):
        DataTransformer(param, "TEST").draw()


def test_encoded_records_are_decoded_as_forced() -> None:
    image = np.ascontiguousarray(PICTURE.transpose(1, 2, 0))
    datum = read_datum(write_encoded(encode(image, "png"), 3))
    np.testing.assert_array_equal(transformer().datum(datum), PICTURE)
    assert transformer(force_gray=True).datum(datum).shape == (1, 7, 9)
    gray = read_datum(write_encoded(encode(image[:, :, 0], "png"), 3))
    assert transformer().datum(gray).shape == (1, 7, 9)
    np.testing.assert_array_equal(
        transformer(force_color=True).datum(gray), planar(np.dstack([image[:, :, 0]] * 3))
    )
    raw = read_datum(write_raw(PICTURE, 0))
    assert transformer(force_gray=True).datum(raw).shape == (3, 7, 9)


def test_a_crop_larger_than_the_picture_names_both_sizes() -> None:
    with pytest.raises(DataError) as caught:
        transformer(crop_size=8)(PICTURE)
    assert str(caught.value) == (
        "crop_size 8 is larger than the image of 3 x 7 x 9 (channels x height x width)\n"
        "hint: resize the images when building the LMDB, or set a smaller crop_size"
    )


def test_a_mean_of_another_size_names_both_sizes(tmp_path: Path) -> None:
    write_mean_file(tmp_path / "mean", np.zeros((3, 7, 8), np.float32))
    with pytest.raises(DataError) as caught:
        transformer(folder=tmp_path, mean_file="mean", crop_size=5).shape((3, 7, 9))
    assert str(caught.value) == (
        "mean: the mean is 3 x 7 x 8 (channels x height x width), the image 3 x 7 x 9\n"
        "hint: a mean file has the size of the images before the crop"
    )


def test_a_wrong_number_of_mean_values_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        transformer(mean_value=[1, 2])(PICTURE)
    assert str(caught.value) == (
        "2 mean values for the image with 3 channels\nhint: give one mean_value, or one per channel"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"mean_file": "m", "mean_value": [1]},
            "mean_file and mean_value cannot both be set",
        ),
        (
            {"force_color": True, "force_gray": True},
            "force_color and force_gray cannot both be set",
        ),
    ],
    ids=["means", "colours"],
)
def test_what_caffe_refuses_together_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        transformer(**fields)
    assert str(caught.value) == message
