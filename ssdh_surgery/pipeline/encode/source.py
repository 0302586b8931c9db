"""What is to be encoded: pictures, a folder, a list or an LMDB, as a stream of items."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.class_folders import is_image_name, is_not_a_file, read_class_folders
from ssdh_surgery.data.datum import read_datum
from ssdh_surgery.data.image_list import ImageList, read_list
from ssdh_surgery.data.list_line import SeveralLabels
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.errors import DataError, file_errors
from ssdh_surgery.files import read_named, stamp_of
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes, name_text
from ssdh_surgery.pipeline.encode.transform import InputTransform
from ssdh_surgery.retrieval.codes.codes import UNKNOWN_LABEL

# So much of a file's start says whether it is text.
_START = 1024


class Item(NamedTuple):
    """One thing to encode: its id, its label, and what reads its pixels [C, H, W].

    `label` is a vector [C] where it may have several. `read` raises DataError or FileError
    where it cannot be read.
    """

    id: str
    label: int | NDArray[np.uint8]
    read: Callable[[], NDArray[Any]]


@dataclass(frozen=True)
class Source:
    """What is encoded: how many items, the items from the n-th on, and what is wrong with it.

    `is_files` says whether the items are picture files, which are warped, or records, which are
    taken as they are. `classes` is the length of labels that are vectors, None where each item
    has one label. `digest` tells other items, another order and other labels apart.
    """

    name: str
    count: int
    items: Callable[[int], Iterator[Item]]
    digest: str
    findings: tuple[Finding, ...] = ()
    is_files: bool = True
    classes: int | None = None

    def labels(self, items: Sequence[Item]) -> NDArray[np.integer[Any]]:
        """The labels of some items: int64 [n], or uint8 [n, classes]."""
        if self.classes is None:
            return np.array([each.label for each in items], np.int64)
        return np.array([each.label for each in items], np.uint8).reshape(-1, self.classes)

    def labelled(self, labels: NDArray[Any]) -> Source:
        """The same items with other labels, one or a vector for each."""

        def items(start: int) -> Iterator[Item]:
            for item, label in zip(self.items(start), labels[start:], strict=True):
                yield item._replace(label=label)

        return replace(
            self,
            items=items,
            digest=_digest([self.digest.encode(), labels.tobytes()]),
            classes=labels.shape[1] if labels.ndim == 2 else None,
        )


def open_source(
    inputs: Sequence[Path],
    transform: InputTransform,
    root: Path | str = "",
    labels: Path | None = None,
    several: SeveralLabels | None = None,
) -> Source:
    """Find out what the user named: an LMDB, a folder, a list, or pictures.

    Args:
        inputs: one LMDB, folder or list (`-` is that of the standard input); or pictures.
        transform: reads pictures to the size and the channels that the net takes.
        root: the folder that a list's paths are looked up from.
        labels: a file of labels in the order of the items.
        several: how the lines of a list are read that have several labels.

    Raises:
        FileError: it cannot be read.
        DataError: it holds nothing to encode, or the size of pictures is not known.
    """
    source = _opened(inputs, transform, root, several)
    if labels is None:
        return source
    from ssdh_surgery.pipeline.encode.labels import read_labels

    left_out = next((each for each in source.findings if each.is_error), None)
    if left_out is not None:
        raise DataError(
            "labels of a file of their own belong to the items in their order, and some are left "
            "out for an error",
            location=left_out.location,
            findings=[left_out],
        )
    return source.labelled(read_labels(labels, source.count))


def _opened(
    inputs: Sequence[Path],
    transform: InputTransform,
    root: Path | str,
    several: SeveralLabels | None,
) -> Source:
    first = inputs[0]
    if len(inputs) > 1:
        _refuse_mixture(inputs)
    for each in inputs:
        if len(inputs) > 1 or str(each) != "-":
            with file_errors(each, "read"):
                os.stat(each)
    if len(inputs) > 1 or is_image_name(first.name):
        return _unlabelled(str(first), [str(each) for each in inputs], "", transform)
    if not first.is_dir():
        return _of_file(first, transform, root, several)
    if (first / "data.mdb").exists():
        return _of_lmdb(first, transform)
    return _of_folder(first, transform)


def _refuse_mixture(inputs: Sequence[Path]) -> None:
    folder = next((each for each in inputs if each.is_dir()), None)
    if folder is not None:
        raise DataError(
            "several inputs are several pictures, and this is a folder",
            location=Location(str(folder)),
            hint="encode it by itself; 'ssdh index build' takes several files of codes",
        )


def _of_folder(folder: Path, transform: InputTransform) -> Source:
    with file_errors(folder, "read"):
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    loose = [
        name
        for name in names
        if is_image_name(name) and not is_not_a_file(os.path.join(folder, name))
    ]
    if loose and not any((folder / name).is_dir() for name in names):
        return _unlabelled(str(folder), loose, os.path.join(folder, ""), transform)
    try:
        return _of_list(read_class_folders(folder), transform)
    except DataError as error:
        if loose:
            raise
        raise DataError(
            "the folder holds no pictures, and no class folders with pictures",
            location=error.location,
        ) from error


def _of_file(
    path: Path, transform: InputTransform, root: Path | str, several: SeveralLabels | None
) -> Source:
    """A list, or a picture whose name does not say so: what is no text."""
    name, data = read_named(path)
    if b"\0" in data[:_START]:
        return _unlabelled(name, [name], "", transform)
    prefix = os.path.join(root, "") if str(root) else ""
    if (paths := _paths_alone(data, prefix)) is not None:
        return _unlabelled(name, paths, prefix, transform)
    return _of_list(read_list(name, root, several, data=data), transform)


def _paths_alone(data: bytes, root: str) -> list[str] | None:
    """The lines of a list without labels, None where its first line is not a file's path."""
    lines = data.split(b"\n")
    if not os.path.isfile(root + name_text(lines[0].rstrip(b"\r"))):
        return None
    return [name_text(line) for each in lines if (line := each.rstrip(b"\r"))]


