"""How many bottoms and tops a layer takes, checked before anything else as Caffe does."""

from __future__ import annotations

from ssdh_surgery.caffe.layer import Layer
from ssdh_surgery.caffe.shapes.rules import Rule
from ssdh_surgery.caffe.shapes.subject import Refusal


def check_counts(layer: Layer, rule: Rule, tops: int) -> None:
    """Refuse a layer with too few or too many blobs.

    Args:
        layer: the layer.
        rule: what its type takes.
        tops: the number of its tops, those included that Caffe adds.

    Raises:
        Refusal: in Caffe's words, at the first blob too many or at the layer.
    """
    _check(layer, "bottom", len(layer.bottoms), rule.bottoms)
    _check(layer, "top", tops, rule.tops)
    if rule.has_equal_counts and tops != len(layer.bottoms):
        raise Refusal(
            f"{layer.type} Layer produces one top blob as output for each bottom blob input. "
            f"({len(layer.bottoms)} vs. {tops})",
            field="top",
        )
    if not rule.allows_in_place and layer.tops[:1] == layer.bottoms[:1]:
        raise Refusal(f"{layer.type} Layer does not allow in-place computation.", field="top")


def _check(layer: Layer, name: str, found: int, wanted: tuple[int, int | None]) -> None:
    least, most = wanted
    verb, role = ("takes", "input") if name == "bottom" else ("produces", "output")
    if least == most and found != least:
        limit, bound = "", least
    elif found < least:
        limit, bound = "at least ", least
    elif most is not None and found > most:
        limit, bound = "at most ", most
    else:
        return
    raise Refusal(
        f"{layer.type} Layer {verb} {limit}{bound} {name} blob(s) as {role}. ({bound} vs. {found})",
        field=name if found > bound else None,
    )
