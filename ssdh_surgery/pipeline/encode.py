"""Pictures, folders, lists and LMDBs to codes, as a stream that can be gone on with."""

from __future__ import annotations

import hashlib
import itertools
import mimetypes
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.ahead import ahead, default_threads
from ssdh_surgery.data.datum import read_datum
from ssdh_surgery.data.image_list import ImageList
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.names import name_text, shown
from ssdh_surgery.data.picture import planar, read_picture
from ssdh_surgery.errors import DataError, FileError, Finding, Location
from ssdh_surgery.files import explained
from ssdh_surgery.pipeline.encoder import Encoder
from ssdh_surgery.pipeline.existing import refuse_existing
from ssdh_surgery.retrieval.codes import UNKNOWN_LABEL, Codes
from ssdh_surgery.retrieval.codes_writer import CodesWriter
from ssdh_surgery.retrieval.health import Health, health_of

Progress = Callable[[int, int], None]
Report = Callable[[str], None]


class Item(NamedTuple):
    """One thing to encode: its id, its label, and what reads its pixels [C, H, W].

    `read` raises DataError or FileError where it cannot be read.
    """

    id: str
    label: int
    read: Callable[[], NDArray[Any]]


@dataclass(frozen=True)
class Source:
    """What is encoded: how many items, the items from the n-th on, and what is wrong with it."""

    name: str
    count: int
    items: Callable[[int], Iterator[Item]]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Encoded:
    """What came of it. `health` is None where the blob holds no codes, or nothing was kept."""

    codes: Codes
    left_out: Sequence[str]
    health: Health | None


def open_source(inputs: Sequence[Path], encoder: Encoder, root: Path | str = "") -> Source:
    """Find out what the user named: an LMDB, a folder, a list, or pictures.

    Args:
        inputs: one LMDB, folder or list; or pictures.
        encoder: says to which size and channels pictures are read.
        root: the folder that a list's paths are looked up from.

    Raises:
        FileError: it cannot be read.
        DataError: it holds nothing to encode, or the size of pictures is not known.
    """
    first = inputs[0]
    with explained(first, "read"):
        os.stat(first)
    if len(inputs) > 1 or _is_picture(first):
        labels = [UNKNOWN_LABEL] * len(inputs)
        return _of_files(str(first), [str(each) for each in inputs], labels, "", encoder)
    if first.is_dir():
        if (first / "data.mdb").exists():
            return _of_lmdb(first, encoder)
        return _of_folder(first, encoder)
    from ssdh_surgery.data.image_list import read_list

    return _of_list(read_list(first, root), encoder)


def _of_folder(folder: Path, encoder: Encoder) -> Source:
    from ssdh_surgery.data.class_folders import read_class_folders

    with explained(folder, "read"):
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    loose = [name for name in names if _is_picture(Path(name)) and (folder / name).is_file()]
    if loose and not any((folder / name).is_dir() for name in names):
        labels = [UNKNOWN_LABEL] * len(loose)
        return _of_files(str(folder), loose, labels, os.path.join(folder, ""), encoder)
    try:
        return _of_list(read_class_folders(folder), encoder)
    except DataError as error:
        if loose:
            raise
        raise DataError(
            "the folder holds no pictures, and no class folders with pictures",
            location=error.location,
        ) from error


def _of_list(images: ImageList, encoder: Encoder) -> Source:
    paths = [entry.path for entry in images.entries]
    labels = [entry.label for entry in images.entries]
    source = _of_files(images.source, paths, labels, images.root, encoder)
    return Source(source.name, source.count, source.items, images.findings)


def _of_files(
    name: str, paths: list[str], labels: list[int], root: str, encoder: Encoder
) -> Source:
    size, gray = encoder.picture_size(), encoder.shape[0] == 1

    def reader(path: str) -> Callable[[], NDArray[Any]]:
        return lambda: planar(read_picture(root + path, size=size, gray=gray))

    def items(start: int) -> Iterator[Item]:
        for path, label in zip(paths[start:], labels[start:], strict=True):
            yield Item(path, label, reader(path))

    return Source(name, len(paths), items)


def _of_lmdb(path: Path, encoder: Encoder) -> Source:
    color = encoder.shape[0] == 3

    def reader(record: bytes) -> Callable[[], NDArray[Any]]:
        return lambda: read_datum(record).pixels(color=color)

    def items(start: int) -> Iterator[Item]:
        with LmdbStore(path) as store:
            for key, record in store.items(start):
                try:
                    label = read_datum(record).label
                except DataError:
                    label = UNKNOWN_LABEL  # it will be left out
                yield Item(name_text(key), label, reader(record))

    with LmdbStore(path) as store:
        return Source(str(path), len(store), items)


def _is_picture(path: Path) -> bool:
    kind = mimetypes.guess_type(path.name)[0]
    return kind is not None and kind.startswith("image/") and not path.is_dir()


def encode(
    source: Source,
    encoder: Encoder,
    out: Path,
    *,
    keep_activations: bool = False,
    resume: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    report: Report | None = None,
) -> Encoded:
    """Encode a source into a file of codes.

    What cannot be read is left out and told to `report`. A run that is interrupted or killed
    leaves no file at `out`, and is gone on with from its last batch by `resume`.

    Raises:
        FileError: `out` exists or cannot be written.
        DataError: the items do not fit the net, or none could be read.
    """
    refuse_existing(out, force=force)
    writer = CodesWriter(
        out,
        encoder.bits,
        encoder.recipe(source.name),
        keep_activations=keep_activations,
        resume=resume,
    )
    try:
        _run(source, encoder, writer, progress, report)
        if not writer.kept:
            raise DataError(
                f"none of {source.count:,} items can be read", location=Location(source.name)
            )
        near = writer.near if writer.is_code else None
        codes = writer.finish()
    except KeyboardInterrupt:
        writer.leave()
        raise
    except BaseException:
        writer.discard()
        raise
    health = health_of(codes.packed, codes.bits, near) if near is not None else None
    return Encoded(codes, writer.left_out, health)


class _Prepared(NamedTuple):
    """An item as the net is given it, or why it cannot be."""

    item: Item
    made: NDArray[np.float32] | None = None
    content: int = 0
    why: str = ""


def _content(pixels: NDArray[Any]) -> int:
    """A hash of a picture's pixels [C, H, W], by which it is known again."""
    shape = repr(pixels.shape).encode()
    data = hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=8, key=shape).digest()
    return int.from_bytes(data, "little")


def _run(
    source: Source,
    encoder: Encoder,
    writer: CodesWriter,
    progress: Progress | None,
    report: Report | None,
) -> None:
    def prepared(item: Item) -> _Prepared:
        try:
            pixels = item.read()
        except (DataError, FileError) as error:
            return _Prepared(item, why=error.message)
        return _Prepared(item, encoder.prepared(pixels), _content(pixels))

    results = ahead(prepared, source.items(writer.items), default_threads())
    while batch := list(itertools.islice(results, encoder.batch)):
        good = [each for each in batch if each.made is not None]
        bad = [each for each in batch if each.made is None]
        for each in bad:
            if report is not None:
                report(f"'{shown(each.item.id)}' is left out: {each.why}")
        activations = np.empty((0, encoder.bits), np.float32)
        if good:
            activations = encoder.activations([each.made for each in good if each.made is not None])
        writer.put(
            activations,
            [each.item.id for each in good],
            [each.item.label for each in good],
            [each.content for each in good],
            [each.item.id for each in bad],
        )
        if progress is not None:
            progress(writer.items, source.count)
