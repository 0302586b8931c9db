"""Published networks generated from compact tables: train net, solver and deploy net.

A network's module is imported only when that network is requested.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ssdh_surgery.zoo.catalogue import (
    MODULES,
    PREFIX,
    file_kind,
    is_zoo_name,
    names,
    parse_name,
    require_network,
)

if TYPE_CHECKING:
    from ssdh_surgery.zoo.network import Network

__all__ = ["PREFIX", "find", "is_zoo_name", "names", "parse_name", "text"]


def find(name: str) -> Network:
    """A network: its three files and the published facts about it.

    Raises:
        UsageError: the zoo has no such network.
    """
    require_network(name)
    module = importlib.import_module(f"{__name__}.{MODULES[name]}")
    network: Network = module.NETWORKS[name]
    return network


def text(name: str, kind: str) -> str:
    """The text of a network's file; `kind` is `train_val`, `solver` or `deploy`.

    Raises:
        UsageError: the zoo has no such network, or no file of that kind.
    """
    return find(name).text(file_kind(kind))
