"""The three dialects, their names for layer types, and nets that mix them."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import (
    V0_TYPES,
    V1_TYPES,
    Dialect,
    current_type,
    dialect_of,
    layer_entries,
)
from ssdh_surgery.errors import SurgeryError


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        pytest.param('layer { name: "a" }', Dialect.CURRENT, id="current"),
        pytest.param('layers { name: "a" type: RELU }', Dialect.V1, id="V1"),
        pytest.param('layers { layer { name: "a" } }', Dialect.V0, id="V0"),
        pytest.param('layers { bottom: "x" layer { } }', Dialect.V0, id="V0-inner-last"),
        pytest.param('input: "x"', Dialect.CURRENT, id="no-layers"),
        pytest.param("", Dialect.CURRENT, id="nothing"),
        pytest.param("layer: [{ }, { }] layer { }", Dialect.CURRENT, id="lists"),
        pytest.param("layers: 5", Dialect.CURRENT, id="no-message"),
    ],
)
def test_dialect_of(text: str, dialect: Dialect) -> None:
    assert dialect_of(parse(text.encode()).root) is dialect


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            'layers {\n  name: "a"\n}\nlayer {\n  name: "b"\n}\n',
            "n.prototxt:4:1: the net mixes 'layers' of dialect V1 (line 1) and 'layer' of the "
            "current dialect; Caffe refuses such a file\n  4 | layer {\n    | ^^^^^",
            id="V1-and-current",
        ),
        pytest.param(
            "layer { }\nlayers { layer { } }\n",
            "n.prototxt:2:1: the net mixes 'layer' of the current dialect (line 1) and 'layers' "
            "of dialect V0; Caffe refuses such a file\n"
            "  2 | layers { layer { } }\n    | ^^^^^^",
            id="current-and-V0",
        ),
        pytest.param(
            "layers { }\nlayers { layer { } }\n",
            "n.prototxt:2:1: the net mixes 'layers' of dialect V1 (line 1) and 'layers' of "
            "dialect V0; Caffe refuses such a file\n"
            "  2 | layers { layer { } }\n    | ^^^^^^",
            id="V1-and-V0",
        ),
    ],
)
def test_a_mixed_net_is_refused(text: str, said: str) -> None:
    with pytest.raises(SurgeryError) as caught:
        dialect_of(parse(text.encode(), "n.prototxt").root)
    assert str(caught.value) == said + "\nhint: write all layers in one dialect"


def test_layers_in_the_order_of_the_text() -> None:
    root = parse(b'layer: [{ name: "a" }, { name: "b" }] name: "n" layer { name: "c" }').root
    names = [entry.value.string("name") for entry in layer_entries(root)]  # type: ignore[union-attr]
    assert names == ["a", "b", "c"]


def test_every_type_of_v1_has_a_name() -> None:
    of_the_fork = {"K1_EUCLIDEAN_LOSS", "K2_EUCLIDEAN_LOSS"}
    assert set(V1_TYPES) - of_the_fork == set(schema.enum_values("V1LayerParameter.LayerType"))


def test_types_of_both_old_dialects_mean_the_same() -> None:
    assert set(V0_TYPES.values()) <= set(V1_TYPES.values()) | {"Convolution"}
    assert current_type(Dialect.V0, "conv") == current_type(Dialect.V1, "CONVOLUTION")


@pytest.mark.parametrize(
    ("dialect", "name", "current"),
    [
        (Dialect.CURRENT, "SOFTMAX_LOSS", "SOFTMAX_LOSS"),
        (Dialect.V1, "SOFTMAX_LOSS", "SoftmaxWithLoss"),
        (Dialect.V1, "NONE", ""),
        (Dialect.V1, "FORKS_OWN", "FORKS_OWN"),
        (Dialect.V0, "softmax_loss", "SoftmaxWithLoss"),
        (Dialect.V0, "padding", "padding"),
    ],
)
def test_current_type(dialect: Dialect, name: str, current: str) -> None:
    assert current_type(dialect, name) == current
