"""Whether codes come of pictures that were prepared in one way, as their recipes say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssdh_surgery.retrieval.codes.codes import Codes

_KEYS = ("resize", "crop", "crops", "mean_file", "mean_value", "scale", "channels")


def other_transform(codes: Codes, recipe: Mapping[str, Any], name: str) -> str | None:
    """A sentence where pictures were prepared otherwise than in `recipe`, which `name` has.

    None where they were not, or where that is not known.
    """
    mine, theirs = _plain(codes.recipe), _plain(recipe)
    if mine is None or theirs is None:
        return None
    for key in _KEYS:
        # Records are taken in their size, and nobody knows what that was made by.
        is_unknown = key == "resize" and None in (mine[key], theirs[key])
        if mine[key] != theirs[key] and not is_unknown:
            return (
                f"{codes.name}: the pictures were prepared otherwise than those of {name} "
                f"({key} {_shown(mine[key])}, there {_shown(theirs[key])}), so the distances mean "
                "little"
            )
    return None


def _plain(recipe: Mapping[str, Any]) -> dict[str, Any] | None:
    """The transform of a recipe, so that what does the same is equal."""
    stated = recipe.get("transform")
    if not isinstance(stated, Mapping):
        return None
    plain = {key: stated.get(key) for key in _KEYS}
    if plain["resize"] == [plain["crop"]] * 2:
        plain["crop"] = None  # it cuts nothing off
    mean = plain["mean_value"]
    if isinstance(mean, list) and mean == mean[:1] * len(mean):
        plain["mean_value"] = mean[:1] if any(mean) else None
    plain["scale"] = 1.0 if plain["scale"] is None else plain["scale"]
    return plain


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(_shown, value))
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else str(value)[:12]
