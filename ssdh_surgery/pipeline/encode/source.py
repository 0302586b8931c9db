"""The items to encode, as a stream: how many, in which order, with which labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.class_names import ClassNames
from ssdh_surgery.findings import Finding


class EncodeItem(NamedTuple):
    """An item to encode: its id, its label, and a function that reads its pixels [C, H, W].

    `label` is a vector [C] where items have several. `read` raises DataError or FileError if
    the item cannot be read.
    """

    id: str
    label: int | NDArray[np.uint8]
    read: Callable[[], NDArray[Any]]


@dataclass(frozen=True)
class EncodeSource:
    """A stream of items that can be started at any of them.

    Args:
        name: the file or folder, for messages and the recipe.
        count: the number of items.
        items: the items from the n-th on.
        digest: changes with the items, their order and their labels.
        findings: problems of the source.
        is_files: whether the items are image files, which are resized, or records, which keep
            their size.
        classes: the length of label vectors; None for a single label each.
        is_labelled: whether the labels are known.
        names: the class of each label, and the file that names them, if any.
        id_prefix: what the ids begin with, before the paths or keys of the items.
        root: the absolute path of the folder that ids are relative to, or of the LMDB.
    """

    name: str
    count: int
    items: Callable[[int], Iterator[EncodeItem]]
    digest: str
    findings: tuple[Finding, ...] = ()
    is_files: bool = True
    classes: int | None = None
    is_labelled: bool = True
    names: ClassNames = field(default_factory=ClassNames)
    id_prefix: str = ""
    root: str | None = None

    def labels(self, items: Sequence[EncodeItem]) -> NDArray[np.integer[Any]]:
        """The labels of some items: int64 [n], or uint8 [n, classes]."""
        if self.classes is None:
            return np.array([each.label for each in items], np.int64)
        return np.array([each.label for each in items], np.uint8).reshape(-1, self.classes)

    def with_labels(self, labels: NDArray[Any]) -> EncodeSource:
        """The same items with other labels, a number or a vector for each, without names."""

        def items(start: int) -> Iterator[EncodeItem]:
            for item, label in zip(self.items(start), labels[start:], strict=True):
                yield item._replace(label=label)

        return replace(
            self,
            items=items,
            digest=items_digest([self.digest.encode(), labels.tobytes()]),
            classes=labels.shape[1] if labels.ndim == 2 else None,
            is_labelled=True,
            names=ClassNames(),
        )

    def with_prefix(self, prefix: str) -> EncodeSource:
        """The same items with a prefix before their ids."""

        def items(start: int) -> Iterator[EncodeItem]:
            for item in self.items(start):
                yield item._replace(id=prefix + item.id)

        return replace(self, items=items, id_prefix=prefix)


def items_digest(parts: Iterable[bytes]) -> str:
    """The SHA-256 of the parts that make up a source, in hex."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part + b"\0")
    return digest.hexdigest()
