"""A hash layer goes into every net that classifies, and nothing else changes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery import parse
from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.heads import Head, hash_layer_below, hash_layer_of, heads
from ssdh_surgery.caffe.net.kind import Kind, kind_of
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.outputs import CLASSIFIER_TYPES
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.prototxt import removal
from ssdh_surgery.prototxt.edits import apply
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.hashing.insert import HashInsertion, hash_deploy_net, hash_train_net
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.verbs import layers
from ssdh_surgery.surgery.verbs.fields import Removal
from support.entries import inserted, keeps_comments
from support.live_nets import Caffe
from support.net_files import classifier_files
from support.strategies import searched


def main_head(net: Net) -> Head:
    return next(head for head in heads(net) if head.is_main)


def proven(net: Net, hashed: HashInsertion) -> Net:
    return Net(prove(net.document, hashed.change, "NetParameter").document)


def findings(net: Net) -> set[str]:
    return {finding.message for phase in PHASES for finding in net.graph(phase).findings}


def without_what_was_inserted(after: Net, change: Change) -> str:
    return apply(
        after.document.text, removal.remove(inserted(after.document, change.promise.steps))
    )


def check_train_net(net: Net, head: Head, hashed: HashInsertion, recipe: Recipe) -> None:
    """What holds of every train net that got a hash layer."""
    after = proven(net, hashed)
    again = main_head(after)
    assert again.classifier.name == hashed.classifier
    assert again.features == recipe.code_name
    assert len(again.losses) == len(head.losses)
    assert len(again.accuracies) == len(head.accuracies)
    below = hash_layer_below(after, again.classifier)
    assert below is not None
    assert (below.latent.name, below.bits) == (recipe.latent_name, recipe.bits)
    assert below.latent.bottoms == (hashed.features,)
    assert findings(after) <= findings(net)
    rates = [Decimal(str(param.lr_mult)) for param in head.classifier.params]
    for index, param in enumerate(again.classifier.params):
        assert param.lr_mult == pytest.approx(
            float(10 * rates[index]) if index < len(rates) else 10
        )
    has_bias = head.classifier.setting(CLASSIFIER_TYPES[head.classifier.type], "bias_term")
    params = 1 if has_bias in ("false", "False", "f", "0") else 2
    assert len(again.classifier.params) == max(len(rates), params)


def undone(net: Net, hashed: HashInsertion) -> None:
    """Taking out what was inserted leaves the replaced values, and these alone."""
    after = proven(net, hashed)
    replaced = [edit for edit in hashed.change.edits if edit.end > edit.start]
    assert without_what_was_inserted(after, hashed.change) == apply(net.document.text, replaced)


@searched
@given(classifier_files(), st.booleans())
def test_any_train_net(data: bytes, mark: bool) -> None:
    net = Net(parse(data))
    head = main_head(net)
    recipe = Recipe(bits=12, mark=mark)
    hashed = hash_train_net(net, head, recipe)
    check_train_net(net, head, hashed, recipe)
    undone(net, hashed)
    assert keeps_comments(net.document, proven(net, hashed).document)


@searched
@given(classifier_files(), st.sampled_from(["comment", "delete"]), st.data())
def test_any_train_net_at_any_blob(data: bytes, remove: Removal, draw: st.DataObject) -> None:
    net = Net(parse(data))
    head = main_head(net)
    graph = net.graph("TRAIN")
    below = graph.below([head.classifier]) - {head.classifier.index}
    blobs = sorted({layer.tops[0] for layer in net.layers if layer.index in below})
    at = draw.draw(st.sampled_from(blobs))
    recipe = Recipe(remove=remove)
    hashed = hash_train_net(net, head, recipe, at)
    check_train_net(net, head, hashed, recipe)
    assert not {layer.name for layer in hashed.removed} & {
        layer.name for layer in proven(net, hashed).layers
    }


@searched
@given(classifier_files(deploy=True), st.sampled_from(["comment", "delete"]), st.data())
def test_any_deploy_net(data: bytes, remove: Removal, draw: st.DataObject) -> None:
    net = Net(parse(data))
    head = main_head(net)
    below = [layer.tops[0] for layer in net.layers[: head.classifier.index]]
    at = draw.draw(st.sampled_from([None, "data", *below]))
    recipe = Recipe(bits=12, remove=remove)
    hashed = hash_deploy_net(net, head, recipe, at)
    after = proven(net, hashed)
    graph = after.graph("TEST")
    assert [blob.name for blob in graph.outputs] == [recipe.code_name]
    found = hash_layer_of(graph, graph.last(recipe.code_name))
    assert found is not None
    assert found.latent.bottoms == (at or head.features,)
    kept = [layer.name for layer in net.layers if layer not in hashed.removed]
    new = [recipe.latent_name, recipe.code_name]
    assert [layer.name for layer in after.layers] == [*kept, *new]
    assert findings(after) == findings(net) == set()
    if remove == "comment":
        assert keeps_comments(net.document, after.document)


def real_nets(corpus: Path, kind: Kind) -> dict[str, Net]:
    """The nets of the corpus in the current dialect with a main InnerProduct classifier."""
    found = {}
    for file in sorted(corpus.rglob("*.prototxt")):
        document = parse(file.read_bytes(), file.name)
        if kind_of(document) is not kind:
            continue
        net = Net(document)
        main = [head for head in heads(net) if head.is_main]
        if net.dialect is Dialect.CURRENT and main and main[0].classifier.type == "InnerProduct":
            found[str(file.relative_to(corpus))] = net
    return found


@pytest.mark.corpus
def test_real_train_nets(corpus: Path) -> None:
    nets = real_nets(corpus, Kind.TRAIN)
    assert len(nets) >= 15
    for name, net in nets.items():
        head = main_head(net)
        hashed = hash_train_net(net, head, Recipe())
        assert hashed.removed == (), name
        check_train_net(net, head, hashed, Recipe())
        undone(net, hashed)


@pytest.mark.corpus
@pytest.mark.parametrize("remove", ["comment", "delete"])
def test_real_deploy_nets(corpus: Path, remove: Removal) -> None:
    nets = real_nets(corpus, Kind.DEPLOY)
    assert len(nets) >= 12
    for name, net in nets.items():
        recipe = Recipe(remove=remove)
        head = main_head(net)
        hashed = hash_deploy_net(net, head, recipe)
        after = proven(net, hashed)
        graph = after.graph("TEST")
        found = hash_layer_of(graph, graph.last(recipe.code_name))
        assert found is not None, name
        assert found.bits == 128
        assert findings(after) <= findings(net), name
        assert recipe.code_name in [blob.name for blob in graph.outputs], name
        assert {head.classifier.name} <= {layer.name for layer in hashed.removed}, name
        taken = apply(net.document.text, layers.take_out(hashed.removed, remove).edits)
        assert without_what_was_inserted(after, hashed.change) == taken, name
        if remove == "comment":
            assert keeps_comments(net.document, after.document), name


@pytest.mark.parametrize(("axis", "kept"), [("-3", ""), ("1", "1")])
def test_an_axis_of_spatial_features_goes(axis: str, kept: str) -> None:
    text = f"""layer {{ name: "d" type: "DummyData" top: "x" top: "y"
  dummy_data_param {{ shape {{ dim: 2 dim: 3 dim: 4 dim: 4 }} shape {{ dim: 2 }} }} }}
