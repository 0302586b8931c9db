"""All optimisations applied to a net, and to the memory allocation of the process."""

from __future__ import annotations

import ctypes
import sys

from ssdh_surgery.engines.torch.net.graph_net import GraphNet
from ssdh_surgery.engines.torch.passes.channels_last import lay_channels_last
from ssdh_surgery.engines.torch.passes.in_place_relu import rectify_in_place
from ssdh_surgery.engines.torch.passes.scale_fusion import fuse_scales

# From glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# Older versions accept no more than 32 MiB for the second.
_MMAP_SIZES = (1 << 30, 1 << 25)


def speed_up(net: GraphNet) -> None:
    """Apply all passes to a net for training or encoding, before its params are used."""
    keep_freed_memory()
    lay_channels_last(net.steps)
    net.run_by(fuse_scales(rectify_in_place(net.steps)))


def keep_freed_memory() -> None:
    """Make glibc keep freed memory for the next blob; affects the whole process.

    By default glibc returns large blocks to the system at once, and the system fills each page
    of a new block with zeros when it is first touched: a third of the time of a forward pass.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    any(mallopt(_MMAP_THRESHOLD, size) for size in _MMAP_SIZES)
