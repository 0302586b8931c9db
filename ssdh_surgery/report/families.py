"""The families of layers, each with its colours in a drawing."""

from __future__ import annotations

from dataclasses import dataclass

from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES


@dataclass(frozen=True)
class Family:
    """A family of layers: its name in the legend and its colours."""

    name: str
    fill: str
    border: str = "#868e96"
    text: str = "#212529"

    @property
    def css_class(self) -> str:
        """The CSS class of its boxes in an SVG."""
        return self.name.replace(" ", "-")


# A strong colour; all others are pale.
HASH = Family("hash layer", "#d9480f", "#7c2d06", "#ffffff")

DATA = Family("data", "#e9ecef")
CONVOLUTION = Family("convolution", "#a5d8ff")
INNER_PRODUCT = Family("inner product", "#d0bfff")
POOLING = Family("pooling", "#b2f2bb")
NORMALIZATION = Family("normalization", "#ffec99")
ACTIVATION = Family("activation", "#c3fae8")
JOINING = Family("joining and shaping", "#f8f0e3")
LOSS = Family("loss", "#ffa8b8")
SCORE = Family("score", "#ffdeeb")
OTHER = Family("other", "#ffffff")

# In the order of the legend.
FAMILIES = (
    DATA,
    CONVOLUTION,
    INNER_PRODUCT,
    POOLING,
    NORMALIZATION,
    ACTIVATION,
    JOINING,
    LOSS,
    SCORE,
    OTHER,
    HASH,
)

_BY_NAME = {family.name: family for family in FAMILIES}


def family_of(kind: str) -> Family:
    """The family of a layer type; for an unknown type, by the end of its name."""
    if rule := LAYER_RULES.get(kind):
        return _BY_NAME[rule.family]
    for ending, family in (("Loss", LOSS), ("Accuracy", SCORE), ("Data", DATA)):
        if kind.endswith(ending):
            return family
    return OTHER
