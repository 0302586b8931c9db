"""The facts about forks name what BVLC Caffe lacks, in messages that it has."""

from __future__ import annotations

from ssdh_surgery.caffe.messages import forks, schema
from ssdh_surgery.caffe.net.filler_refusals import FILLERS
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.shapes.rules import SHAPE_RULES
from ssdh_surgery.caffe.training.solver_types import SOLVER_TYPES


def test_the_fields_of_forks_are_not_in_the_schema() -> None:
    for message, fields in forks._FIELDS.items():
        names = schema.descriptor(message).fields_by_name
        for fork, words in fields.items():
            assert not set(words.split()) & set(names), (message, fork)
            assert len(words.split()) == len(set(words.split())), (message, fork)


def test_types_of_forks_beside_those_of_caffe() -> None:
    of_forks = {name for words in forks._TYPES.values() for name in words.split()}
    # A type that is in the table of layers, and in no fork, is one of BVLC Caffe's.
    assert {"Convolution", "SoftmaxWithLoss", "LSTM", "Swish"} <= set(SHAPE_RULES) - of_forks
    assert {"Normalize", "ReLU6", "K1_EuclideanLoss"} <= set(LAYER_RULES) & of_forks


def test_values_of_forks_are_not_caffes() -> None:
    assert forks.forks_with_policy("step") == ()
    assert forks.forks_with_policy("plateau") == (forks.SSD, forks.INTELCAFFE)
    assert not any(map(forks.forks_with_solver_type, SOLVER_TYPES))
    assert not any(map(forks.forks_with_filler, FILLERS))


def test_the_sentence_names_all_forks() -> None:
    assert forks.forks_text(forks.forks_with_field("SolverParameter", "eval_type")) == (
        "the Caffe of SSD, NVCaffe and IntelCaffe have"
    )
