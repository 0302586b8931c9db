"""What makes a net faster: passes over its plan, each in a file of its own.

A pass may replace steps by others that write the same blobs, or change how params lie in
memory; no number that a user can see changes by more than the order of additions does. They
are for `GraphNet.run`: layer by layer, a net goes on to run as its plan says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssdh_surgery.engines.torch.passes.channels_last import lay_channels_last
from ssdh_surgery.engines.torch.passes.in_place import rectify_in_place
from ssdh_surgery.engines.torch.passes.joined_scales import join_scales
from ssdh_surgery.engines.torch.passes.memory import keep_freed_memory

if TYPE_CHECKING:
    from ssdh_surgery.engines.torch.net.graph_net import GraphNet


def speed_up(net: GraphNet) -> None:
    """Apply all passes to a net that is to train or to encode, before its params are used."""
    keep_freed_memory()
    lay_channels_last(net.steps)
    net.run_by(join_scales(rectify_in_place(net.steps)))
