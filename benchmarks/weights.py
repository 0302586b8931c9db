"""Reading a .caffemodel of GoogLeNet's size, compared with protobuf's parse of the same bytes.

python benchmarks/weights.py [ROUNDS]

Both are timed in turn in one process; prints the medians and their ratio. The target is a ratio
of at most 4; reading includes the file, while protobuf gets the bytes.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.weights.binary_weights import read_weights, write_weights
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights

# GoogLeNet's inception modules: channels in, then 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool.
INCEPTIONS = {
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64),
    "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64),
    "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128),
    "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128),
}


def googlenet() -> Iterator[tuple[str, tuple[int, ...]]]:
    """The name and weight shape of every layer with params, without the auxiliary heads."""
    yield "conv1/7x7_s2", (64, 3, 7, 7)
    yield "conv2/3x3_reduce", (64, 64, 1, 1)
    yield "conv2/3x3", (192, 64, 3, 3)
    for module, (channels, one, reduce3, three, reduce5, five, pool) in INCEPTIONS.items():
        yield f"inception_{module}/1x1", (one, channels, 1, 1)
        yield f"inception_{module}/3x3_reduce", (reduce3, channels, 1, 1)
        yield f"inception_{module}/3x3", (three, reduce3, 3, 3)
        yield f"inception_{module}/5x5_reduce", (reduce5, channels, 1, 1)
        yield f"inception_{module}/5x5", (five, reduce5, 5, 5)
        yield f"inception_{module}/pool_proj", (pool, channels, 1, 1)
    yield "loss3/classifier", (1000, 1024)


def layers() -> Iterator[LayerWeights]:
    """Random weights; every layer with params is followed by one without, like a ReLU."""
    random = np.random.default_rng(1)
    for name, shape in googlenet():
        weight = random.standard_normal(shape, np.float32)
        yield LayerWeights(name, "Convolution", (weight, np.zeros(shape[0], np.float32)))
        yield LayerWeights(f"{name}_relu", "ReLU", ())


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    result = call()
    elapsed = time.perf_counter() - start
    del result
    return elapsed


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "googlenet.caffemodel"
        write_weights(path, layers(), name="GoogLeNet")
        data = path.read_bytes()
        parse = schema.message_class("NetParameter").FromString
        parse(data), read_weights(path)
        pairs = [
            (seconds(lambda: parse(data)), seconds(lambda: read_weights(path)))
            for _ in range(rounds)
        ]
    bare, ours = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{len(data) / 1e6:.1f} MB, {rounds} rounds, medians")
    print(f"protobuf's parse, bytes to message   {bare:6.1f} ms")
    print(f"read_weights, file to float32 arrays {ours:6.1f} ms")
    print(f"ratio {ours / bare:.2f} (target: at most 4)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