def _of_list(images: ImageList, transform: InputTransform) -> Source:
    paths = [entry.path for entry in images.entries]
    labels = [entry.label for entry in images.entries]
    source = _of_files(images.source, paths, labels, images.root, transform)
    vectors = images.label_vectors()
    if vectors is not None:
        source = source.labelled((vectors > 0).astype(np.uint8))
    return replace(source, findings=images.findings)


def _unlabelled(name: str, paths: list[str], root: str, transform: InputTransform) -> Source:
    return _of_files(name, paths, [UNKNOWN_LABEL] * len(paths), root, transform)


def _of_files(
    name: str, paths: list[str], labels: list[int], root: str, transform: InputTransform
) -> Source:
    transform.picture_size()  # known, or an error before anything is read

    def reader(path: str) -> Callable[[], NDArray[Any]]:
        return lambda: transform.read(root + path)

    def items(start: int) -> Iterator[Item]:
        for path, label in zip(paths[start:], labels[start:], strict=True):
            yield Item(path, label, reader(path))

    lines = (name_bytes(f"{path} {label}") for path, label in zip(paths, labels, strict=True))
    return Source(name, len(paths), items, _digest(lines))


def _of_lmdb(path: Path, transform: InputTransform) -> Source:
    color = not transform.is_gray

    def reader(record: bytes) -> Callable[[], NDArray[Any]]:
        return lambda: transform.in_order(read_datum(record).pixels(color=color))

    def items(start: int) -> Iterator[Item]:
        with LmdbStore(path) as store:
            for key, record in store.items(start):
                try:
                    label = read_datum(record).label
                except DataError:
                    label = UNKNOWN_LABEL  # it will be left out
                yield Item(name_text(key), label, reader(record))

    # Records may be others under the same keys, and to read them all takes too long.
    stamp = repr(stamp_of(path / "data.mdb")).encode()
    with LmdbStore(path) as store:
        digest = _digest([stamp, *store.keys()])
        return Source(str(path), len(store), items, digest, is_files=False)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part + b"\0")
    return digest.hexdigest()
