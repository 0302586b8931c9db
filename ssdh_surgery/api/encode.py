"""`ssdh encode` as a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Unpack

from ssdh_surgery.api.encoder_keywords import EncoderKeywords, encoder_options
from ssdh_surgery.api.keywords import check, optional_path, paths
from ssdh_surgery.data.list_line import SeveralLabels
from ssdh_surgery.errors import UsageError
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.encode import encode as story
from ssdh_surgery.pipeline.encode.encoder import Encoder
from ssdh_surgery.pipeline.encode.open_source import SourceOptions
from ssdh_surgery.pipeline.encode.source import EncodeSource
from ssdh_surgery.pipeline.settings.value_types import Integer


def encode(
    inputs: str | Path | Iterable[str | Path],
    output: str | Path,
    *,
    root: str | Path = "",
    labels: str | Path | None = None,
    labels_file: str | Path | None = None,
    id_prefix: str = "",
    multi_label: bool = False,
    classes: int | None = None,
    activations: bool = False,
    resume: bool = False,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
    **encoder: Unpack[EncoderKeywords],
) -> story.EncodeResult:
    """Run a net over images and keep the code of each, as `ssdh encode` does.

    Args:
        inputs: an LMDB, a folder, a list, or images.
        output: the file of codes: `.npz`, `.h5` or `.parquet`.
        root: the folder that a list's paths are relative to.
        labels: an LMDB or HDF5 file of labels, in the order of the items.
        labels_file: the file that names the classes, by default `labels.txt` of the net's data;
            `none` for no file.
        id_prefix: put before each id.
        multi_label: read several labels from each line of the list.
        classes: with `multi_label`, read the labels as numbers of so many classes, from 0.
        activations: keep the activations too.
        resume: continue an interrupted run.
        force: replace an existing file.
        progress: called after each batch with the number of items done, and of all.
        encoder: the net, its weights and the preparation of its input, as in the options of the
            command; by default those of `ssdh.toml`.

    Raises:
        SsdhError: a file cannot be read or written, the items do not fit the net, or no engine
            can run it.
    """
    sources = paths(inputs)
    if not sources:
        raise UsageError("encode needs an input")
    if classes is not None and not multi_label:
        raise UsageError("classes needs multi_label")
    several = SeveralLabels(check("classes", classes, Integer(1))) if multi_label else None
    return story.encode(
        sources,
        Path(output),
        encoder_options("encode", encoder),
        SourceOptions(root, optional_path(labels), several, optional_path(labels_file), id_prefix),
        _Listener(progress),
        keep_activations=activations,
        resume=resume,
        force=force,
    )


class _Listener:
    """Passes on the progress; everything else is in the result."""

    def __init__(self, progress: Callable[[int, int], None] | None) -> None:
        self._progress = progress

    def on_start(self, encoder: Encoder, source: EncodeSource, findings: Sequence[Finding]) -> None:
        """Do nothing."""

    def on_left_out(self, sentence: str) -> None:
        """Do nothing."""

    def on_progress(self, items: int, total: int) -> None:
        """Pass it on."""
        if self._progress is not None:
            self._progress(items, total)

    def on_interrupt(self) -> None:
        """Do nothing."""
