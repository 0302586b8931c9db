"""An index in one file: its codes, ids and labels, and what a backend needs to search them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError, FileError, did_you_mean
from ssdh_surgery.files import Stamp, stamp_of
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable
from ssdh_surgery.retrieval.codes.arrays import read_arrays, write_arrays
from ssdh_surgery.retrieval.codes.codes import UNKNOWN_LABEL, Codes
from ssdh_surgery.retrieval.index.backends.base import Backend, Found, Packed
from ssdh_surgery.retrieval.index.ids import Ids
from ssdh_surgery.retrieval.index.index import (
    EXACT,
    KINDS,
    About,
    Features,
    Index,
    Item,
    Kind,
    Label,
)
from ssdh_surgery.staging import changed_under_us

_MEMBERS = ("index", "codes", "ids", "id_ends", "labels")
_FEATURE = "feature/"
_MADE_BY = "'ssdh index build' makes such files"
_VERSION = 1
# Fewer codes are searched exactly, whatever the kind: FAISS cannot train lists on them.
_MANY = 1024
# A hint among more ids than these would take longer than anybody waits.
_FEW = 100_000


@dataclass(eq=False)
class FileIndex(Index):
    """Codes in memory, or mapped from a file; arrays are never changed in place.

    Args:
        name: the file.
        about: what the index is.
        packed: uint8 [N, ceil(bits / 8)].
        ids: [N], each once.
        labels: int64 [N], or uint8 [N, C].
        kept: features, float32 [N, D] each, by name.
        saved: what the backend kept, None where it is made anew of the codes.
        stamp: of the file that was opened, None for a new one.

    An approximate kind is searched exactly while it is small, and its backend is made anew
    whenever the codes have doubled: the lists and keys that suit a few do not suit many.
    """

    name: str
    about: About
    packed: Packed
    ids: Ids
    labels: NDArray[Any]
    kept: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    saved: Packed | None = None
    stamp: Stamp | None = None
    _backend: Backend | None = None

    def __len__(self) -> int:
        return len(self.packed)

    @property
    def backend(self) -> Backend:
        """The backend with all codes in it, made when it is first needed.

        Raises:
            MissingExtra: it is not installed.
            DataError: what it kept is damaged.
        """
        if self._backend is None:
            try:
                self._backend = _opened(self._searched_as, self.packed.shape[1], self.saved)
            except DataError as error:
                raise DataError(error.message, location=self.where) from error
            if self.saved is None and len(self):
                self._backend.add(self.packed)
        return self._backend

    @property
    def _searched_as(self) -> Kind:
        kind = self.about.kind
        return kind if kind in EXACT or len(self) >= _MANY else "flat"

    def close(self) -> None:
        """See `Index.close`."""
        self._backend = None

    def search(self, queries: Packed, k: int) -> Found:
        """See `Index.search`."""
        return self.backend.search(queries, min(k, len(self)))

    def exact(self, queries: Packed, k: int) -> Found:
        """See `Index.exact`."""
        if self._searched_as in EXACT:
            return self.search(queries, k)
        backend = _opened("flat", self.packed.shape[1], None)
        backend.add(self.packed)
        return backend.search(queries, min(k, len(self)))

    def items(self, rows: NDArray[np.int64]) -> list[Item]:
        """See `Index.items`."""
        return [Item(self.ids[row], self._label(row)) for row in rows.tolist()]

    def _label(self, row: int) -> Label:
        label = self.labels[row]
        if np.ndim(label):
            return [int(each) for each in np.flatnonzero(label)]
        return None if label == UNKNOWN_LABEL else int(label)

    def rows(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """See `Index.rows`."""
        found = [self.ids.row(each) for each in ids]
        for name, row in zip(ids, found, strict=True):
            if row is None:
                self._refuse_unknown(name)
        return np.array(found, np.int64)

    def _refuse_unknown(self, name: str) -> None:
        raise DataError(
            f"no item has the id '{printable(name)}'",
            location=self.where,
            hint=did_you_mean(name, self.ids) if len(self) < _FEW else None,
        )

    def codes(self, rows: NDArray[np.int64]) -> Packed:
        """See `Index.codes`."""
        return self.packed[rows]

    def features(self, name: str, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Index.features`."""
        return self.kept[name][rows]

    def sample(self, count: int) -> Packed:
        """See `Index.sample`."""
        return self.packed[:: max(1, len(self) // count)][:count]

    def add(
        self, codes: Codes, features: Features | None = None, *, replace: bool = False
    ) -> tuple[int, int]:
        """See `Index.add`."""
        kept = self.refuse_new(codes, features)
        rows = {each: row for row, each in enumerate(self.ids)}
        names: list[str] = codes.ids.tolist()
        known = [number for number, each in enumerate(names) if each in rows]
        if not replace:
            self.refuse_known(codes, len(known), names[known[0]] if known else "")
        places = [rows[names[number]] for number in known]
        new = np.setdiff1d(np.arange(len(codes)), known)
        before = len(self)

        def joined(old: NDArray[Any], more: NDArray[Any]) -> NDArray[Any]:
            if not len(old):
                return more
            if len(known):
                old = np.array(old)
                old[places] = more[known]
            return np.concatenate([old, more[new]]) if len(new) else old

        self.packed = joined(self.packed, codes.packed)
        self.labels = joined(self.labels, codes.labels)
        self.kept = {name: joined(self.kept[name], kept[name]) for name in kept}
        if len(new):
            self.ids = Ids.of([*rows, *(names[number] for number in new.tolist())])
        if known or len(self).bit_length() > before.bit_length():
            self._backend = self.saved = None  # they keep, and suit, what was there
        elif self._backend is not None or self.saved is not None:
            self.backend.add(codes.packed)
        return len(new), len(known)

    def remove(self, ids: Sequence[str]) -> int:
        """See `Index.remove`."""
        gone = set(ids)
        names = list(self.ids)
        stays = np.array([each not in gone for each in names], bool)
        count = len(self) - int(np.count_nonzero(stays))
        if count < len(gone):
            known = set(names)
            self._refuse_unknown(next(each for each in ids if each not in known))
        self.packed, self.labels = self.packed[stays], self.labels[stays]
        self.kept = {name: values[stays] for name, values in self.kept.items()}
        self.ids = Ids.of(each for each in names if each not in gone)
        self._backend = self.saved = None
        return count

    def save(self) -> None:
        """See `Index.save`; the file is written whole or not at all.

        Raises:
            FileError: it cannot be written, or another program changed it meanwhile.
        """
        about = {
            "version": _VERSION,
            "kind": self.about.kind,
            "bits": self.about.bits,
            "recipe": dict(self.about.recipe),
        }
        parts: dict[str, Any] = {
            "index": np.str_(json.dumps(about, ensure_ascii=False)),
            "codes": self.packed,
            "ids": self.ids.data,
            "id_ends": self.ids.ends,
            "labels": self.labels,
        }
        saved = self.backend.saved() if self.about.kind not in EXACT else None
        if saved is not None:
            parts["saved"] = saved
        parts |= {_FEATURE + name: values for name, values in self.kept.items()}
        if self.stamp is not None and stamp_of(self.name) != self.stamp:
            raise changed_under_us(self.name)
        write_arrays(self.name, parts)
        self.stamp = stamp_of(self.name)


def create_file_index(place: str, about: About, *, force: bool = False) -> FileIndex:
    """A new index without items.

    Raises:
        FileError: there is a file, and not `force`.
    """
    if Path(place).exists() and not force:
        raise FileError(
            "the file exists; nothing was written",
            location=Location(place),
            hint="--force replaces it, 'ssdh index add' adds to an index",
        )
    labels: NDArray[Any] = np.empty(0, np.int64)
    if about.classes is not None:
        labels = np.empty((0, about.classes), np.uint8)
    kept = {name: np.empty((0, width), np.float32) for name, width in about.features.items()}
    packed = np.empty((0, -(-about.bits // 8)), np.uint8)
    return FileIndex(place, about, packed, Ids.of([]), labels, kept)


def open_file_index(place: str) -> FileIndex:
    """Open the file of an index; large parts of it are mapped, not read.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is no index, cut short or damaged, or of a newer form.
    """
    stamp = stamp_of(place)
    parts = read_arrays(place, _MEMBERS, None, "an index", _MADE_BY, mapped=True)
    where = Location(place)
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
    packed, ends, labels = parts["codes"], parts["id_ends"], parts["labels"]
    features = {
        name.removeprefix(_FEATURE): values
        for name, values in parts.items()
        if name.startswith(_FEATURE)
    }
    count = len(packed) if packed.ndim == 2 else -1
    fits = (
        packed.dtype == np.uint8
        and packed.shape[1:] == (-(-bits // 8),)
        and ends.shape == (count,)
        and labels.ndim in (1, 2)
        and len(labels) == count
        and all(each.ndim == 2 and len(each) == count for each in features.values())
        and (not count or int(ends[-1]) == len(parts["ids"]))
    )
    if not fits:
        raise DataError("damaged: its parts do not fit together", location=where)
    classes = labels.shape[1] if labels.ndim == 2 else None
    widths = {name: values.shape[1] for name, values in features.items()}
    whole = About(kind, bits, recipe, classes, widths)
    ids = Ids(parts["ids"], ends)
    saved = parts.get("saved") if count >= _MANY else None
    return FileIndex(place, whole, packed, ids, labels, features, saved, stamp)


def _opened(kind: Kind, width: int, saved: Packed | None) -> Backend:
    if kind == "numpy":
        from ssdh_surgery.retrieval.index.backends.plain import PlainBackend

        return PlainBackend(width)
    from ssdh_surgery.retrieval.index.backends.faiss import FaissBackend

    return FaissBackend(kind, width, saved)
