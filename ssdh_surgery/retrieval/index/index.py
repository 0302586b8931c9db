"""An index: codes that can be searched, wherever they are kept, and what all kinds share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable
from ssdh_surgery.retrieval.codes.codes import Codes, label_form, refuse_other_model
from ssdh_surgery.retrieval.index.backends.base import Found, Packed

Kind = Literal["numpy", "flat", "ivf", "hnsw", "multihash"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EXACT: tuple[Kind, ...] = ("numpy", "flat")
# The feature that is the code before it was cut at 0.5.
ACTIVATIONS = "activations"

Features = Mapping[str, NDArray[np.float32]]
Label = int | list[int] | None
# Codes that are searched for when the recall is measured.
_RECALL_QUERIES = 200


@dataclass(frozen=True)
class About:
    """What an index is, apart from the items in it.

    Args:
        kind: how it is searched; `numpy` and `flat` are exact.
        bits: the width of a code.
        recipe: how its codes were made.
        classes: the number of labels that an item may have, None where it has one.
        features: the width of each feature that is kept for re-ranking, by name.
    """

    kind: Kind
    bits: int
    recipe: Mapping[str, Any] = field(default_factory=dict)
    classes: int | None = None
    features: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def like(cls, codes: Codes, kind: Kind, features: Features) -> Self:
        """Of an index for such codes and features."""
        classes = codes.labels.shape[1] if codes.is_multi_label else None
        widths = {name: values.shape[1] for name, values in features.items()}
        return cls(kind, codes.bits, codes.recipe, classes, widths)

    @property
    def model(self) -> Mapping[str, Any] | None:
        """The model that made the codes, where it is known."""
        model = self.recipe.get("model")
        return model if isinstance(model, Mapping) else None


@dataclass(frozen=True)
class Item:
    """An item of an index; `label` is a number, several, or None where it is unknown."""

    id: str
    label: Label


class Index(ABC):
    """Codes with their ids and labels; `name` is the place where they are kept.

    Items are addressed by rows: numbers that ascend in the order in which items were added,
    and stay as they are until `add` or `remove`.
    """

    name: str
    about: About

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def search(self, queries: Packed, k: int) -> Found:
        """Distances and rows of the k nearest codes, at most [Q, k] each; -1 is none.

        Distances ascend, rows at one distance ascend. Approximate kinds may miss some.

        Raises:
            MissingExtra: what searches is not installed.
        """

    @abstractmethod
    def exact(self, queries: Packed, k: int) -> Found:
        """As `search`, with nothing missed."""

    @abstractmethod
    def items(self, rows: NDArray[np.int64]) -> list[Item]:
        """The items of rows that are there."""

    @abstractmethod
    def rows(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """The rows of ids.

        Raises:
            DataError: no item has one of them.
        """

    @abstractmethod
    def codes(self, rows: NDArray[np.int64]) -> Packed:
        """The codes of rows."""

    @abstractmethod
    def features(self, name: str, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """A feature of rows, [n, D]."""

    @abstractmethod
    def sample(self, count: int) -> Packed:
        """About so many codes, spread over all."""

    @abstractmethod
    def add(
        self, codes: Codes, features: Features | None = None, *, replace: bool = False
    ) -> tuple[int, int]:
        """Add codes; with `replace`, those whose ids are there already are put in their place.

        Args:
            codes: what is added.
            features: of the codes, [N, D] each, all that the index keeps.
            replace: whether an id may be there already.

        Returns:
            How many were added and how many were replaced.

        Raises:
            DataError: they do not belong here, or their ids are there already.
        """

    @abstractmethod
    def remove(self, ids: Sequence[str]) -> int:
        """Remove items, the others keep their order; how many they were.

        Raises:
            DataError: no item has one of the ids; then none is removed.
        """

    @abstractmethod
    def save(self) -> None:
        """Make what was added and removed last: before this nothing is written.

        Raises:
            FileError: it cannot be written.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of what was opened; what was not saved is lost."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def where(self) -> Location:
        """The place, for messages."""
        return Location(self.name)

    def refuse(self, codes: Codes) -> None:
        """Refuse codes that do not belong into this index, or cannot search it.

        Raises:
            DataError: their width or model is another.
        """
        if codes.bits != self.about.bits:
            raise DataError(
                f"codes of {codes.bits} bits, the index {self.name} has {self.about.bits}",
                location=Location(codes.name),
            )
        refuse_other_model(codes, self.about.model, f"the index {self.name}")

    def refuse_new(self, codes: Codes, features: Features | None) -> Features:
        """Refuse what cannot be added; gives back the features that are to be kept.

        Raises:
            DataError: width, model, labels or features are others, or an id stands twice.
        """
        self.refuse(codes)
        classes = codes.labels.shape[1] if codes.is_multi_label else None
        if classes != self.about.classes:
            mine = "[N]" if self.about.classes is None else f"[N, {self.about.classes}]"
            raise DataError(
                f"labels of the form {label_form(codes)}, those of the index {self.name} {mine}",
                location=Location(codes.name),
            )
        _refuse_twice(codes)
        given = features or {}
        for name in given:
            self.refuse_feature(name)
        for name, width in self.about.features.items():
            if name not in given:
                raise DataError(
                    f"no feature '{name}', which the index {self.name} keeps",
                    location=Location(codes.name),
                    hint="ssdh encode --activations keeps activations of a blob",
                )
            if given[name].shape != (len(codes), width):
                raise DataError(
                    f"the feature '{name}' is {list(given[name].shape)}, the index {self.name} "
                    f"keeps {[len(codes), width]}",
                    location=Location(codes.name),
                )
        return {name: given[name] for name in self.about.features}

    def refuse_known(self, codes: Codes, count: int, first: str) -> None:
        """Refuse codes of which so many, `first` before the others, are there already.

        Raises:
            DataError: there is one.
        """
        if count:
            raise DataError(
                f"{count:,} of {len(codes):,} ids are in the index {self.name} already, "
                f"the first is '{printable(first)}'",
                location=Location(codes.name),
                hint="'ssdh index add --replace' puts the new codes in their place",
            )

    def refuse_feature(self, name: str) -> None:
        """Refuse to re-rank by a feature that is not kept.

        Raises:
            DataError: it names those that are.
        """
        if name in self.about.features:
            return
        kept = ", ".join(f"'{each}'" for each in self.about.features) or "none"
        option = "--activations keeps them" if name == ACTIVATIONS else "--features FILE keeps them"
        raise DataError(
            f"the index keeps no feature '{name}'; it has {kept}",
            location=self.where,
            hint=f"ssdh index build {option}",
        )

    def rerank(
        self, name: str, feature: NDArray[np.float32], rows: NDArray[np.int64], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The k of some rows whose feature is nearest, in Euclidean distance.

        Args:
            name: of the feature.
            feature: of the query, [D].
            rows: a shortlist, nearest codes first.
            k: so many at most.

        Returns:
            Distances and rows, ascending; equal ones stay in the order of the shortlist.
        """
        distances = np.linalg.norm(self.features(name, rows) - feature, axis=1)
        order = np.argsort(distances, kind="stable")[:k]
        return distances[order], rows[order]

    def recall(self, k: int = 10) -> float:
        """The share of the true k nearest that are found, for codes of the index itself.

        What lies as near as the true k-th counts as found.
        """
        queries = self.sample(_RECALL_QUERIES)
        true, _ = self.exact(queries, k)
        found, rows = self.search(queries, k)
        return float(((found <= true[:, -1:]) & (rows >= 0)).mean())


def _refuse_twice(codes: Codes) -> None:
    if len(set(codes.ids.tolist())) == len(codes):
        return
    names, counts = np.unique(codes.ids, return_counts=True)
    raise DataError(
        f"the id '{printable(str(names[counts > 1][0]))}' stands for several items",
        location=Location(codes.name),
        hint="an index finds an item by its id: encode a list that names each picture once",
    )
