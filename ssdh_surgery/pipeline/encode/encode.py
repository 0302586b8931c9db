"""`ssdh encode`: images to a file of codes, batch by batch, resumable."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.parallel import default_threads, parallel_map
from ssdh_surgery.errors import DataError, EngineError, FileError
from ssdh_surgery.files import refuse_existing
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable, readable
from ssdh_surgery.pipeline.encode.encoder import Encoder, EncoderOptions
from ssdh_surgery.pipeline.encode.findings import (
    DIVERGED,
    collapse_finding,
    input_findings,
    unnamed_labels,
)
from ssdh_surgery.pipeline.encode.open_source import SourceOptions, open_source
from ssdh_surgery.pipeline.encode.source import EncodeItem, EncodeSource
from ssdh_surgery.retrieval.codes.forms import form_of_name
from ssdh_surgery.retrieval.codes.health import Health
from ssdh_surgery.retrieval.codes.writer import CodesWriter
from ssdh_surgery.staging.partial_folder import partial_path

Progress = Callable[[int, int], None]
Report = Callable[[str], None]


@dataclass(frozen=True)
class EncodeResult:
    """A file of codes that was written.

    Args:
        file: the file.
        count: the number of items in it.
        bits: the width of a code; 0 for features.
        width: the number of activations of an item.
        left_out: the ids of items that could not be read, each with the reason.
        health: None for features.
        recipe: how the codes were made.
        findings: what looks wrong about the input, the weights and the codes.
        class_names: the name of each label; empty if unknown.
        unnamed_labels: the labels beyond the class names.
    """

    file: Path
    count: int
    bits: int
    width: int
    left_out: Sequence[tuple[str, str]]
    health: Health | None
    recipe: dict[str, Any]
    findings: tuple[Finding, ...] = ()
    class_names: Sequence[str] = ()
    unnamed_labels: Sequence[int] = ()

    def as_json(self) -> dict[str, Any]:
        """The answer of `encode --json`."""
        return {
            "file": str(self.file),
            "count": self.count,
            "bits": self.bits,
            "width": self.width,
            "left_out": [{"id": readable(name), "reason": why} for name, why in self.left_out],
            "recipe": self.recipe,
            "health": self.health.as_json() if self.health else None,
            "findings": [each.as_json() for each in self.findings],
            "class_names": list(map(readable, self.class_names)) or None,
        }


class EncodeListener(Protocol):
    """Follows a run of `encode`."""

    def on_start(self, encoder: Encoder, source: EncodeSource, findings: Sequence[Finding]) -> None:
        """The net and the source are open; nothing is encoded yet."""
        ...

    def on_left_out(self, sentence: str) -> None:
        """An item cannot be read."""
        ...

    def on_progress(self, items: int, total: int) -> None:
        """A batch is encoded."""
        ...

    def on_interrupt(self) -> None:
        """The run ends early, and can be resumed."""
        ...


def encode(
    inputs: Sequence[Path],
    out: Path,
    encoder_options: EncoderOptions,
    source_options: SourceOptions,
    listener: EncodeListener,
    *,
    keep_activations: bool = False,
    resume: bool = False,
    force: bool = False,
) -> EncodeResult:
    """Encode images, a folder, a list or an LMDB.

    Args:
        inputs: see `open_source`.
        out: the file of codes; its suffix selects the format.
        encoder_options: the net, and how its input is prepared.
        source_options: how lists and labels are read.
        listener: follows the run.
        keep_activations: keep the activations of codes too.
        resume: continue an interrupted run.
        force: replace an existing file.

    Raises:
        FileError: a file cannot be read, or `out` exists or cannot be written.
        DataError: the items do not fit the net, or none can be read.
        EngineError: no engine can run the net.
        UsageError: the net is ambiguous or unknown, or `out` has the suffix of another format.
        MissingExtra: a library that is needed is not installed.
    """
    form_of_name(out).require()
    labels = (source_options.labels, source_options.labels_file)
    read = [*inputs, *labels, encoder_options.deploy, encoder_options.weights]
    refuse_existing(out, force=force, inputs=read)
    encoder = Encoder(encoder_options)
    source = open_source(inputs, encoder.transform, source_options, encoder.record)
    findings = (*source.findings, *input_findings(encoder, source))
    listener.on_start(encoder, source, findings)
    try:
        result = encode_source(
            source,
            encoder,
            out,
            keep_activations=keep_activations,
            resume=resume,
            force=force,
            progress=listener.on_progress,
            report=listener.on_left_out,
        )
    except (KeyboardInterrupt, EngineError, FileError):
        if partial_path(out).exists():
            listener.on_interrupt()
        raise
    collapse = None if result.health is None else collapse_finding(result.health)
    if collapse is not None:
        findings = (*findings, collapse)
    if result.unnamed_labels:
        findings = (*findings, unnamed_labels(source.names, result.unnamed_labels))
    return replace(result, findings=findings)


def encode_source(
    source: EncodeSource,
    encoder: Encoder,
    out: Path,
    *,
    keep_activations: bool = False,
    resume: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    report: Report | None = None,
) -> EncodeResult:
    """Encode the items of a source; without codes in the blob, the activations are the features.

    `report` gets a sentence for each item that cannot be read. An interrupted or killed run
    leaves no file at `out`, and `resume` continues it from its last batch.

    Raises:
        FileError: `out` exists or cannot be written.
        DataError: the items do not fit the net, or none can be read.
        UsageError: `out` has the suffix of another kind of file.
    """
    refuse_existing(out, force=force)
    if not source.count:
        raise DataError("there is nothing to encode", location=Location(source.name))
    recipe = {**encoder.recipe(source.name, source.root), "id_prefix": source.id_prefix}
    writer = CodesWriter(
        out,
        encoder.width,
        recipe,
        source.digest,
        classes=source.classes,
        class_names=source.names.names,
        threshold=encoder.net.threshold,
        keep_activations=keep_activations,
        resume=resume,
    )
    try:
        _encode_batches(source, encoder, writer, progress, report)
        if not writer.kept:
            raise DataError(
                f"none of {source.count:,} items can be read", location=Location(source.name)
            )
        health = writer.finish()
    except BaseException as error:
        # The same data would end in the same error, so there is nothing to resume.
        if isinstance(error, DataError) or not writer.items:
            writer.discard()
        else:
            writer.leave()
        raise
    return EncodeResult(
        out,
        writer.kept,
        writer.bits,
        writer.width,
        writer.left_out,
        health,
        recipe,
        class_names=source.names.names,
        unnamed_labels=writer.unnamed_labels,
    )


class _PreparedItem(NamedTuple):
    """An item as input of the net, with a hash of its pixels; or the reason why it has none."""

    item: EncodeItem
    input: NDArray[np.float32] | None = None
    content: int = 0
    reason: str = ""


def _content(pixels: NDArray[Any]) -> int:
    """A hash of an image's pixels [C, H, W], which identifies it in other files."""
    shape = repr(pixels.shape).encode()
    data = hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=8, key=shape).digest()
    return int.from_bytes(data, "little")


