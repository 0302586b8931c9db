"""Derived from nets in any layout: what the gate lets through, and a way there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.heads import Head, heads
from ssdh_surgery.caffe.net.kind import Kind, kind_of
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.derive.deploy import deploy_needs, derive_deploy_net
from ssdh_surgery.surgery.derive.records import Records, Transform
from ssdh_surgery.surgery.derive.train import derive_train_net
from ssdh_surgery.surgery.verbs.fields import Removal
from support.net_files import classifier_files

REMOVALS = st.sampled_from(["comment", "delete"])


def of_classifier(net: Net, name: str) -> Head:
    return next(head for head in heads(net) if head.classifier.name == name)


@given(file=classifier_files(), remove=REMOVALS, data=st.data())
def test_there_and_back(file: bytes, remove: Removal, data: st.DataObject) -> None:
    document = parse(file, "n.prototxt")
    net = Net(document)
    head = data.draw(st.sampled_from(heads(net)))
    needed = deploy_needs(net, head)
    sizes = {blob.name: (1, 3, 9, 9) for blob in needed.data}
    derived = derive_deploy_net(net, needed, sizes, remove)
    deploy = prove(document, derived.change, "NetParameter").document
    assert kind_of(deploy) is Kind.DEPLOY
    kept = {layer.name for layer in net.layers if layer.index in needed.layers}
    alone = Net(deploy)
    own = [layer for layer in alone.layers if not layer.is_data]
    assert {layer.name for layer in own} == kept

    freeze = data.draw(st.sampled_from([None, *(kept - {head.classifier.name})]))
    back = derive_train_net(
        alone,
        of_classifier(alone, head.classifier.name),
        shapes(alone, "TEST"),
        (Records("train", 2), Records("test", 2)),
        Transform(9, "mean", mirror=True),
        freeze,
        remove,
    )
    train = prove(deploy, back.change, "NetParameter").document
    assert kind_of(train) is Kind.TRAIN
    learns = Net(train)
    again = of_classifier(learns, head.classifier.name)
    assert (again.classes, again.features) == (head.classes, head.features)
    fixed = learns.graph("TEST").below([learns.layer(freeze)]) if freeze else set()
    assert all(param.lr_mult == 0 for index in fixed for param in learns.layers[index].params)


@pytest.mark.parametrize("name", ["input", "data"])
def test_nothing_but_data_is_asked_for(name: str) -> None:
    text = f'layer {{ name: "fc" type: "InnerProduct" bottom: "{name}" top: "fc" }}\n'
    data = f'layer {{ name: "d" type: "Data" top: "{name}" top: "label" }}\n'
    loss = 'layer { name: "l" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" }\n'
    net = Net(parse((data + text + loss).encode()))
    assert [blob.name for blob in deploy_needs(net, heads(net)[0]).data] == [name]
