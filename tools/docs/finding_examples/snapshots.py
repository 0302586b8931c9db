"""Examples of the findings about snapshots, and about weights that do not suit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from finding_examples.example import (
    CHECK,
    TRAIN,
    Append,
    Data,
    Example,
    NotRun,
    Replace,
    Runs,
    Shell,
    Stops,
)
from finding_examples.job import weights_of, write_snapshot
from ssdh_surgery import findings as rules
from ssdh_surgery.caffe.weights.weights import LayerWeights, write_weights
from ssdh_surgery.files import file_digest

_STATE = "colors_iter_20.solverstate"
_RESUME = f"{CHECK} --snapshot {_STATE}"
_CAFFE = f"{TRAIN} --snapshot={_STATE}"
_CHECK = f"{CHECK} --weights colors.caffemodel"
_TRAIN = f"{TRAIN} --weights=colors.caffemodel"
_SNAPSHOT = Data("A snapshot of iteration 20 is in the folder.", write_snapshot)


def _adam(folder: Path) -> None:
    write_snapshot(folder, blobs=2)


def _other_net(folder: Path) -> None:
    write_snapshot(folder, layers=("conv1", "latent"))


def _replaced(folder: Path) -> None:
    write_snapshot(folder)
    digests = {
        name: file_digest(folder / f"colors_iter_20.{suffix}")
        for name, suffix in (("solverstate", "solverstate"), ("weights", "caffemodel"))
    }
    (folder / "colors_iter_20.ssdhstate").write_text(json.dumps(digests))
    weights = replace(weights_of("fc"), blobs=tuple(2 * blob for blob in weights_of("fc").blobs))
    (folder / "colors_iter_20.caffemodel").unlink()
    write_weights(folder / "colors_iter_20.caffemodel", [weights_of("conv1"), weights])


def _weights(folder: Path, *layers: LayerWeights) -> None:
    (folder / "colors.caffemodel").unlink()
    write_weights(folder / "colors.caffemodel", layers)


def _nan(folder: Path) -> None:
    fc = weights_of("fc")
    fc.blobs[0][0, :8] = np.nan
    _weights(folder, weights_of("conv1"), fc)


def _zeros(folder: Path) -> None:
    fc = weights_of("fc")
    fc.blobs[0][...] = 0
    _weights(folder, weights_of("conv1"), fc)


def _renamed(folder: Path) -> None:
    _weights(folder, replace(weights_of("conv1"), name="Conv1"), weights_of("fc"))


def _other_names(folder: Path) -> None:
    others = [replace(weights_of("conv1"), name=name) for name in ("block1", "block2")]
    _weights(folder, *others, weights_of("fc"))


def _good(folder: Path) -> None:
    _weights(folder, weights_of("conv1"), weights_of("fc"))


_GOOD = (Data("`colors.caffemodel` holds the weights of the net.", _good),)

EXAMPLES = (
    Example(
        rules.SNAPSHOT_IS_WEIGHTS,
        (_SNAPSHOT,),
        Stops("Incorrect length of history blobs", f"{TRAIN} --snapshot=colors_iter_20.caffemodel"),
        (),
        f"{CHECK} --snapshot colors_iter_20.caffemodel",
        _RESUME,
    ),
    Example(
        rules.WEIGHTS_ARE_A_STATE,
        (_SNAPSHOT,),
        Stops(
            "Check failed: ReadProtoFromBinaryFile(param_file, param)",
            f"{TRAIN} --weights={_STATE}",
        ),
        (),
        f"{CHECK} --weights {_STATE}",
        f"{CHECK} --weights colors_iter_20.caffemodel",
    ),
    Example(
        rules.UNREADABLE_SNAPSHOT,
        (_SNAPSHOT, Shell(f"truncate -s 1000 {_STATE}")),
        Stops("Incorrect length of history blobs", _CAFFE),
        (_SNAPSHOT,),
        _RESUME,
    ),
    Example(
        rules.SNAPSHOT_NAME,
        (_SNAPSHOT, Shell(f"mv {_STATE} {_STATE}.h5")),
        Stops("Couldn't open solver state file", f"{_CAFFE}.h5"),
        (Shell(f"mv {_STATE}.h5 {_STATE}"),),
        f"{_RESUME}.h5",
        _RESUME,
    ),
    Example(
        rules.OTHER_SOLVER_TYPE,
        (Data('A snapshot of a run with `type: "Adam"` is in the folder.', _adam),),
        Stops("Incorrect length of history blobs", _CAFFE),
        (Append("solver.prototxt", 'type: "Adam"\n'),),
        _RESUME,
    ),
    Example(
        rules.SNAPSHOT_OF_ANOTHER_NET,
        (Data("A snapshot of another net is in the folder.", _other_net),),
        NotRun("what it reads past the end of its memory is chance"),
        (_SNAPSHOT,),
        _RESUME,
    ),
    Example(
        rules.NOTHING_LEFT,
        (_SNAPSHOT, Replace("solver.prototxt", "max_iter: 40", "max_iter: 20")),
        Runs(command=_CAFFE),
        (Replace("solver.prototxt", "max_iter: 20", "max_iter: 40"),),
        _RESUME,
    ),
    Example(
        rules.NO_SNAPSHOT_WEIGHTS,
        (_SNAPSHOT, Shell("mkdir old && mv colors_iter_20.* old/")),
        Stops("File not found: colors_iter_20.caffemodel", f"{TRAIN} --snapshot=old/{_STATE}"),
        (Shell("cp old/colors_iter_20.caffemodel ."),),
        f"{CHECK} --snapshot old/{_STATE}",
    ),
    Example(
        rules.OTHER_SNAPSHOT_WEIGHTS,
        (
            Data(
                "The embedded engine wrote a snapshot, and the weights of another run replaced "
                "those of it.",
                _replaced,
            ),
        ),
        Runs(command=_CAFFE),
        (Shell("rm colors_iter_20.*"), _SNAPSHOT),
        _RESUME,
    ),
    Example(
        rules.WEIGHTS_NOT_FINITE,
        (Data("8 weights of `fc` in `colors.caffemodel` are nan.", _nan),),
        Runs("nan", _TRAIN),
        _GOOD,
        _CHECK,
    ),
    Example(
        rules.HARDLY_COPIED,
        (Data("Of `colors.caffemodel` only `fc` is a layer of the net.", _other_names),),
        Runs("Ignoring source layer block1", _TRAIN),
        _GOOD,
        _CHECK,
    ),
    Example(
        rules.RENAMED_LAYER,
        (Data("`conv1` is called `Conv1` in `colors.caffemodel`.", _renamed),),
        Runs("Ignoring source layer Conv1", _TRAIN),
        _GOOD,
        _CHECK,
    ),
    Example(
        rules.ZERO_WEIGHTS,
        (Data("The weights of `fc` in `colors.caffemodel` are 0.", _zeros),),
        Runs("Optimization Done.", _TRAIN),
        _GOOD,
        _CHECK,
    ),
    Example(
        rules.HASH_LAYER_COPIED,
        (Shell("ssdh patch net.prototxt --bits 8 --latent-name latent"),),
        Runs(
            command="caffe train --solver=solver_ssdh.prototxt --weights=hashed.caffemodel",
        ),
        (),
        "ssdh check solver_ssdh.prototxt --weights hashed.caffemodel",
        "ssdh check solver_ssdh.prototxt --weights colors.caffemodel",
    ),
)
