"""One net with one set of weights on the embedded engine and on ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.engines.onnx.model import build
from ssdh_surgery.engines.onnx.params import read_params
from ssdh_surgery.engines.onnx.plan import plan
from ssdh_surgery.engines.open_net import open_net
from ssdh_surgery.errors import EngineError
from ssdh_surgery.prototxt.parser import parse


def assert_close(ours, theirs, what="", bound=1e-5):
    """The bound of the records."""
    assert ours.shape == theirs.shape, what
    excess = np.abs(ours - theirs) - (bound + 1e-4 * np.abs(theirs))
    assert not (excess > 0).any(), f"{what}: {excess.max():g} beyond the bound"


def fill_params(net, random, std=0.4):
    """Random params; statistics of BatchNorm as a training leaves them."""
    for name, params in net.params.items():
        is_norm = net.layer_dict[name].type == "BatchNorm"
        for index, param in enumerate(params):
            values = random.normal(0, std, param.shape)
            if is_norm and index > 0:
                values = np.abs(values) + 0.5
            param.data[...] = values


def fill_inputs(net, random, values_of=None):
    """Random inputs; the values by name."""
    given = {}
    for name in net.inputs:
        shape = tuple(net.blobs[name].shape)
        values = values_of(name, shape, random) if values_of else random.uniform(-1, 1, shape)
        net.blobs[name].data[...] = given[name] = np.asarray(values, np.float32)
    return given


class SideBySide:
    """A prototxt opened on both engines, with the same random params."""

    def __init__(self, text, folder: Path, seed=0, std=0.4, phase="TEST"):
        self.random = np.random.default_rng(seed)
        self.prototxt = folder / "net.prototxt"
        self.weights = folder / "net.caffemodel"
        self.prototxt.write_text(text)
        self.torch = open_net(self.prototxt, phase="TEST", engine="torch")
        fill_params(self.torch, self.random, std)
        self.torch.save(str(self.weights))
        self.onnx = open_net(self.prototxt, self.weights, engine="onnx")

    def check(self):
        """Let onnx's own checker look at the whole model."""
        net = Net(parse(self.prototxt.read_bytes(), "net.prototxt"))
        planned = plan(net, net.state("TEST"))
        model = build(planned, read_params(planned, self.weights))
        onnx.checker.check_model(model.proto(), full_check=True)
        return model

    def compare(self, values_of=None, bound=1e-5, every=True):
        """Run both, and hold every blob (or every output) to the bound."""
        given = fill_inputs(self.torch, self.random, values_of)
        for name, values in given.items():
            self.onnx.blobs[name].data[...] = values
        self.torch.forward()
        outputs = self.onnx.forward()
        assert list(outputs) == [name for name in self.torch.outputs if name not in given]
        for name, values in outputs.items():
            assert_close(values, self.torch.blobs[name].data, name, bound)
        if every:
            for name in self.torch.blobs:
                if name not in given:
                    theirs = self.torch.blobs[name].data
                    assert_close(self.onnx.blobs[name].data, theirs, name, bound)

    def with_batch(self, batch):
        """Give every input another first dimension, in both; False where the net takes none."""
        for net in (self.torch, self.onnx):
            for name in net.inputs:
                shape = tuple(net.blobs[name].shape)
                net.blobs[name].reshape(*([batch, *shape[1:]] if shape else []))
        refused = []
        for net in (self.torch, self.onnx):
            try:
                net.reshape()
                refused.append(False)
            except EngineError:
                refused.append(True)
        assert refused[0] == refused[1]
        return not refused[0]
