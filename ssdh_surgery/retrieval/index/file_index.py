"""An index in one file: codes, ids, labels, features, and the saved state of a backend."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError, did_you_mean
from ssdh_surgery.files import Stamp, refuse_existing, stamp_of
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable
from ssdh_surgery.retrieval.codes.class_names import largest_label
from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.codes.forms.npz import read_arrays, write_arrays
from ssdh_surgery.retrieval.index.backends import Backend, Neighbours, Packed, open_backend
from ssdh_surgery.retrieval.index.ids import Ids
from ssdh_surgery.retrieval.index.index import (
    REPLACE_OR_ADD,
    About,
    Features,
    Index,
    IndexItem,
    Report,
    label_value,
)
from ssdh_surgery.retrieval.index.kinds import DEFAULT, KINDS, IndexKind
from ssdh_surgery.staging.renames import folder_locks, real_folders
from ssdh_surgery.staging.staged_file import changed_under_us, refuse_read_only

_MEMBERS = ("index", "codes", "ids", "id_ends", "labels")
_FEATURE = "feature/"
_MADE_BY = "'ssdh index build' writes such files"
_VERSION = 1
# A hint is looked for among at most this many ids, because that is slow.
_MAX_HINTED = 100_000


@dataclass(eq=False)
class FileIndex(Index):
    """Codes in memory, or mapped from a file; arrays are never modified in place.

    Args:
        name: the file.
        about: the description of the index.
        packed: uint8 [N, ceil(bits / 8)].
        ids: [N], distinct.
        labels: int64 [N], or uint8 [N, C].
        kept: features, float32 [N, D] each, by name.
        saved: the saved state of the backend; None rebuilds it from the codes.
        stamp: the stamp of the opened file, None for a new one.
        is_new: whether the file must not exist when the index is saved.

    A small index of an approximate kind is searched exactly. Its backend is rebuilt whenever
    the codes have doubled, because lists and keys that suit few codes do not suit many.
    """

    name: str
    about: About
    packed: Packed
    ids: Ids
    labels: NDArray[Any]
    kept: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    saved: Packed | None = None
    stamp: Stamp | None = None
    is_new: bool = False
    _backend: Backend | None = None

    def __len__(self) -> int:
        return len(self.packed)

    @property
    def backend(self) -> Backend:
        """The backend with all codes in it, opened on first use.

        Raises:
            MissingExtra: its library is not installed.
            DataError: its saved state is damaged.
        """
        if self._backend is None:
            try:
                self._backend = open_backend(self._kind, self.packed.shape[1], self.saved)
            except DataError as error:
                raise DataError(error.message, location=self.where) from error
            if self.saved is None and len(self):
                self._backend.add(self.packed)
        return self._backend

    @property
    def _kind(self) -> IndexKind:
        """The kind that searches: the default kind while the index is small."""
        kind = KINDS[self.about.kind]
        return kind if len(self) >= kind.min_codes else KINDS[DEFAULT]

    def close(self) -> None:
        """See `Index.close`."""
        self._backend = None

    def search(self, queries: Packed, k: int) -> Neighbours:
        """See `Index.search`."""
        distances, rows = self.backend.search(queries, min(k, len(self)))
        if rows.size and not -1 <= rows.min() <= rows.max() < len(self):
            raise DataError("damaged: it finds items that it does not have", location=self.where)
        return distances, rows

    def exact(self, queries: Packed, k: int) -> Neighbours:
        """See `Index.exact`."""
        if self._kind.is_exact:
            return self.search(queries, k)
        backend = open_backend(KINDS[DEFAULT], self.packed.shape[1])
        backend.add(self.packed)
        return backend.search(queries, min(k, len(self)))

    def items(self, rows: NDArray[np.int64]) -> list[IndexItem]:
        """See `Index.items`."""
        return [self.item(self.ids[row], label_value(self.labels[row])) for row in rows.tolist()]

    def largest_label(self) -> int:
        """See `Index.largest_label`."""
        return largest_label(self.labels)

    def rows(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """See `Index.rows`."""
        rows = [self.ids.row(each) for each in ids]
        for name, row in zip(ids, rows, strict=True):
            if row is None:
                self._refuse_unknown(name)
        return np.array(rows, np.int64)

    def _refuse_unknown(self, name: str) -> None:
        raise DataError(
            f"no item has the id '{printable(name)}'",
            location=self.where,
            hint=did_you_mean(name, self.ids) if len(self) < _MAX_HINTED else None,
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
        self,
        codes: Codes,
        features: Features | None = None,
        *,
        replace: bool = False,
        report: Report | None = None,
    ) -> tuple[int, int]:
        """See `Index.add`."""
        codes, kept = self.prepare_new(codes, features, report)
        rows = {each: row for row, each in enumerate(self.ids)}
        names: list[str] = codes.ids.tolist()
        duplicates = [number for number, each in enumerate(names) if each in rows]
        if not replace:
            self.refuse_duplicates(codes, duplicates)
        places = [rows[names[number]] for number in duplicates]
        new = np.setdiff1d(np.arange(len(codes)), duplicates)
        before = len(self)

        def joined(old: NDArray[Any], more: NDArray[Any]) -> NDArray[Any]:
            if not len(old):
                return more
            if len(duplicates):
                old = np.array(old)
                old[places] = more[duplicates]
            return np.concatenate([old, more[new]]) if len(new) else old

        self.packed = joined(self.packed, codes.packed)
        self.labels = joined(self.labels, codes.labels)
        self.kept = {name: joined(self.kept[name], kept[name]) for name in kept}
        if len(new):
            self.ids = Ids.of([*rows, *(names[number] for number in new.tolist())])
        if duplicates or len(self).bit_length() > before.bit_length():
            self._backend = self.saved = None  # they hold, and suit, the old codes
        elif self._backend is not None or self.saved is not None:
            self.backend.add(codes.packed)
        return len(new), len(duplicates)

    def remove(self, ids: Sequence[str]) -> int:
        """See `Index.remove`."""
        removed = set(ids)
        names = list(self.ids)
        is_kept = np.array([each not in removed for each in names], bool)
        count = len(self) - int(np.count_nonzero(is_kept))
        if count < len(removed):
            present = set(names)
            self._refuse_unknown(next(each for each in ids if each not in present))
        self.packed, self.labels = self.packed[is_kept], self.labels[is_kept]
        self.kept = {name: values[is_kept] for name, values in self.kept.items()}
        self.ids = Ids.of(each for each in names if each not in removed)
        self._backend = self.saved = None
        return count

    def save(self) -> None:
        """See `Index.save`; the file is written whole or not at all.

        Raises:
            FileError: it cannot be written, or another program has changed it.
        """
        about = {
            "version": _VERSION,
            "kind": self.about.kind,
            "bits": self.about.bits,
            "recipe": dict(self.about.recipe),
            "class_names": self.about.class_names,
        }
        parts: dict[str, Any] = {
            "index": np.str_(json.dumps(about, ensure_ascii=False)),
            "codes": self.packed,
            "ids": self.ids.data,
            "id_ends": self.ids.ends,
            "labels": self.labels,
        }
        saved = None if KINDS[self.about.kind].is_exact else self.backend.saved()
        if saved is not None:
            parts["saved"] = saved
        parts |= {_FEATURE + name: values for name, values in self.kept.items()}
        if self.stamp is not None and stamp_of(self.name) != self.stamp:
            raise changed_under_us(self.name)
        write_arrays(self.name, parts, is_new=self.is_new)
        self.stamp, self.is_new = stamp_of(self.name), False


def create_file_index(place: str, about: About, *, force: bool = False) -> FileIndex:
    """A new index without items.

    Raises:
        FileError: the file exists, and `force` is not set.
    """
    refuse_existing(place, force=force, hint=REPLACE_OR_ADD)
    labels: NDArray[Any] = np.empty(0, np.int64)
    if about.classes is not None:
        labels = np.empty((0, about.classes), np.uint8)
    kept = {name: np.empty((0, width), np.float32) for name, width in about.features.items()}
    packed = np.empty((0, -(-about.bits // 8)), np.uint8)
    return FileIndex(place, about, packed, Ids.of([]), labels, kept, is_new=not force)


@contextlib.contextmanager
def changing_file_index(place: str) -> Iterator[FileIndex]:
    """Open the file of an index for a block that changes it; other processes wait until its end.

    Raises:
        FileError, DataError: see `open_file_index`; or the file is read-only.
    """
    with folder_locks(real_folders([place])), open_file_index(place) as index:
        refuse_read_only(place)
        yield index


def open_file_index(place: str) -> FileIndex:
    """Open the file of an index; large parts are mapped, not read.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is not an index, truncated or damaged, or made by a newer version.
    """
    stamp = stamp_of(place)
    parts = read_arrays(place, _MEMBERS, None, "an index", _MADE_BY, mapped=True)
    where = Location(place)
    try:
        about = json.loads(str(parts["index"]))
        kind, bits, version = about["kind"], int(about["bits"]), about["version"]
        recipe = dict(about["recipe"])
        class_names = tuple(about.get("class_names", ()))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError("damaged: its description is missing or wrong", location=where) from error
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
    is_consistent = (
        packed.dtype == np.uint8
        and packed.shape[1:] == (-(-bits // 8),)
        and ends.shape == (count,)
        and labels.ndim in (1, 2)
        and len(labels) == count
        and all(each.ndim == 2 and len(each) == count for each in features.values())
        and (not count or int(ends[-1]) == len(parts["ids"]))
    )
    if not is_consistent:
        raise DataError("damaged: its parts are inconsistent", location=where)
    classes = labels.shape[1] if labels.ndim == 2 else None
    widths = {name: values.shape[1] for name, values in features.items()}
    description = About(kind, bits, recipe, classes, widths, class_names)
    ids = Ids(parts["ids"], ends)
    saved = parts.get("saved") if count >= KINDS[kind].min_codes else None
    return FileIndex(place, description, packed, ids, labels, features, saved, stamp)
