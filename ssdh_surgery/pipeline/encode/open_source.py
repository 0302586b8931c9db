"""Opening what the user named: images, a folder, a list or an LMDB, detected from its content."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.class_folders import is_not_a_file, read_class_folders
from ssdh_surgery.data.datum import read_datum
from ssdh_surgery.data.image import is_image_name
from ssdh_surgery.data.image_list import ImageList, read_list
from ssdh_surgery.data.list_line import SeveralLabels
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.errors import DataError, file_errors
from ssdh_surgery.files import read_named, stamp_of
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes, name_text
from ssdh_surgery.pipeline.encode.labels import read_labels
from ssdh_surgery.pipeline.encode.source import EncodeItem, EncodeSource, items_digest
from ssdh_surgery.pipeline.encode.transform import InputTransform
from ssdh_surgery.retrieval.codes.codes import UNKNOWN_LABEL

# A NUL among the first bytes of a file means that it is an image, not a list.
_START = 1024


@dataclass(frozen=True)
class SourceOptions:
    """How the user's inputs are read.

    Args:
        root: the folder that a list's paths are relative to.
        labels: a file of labels in the order of the items.
        several: how to read list lines with several labels; None for a single label.
    """

    root: Path | str = ""
    labels: Path | None = None
    several: SeveralLabels | None = None


def open_source(
    inputs: Sequence[Path], transform: InputTransform, options: SourceOptions | None = None
) -> EncodeSource:
    """Open an LMDB, a folder, a list, or images.

    Args:
        inputs: one LMDB, folder or list (`-` is a list on standard input); or images.
        transform: reads images in the size and with the channels that the net takes.
        options: how lists and labels are read.

    Raises:
        FileError: an input cannot be read.
        DataError: there is nothing to encode, or the size of images is unknown.
    """
    options = options or SourceOptions()
    source = _opened(inputs, transform, options)
    if options.labels is None:
        return source
    error = next((each for each in source.findings if each.is_error), None)
    if error is not None:
        raise DataError(
            "a file of labels needs every item in order, but items with errors are left out",
            location=error.location,
            findings=[error],
        )
    return source.with_labels(read_labels(options.labels, source.count))


def _opened(
    inputs: Sequence[Path], transform: InputTransform, options: SourceOptions
) -> EncodeSource:
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
        return _of_file(first, transform, options)
    if (first / "data.mdb").exists():
        return _of_lmdb(first, transform)
    return _of_folder(first, transform)


def _refuse_mixture(inputs: Sequence[Path]) -> None:
    folder = next((each for each in inputs if each.is_dir()), None)
    if folder is not None:
        raise DataError(
            "several inputs must all be images, but this is a folder",
            location=Location(str(folder)),
            hint="encode it by itself; 'ssdh index build' takes several files of codes",
        )


def _of_folder(folder: Path, transform: InputTransform) -> EncodeSource:
    with file_errors(folder, "read"):
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    images = [
        name
        for name in names
        if is_image_name(name) and not is_not_a_file(os.path.join(folder, name))
    ]
    if images and not any((folder / name).is_dir() for name in names):
        return _unlabelled(str(folder), images, os.path.join(folder, ""), transform)
    try:
        return _of_list(read_class_folders(folder), transform)
    except DataError as error:
        if images:
            raise
        raise DataError(
            "the folder has neither images nor class folders with images", location=error.location
        ) from error


def _of_file(path: Path, transform: InputTransform, options: SourceOptions) -> EncodeSource:
    """A list; or an image whose name does not say so, because it is not text."""
    name, data = read_named(path)
    if b"\0" in data[:_START]:
        return _unlabelled(name, [name], "", transform)
    prefix = os.path.join(options.root, "") if str(options.root) else ""
    if (paths := _paths_alone(data, prefix)) is not None:
        return _unlabelled(name, paths, prefix, transform)
    return _of_list(read_list(name, options.root, options.several, data=data), transform)


def _paths_alone(data: bytes, root: str) -> list[str] | None:
    """The lines of a list without labels; None if its first line is not the path of a file."""
    lines = data.split(b"\n")
    if not os.path.isfile(root + name_text(lines[0].rstrip(b"\r"))):
        return None
    return [name_text(line) for each in lines if (line := each.rstrip(b"\r"))]


def _of_list(images: ImageList, transform: InputTransform) -> EncodeSource:
    paths = [entry.path for entry in images.entries]
    labels = [entry.label for entry in images.entries]
    source = _of_files(images.source, paths, labels, images.root, transform)
    vectors = images.label_vectors()
    if vectors is not None:
        source = source.with_labels((vectors > 0).astype(np.uint8))
    return replace(source, findings=images.findings)


def _unlabelled(name: str, paths: list[str], root: str, transform: InputTransform) -> EncodeSource:
    return _of_files(name, paths, [UNKNOWN_LABEL] * len(paths), root, transform)


def _of_files(
    name: str, paths: list[str], labels: list[int], root: str, transform: InputTransform
) -> EncodeSource:
    transform.image_size()  # an error here, if it is unknown, comes before anything is read

    def reader(path: str) -> Callable[[], NDArray[Any]]:
        return lambda: transform.read(root + path)

    def items(start: int) -> Iterator[EncodeItem]:
        for path, label in zip(paths[start:], labels[start:], strict=True):
            yield EncodeItem(path, label, reader(path))

    lines = (name_bytes(f"{path} {label}") for path, label in zip(paths, labels, strict=True))
    return EncodeSource(name, len(paths), items, items_digest(lines))


def _of_lmdb(path: Path, transform: InputTransform) -> EncodeSource:
    color = not transform.is_gray

    def reader(record: bytes) -> Callable[[], NDArray[Any]]:
        return lambda: transform.in_order(read_datum(record).pixels(color=color))

    def items(start: int) -> Iterator[EncodeItem]:
        with LmdbStore(path) as store:
            for key, record in store.items(start):
                try:
                    label = read_datum(record).label
                except DataError:
                    label = UNKNOWN_LABEL  # reading the pixels fails too, and leaves the item out
                yield EncodeItem(name_text(key), label, reader(record))

    # Other records may have the same keys, and reading all of them would take too long.
    stamp = repr(stamp_of(path / "data.mdb")).encode()
    with LmdbStore(path) as store:
        digest = items_digest([stamp, *store.keys()])
        return EncodeSource(str(path), len(store), items, digest, is_files=False)
