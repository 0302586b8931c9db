"""A sample of a blob: its values for the first records that a net's own data layers read."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.engines.torch.net.graph_net import GraphNet
from ssdh_surgery.engines.torch.net.weights import copy_weights
from ssdh_surgery.engines.torch.passes.speed_up import speed_up
from ssdh_surgery.engines.torch.sources.feed import Feed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def sample_blob(
    net: Net,
    state: State,
    folder: Path,
    weights: Path,
    blob: str,
    *,
    count: int,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> NDArray[np.float32]:
    """The values [n, K] of a blob, on the CPU, for whole batches of the net.

    Args:
        net: the net.
        state: the state that it runs in.
        folder: the folder that its paths are relative to.
        weights: its weights.
        blob: the blob, which has one row per record.
        count: no further batch is run after this number of records,
        seconds: or after this time.
        clock: the clock, in seconds.

    Raises:
        SsdhError: the net, its data or its weights cannot be used.
    """
    feed = Feed(folder)
    try:
        graph = GraphNet(net, state, open_source=feed, seed=0)
        copy_weights(graph.layers, weights)
        speed_up(graph)
        graph.run_to(graph.plan.names[blob])
        rows: list[torch.Tensor] = []
        end = clock() + seconds
        with torch.no_grad():
            while sum(map(len, rows)) < count and (not rows or clock() < end):
                values = graph.run([blob]).outputs[blob]
                rows.append(values.reshape(len(values), -1).clone())
        result: NDArray[np.float32] = torch.cat(rows).numpy()
        return result
    finally:
        feed.close()
