"""Stand-ins for forks of Caffe: programs that answer as a build with given features does.

The sentences are those of the forks' sources: protobuf's parser, `layer_factory.hpp`, `db.cpp`,
`common.cpp` and `caffe.cpp`.
"""

import json
import sys
from pathlib import Path

_PROGRAM = """#!{python}
import json, os, re, sys, time
build = json.loads({build!r})
words = sys.argv[1:]

def die(text):
    sys.stderr.write(text + "\\n")
    os.abort()

def log(text):
    sys.stderr.write(f"I20261201 14:00:00.000000     1 {{text}}\\n")

if build.get("hangs"):
    time.sleep(600)
if words[0] == "--version":
    print("caffe version", build["version"])
elif words[0] == "device_query":
    if build["gpu"] == "usable":
        sys.exit(0)
    die("Cannot use GPU in CPU-only Caffe: check mode." if build["gpu"] == "cpu-only" else
        "Check failed: error == cudaSuccess (38 vs. 0)  no CUDA-capable device is detected")
else:
    [name] = [word.partition("=")[2] for word in words if word.startswith("--solver=")]
    text = open(name).read()
    for field in ("rampup_interval", "max_epoch", "warmup_iter", "eval_type"):
        if field in text and field not in build["fields"]:
            die("[libprotobuf ERROR google/protobuf/text_format.cc:274] Error parsing text-format "
                'caffe.SolverParameter: 1:16: Message type "caffe.SolverParameter" has no field '
                f'named "{{field}}".')
    if "NoSuchType" in text:
        die(f"Unknown layer type: 'NoSuchType' (known types: {{', '.join(build['types'])}})")
    for backend in ("LMDB", "LEVELDB"):
        if f"backend: {{backend}}" in text:
            if backend not in build["backends"]:
                die("Unknown database backend")
            if backend == "LEVELDB":
                die("Check failed: status.ok() Failed to open leveldb no_leveldb")
    for line in build["log"]:
        log(line)
    if "HDF5" in text and build["hdf5"]:
        open("hdf5_iter_1.caffemodel.h5", "w").close()
    elif "HDF5" in text:
        die("ToHDF5 requires hdf5; compile with USE_HDF5.")
    for each in re.findall('snapshot_prefix: "(trial)"', text):
        open(f"{{each}}_iter_2.caffemodel", "w").close()
"""
_SNAPSHOT = "to binary proto file trial_iter_2"
_BVLC = {
    "version": "1.0.0",
    "types": ["Data", "HDF5Data", "ImageData", "InnerProduct", "Python"],
    "fields": [],
    "backends": ["LMDB", "LEVELDB"],
    "hdf5": True,
    "gpu": "cpu-only",
    "log": [
        "solver.cpp:296] Solving two_layers",
        "solver.cpp:245] Iteration 0, loss = 1.5",
        f"solver.cpp:605] Snapshotting {_SNAPSHOT}.caffemodel",
        f"sgd_solver.cpp:283] Snapshotting solver state {_SNAPSHOT}.solverstate",
        "caffe.cpp:245] Optimization Done.",
    ],
}


def stand_in_fork(folder: Path, **build: object) -> Path:
    """A program in a folder that answers as BVLC's Caffe does, but for what `build` has."""
    path = folder / "caffe"
    path.write_text(_PROGRAM.format(python=sys.executable, build=json.dumps({**_BVLC, **build})))
    path.chmod(0o755)
    return path
