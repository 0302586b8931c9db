"""Class names of codes: labels matched by name where two files number their classes differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.codes.label_text import Label

LabelName = str | list[str | None] | None


def label_name(label: Label, names: Sequence[str]) -> LabelName:
    """The name of a label, or those of several; None if it is unknown."""
    if isinstance(label, list):
        return [_name(each, names) for each in label] if names else None
    return None if label is None else _name(label, names)


def _name(label: int, names: Sequence[str]) -> str | None:
    return names[label] if 0 <= label < len(names) else None


def joint_names(names: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """Some names, and those of others that they lack."""
    return tuple(dict.fromkeys([*names, *others]))


def largest_label(labels: NDArray[Any]) -> int:
    """The largest of labels [N] or label vectors [N, C]; -1 if there is none."""
    if labels.ndim == 2:
        return int(np.flatnonzero(labels.any(0)).max(initial=-1))
    return int(labels.max(initial=-1))


def unnamed_labels(codes: Codes) -> list[int]:
    """The labels that have no name although others have one, each once, ascending."""
    if not codes.class_names or codes.is_multi_label:
        return []
    labels: list[int] = np.unique(codes.labels[codes.labels >= len(codes.class_names)]).tolist()
    return labels


def is_renumbered(codes: Codes, names: Sequence[str]) -> bool:
    """Whether labels change where they get the numbers of a numbering."""
    return codes.class_names != tuple(names[: len(codes.class_names)])


def renumbered(codes: Codes, names: Sequence[str]) -> Codes:
    """Codes with the labels of another numbering, which has all their class names.

    Raises:
        DataError: a label has no name.
    """
    if codes.class_names == tuple(names):
        return codes
    unnamed = unnamed_labels(codes)
    if unnamed:
        raise DataError(
            f"label {unnamed[0]} has no name: its class names end with label "
            f"{len(codes.class_names) - 1:,}",
            location=Location(codes.name),
            hint="encode it again, with all names in the file of --labels-file",
        )
    numbers = {name: number for number, name in enumerate(names)}
    places = np.array([numbers[name] for name in codes.class_names], np.int64)
    if codes.is_multi_label:
        vectors = np.zeros((len(codes), len(names)), np.uint8)
        vectors[:, places] = codes.labels
        return replace(codes, labels=vectors, class_names=tuple(names))
    labels = np.where(codes.labels >= 0, places[codes.labels], codes.labels)
    return replace(codes, labels=labels, class_names=tuple(names))


def in_one_numbering(codes: Codes, others: Codes) -> tuple[Codes, Codes]:
    """Two sets in the numbering of the second; as they are if one of them has no class names.

    Raises:
        DataError: a label has no name.
    """
    if not (codes.class_names and others.class_names):
        return codes, others
    names = joint_names(others.class_names, codes.class_names)
    return renumbered(codes, names), renumbered(others, names)


def unnamed_side(
    names: Sequence[str], name: str, others: Sequence[str], other: str, largest: int
) -> str | None:
    """A warning if one of two sets has class names and the other has only numbers.

    Args:
        names: the class names of one set, whose file is `name`.
        name: that file.
        others: the class names of the other set, whose file is `other`.
        other: that file.
        largest: the largest label of the set without names; -1 if its labels are unknown.

    Raises:
        DataError: a label of the set without names is beyond the names.
    """
    if bool(names) == bool(others) or largest < 0:
        return None
    nameless, named = (other, name) if names else (name, other)
    count = len(names or others)
    if largest >= count:
        classes = f"names {count:,} class{'es' * (count != 1)}"
        numbers = f"has labels to {largest:,} without class names"
        ends = (classes, numbers) if names else (numbers, classes)
        raise DataError(
            f"{ends[0]}, but {other} {ends[1]}",
            location=Location(name),
            hint="give the class names of both to 'ssdh encode': --labels-file FILE",
        )
    return (
        f"{nameless} has no class names, {named} has: their labels are compared as numbers, which "
        "is right only if both number their classes alike"
    )
