"""Summaries of what Caffe writes: weights, solverstates and mean files."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ssdh_surgery.caffe.weights.solverstate import read_solver_state
from ssdh_surgery.caffe.weights.weights import stored_layers
from ssdh_surgery.data.mean_file import channel_means, read_mean_file
from ssdh_surgery.names import count_text, printable, readable, shape_text, size_text
from ssdh_surgery.pipeline.summary.file_kind import FileKind
from ssdh_surgery.pipeline.summary.summary import Summary


def of_weights(path: Path) -> Summary:
    """The layers of a weights file with the shapes of their blobs."""
    # Layer by layer: large weights need not fit into memory.
    layers = [(each.name, each.type, each.shapes) for each in stored_layers(path) if each.blobs]
    count = sum(math.prod(shape) for _, _, shapes in layers for shape in shapes)
    return Summary(
        FileKind.WEIGHTS,
        str(path),
        f"weights of {count_text(len(layers), 'layer')} with {count:,} values",
        {
            "layers": [
                {
                    "name": readable(name),
                    "type": kind or None,
                    "shapes": [list(shape) for shape in shapes],
                }
                for name, kind, shapes in layers
            ],
            "values": count,
        },
        columns=("layer", "type", "blobs"),
        rows=[
            (printable(name), kind, ", ".join(map(shape_text, shapes)))
            for name, kind, shapes in layers
        ],
        command=f"ssdh weights {shlex.quote(str(path))}",
    )


def of_state(path: Path) -> Summary:
    """The iteration of a solverstate, its weights file, and the shapes of its history."""
    state = read_solver_state(path)
    shapes = [tuple(blob.shape) for blob in state.history]
    numbers = Counter(shapes)
    return Summary(
        FileKind.STATE,
        str(path),
        f"solver's state at iteration {state.iteration:,}",
        {
            "iteration": state.iteration,
            "step": state.step,
            "learned_net": readable(state.learned_net),
            "history": [list(shape) for shape in shapes],
        },
        {
            "weights": printable(state.learned_net) or "not named",
            "step": f"{state.step} (of lr_policy multistep)",
            "history": f"{count_text(len(shapes), 'blob')}, "
            f"{sum(blob.size for blob in state.history):,} values",
        },
        columns=("shape", "blobs"),
        rows=[(shape_text(shape), str(count)) for shape, count in numbers.items()],
        command=f"ssdh weights {shlex.quote(str(path))}",
    )


def of_mean(path: Path) -> Summary:
    """The size of a mean, and the mean of each channel."""
    mean = read_mean_file(path)
    channels = channel_means(mean)
    what = "mean image" if mean.ndim == 3 else "mean values"
    values: dict[str, Any] = {"shape": list(mean.shape), "channels": list(channels)}
    return Summary(
        FileKind.MEAN,
        str(path),
        f"{what}: {size_text(mean.shape)}",
        {**values, "least": float(np.min(mean)), "most": float(np.max(mean))},
        {
            "channels": ",".join(f"{each:.7g}" for each in channels),
            "values": f"from {np.min(mean):g} to {np.max(mean):g}",
        },
    )
