"""Examples of the findings about weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from finding_examples.example import (
    CHECK,
    TRAIN,
    Append,
    Data,
    Example,
    Replace,
    Runs,
    Shell,
    Stops,
)
from ssdh_surgery import findings as rules
from ssdh_surgery.caffe.weights.weights import LayerWeights, write_weights

_CHECK = f"{CHECK} --weights colors.caffemodel"
_TRAIN = f"{TRAIN} --weights=colors.caffemodel"


def _other_net(folder: Path) -> None:
    blobs = (np.ones((2, 3), np.float32), np.zeros(2, np.float32))
    write_weights(folder / "colors.caffemodel", [LayerWeights("ip1", "InnerProduct", blobs)])


EXAMPLES = (
    Example(
        rules.NO_WEIGHTS,
        (Append("solver.prototxt", 'weights: "colours.caffemodel"\n'),),
        Stops("Couldn't open colours.caffemodel"),
        (Replace("solver.prototxt", '"colours.caffemodel"', '"colors.caffemodel"'),),
    ),
    Example(
        rules.UNREADABLE_WEIGHTS,
        (Shell("truncate -s 1000 colors.caffemodel"),),
        Stops("Check failed: ReadProtoFromBinaryFile(param_file, param)", _TRAIN),
        (Shell("cp hashed.caffemodel colors.caffemodel"),),
        _CHECK,
    ),
    Example(
        rules.NOTHING_COPIED,
        (Data("`colors.caffemodel` holds one layer, `ip1`.", _other_net),),
        Runs("Ignoring source layer ip1", _TRAIN),
        (Shell("cp hashed.caffemodel colors.caffemodel"),),
        _CHECK,
    ),
    Example(
        rules.SHAPE_CLASH,
        (Replace("net.prototxt", "num_output: 4", "num_output: 6"),),
        Stops("Cannot copy param 0 weights from layer 'fc'; shape mismatch.", _TRAIN),
        (Replace("net.prototxt", 'name: "fc"', 'name: "fc_six"'),),
        _CHECK,
    ),
    Example(
        rules.FROM_FILLERS,
        (Shell("ssdh patch net.prototxt --bits 8"),),
        Runs(command="caffe train --solver=solver_ssdh.prototxt"),
        (),
        "ssdh check solver_ssdh.prototxt",
        "ssdh check solver_ssdh.prototxt --weights colors.caffemodel",
    ),
)
