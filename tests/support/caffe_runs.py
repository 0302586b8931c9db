"""Small nets and short runs on the Caffe that `make caffe` built, for tests marked `caffe`."""

import json
import re
import shutil
import subprocess
import sys

from ssdh_surgery.engines.caffe_binary.executable import built_caffe, built_pycaffe
from support.paths import GOLDEN

TRAIN = GOLDEN / "train"

_PRELUDE = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import caffe
from caffe.proto import caffe_pb2

def net(text, **blobs):
    open("net.prototxt", "w").write(text)
    net = caffe.Net("net.prototxt", caffe.TRAIN)
    for name, values in blobs.items():
        net.blobs[name].data[...] = values
    return net

def forward(text, **blobs):
    '''What the blob `out` holds after a pass.'''
    made = net(text, **blobs)
    made.forward()
    return made.blobs["out"].data.tolist()

"""


def pycaffe(folder, script):
    """Run a script in a folder; the process, with what it put in `found` as `.found`."""
    process = subprocess.run(
        [sys.executable, "-c", f"{_PRELUDE}{script}\nprint(json.dumps(found))", built_pycaffe()],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    process.found = json.loads(process.stdout) if process.returncode == 0 else None
    return process


def inputs(**shapes):
    """Input layers: `inputs(a=(2, 3))` makes the blob `a`."""
    return "".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{'
        f"{''.join(f' dim: {dim}' for dim in shape)} }} }} }}\n"
        for name, shape in shapes.items()
    )


def train(folder, *flags, solver=(), net=()):
    """Run `caffe train` on the recorded SSDH net in a folder, its texts changed by patterns.

    `solver` and `net` are pairs of a regular expression, which must occur, and its replacement.
    """
    shutil.copytree(TRAIN, folder, dirs_exist_ok=True)
    for name, changes in (("solver_sgd_step_ssdh", solver), ("net_ssdh", net)):
        file = folder / f"{name}.prototxt"
        text = file.read_text()
        for pattern, replacement in changes:
            text, count = re.subn(pattern, replacement, text)
            assert count, pattern
        file.write_text(text)
    return subprocess.run(
        [built_caffe(), "train", "--solver=solver_sgd_step_ssdh.prototxt", *flags],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def fatal(process):
    """What Caffe died of, without time and place."""
    return re.findall(r"^F\d{8} .*?\] (.*)", process.stderr, re.MULTILINE)


def run_caffe(folder, *flags):
    """Run `caffe train` on the `solver.prototxt` of a folder."""
    return subprocess.run(
        [built_caffe(), "train", "--solver=solver.prototxt", *flags],
        cwd=folder,
        capture_output=True,
        text=True,
    )
