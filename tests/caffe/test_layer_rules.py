"""The table of layer types: complete, and true to Caffe's schema."""

import pytest

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import V0_TYPES, V1_TYPES
from ssdh_surgery.caffe.net.layer_rules import DATA_TYPES, LAYER_RULES
from ssdh_surgery.caffe.shapes.rules import SHAPE_RULES

WITHOUT_SHAPES = {"HuberLoss", "L1Loss", "LogSoftmax", "Normalize", "Permute", "SmoothL1Loss"}


def test_every_type_with_a_shape_rule_is_in_the_table():
    assert set(LAYER_RULES) - set(SHAPE_RULES) == WITHOUT_SHAPES
    assert set(SHAPE_RULES) <= set(LAYER_RULES)


def test_every_type_of_the_old_dialects_is_in_the_table():
    assert {*V0_TYPES.values(), *V1_TYPES.values()} - {""} <= set(LAYER_RULES)


@pytest.mark.parametrize("name", [name for name, rule in LAYER_RULES.items() if rule.settings])
def test_the_settings_of_a_type_are_a_message_of_caffe(name):
    assert schema.field("LayerParameter", LAYER_RULES[name].settings).message_type is not None


def test_data_layers_have_no_bottoms():
    assert {LAYER_RULES[name].bottoms for name in DATA_TYPES} == {(0, 0)}