def _encode_batches(
    source: EncodeSource,
    encoder: Encoder,
    writer: CodesWriter,
    progress: Progress | None,
    report: Report | None,
) -> None:
    def prepare(item: EncodeItem) -> _PreparedItem:
        try:
            pixels = item.read()
        except (DataError, FileError) as error:
            return _PreparedItem(item, reason=error.message)
        return _PreparedItem(item, encoder.transform.prepare(pixels), _content(pixels))

    results = parallel_map(prepare, source.items(writer.items), default_threads())
    while batch := list(itertools.islice(results, encoder.batch)):
        good = [each for each in batch if each.input is not None]
        bad = [(each.item.id, each.reason) for each in batch if each.input is None]
        for name, reason in bad:
            if report is not None:
                report(f"'{printable(name)}' is left out: {reason}")
        writer.put(
            _activations(encoder, good),
            [each.item.id for each in good],
            source.labels([each.item for each in good]),
            [each.content for each in good],
            bad,
        )
        if progress is not None:
            progress(writer.items, source.count)


def _activations(encoder: Encoder, items: Sequence[_PreparedItem]) -> NDArray[np.float32]:
    inputs = [each.input for each in items if each.input is not None]
    if not inputs:
        return np.empty((0, encoder.width), np.float32)
    values = encoder.activations(inputs)
    is_finite = np.isfinite(values).all(1)
    if not is_finite.all():
        raise DataError(
            f"'{encoder.blob}' has NaN or infinite values, first for "
            f"'{printable(items[int(is_finite.argmin())].item.id)}'",
            location=Location(str(encoder.weights)),
            hint=DIVERGED,
        )
    return values
