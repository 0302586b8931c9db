"""The embedded engine compared with the Caffe of `make caffe`: GoogLeNet, batch 10, 2 threads.

python benchmarks/engine.py [--rounds N] [--net NAME] [MODE ...]

The modes are `forward` (the deploy net), `train` (forward, backward and update of the train net)
and `new-layers` (the same with `lr_mult: 0` for all but the classifiers). Three processes take
turns: Caffe, the embedded engine as it trains, and its plain plan without the optimisation
passes. Prints the medians of the rounds, the median of the ratios within each round, and the
peak memory of each process. Inputs are random, 224 x 224, and filled in once; the data layers
have a benchmark of their own, feeding.py.

The targets, compared with Caffe: 2.5 times the images per second forward, 1.4 times in training,
and at most 200 MB more memory, which is what importing PyTorch takes.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssdh_surgery import zoo

BATCH, THREADS = 10, 2
ROUNDS = 7
MODES = ("forward", "train", "new-layers")
SIDES = ("caffe", "plain", "ours")
# Iterations per turn: enough to make the cost of starting a turn negligible.
ITERATIONS = {"forward": 4, "train": 2, "new-layers": 4}
LABELS = """layer { name: "label" type: "Input" top: "label"
  input_param { shape { dim: %d } } }
"""
SOLVER = """net: "%s" base_lr: 0.0001 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0002
max_iter: 1000000 snapshot_after_train: false solver_mode: CPU random_seed: 1
"""
Turn = Callable[[int], None]


def write_nets(folder: Path, mode: str, network: str) -> None:
    """Write the net of a mode, and its solver for training."""
    deploy = re.sub(r"dim: \d+", f"dim: {BATCH}", zoo.text(network, "deploy"), count=1)
    if mode == "forward":
        (folder / "net.prototxt").write_text(deploy)
        return
    data = split(deploy)[0]
    layers = [
        layer
        for layer in split(zoo.text(network, "train_val"))
        if '"Data"' not in layer and "phase: TEST" not in layer
    ]
    if mode == "new-layers":
        layers = [
            layer if "num_output: 1000" in layer else re.sub(r"lr_mult: \d+", "lr_mult: 0", layer)
            for layer in layers
        ]
    (folder / "net.prototxt").write_text("".join([data, LABELS % BATCH, *layers]))
    (folder / "solver.prototxt").write_text(SOLVER % (folder / "net.prototxt"))


def split(text: str) -> list[str]:
    """The layers of a net's text."""
    return re.split(r"(?m)^(?=layer \{)", text)[1:]


def caffe_turn(folder: Path, mode: str) -> Turn:
    """The function that runs Caffe's net, and its solver when training."""
    from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe

    pycaffe = built_pycaffe()
    if pycaffe is None:
        raise SystemExit("no Caffe to compare with: run `make caffe` first")
    sys.path.insert(0, str(pycaffe))
    import caffe

    caffe.set_mode_cpu()
    random = np.random.default_rng(1)
    if mode == "forward":
        net = caffe.Net(str(folder / "net.prototxt"), caffe.TEST)
        fill(net.blobs, random)
        for number, name in enumerate(net._layer_names):
            if net.layers[number].type == "BatchNorm":
                set_statistics([param.data for param in net.params[name]])

        def forward(count: int) -> None:
            for _ in range(count):
                net.forward()

        return forward
    solver = caffe.SGDSolver(str(folder / "solver.prototxt"))
    fill(solver.net.blobs, random)
    step: Turn = solver.step
    return step