layer {{ name: "f" type: "InnerProduct" bottom: "x" top: "f"
  inner_product_param {{ num_output: 5 axis: {axis} }} }}
layer {{ name: "l" type: "SoftmaxWithLoss" bottom: "f" bottom: "y" top: "l" }}
"""
    net = Net(parse(text.encode()))
    after = proven(net, hash_train_net(net, main_head(net), Recipe(bits=8)))
    assert main_head(after).classifier.setting("inner_product_param", "axis") == kept
    assert shapes(after, "TRAIN").blobs["f_change"] == (2, 5)


SEQUENCE = """layer { name: "d" type: "%s" top: "x" top: "y"
  dummy_data_param { shape { dim: 5 dim: 4 dim: 6 } shape { dim: 5 dim: 4 } } }
layer { name: "f" type: "InnerProduct" bottom: "x" top: "f"
  inner_product_param { num_output: 7 axis: %s } }
layer { name: "l" type: "SoftmaxWithLoss" bottom: "f" bottom: "y" top: "l"
  softmax_param { axis: 2 } }
"""


@pytest.mark.parametrize(
    ("data", "axis", "latent", "kept"),
    [
        ("DummyData", "2", "2", "2"),
        ("DummyData", "-1", "2", "-1"),
        ("DummyData", "-2", "", ""),
        ("DummyData", "0", "0", "0"),
        ("DummyData", "-3", "0", "0"),
        # Of unknown features: the latent layer reads what the classifier read.
        ("Data", "2", "2", "2"),
        ("Data", "-1", "-1", "-1"),
        ("Data", "-3", "-3", "-1"),
    ],
)
def test_a_code_is_computed_from_the_axes_that_the_classifier_read(
    data: str, axis: str, latent: str, kept: str
) -> None:
    net = Net(parse((SEQUENCE % (data, axis)).encode()))
    recipe = Recipe(bits=16)
    after = proven(net, hash_train_net(net, main_head(net), recipe))
    assert after.layer(recipe.latent_name).setting("inner_product_param", "axis") == latent
    assert main_head(after).classifier.setting("inner_product_param", "axis") == kept
    deploy = proven(net, hash_deploy_net(net, main_head(net), recipe))
    assert deploy.layer(recipe.latent_name).setting("inner_product_param", "axis") == latent
    if data == "DummyData":
        blobs, before = shapes(after, "TRAIN").blobs, shapes(net, "TRAIN").blobs
        assert blobs["f_change"] == before["f"]
        scores = before["f"]
        assert scores is not None
        assert blobs[recipe.code_name] == (*scores[:-1], 16)


@pytest.mark.caffe
@pytest.mark.parametrize("axis", ["2", "-1"])
def test_caffe_sets_up_codes_of_sequences(live_caffe: Caffe, axis: str) -> None:
    net = Net(parse((SEQUENCE % ("DummyData", axis)).encode()))
    after = proven(net, hash_train_net(net, main_head(net), Recipe(bits=16)))
    for phase in ("TRAIN", "TEST"):
        blobs = live_caffe.set_up(after.document.text, phase).blobs
        assert blobs["latent_SSDH_encode"] == (5, 4, 16)
        assert blobs["f_change"] == (5, 4, 7)
