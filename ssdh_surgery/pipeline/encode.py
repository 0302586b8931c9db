"""A source to a file of codes, as a stream that can be gone on with."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.ahead import ahead, default_threads
from ssdh_surgery.data.names import shown
from ssdh_surgery.errors import DataError, FileError, Location
from ssdh_surgery.pipeline.encode_source import Item, Source
from ssdh_surgery.pipeline.encoder import Encoder
from ssdh_surgery.pipeline.existing import refuse_existing
from ssdh_surgery.retrieval.codes import Codes
from ssdh_surgery.retrieval.codes_writer import CodesWriter
from ssdh_surgery.retrieval.health import Health, health_of

Progress = Callable[[int, int], None]
Report = Callable[[str], None]


@dataclass(frozen=True)
class Encoded:
    """What came of it. `health` is None where the blob holds no codes, or nothing was kept."""

    codes: Codes
    left_out: Sequence[str]
    health: Health | None


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
        return _Prepared(item, encoder.transform.prepared(pixels), _content(pixels))

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
