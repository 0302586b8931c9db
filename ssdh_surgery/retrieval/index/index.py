"""An index: searchable codes with ids and labels, and the rules that hold in every place."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable
from ssdh_surgery.retrieval.codes.class_names import (
    LabelName,
    joint_names,
    label_name,
    largest_label,
    renumbered,
    unnamed_side,
)
from ssdh_surgery.retrieval.codes.codes import UNKNOWN_LABEL, Codes
from ssdh_surgery.retrieval.codes.compatibility import (
    label_form,
    other_transform,
    refuse_other_model,
)
from ssdh_surgery.retrieval.codes.label_text import Label
from ssdh_surgery.retrieval.index.backends import Neighbours, Packed

# The feature that is the code before the threshold.
ACTIVATIONS = "activations"
# What a recipe has about the place of the images.
SOURCE_KEYS = ("root", "id_prefix")
REPLACE_OR_ADD = "--force replaces it, 'ssdh index add' adds to it"

Features = Mapping[str, NDArray[np.float32]]
Report = Callable[[str], None]
# Codes that are searched for when the recall is measured.
_RECALL_QUERIES = 200


@dataclass(frozen=True)
class About:
    """The description of an index, without its items.

    Args:
        kind: the name of its kind, see `kinds.KINDS`.
        bits: the width of a code.
        recipe: how its codes were made.
        classes: the length of label vectors; None for a single label each.
        features: the width of each feature kept for re-ranking, by name.
        class_names: the name of each label; empty if unknown.
    """

    kind: str
    bits: int
    recipe: Mapping[str, Any] = field(default_factory=dict)
    classes: int | None = None
    features: Mapping[str, int] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()

    @classmethod
    def like(cls, codes: Codes, kind: str, features: Features) -> Self:
        """The description of an index for such codes and features."""
        classes = codes.labels.shape[1] if codes.is_multi_label else None
        widths = {name: values.shape[1] for name, values in features.items()}
        return cls(kind, codes.bits, codes.recipe, classes, widths, codes.class_names)

    @property
    def model(self) -> Mapping[str, Any] | None:
        """The model that made the codes, or None if unknown."""
        model = self.recipe.get("model")
        return model if isinstance(model, Mapping) else None


@dataclass(frozen=True)
class IndexItem:
    """An item of an index; `label` is a number, several, or None if unknown, as is its name."""

    id: str
    label: Label
    label_name: LabelName = None


def label_value(label: Any) -> Label:
    """A label of codes, a number or a vector, as an index returns it."""
    if np.ndim(label):
        return [int(each) for each in np.flatnonzero(label)]
    return None if label == UNKNOWN_LABEL else int(label)


class Index(ABC):
    """Codes with their ids and labels; `name` is the place of the index.

    Items are addressed by rows: numbers that ascend in the order in which items were added,
    and that are stable until `add` or `remove`.
    """

    name: str
    about: About
    # Whether it is being made of files of codes, and is in no place yet.
    is_in_build = False

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def search(self, queries: Packed, k: int) -> Neighbours:
        """Distances and rows of the k nearest codes, at most [Q, k] each; -1 fills up.

        Distances ascend, and rows at one distance ascend. Approximate kinds may miss codes.

        Raises:
            MissingExtra: the library that searches is not installed.
        """

    @abstractmethod
    def exact(self, queries: Packed, k: int) -> Neighbours:
        """Like `search`, without missing any code."""

    @abstractmethod
    def items(self, rows: NDArray[np.int64]) -> list[IndexItem]:
        """The items of rows, which must exist."""

    def item(self, name: str, label: Label) -> IndexItem:
        """An item of this index, with the name of its label."""
        return IndexItem(name, label, label_name(label, self.about.class_names))

    @abstractmethod
    def largest_label(self) -> int:
        """The largest label of an item, -1 if none has one."""

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
        """About `count` codes, spread evenly over the index."""

    @abstractmethod
    def add(
        self,
        codes: Codes,
        features: Features | None = None,
        *,
        replace: bool = False,
        report: Report | None = None,
    ) -> tuple[int, int]:
        """Append codes; with `replace`, codes of existing ids replace the old ones.

        Labels are matched by the names of their classes, and single labels may be of new classes.

        Args:
            codes: the new codes.
            features: their features, [N, D] each, all that the index keeps.
            replace: whether an id may exist.
            report: gets a warning if only the codes or the index have class names, so that labels
                are compared as numbers.

        Returns:
            The numbers of added and of replaced codes.

        Raises:
            DataError: they do not belong to this index, or an id exists.
        """

    @abstractmethod
    def remove(self, ids: Sequence[str]) -> int:
        """Remove items; the others keep their order. Returns the number of removed items.

        Raises:
            DataError: no item has one of the ids; none is removed.
        """

    @abstractmethod
    def save(self) -> None:
        """Write all changes; nothing is written before this.

        Raises:
            FileError: it cannot be written.
        """

    @abstractmethod
    def close(self) -> None:
        """Release all resources; unsaved changes are lost."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def where(self) -> Location:
        """The place, for messages."""
        return Location(self.name)

    def refuse(self, codes: Codes) -> None:
        """Refuse codes that cannot be added to this index, or search it.

        Raises:
            DataError: their width or model differs.
        """
        if codes.bits != self.about.bits:
            raise DataError(
                f"codes of {codes.bits} bits, the index {self.name} has {self.about.bits}",
                location=Location(codes.name),
            )
        refuse_other_model(codes, self.about.model, f"the index {self.name}")

    def report_other_transform(self, codes: Codes, report: Report | None) -> None:
        """Report codes whose images were prepared differently from those of the index."""
        sentence = other_transform(codes, self.about.recipe, f"the index {self.name}")
        if sentence is not None and report is not None:
            report(sentence)

    def record_source(self, codes: Codes) -> None:
        """Record where the images of codes are, if that is another place than that of the first."""
        recipe = self.about.recipe
        mine = {key: codes.recipe.get(key) for key in SOURCE_KEYS}
        others = list(recipe.get("more_sources") or ())
        known = [{key: recipe.get(key) for key in SOURCE_KEYS}, *others]
        if mine["root"] and mine not in known:
            self.about = replace(self.about, recipe={**recipe, "more_sources": [*others, mine]})

    def _in_numbering(self, codes: Codes, report: Report | None) -> Codes:
        """Codes with the labels of this index, matched by the names of their classes.

        Single labels may be of new classes, which then belong to the index too.
        """
        mine, largest = self.about.class_names, self.largest_label()
        if not mine and largest < 0:
            mine = codes.class_names
        if not (mine and codes.class_names):
            nameless = largest_label(codes.labels) if mine else largest
            sentence = unnamed_side(
                codes.class_names, codes.name, mine, f"the index {self.name}", nameless
            )
            if sentence is not None and report is not None:
                report(sentence)
            return codes
        names = joint_names(mine, codes.class_names)
        if codes.is_multi_label and len(names) > len(mine):
            raise DataError(
                f"has label vectors for the class '{printable(names[len(mine)])}', which the "
                f"index {self.name} lacks",
                location=Location(codes.name),
                hint="items with several labels need all class names when the index is built",
            )
        codes = renumbered(codes, names)
        self.about = replace(self.about, class_names=names)
        return codes

    def prepare_new(
        self, codes: Codes, features: Features | None, report: Report | None
    ) -> tuple[Codes, Features]:
        """New codes with the labels of this index, and the features to keep.

        Raises:
            DataError: width, model, labels or features differ, or an id is repeated.
        """
        self.refuse(codes)
        codes = self._in_numbering(codes, report)
        classes = codes.labels.shape[1] if codes.is_multi_label else None
        if classes != self.about.classes:
            own = "[N]" if self.about.classes is None else f"[N, {self.about.classes}]"
            raise DataError(
                f"labels have the shape {label_form(codes)}, those of the index {self.name} {own}",
                location=Location(codes.name),
            )
        _refuse_repeated(codes)
        features = features or {}
        for name in features:
            self.refuse_feature(name)
        for name, width in self.about.features.items():
            if name not in features:
                raise DataError(
                    f"lacks the feature '{name}', which the index {self.name} keeps",
                    location=Location(codes.name),
                    hint="ssdh encode --activations keeps activations of a blob",
                )
            if features[name].shape != (len(codes), width):
                raise DataError(
                    f"the feature '{name}' is {list(features[name].shape)}, but the index "
                    f"{self.name} keeps {[len(codes), width]}",
                    location=Location(codes.name),
                )
        return codes, {name: features[name] for name in self.about.features}

    def refuse_duplicates(self, codes: Codes, numbers: Sequence[int]) -> None:
        """Refuse codes of which some have ids that are in the index.

        Args:
            codes: the new codes.
            numbers: the items with such ids.

        Raises:
            DataError: there are such items.
        """
        if not numbers:
            return
        ids = [str(codes.ids[number]) for number in numbers]
        place = "in an earlier file of codes" if self.is_in_build else f"in the index {self.name}"
        message = f"{len(ids):,} of {len(codes):,} ids are already {place}"
        is_other = (self.codes(self.rows(ids)) != codes.packed[numbers]).any(1)
        source = codes.recipe.get("source")
        is_same_source = source is not None and source == self.about.recipe.get("source")
        if is_same_source or not is_other.any():
            raise DataError(
                f"{message}, the first is '{printable(ids[0])}'",
                location=Location(codes.name),
                hint="give each file of codes once"
                if self.is_in_build
                else "'ssdh index add --replace' replaces their codes",
            )
        raise DataError(
            f"{message}, {int(is_other.sum()):,} of them for other images, the first is "
            f"'{printable(ids[int(is_other.argmax())])}'",
            location=Location(codes.name),
            hint="an id is a path below the folder that was encoded: encode this one with "
            f"--id-prefix {_folder_name(codes)}/",
        )

    def refuse_feature(self, name: str) -> None:
        """Refuse to re-rank by a feature that the index does not keep.

        Raises:
            DataError: it names the kept ones.
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
        """The k rows of a shortlist with the nearest features, in Euclidean distance.

        Args:
            name: the name of the feature.
            feature: the feature of the query, [D].
            rows: the shortlist, nearest codes first.
            k: the number of rows to return, at most.

        Returns:
            Distances, ascending, and rows; equal distances keep the order of the shortlist.
        """
        distances = np.linalg.norm(self.features(name, rows) - feature, axis=1)
        order = np.argsort(distances, kind="stable")[:k]
        return distances[order], rows[order]

    def recall(self, k: int = 10) -> float:
        """The share of the true k nearest that a search finds, for codes of the index itself.

        A code as near as the true k-th counts as found.
        """
        queries = self.sample(_RECALL_QUERIES)
        true, _ = self.exact(queries, k)
        distances, rows = self.search(queries, k)
        return float(((distances <= true[:, -1:]) & (rows >= 0)).mean())


def _folder_name(codes: Codes) -> str:
    """The name of the folder or LMDB that was encoded, for a hint."""
    source = codes.recipe.get("source")
    return printable(os.path.basename(os.path.abspath(source))) if source else "NAME"


def _refuse_repeated(codes: Codes) -> None:
    if len(set(codes.ids.tolist())) == len(codes):
        return
    names, counts = np.unique(codes.ids, return_counts=True)
    raise DataError(
        f"several items have the id '{printable(str(names[counts > 1][0]))}'",
        location=Location(codes.name),
        hint="ids must be unique: encode a list that names each image once",
    )
