"""A source to a file of codes, as a stream that can be gone on with."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.parallel import default_threads, parallel_map
from ssdh_surgery.errors import DataError, FileError
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable
from ssdh_surgery.pipeline.encode.encoder import Encoder
from ssdh_surgery.pipeline.encode.source import Item, Source
from ssdh_surgery.pipeline.files.outputs import refuse_existing
from ssdh_surgery.retrieval.codes.codes import Codes, read_features
from ssdh_surgery.retrieval.codes.health import Health
from ssdh_surgery.retrieval.codes.writer import CodesWriter

Progress = Callable[[int, int], None]
Report = Callable[[str], None]


@dataclass(frozen=True)
class Encoded:
    """What came of it.

    Args:
        file: the file of codes.
        count: how many items are in it.
        bits: the width of a code; 0 for features.
        width: how many activations each item had.
        left_out: the ids of items that could not be read, each with the reason.
        health: None for features.
    """

    file: Path
    count: int
    bits: int
    width: int
    left_out: Sequence[tuple[str, str]]
    health: Health | None

    @cached_property
    def codes(self) -> Codes:
        """What is in the file."""
        return read_features(self.file)


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
    """Encode a source into a file of codes, or of features where the blob holds no code.

    What cannot be read is left out and told to `report`. A run that is interrupted or killed
    leaves no file at `out`, and is gone on with from its last batch by `resume`.

    Raises:
        FileError: `out` exists or cannot be written.
        DataError: the items do not fit the net, or none could be read.
        UsageError: the name of `out` ends as those of another kind of file do.
    """
    refuse_existing(out, force=force)
    if not source.count:
        raise DataError("there is nothing to encode", location=Location(source.name))
    writer = CodesWriter(
        out,
        encoder.width,
        encoder.recipe(source.name),
        source.digest,
        classes=source.classes,
        is_code=encoder.net.is_code,
        keep_activations=keep_activations,
        resume=resume,
    )
    try:
        _run(source, encoder, writer, progress, report)
        if not writer.kept:
            raise DataError(
                f"none of {source.count:,} items can be read", location=Location(source.name)
            )
        health = writer.finish()
    except BaseException as error:
        # The same data would end in the same error: there is nothing to go on with.
        if isinstance(error, DataError) or not writer.items:
            writer.discard()
        else:
            writer.leave()
        raise
    return Encoded(out, writer.kept, writer.bits, writer.width, writer.left_out, health)


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

    results = parallel_map(prepared, source.items(writer.items), default_threads())
    while batch := list(itertools.islice(results, encoder.batch)):
        good = [each for each in batch if each.made is not None]
        bad = [(each.item.id, each.why) for each in batch if each.made is None]
        for name, why in bad:
            if report is not None:
                report(f"'{printable(name)}' is left out: {why}")
        writer.put(
            _activations(encoder, good),
            [each.item.id for each in good],
            source.labels([each.item for each in good]),
            [each.content for each in good],
            bad,
        )
        if progress is not None:
            progress(writer.items, source.count)


def _activations(encoder: Encoder, good: Sequence[_Prepared]) -> NDArray[np.float32]:
    inputs = [each.made for each in good if each.made is not None]
    if not inputs:
        return np.empty((0, encoder.width), np.float32)
    values = encoder.activations(inputs)
    numbers = np.isfinite(values).all(1)
    if not numbers.all():
        raise DataError(
            f"'{encoder.blob}' holds values that are no numbers, first for "
            f"'{printable(good[int(numbers.argmin())].item.id)}'",
            location=Location(str(encoder.weights)),
            hint="such weights come from a training run that diverged",
        )
    return values
