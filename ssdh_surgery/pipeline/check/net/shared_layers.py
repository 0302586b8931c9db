"""SSDH2xx: layers of test nets that do not get their weights from the train net."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.shapes import NetShapes
from ssdh_surgery.errors import did_you_mean
from ssdh_surgery.findings import TEST_SHAPES, UNTRAINED_TEST_LAYER, Finding
from ssdh_surgery.names import shape_text
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.check.weights.initial_layers import may_start_from_weights


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the weights that test nets share with the train net by name."""
    if not subject.has_solver or not subject.shapes or subject.shapes[0].phase != "TRAIN":
        return
    train, *tests = subject.shapes
    for test in tests:
        if test.phase == "TEST":
            yield from _unshared(train, test, subject)
            yield from _clashes(train, test)


def _unshared(train: NetShapes, test: NetShapes, subject: Subject) -> Iterator[Finding]:
    names = {each.layer.name for each in train.layers}
    spare = [
        each.layer.name
        for each in train.layers
        if each.params and each.layer.name not in {other.layer.name for other in test.layers}
    ]
    for each in test.layers:
        layer, rule = each.layer, LAYER_RULES.get(each.layer.type)
        has_params = rule is not None and rule.has_params and each.params != ()
        if not has_params or layer.name in names or may_start_from_weights(subject, layer.name):
            continue
        yield UNTRAINED_TEST_LAYER.at(
            layer.location,
            f"the train net has no layer '{layer.name}': tests in {test.state} run it with the "
            "weights of its fillers",
            did_you_mean(layer.name, spare) or "give it the name of the layer that is trained",
        )


def _clashes(train: NetShapes, test: NetShapes) -> Iterator[Finding]:
    by_name = {each.layer.name: each for each in reversed(train.layers)}
    for each in test.layers:
        trained = by_name.get(each.layer.name)
        if trained is None or not each.params or not trained.params:
            continue
        if each.params == trained.params:
            continue
        ours, theirs = (", ".join(map(shape_text, one.params or ())) for one in (each, trained))
        yield TEST_SHAPES.at(
            each.layer.location,
            f"layer '{each.layer.name}' has weights of {ours} in {test.state}, and of {theirs} in "
            f"{train.state}: Caffe cannot share them",
            "its bottoms have other sizes: compare crop_size and the data of both phases",
        )
