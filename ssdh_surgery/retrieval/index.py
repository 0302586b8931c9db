"""An index: codes with their ids and labels, the model that made them, and a backend."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.names import name_bytes, name_text, shown
from ssdh_surgery.errors import DataError, Location, did_you_mean
from ssdh_surgery.retrieval.arrays import read_arrays, write_arrays
from ssdh_surgery.retrieval.backends.base import Backend, Found, Packed
from ssdh_surgery.retrieval.codes import Codes, refuse_empty, refuse_other_model

Kind = Literal["numpy", "flat", "ivf", "hnsw", "multihash"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EXACT: tuple[Kind, ...] = ("numpy", "flat")

_MEMBERS = ("index", "codes", "ids", "id_ends", "labels")
_MADE_BY = "'ssdh index build' makes such files"
_VERSION = 1
# Codes that are searched for when the recall is measured.
_RECALL_QUERIES = 500


class Ids(Sequence[str]):
    """Ids as one run of bytes and where each ends: a million are read in no time."""

    def __init__(self, data: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self.data = data
        self.ends = ends

    @classmethod
    def of(cls, ids: Iterable[str]) -> Ids:
        """Ids from text."""
        names = [name_bytes(str(each)) for each in ids]
        ends = np.cumsum([len(each) for each in names], dtype=np.int64)
        return cls(np.frombuffer(b"".join(names), np.uint8), ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        start = int(self.ends[row - 1]) if row else 0
        return name_text(self.data[start : int(self.ends[row])].tobytes())


@dataclass(eq=False)
class Index:
    """Codes that can be searched.

    Args:
        kind: of the backend; `numpy` and `flat` are exact.
        bits: the width of a code.
        packed: uint8 [N, ceil(bits / 8)].
        ids: [N], each once.
        labels: int64 [N], or uint8 [N, C].
        recipe: how the codes were made.
        name: the file, for messages.
        saved: what the backend kept, None where it is made anew of the codes.
        activations: float32 [N, K] for re-ranking, or None where they were not kept.
    """

    kind: Kind
    bits: int
    packed: Packed
    ids: Ids
    labels: NDArray[Any]
    recipe: Mapping[str, Any]
    name: str = "index"
    saved: Packed | None = None
    activations: NDArray[np.float32] | None = None
    _backend: Backend | None = None

    def __len__(self) -> int:
        return len(self.packed)

    @property
    def model(self) -> Mapping[str, Any] | None:
        """The model that made the codes, where it is known."""
        model = self.recipe.get("model")
        return model if isinstance(model, Mapping) else None

    @property
    def backend(self) -> Backend:
        """The backend with all codes in it, made when it is first needed.

        Raises:
            MissingExtra: it is not installed.
            DataError: what it kept is damaged.
        """
        if self._backend is None:
            width = self.packed.shape[1]
            try:
                self._backend = _opened(self.kind, width, self.saved)
            except DataError as error:
                raise DataError(error.message, location=Location(self.name)) from error
            if self.saved is None and len(self):
                self._backend.add(self.packed)
        return self._backend

    def search(self, queries: Packed, k: int) -> Found:
        """Distances and rows of the k nearest codes, [Q, k] each; ties in index order."""
        return self.backend.search(queries, min(k, len(self)))

    def rerank(
        self, activations: NDArray[np.float32], rows: NDArray[np.int64], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The k of some rows whose activations are nearest, in Euclidean distance.

        Args:
            activations: of the query, [K].
            rows: a shortlist, nearest codes first; -1 is none.
            k: so many at most.

        Returns:
            Distances and rows, ascending; equal ones stay in the order of the shortlist.

        Raises:
            DataError: the index has no activations.
        """
        if self.activations is None:
            raise DataError(
                "the index keeps no activations to re-rank by",
                location=Location(self.name),
                hint="ssdh index build --activations keeps them",
            )
        rows = rows[rows >= 0]
        distances = np.linalg.norm(self.activations[rows] - activations, axis=1)
        order = np.argsort(distances, kind="stable")[:k]
        return distances[order], rows[order]

    def row(self, name: str) -> int:
        """The row of an id.

        Raises:
            DataError: no item has it.
        """
        for row, each in enumerate(self.ids):
            if each == name:
                return row
        raise DataError(
            f"no item has the id '{shown(name)}'",
            location=Location(self.name),
            hint=did_you_mean(name, self.ids) if len(self) < 100_000 else None,
        )

    def refuse(self, codes: Codes) -> None:
        """Refuse codes that do not belong into this index, or cannot search it.

        Raises:
            DataError: their width or model is another.
        """
        if codes.bits != self.bits:
            raise DataError(
                f"codes of {codes.bits} bits, the index {self.name} has {self.bits}",
                location=Location(codes.name),
            )
        refuse_other_model(codes, self.model, f"the index {self.name}")

    def add(self, codes: Codes, *, replace: bool = False) -> tuple[int, int]:
        """Add codes; with `replace`, those whose ids are there already are put in their place.

        Returns:
            How many were added and how many were replaced.

        Raises:
            DataError: they do not belong here, or their ids are there already.
        """
        self.refuse(codes)
        if codes.labels.shape[1:] != self.labels.shape[1:]:
            raise DataError("labels of another form", location=Location(codes.name))
        _refuse_twice(codes)
        new_activations = None
        if self.activations is not None:
            new_activations = needed_activations(codes)
        rows = {each: row for row, each in enumerate(self.ids)}
        known = [number for number, each in enumerate(codes.ids) if str(each) in rows]
        if known and not replace:
            raise DataError(
                f"{len(known):,} of {len(codes):,} ids are in the index {self.name} already, "
                f"the first is '{shown(str(codes.ids[known[0]]))}'",
                location=Location(codes.name),
                hint="--replace puts the new codes in their place",
            )
        new = np.setdiff1d(np.arange(len(codes)), known)
        if known:
            places = [rows[str(codes.ids[number])] for number in known]
            self.packed[places], self.labels[places] = codes.packed[known], codes.labels[known]
            if self.activations is not None and new_activations is not None:
                self.activations[places] = new_activations[known]
            self._backend = self.saved = None  # they keep what was there
        self.packed = np.concatenate([self.packed, codes.packed[new]])
        self.labels = np.concatenate([self.labels, codes.labels[new]])
        if self.activations is not None and new_activations is not None:
            self.activations = np.concatenate([self.activations, new_activations[new]])
        self.ids = Ids.of([*self.ids, *map(str, codes.ids[new])])
        if self._backend is not None or self.saved is not None:
            self.backend.add(codes.packed[new])
        return len(new), len(known)

    def remove(self, names: Sequence[str]) -> None:
        """Remove items; the others keep their order.

        Raises:
            DataError: no item has one of the ids; then none is removed.
        """
        rows = [self.row(name) for name in names]
        kept = np.setdiff1d(np.arange(len(self)), rows)
        self.packed, self.labels = self.packed[kept], self.labels[kept]
        if self.activations is not None:
            self.activations = self.activations[kept]
        self.ids = Ids.of(self.ids[int(row)] for row in kept)
        self._backend = self.saved = None

    def recall(self, k: int = 10) -> float:
        """The share of the true k nearest that are found, for codes of the index itself.

        What lies as near as the true k-th counts as found.
        """
        step = max(1, len(self) // _RECALL_QUERIES)
        queries = self.packed[::step][:_RECALL_QUERIES]
        true, _ = _exact(self.packed).search(queries, min(k, len(self)))
        found, rows = self.search(queries, k)
        return float(((found <= true[:, -1:]) & (rows >= 0)).mean())

    def save(self, path: Path | str) -> None:
        """Write the index, whole or not at all.

        Raises:
            FileError: it cannot be written.
        """
        about = {
            "version": _VERSION,
            "kind": self.kind,
            "bits": self.bits,
            "recipe": dict(self.recipe),
        }
        parts = {
            "index": np.str_(json.dumps(about, ensure_ascii=False)),
            "codes": self.packed,
            "ids": self.ids.data,
            "id_ends": self.ids.ends,
            "labels": self.labels,
        }
        saved = self.backend.saved() if self.kind not in EXACT else None
        if saved is not None:
            parts["saved"] = saved
        if self.activations is not None:
            parts["activations"] = self.activations
        write_arrays(path, parts)


def needed_activations(codes: Codes) -> NDArray[np.float32]:
    """The activations of codes.

    Raises:
        DataError: the file has none.
    """
    if codes.activations is None:
        raise DataError(
            "holds no activations to re-rank by",
            location=Location(codes.name),
            hint="ssdh encode --activations keeps them",
        )
    return codes.activations


def build_index(codes: Codes, kind: Kind = "flat", *, keep_activations: bool = False) -> Index:
    """An index of codes.

    Raises:
        DataError: there are none, an id stands for two, or activations are missing.
    """
    refuse_empty(codes, "database")
    _refuse_twice(codes)
    return Index(
        kind,
        codes.bits,
        codes.packed.copy(),
        Ids.of(map(str, codes.ids)),
        codes.labels.copy(),
        codes.recipe,
        activations=needed_activations(codes).copy() if keep_activations else None,
    )


def open_index(path: Path | str) -> Index:
    """Open an index.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is no index, cut short or damaged, or of a newer form.
    """
    parts = read_arrays(path, _MEMBERS, ("saved", "activations"), "an index", _MADE_BY)
    where = Location(str(path))
    try:
        about = json.loads(str(parts["index"]))
        kind, bits, version = about["kind"], int(about["bits"]), about["version"]
        recipe = dict(about["recipe"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError("damaged: it does not say what it holds", location=where) from error
    if version != _VERSION or kind not in KINDS:
        raise DataError(
            f"an index of version {version} and kind '{kind}': a newer ssdh-surgery made it",
            location=where,
        )
    packed, ends = parts["codes"], parts["id_ends"]
    count = len(packed) if packed.ndim == 2 else -1
    fits = (
        packed.dtype == np.uint8
        and packed.shape[1:] == (-(-bits // 8),)
        and ends.shape == (count,)
        and len(parts["labels"]) == count
        and parts.get("activations", packed).shape[0] == count
        and (not count or int(ends[-1]) == len(parts["ids"]))
    )
    if not fits:
        raise DataError("damaged: its parts do not fit together", location=where)
    ids = Ids(parts["ids"], ends)
    return Index(
        kind,
        bits,
        packed,
        ids,
        parts["labels"],
        recipe,
        str(path),
        parts.get("saved"),
        parts.get("activations"),
    )


def _opened(kind: Kind, width: int, saved: Packed | None) -> Backend:
    if kind == "numpy":
        from ssdh_surgery.retrieval.backends.plain import PlainBackend

        return PlainBackend(width)
    from ssdh_surgery.retrieval.backends.faiss import FaissBackend

    return FaissBackend(kind, width, saved)


def _exact(packed: Packed) -> Backend:
    backend = _opened("flat", packed.shape[1], None)
    backend.add(packed)
    return backend


def _refuse_twice(codes: Codes) -> None:
    names, counts = np.unique(codes.ids, return_counts=True)
    twice = names[counts > 1]
    if len(twice):
        raise DataError(
            f"the id '{shown(str(twice[0]))}' stands for several items",
            location=Location(codes.name),
        )
