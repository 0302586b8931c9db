"""Networks generated from compact tables: as train net, solver and deploy net.

No module of a network is imported before that network is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ssdh_surgery.errors import UsageError, did_you_mean
from ssdh_surgery.zoo.kinds import KINDS, Kind

if TYPE_CHECKING:
    from ssdh_surgery.zoo.network import Network

# Each network's module in this folder.
_MODULES = {
    "lenet": "lenet",
    "cifar10-quick": "cifar10_quick",
    "alexnet": "alexnet",
    "caffenet": "alexnet",
    "vgg-16": "vgg",
    "vgg-19": "vgg",
    "googlenet": "googlenet",
    "inception-v3": "inception_v3",
    "resnet-18": "resnet",
    "resnet-50": "resnet",
    "resnet-101": "resnet",
    "resnet-152": "resnet",
    "squeezenet-1.0": "squeezenet",
    "squeezenet-1.1": "squeezenet",
    "densenet-121": "densenet",
    "mobilenet-v1": "mobilenet",
    "mobilenet-v2": "mobilenet",
}

PREFIX = "zoo:"


def names() -> tuple[str, ...]:
    """The names of all networks.

    >>> "googlenet" in names()
    True
    """
    return tuple(_MODULES)


def find(name: str) -> Network:
    """A network: what is published about it, and its three files.

    Raises:
        UsageError: there is no network of that name.
    """
    if name not in _MODULES:
        raise UsageError(
            f"the zoo has no network '{name}'",
            hint=did_you_mean(name.lower(), _MODULES) or f"it has {', '.join(_MODULES)}",
        )
    module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    found: Network = module.NETWORKS[name]
    return found


def text(name: str, kind: str) -> str:
    """The text of a network's file; `kind` is `train_val`, `solver` or `deploy`.

    Raises:
        UsageError: there is no network of that name, or no file of that kind.
    """
    return find(name).text(_known_kind(kind))


def is_zoo_name(argument: str) -> bool:
    """Whether an argument names a file of the zoo and not one on disk."""
    return argument.startswith(PREFIX)


def parse_name(argument: str) -> tuple[str, Kind]:
    """The network and kind that `zoo:NAME`, `zoo:NAME/deploy` or `zoo:NAME/solver` stands for.

    >>> parse_name("zoo:googlenet"), parse_name("zoo:googlenet/solver")
    (('googlenet', 'train_val'), ('googlenet', 'solver'))

    Raises:
        UsageError: there is no network of that name, or no file of that kind.
    """
    name, _, kind = argument.removeprefix(PREFIX).partition("/")
    find(name)
    return name, _known_kind(kind or "train_val")


def _known_kind(kind: str) -> Kind:
    for known in KINDS:
        if kind == known:
            return known
    raise UsageError(
        f"a network of the zoo has no file '{kind}'",
        hint=did_you_mean(kind, KINDS) or f"it has {', '.join(KINDS)}",
    )
