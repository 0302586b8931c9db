"""Examples of the findings about encoding."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from finding_examples.example import Data, Example, NotRun, Replace, Shell, Write
from finding_examples.job import BITS
from ssdh_surgery import findings as rules
from ssdh_surgery.caffe.weights.binary_weights import read_weights
from ssdh_surgery.caffe.weights.weights import LayerWeights, write_weights

_NET = "ssdh encode photos -o codes.npz --deploy deploy.prototxt --weights hashed.caffemodel"
_SCALE = "--scale 0.00390625"
_SIZE = "--resize 8x8"
_ENCODE = f"{_NET} {_SIZE} {_SCALE}"
_NO_CAFFE = NotRun("Caffe has no codes")
_INPUT = NotRun("Caffe takes any input")


def _start(folder: Path) -> None:
    """Weights whose hash layer is as at the start of a training: the bias is 1."""
    conv1, latent = read_weights(folder / "hashed.caffemodel").layers
    blobs = (latent.blobs[0] * np.float32(0.01), np.ones(BITS, np.float32))
    weights = [conv1, LayerWeights("latent", "InnerProduct", blobs)]
    write_weights(folder / "start.caffemodel", weights)


EXAMPLES = (
    Example(
        rules.LAYERS_WITHOUT_WEIGHTS,
        (),
        NotRun("`extract_features` runs with the weights of the fillers"),
        (),
        _ENCODE.replace("hashed", "colors"),
        _ENCODE,
    ),
    Example(
        rules.NO_CODE,
        (Replace("deploy.prototxt", 'type: "Sigmoid"', 'type: "Softmax"'),),
        _NO_CAFFE,
        (Replace("deploy.prototxt", 'type: "Softmax"', 'type: "Sigmoid"'),),
        _ENCODE,
    ),
    Example(
        rules.UNLIKE_TRAINING,
        (Write("ssdh.toml", 'version = 1\n\n[nets.net]\ncode = "code"\nscale = 0.00390625\n'),),
        _INPUT,
        (),
        f"{_NET} {_SIZE} --scale 0.0078125",
        _ENCODE,
    ),
    Example(rules.UNKNOWN_RESIZE, (), _INPUT, (), f"{_NET} {_SCALE}", _ENCODE),
    Example(rules.NO_MEAN, (), _INPUT, (), f"{_NET} {_SIZE}", _ENCODE),
    Example(rules.SCALE, (), _INPUT, (), f"{_NET} {_SIZE} --scale 255", _ENCODE),
    Example(
        rules.MEAN_OF_ANOTHER_SCALE,
        (),
        _INPUT,
        (),
        f"{_ENCODE} --mean-value 0.4,0.46,0.48",
        f"{_ENCODE} --mean-value 104,117,123",
    ),
    Example(
        rules.CHANNEL_ORDER,
        (),
        _INPUT,
        (),
        f"{_NET} {_SIZE} --mean-value 123.68,116.779,103.939",
        f"{_NET} {_SIZE} --mean-value 103.939,116.779,123.68",
    ),
    Example(rules.INPUT_RANGE, (), _INPUT, (), f"{_NET} {_SIZE} --scale 0.0000153", _ENCODE),
    Example(
        rules.COLLAPSED_CODES,
        (Data("The hash layer of `start.caffemodel` is as at the start of a training.", _start),),
        _NO_CAFFE,
        (),
        _ENCODE.replace("hashed", "start"),
        _ENCODE,
    ),
    Example(
        rules.NEW_CLASSES,
        (
            Shell("mkdir -p classes/red classes/green classes/blue"),
            Shell("for name in red green blue; do cp photos/0[0-3].png classes/$name; done"),
            Write("labels.txt", "green\nred\n"),
        ),
        _NO_CAFFE,
        (Shell("rm -r classes/blue"),),
        _ENCODE.replace("photos", "classes"),
    ),
    Example(
        rules.CLASS_NAMES_UNFIT,
        (Write("labels.txt", "green\nred\n"),),
        _NO_CAFFE,
        (Write("labels.txt", "green\nred\nblue\ngray\n"),),
        _ENCODE.replace("photos", "train.txt"),
    ),
)
