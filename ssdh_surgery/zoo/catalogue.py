"""The names of the zoo: its networks, the three files of each, and `zoo:NAME/KIND`."""

from __future__ import annotations

from typing import Literal, get_args

from ssdh_surgery.errors import UsageError, did_you_mean

FileKind = Literal["train_val", "solver", "deploy"]
KINDS: tuple[FileKind, ...] = get_args(FileKind)
# The name of each file on disk; the solver names the train net by it.
FILE_NAMES: dict[FileKind, str] = {kind: f"{kind}.prototxt" for kind in KINDS}

# The module of each network, next to this one.
MODULES = {
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
    return tuple(MODULES)


def is_zoo_name(argument: str) -> bool:
    """Whether an argument names a file of the zoo rather than one on disk."""
    return argument.startswith(PREFIX)


def parse_name(argument: str) -> tuple[str, FileKind]:
    """The network and file kind of `zoo:NAME`, `zoo:NAME/deploy` or `zoo:NAME/solver`.

    >>> parse_name("zoo:googlenet"), parse_name("zoo:googlenet/solver")
    (('googlenet', 'train_val'), ('googlenet', 'solver'))

    Raises:
        UsageError: the zoo has no such network, or no file of that kind.
    """
    name, _, kind = argument.removeprefix(PREFIX).partition("/")
    require_network(name)
    return name, file_kind(kind or "train_val")


def require_network(name: str) -> None:
    """Refuse a name that no network has.

    Raises:
        UsageError: the zoo has no such network.
    """
    if name not in MODULES:
        raise UsageError(
            f"the zoo has no network '{name}'",
            hint=did_you_mean(name.lower(), MODULES) or f"it has {', '.join(MODULES)}",
        )


def file_kind(word: str) -> FileKind:
    """The file kind of a name.

    Raises:
        UsageError: a network has no file of that kind.
    """
    for kind in KINDS:
        if word == kind:
            return kind
    raise UsageError(
        f"a network of the zoo has no file '{word}'",
        hint=did_you_mean(word, KINDS) or f"it has {', '.join(KINDS)}",
    )