def torch_turn(folder: Path, mode: str, is_plain: bool) -> Turn:
    """The function that runs the embedded engine's net, and its solver when training."""
    import torch

    from ssdh_surgery.caffe.net.net import Net
    from ssdh_surgery.caffe.net.phase import State
    from ssdh_surgery.engines.torch.net.graph_net import GraphNet
    from ssdh_surgery.engines.torch.passes.speed_up import speed_up
    from ssdh_surgery.engines.torch.solver.setup import read_setup
    from ssdh_surgery.engines.torch.solver.solver import TorchSolver
    from ssdh_surgery.engines.torch.solver.solver_nets import SolverNet, SolverNets
    from ssdh_surgery.engines.torch.sources.feed import Feed
    from ssdh_surgery.prototxt.parser import parse

    torch.set_num_threads(THREADS)
    view = Net(parse((folder / "net.prototxt").read_bytes(), "net.prototxt"))
    net = GraphNet(view, State("TEST" if mode == "forward" else "TRAIN"), seed=1)
    fill(
        {name: net.plan.blobs[net.plan.names[name]] for name in net.plan.names},
        np.random.default_rng(1),
    )
    if mode == "forward":
        for layer in net.layers:
            if layer.type == "BatchNorm":
                set_statistics([param.data for param in layer.params])
    if not is_plain:
        speed_up(net)
    if mode == "forward":

        def forward(count: int) -> None:
            with torch.no_grad():
                for _ in range(count):
                    net.run()

        return forward
    setup = read_setup(folder / "solver.prototxt", folder)
    nets = SolverNets(SolverNet(net, Feed(folder)), ())
    solver = TorchSolver(setup, nets, lambda place, message: None)

    def train(count: int) -> None:
        for _ in range(count):
            list(solver.step())

    return train


def fill(blobs: Mapping[str, Any], random: np.random.Generator) -> None:
    """Fill in random pixels around zero, and random labels."""
    blobs["data"].data[...] = random.uniform(-120, 130, blobs["data"].data.shape)
    if "label" in blobs:
        blobs["label"].data[...] = random.integers(0, 1000, BATCH)


def set_statistics(params: list[np.ndarray[Any, Any]]) -> None:
    """Make an untrained BatchNorm pass its values on: zeros would give NaN."""
    params[1][...] = params[2][...] = 1


def work(side: str, mode: str, folder: Path) -> None:
    """Take turns: read a number of iterations, print the seconds that they took and the peak."""
    turn = (
        caffe_turn(folder, mode) if side == "caffe" else torch_turn(folder, mode, side == "plain")
    )
    turn(1)
    for line in sys.stdin:
        start = time.perf_counter()
        turn(int(line))
        print(time.perf_counter() - start, peak(), flush=True)


def peak() -> int:
    """The peak memory of this process, in kB."""
    status = Path("/proc/self/status").read_text()
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes)


class Worker:
    """The process of one side."""

    def __init__(self, side: str, mode: str, folder: Path) -> None:
        threads = {name: str(THREADS) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
        command = [sys.executable, __file__, "--work", side, mode, str(folder)]
        self.process = subprocess.Popen(
            command,
            env=os.environ | threads | {"GLOG_minloglevel": "2"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.kilobytes = 0

    def seconds(self, iterations: int) -> float:
        """Run a turn: the seconds that it took."""
        assert self.process.stdin
        assert self.process.stdout
        print(iterations, file=self.process.stdin, flush=True)
        seconds, kilobytes = self.process.stdout.readline().split()
        self.kilobytes = int(kilobytes)
        return float(seconds)

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def measure(mode: str, network: str, rounds: int) -> None:
    """Let the sides take turns, and print a table."""
    with tempfile.TemporaryDirectory() as name:
        write_nets(Path(name), mode, network)
        workers = {side: Worker(side, mode, Path(name)) for side in SIDES}
        count = ITERATIONS[mode]
        for worker in workers.values():
            worker.seconds(1)
        turns = [
            {side: worker.seconds(count) / count for side, worker in workers.items()}
            for _ in range(rounds)
        ]
        for worker in workers.values():
            worker.close()
    print(f"{network}, {mode}:")
    caffe = workers["caffe"]
    for side, worker in workers.items():
        seconds = statistics.median(turn[side] for turn in turns)
        ratio = statistics.median(turn["caffe"] / turn[side] for turn in turns)
        more = (worker.kilobytes - caffe.kilobytes) / 1024
        print(
            f"  {side:6} {seconds * 1000:7.0f} ms {BATCH / seconds:7.2f} images/s  "
            f"x{ratio:5.2f}  {worker.kilobytes / 1024:6.0f} MB  {more:+6.0f} MB",
            flush=True,
        )


def main() -> None:
    if sys.argv[1:2] == ["--work"]:
        side, mode, folder = sys.argv[2:]
        work(side, mode, Path(folder))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modes", nargs="*", metavar="MODE", help=", ".join(MODES))
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    parser.add_argument("--net", default="googlenet", help="zoo network (default: %(default)s)")
    options = parser.parse_args()
    for mode in options.modes or MODES:
        measure(mode, options.net, options.rounds)


if __name__ == "__main__":
    main()
