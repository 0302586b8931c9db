"""Codes of pictures that were prepared in two ways: told, and only then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.codes.compatibility import other_transform
from support.small_codes import codes_of

TRANSFORM = {
    "crop": 24,
    "scale": None,
    "mean_value": [104.0, 117.0, 123.0],
    "mean_file": None,
    "channels": "BGR",
    "resize": [32, 30],
    "crops": 1,
}


def codes(recipe: dict[str, Any]) -> Codes:
    plain = codes_of(np.zeros((1, 8), np.uint8), np.zeros(1, np.int64))
    return Codes(plain.packed, 8, plain.ids, plain.labels, recipe, name="q.npz")


def told(**changes: Any) -> str | None:
    recipe = {"transform": TRANSFORM | changes}
    return other_transform(codes(recipe), {"transform": TRANSFORM}, "d.npz")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"crop": 22}, "crop 22 against 24"),
        ({"crop": None}, "crop none against 24"),
        ({"crops": 10}, "crops 10 against 1"),
        ({"scale": 0.5}, "scale 0.5 against 1"),
        ({"mean_value": None}, "mean_value none against 104,117,123"),
        ({"mean_file": "ab" * 32, "mean_value": None}, "mean_file abababababab against none"),
        ({"channels": "RGB"}, "channels RGB against BGR"),
        ({"resize": [24, 24]}, "resize 24,24 against 32,30"),
    ],
)
def test_what_differs_is_told(changes: dict[str, Any], what: str) -> None:
    assert told(**changes) == (
        "q.npz: its images were prepared differently from those of d.npz "
        f"({what}), so distances mean little"
    )


@pytest.mark.parametrize("changes", [{}, {"scale": 1.0}, {"resize": None}])
def test_what_comes_to_the_same_is_not(changes: dict[str, Any]) -> None:
    assert told(**changes) is None


def test_one_mean_value_is_that_of_all_channels() -> None:
    one, three = ({"transform": TRANSFORM | {"mean_value": [3.0] * n}} for n in (1, 3))
    assert other_transform(codes(one), three, "d.npz") is None


def test_a_crop_of_the_whole_cuts_nothing_off() -> None:
    whole, none = (
        {"transform": TRANSFORM | {"resize": [24, 24], "crop": crop}} for crop in (24, None)
    )
    assert other_transform(codes(whole), none, "d.npz") is None


def test_recipes_that_somebody_else_wrote() -> None:
    assert str(told(mean_value=[["blue"], {}])).endswith(
        "(mean_value blue,{} against 104,117,123), so distances mean little"
    )
    assert told(mean_value=[]) is not None
    assert told(resize="as it was", crops=None) is not None


def test_recipes_that_do_not_say_it() -> None:
    assert other_transform(codes({}), {"transform": TRANSFORM}, "d.npz") is None
    assert other_transform(codes({"transform": TRANSFORM}), {}, "d.npz") is None
