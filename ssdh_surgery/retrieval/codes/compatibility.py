"""Which sets of codes can be compared: by width, model, labels, preparation and overlap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.retrieval.codes.codes import Codes


def refuse_differing(one: Codes, other: Codes) -> None:
    """Refuse two sets of codes that cannot be compared.

    Raises:
        DataError: widths, models, or single and multiple labels differ.
    """
    where = Location(one.name)
    if one.bits != other.bits:
        raise DataError(
            f"codes of {one.bits} bits cannot be compared with the {other.bits} bits of "
            f"{other.name}",
            location=where,
        )
    refuse_other_model(one, other.model, other.name)
    if one.labels.shape[1:] != other.labels.shape[1:]:
        raise DataError(
            f"labels have the shape {label_form(one)}, those of {other.name} {label_form(other)}",
            location=where,
        )


def refuse_other_model(codes: Codes, model: Mapping[str, Any] | None, name: str) -> None:
    """Refuse codes of a model other than `model`, which `name` has; unknown models pass.

    Raises:
        DataError: weights or blob differ.
    """
    mine = codes.model
    if mine is None or model is None:
        return
    differing = [key for key in ("weights", "blob") if mine.get(key) != model.get(key)]
    if differing:
        key = differing[0]
        raise DataError(
            f"made by another model than {name}: {key} {_short(mine.get(key))} against "
            f"{_short(model.get(key))}",
            location=Location(codes.name),
            hint="encode both with the same net and weights",
        )


def _short(value: object) -> str:
    text = str(value)
    is_hash = len(text) == 64 and set(text) <= set("0123456789abcdef")
    return text[:12] if is_hash else f"'{text}'"


def label_form(codes: Codes) -> str:
    """The shape of the labels, `[N]` or `[N, C]`, for messages."""
    return f"[N, {codes.labels.shape[1]}]" if codes.is_multi_label else "[N]"


def overlap(queries: Codes, database: Codes) -> NDArray[np.bool_]:
    """Which queries are in the database too, [Q].

    Items are compared by the hashes of their pixels where both files have them, else by id and
    code.
    """
    if queries.content is not None and database.content is not None:
        return np.isin(queries.content, database.content)
    stored = {
        (str(each), code.tobytes())
        for each, code in zip(database.ids, database.packed, strict=True)
    }
    pairs = zip(queries.ids, queries.packed, strict=True)
    return np.array([(str(each), code.tobytes()) in stored for each, code in pairs], bool)


# The values of a recipe's transform that affect the codes.
_KEYS = ("resize", "crop", "crops", "mean_file", "mean_value", "scale", "channels")


def other_transform(codes: Codes, recipe: Mapping[str, Any], name: str) -> str | None:
    """A warning if images were prepared differently from `recipe`, which `name` has.

    None if they were prepared alike, or if that is unknown.
    """
    mine, theirs = _plain(codes.recipe), _plain(recipe)
    if mine is None or theirs is None:
        return None
    for key in _KEYS:
        # Records keep their size, and how they were resized is not recorded.
        is_unknown = key == "resize" and None in (mine[key], theirs[key])
        if mine[key] != theirs[key] and not is_unknown:
            return (
                f"{codes.name}: its images were prepared differently from those of {name} "
                f"({key} {_spelled(mine[key])} against {_spelled(theirs[key])}), so distances "
                "mean little"
            )
    return None


def _plain(recipe: Mapping[str, Any]) -> dict[str, Any] | None:
    """The transform of a recipe in one form, so that equivalent transforms are equal."""
    transform = recipe.get("transform")
    if not isinstance(transform, Mapping):
        return None
    plain = {key: transform.get(key) for key in _KEYS}
    if plain["resize"] == [plain["crop"]] * 2:
        plain["crop"] = None  # it crops nothing
    mean = plain["mean_value"]
    if isinstance(mean, list) and mean == mean[:1] * len(mean):
        plain["mean_value"] = mean[:1] if any(mean) else None
    plain["scale"] = 1.0 if plain["scale"] is None else plain["scale"]
    return plain


def _spelled(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(_spelled, value))
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else str(value)[:12]
