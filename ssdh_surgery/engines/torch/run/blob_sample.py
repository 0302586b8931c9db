"""A sample of blobs: their values for the first records that a net's own data layers read."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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


def sample_blobs(
    net: Net,
    state: State,
    folder: Path,
    weights: Path,
    blobs: Sequence[str],
    *,
    count: int,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, NDArray[np.float32]]:
    """The values [n, K] of some blobs, on the CPU, for whole batches of the net.

    Args:
        net: the net.
        state: the state that it runs in.
        folder: the folder that its paths are relative to.
        weights: its weights.
        blobs: the blobs, which have one row per record.
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
        graph.run_to(*(graph.plan.names[blob] for blob in blobs))
        rows: dict[str, list[torch.Tensor]] = {blob: [] for blob in blobs}
        records = 0
        end = clock() + seconds
        with torch.no_grad():
            while records < count and (not records or clock() < end):
                outputs = graph.run(blobs).outputs
                for blob in blobs:
                    rows[blob].append(outputs[blob].reshape(len(outputs[blob]), -1).clone())
                records += len(outputs[blobs[0]])
        return {blob: torch.cat(each).float().numpy()[:count] for blob, each in rows.items()}
    finally:
        feed.close()
