"""Run records through pycaffe: `python replay_records.py PYCAFFE OUT RECORD.npz...`.

Not a test: a program of its own, because Caffe aborts the process that it runs in when it
refuses a net. Each record runs in a fork; what it computed goes to OUT/NAME.npz under the
record's own keys, and what Caffe printed goes to OUT/NAME.log. A record without an npz failed.
"""

import os
import sys
from pathlib import Path

import numpy as np


def replay_layer(caffe, prototxt, record):
    """One pass of `layers/NAME.prototxt`, forward and, where it was recorded, backward."""
    net = caffe.Net(str(prototxt), caffe.TRAIN)
    bottoms = [net.blobs[name] for name in net.blobs if name.startswith("in")]
    tops = [net.blobs[name] for name in net.blobs if name.startswith("out")]
    params = list(net.params["it"]) if "it" in net.params else []
    for blobs, kind in ((bottoms, "bottom"), (params, "param")):
        for i, blob in enumerate(blobs):
            blob.data[...] = record[f"{kind}{i}"]
    net.forward()
    yield from ((f"top{i}", blob.data) for i, blob in enumerate(tops))
    yield from ((f"param_after{i}", blob.data) for i, blob in enumerate(params))
    if "bottom_diff0" in record:
        for i, blob in enumerate(tops):
            # A loss begins with its own gradient, which no record holds.
            if f"top_diff{i}" in record:
                blob.diff[...] = record[f"top_diff{i}"]
        net.clear_param_diffs()
        net.backward()
    yield from ((f"bottom_diff{i}", blob.diff) for i, blob in enumerate(bottoms))
    yield from ((f"param_diff{i}", blob.diff) for i, blob in enumerate(params))


def replay_training(caffe, solver_file, iterations=20, tests=4):
    """`train/solver_NAME.prototxt`, run in the folder that holds it."""
    solver = caffe.get_solver(solver_file.name)
    net, test_net = solver.net, solver.test_nets[0]
    net.copy_from("init.caffemodel")
    weights = dict(zip(net.blobs, net._blob_loss_weights, strict=True))
    losses = []
    for _ in range(iterations):
        solver.step(1)
        losses.append(sum(w * float(net.blobs[name].data) for name, w in weights.items() if w))
    yield "last_micro_batch_loss", losses
    for layer, params in net.params.items():
        yield from ((f"{layer}/{i}", blob.data) for i, blob in enumerate(params))
    test_net.share_with(net)
    figures = []
    for _ in range(tests):
        test_net.forward()
        figures.append([float(test_net.blobs[name].data) for name in ("loss", "accuracy")])
    yield from zip(("test_loss", "test_accuracy"), np.mean(figures, axis=0), strict=True)


def replay(caffe, record_file, out):
    record = np.load(record_file)
    case = record_file.stem.removeprefix("golden_")
    if case == record_file.stem:
        ours = replay_layer(caffe, record_file.with_suffix(".prototxt"), record)
    else:
        os.chdir(record_file.parent)
        ours = replay_training(caffe, record_file.with_name(f"solver_{case}.prototxt"))
    found = {key: np.array(value) for key, value in ours if key in record}
    np.savez(out / record_file.name, **found)


def main(pycaffe, out, *records):
    sys.path.insert(0, pycaffe)
    import caffe

    out = Path(out)
    for record in map(Path, records):
        child = os.fork()
        if child == 0:
            log = os.open(out / f"{record.stem}.log", os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 2)
            replay(caffe, record, out)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
