"""Opening a net's file on the embedded engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssdh_surgery import files
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.engines.torch.data import Feed
from ssdh_surgery.engines.torch.torch_net import TorchNet
from ssdh_surgery.prototxt.parser import parse


def open_torch(
    prototxt: str | Path,
    weights: str | Path | None = None,
    phase: Phase = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
) -> TorchNet:
    """Build a net on the CPU and load its weights; see `engines.runner.open_net`."""
    view = Net(parse(files.read_bytes(prototxt), str(prototxt)))
    net = TorchNet(view, view.state(phase).asked(level, stages), open_source=Feed())
    if weights is not None:
        net.copy_from(weights)
    return net
