"""Which layers run backward: what Caffe's own log says of nets of many kinds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.learning import NetLearning
from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.caffe.shapes import shapes
from support.caffe_runs import run_caffe
from support.solver_findings import data, layer, loss, product, write_run

FROZEN = "param { lr_mult: 0 } param { lr_mult: 0 }"
WEIGHED = "loss_weight: 0.5 reduction_param { operation: MEAN }"
NETS = {
    "plain": product("a", "data") + layer("r", "ReLU", "a") + product("fc", "r") + loss(),
    "frozen below": product("a", "data", more=FROZEN) + product("fc", "a") + loss(),
    "frozen above": product("a", "data") + product("fc", "a", more=FROZEN) + loss(),
    "bias only": product("a", "data", more="param { lr_mult: 0 }") + loss("a"),
    "two losses": product("a", "data")
    + product("fc", "a")
    + loss()
    + product("aux", "a")
    + loss("aux", name="second"),
    "read twice, once by a loss": product("fc", "data")
    + loss()
    + layer("accuracy", "Accuracy", "fc", "label"),
    "dead branch": product("a", "data") + product("dead", "a") + product("fc", "a") + loss(),
    "weight on a blob that is read": product("a", "data")
    + layer("mean", "Reduction", "a", more=WEIGHED)
    + layer("power", "Power", "mean")
    + product("fc", "a")
    + loss(),
    "cut": product("a", "data") + product("fc", "a", more="propagate_down: false") + loss(),
    "cut in one of two": product("a", "data")
    + product("left", "a", more="propagate_down: false")
    + product("right", "a")
    + layer("fc", "Eltwise", "left", "right")
    + loss(),
    "label stopped": product("fc", "data")
    + layer("best", "ArgMax", "fc")
    + loss("fc", "best", more="propagate_down: true propagate_down: false"),
    "loss of data": product("fc", "data") + loss() + layer("e", "EuclideanLoss", "data", "data"),
    "loss without a weight": product("fc", "data") + loss(more="loss_weight: 0"),
    "in place": product("fc", "data")
    + 'layer { name: "relu" type: "ReLU" bottom: "fc" top: "fc" }\n'
    + loss(),
    "statistics": layer("norm", "BatchNorm", "data") + product("fc", "norm") + loss(),
    "scale": layer("scale", "Scale", "data") + product("fc", "scale", more=FROZEN) + loss(),
    "silence": product("a", "data")
    + 'layer { name: "silence" type: "Silence" bottom: "a" }\n'
    + product("fc", "data")
    + loss(),
}


@pytest.mark.caffe
@pytest.mark.parametrize("name", NETS)
def test_caffe_runs_the_same_layers_backward(name: str, tmp_path: Path) -> None:
    text = data() + NETS[name]
    solver = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 1 solver_mode: CPU'
    write_run(tmp_path, text, f'{solver} snapshot_prefix: "run"')
    log = run_caffe(tmp_path).stderr
    pattern = r"\] (\S+) (needs|does not need) backward computation"
    of_caffe = {layer: word == "needs" for layer, word in re.findall(pattern, log)}
    net = net_of(parse(text.encode()))
    state = net.state("TRAIN")
    counts = {
        each.layer.index: None if each.params is None else len(each.params)
        for each in shapes(net, state).layers
    }
    learning = NetLearning(net.graph(state), counts)
    steps = {each.name: learning.steps[each.index].needs_backward for each in net.layers}
    assert of_caffe, log
    assert steps == {each: of_caffe[each] for each in steps}
