"""Real nets: every blob and param has the shape that Caffe gives it, and no data are needed."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.engines.torch.net.registry import is_supported
from ssdh_surgery.engines.torch.net.torch_net import TorchNet
from ssdh_surgery.errors import EngineError
from ssdh_surgery.prototxt.parser import parse
from support.paths import CORPUS, corpus_files

# The records of real Caffe lie beside the corpus.
RECORD = CORPUS.parent / "golden" / "shapes.json"
SHAPES = json.loads(RECORD.read_text()) if RECORD.exists() else {}
CASES = [(file, phase) for file, phases in SHAPES.items() for phase in phases]


@dataclass
class Zeros:
    """A source of batches of zeros."""

    shapes: list

    def next(self):
        return [np.zeros(shape, np.float32) for shape in self.shapes]


def built(file, phase, shape_of, stages=()):
    """The net without memory: torch's device `meta` has shapes only."""
    path = CORPUS / file
    view = Net(parse(path.read_bytes(), file))

    def open_source(param, setting):
        return Zeros([shape_of(param, index) for index in range(len(param.top))])

    state = State(phase, stages=frozenset(stages))
    return TorchNet(view, state, device="meta", open_source=open_source)


@pytest.mark.corpus
@pytest.mark.parametrize(("file", "phase"), CASES, ids=[" ".join(case) for case in CASES])
def test_shapes_of_caffe(file, phase):
    record = SHAPES[file][phase]
    reads_windows = (
        "WINDOW_DATA" in (CORPUS / file).read_text() or "WindowData" in (CORPUS / file).read_text()
    )
    if reads_windows:
        with pytest.raises(EngineError, match="WindowData"):
            built(file, phase, None)
        return

    net = built(file, phase, lambda param, index: record["blobs"][param.top[index]])

    blobs = {name: shape for name, shape in record["blobs"].items() if "_split_" not in name}
    assert {name: list(blob.shape) for name, blob in net.blobs.items()} == blobs
    params = {name: [list(p.shape) for p in params] for name, params in net.params.items()}
    assert params == record["params"]


@pytest.mark.corpus
def test_the_layer_types_of_the_corpus_that_are_refused():
    refused = set()
    for path in corpus_files():
        view = Net(parse(path.read_bytes(), str(path)))
        refused |= {layer.type for layer in view.layers if not is_supported(layer.type)}

    # V0 has padding as a layer; it is folded into the one above.
    assert refused == {"Python", "WindowData", "padding"}


@pytest.mark.corpus
def test_a_layer_of_another_engine_is_refused_with_its_place():
    with pytest.raises(EngineError) as caught:
        built("bvlc/examples/pycaffe/linreg.prototxt", "TRAIN", None)

    assert str(caught.value) == (
        "bvlc/examples/pycaffe/linreg.prototxt:46:9: layer 'loss' has the type 'Python', which "
        "the embedded engine does not have\n"
        "  46 |   name: 'loss'\n"
        "     |         ^^^^^^\n"
        "hint: use --engine binary with a Caffe that has it"
    )


@pytest.mark.corpus
@pytest.mark.parametrize("stage", ["test-on-train", "test-on-test"])
def test_a_stage_chooses_its_data(stage):
    net = built(
        "bvlc/examples/mnist/mnist_autoencoder.prototxt",
        "TEST",
        lambda param, index: (4, 1, 28, 28),
        stages=[stage],
    )

    assert net.blobs["decode1"].shape == (4, 784)
    assert net.outputs == ["cross_entropy_loss", "l2_error"]
