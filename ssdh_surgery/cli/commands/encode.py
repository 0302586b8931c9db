"""`ssdh encode`: images, folders, lists and LMDBs to codes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.encoder_options import ENCODER_SECTIONS, encoder_options, options_of
from ssdh_surgery.cli.live_line import Counter
from ssdh_surgery.cli.options import labels_file_option, several_labels, several_labels_options
from ssdh_surgery.names import count_text

if TYPE_CHECKING:
    from ssdh_surgery.findings import Finding
    from ssdh_surgery.pipeline.encode.encode import EncodeResult
    from ssdh_surgery.pipeline.encode.encoder import Encoder
    from ssdh_surgery.pipeline.encode.source import EncodeSource

_FILE = click.Path(path_type=Path)
# Warnings about items that are left out; further ones are counted.
_MAX_WARNINGS = 20


@click.command(
    "encode",
    cls=Command,
    sections={
        "Input": ("root", "labels", "multi_label", "classes"),
        **ENCODER_SECTIONS,
        "Writing": ("output", "activations", "resume", "force", "as_json"),
    },
    common=(
        *("root", "labels", "deploy", "weights", "blob", "resize", "crop", "mean_value"),
        *("engine", "gpu", "output", "activations", "resume", "force"),
    ),
    epilog="\b\nExample:\n  ssdh encode photos -o codes.npz --resize 256x256",
)
@click.argument("inputs", nargs=-1, required=True, type=_FILE, metavar="INPUT...")
@click.option("-o", "--output", type=_FILE, required=True, metavar="CODES", help="Write this file.")
@click.option(
    "--root", default="", metavar="DIR",
    help="Resolve a list's paths from this folder (default: the current one).",
)  # fmt: skip
@click.option(
    "--labels", type=_FILE, metavar="FILE",
    help="Read labels or label vectors, in the order of the items, from an LMDB or HDF5 file.",
)  # fmt: skip
@several_labels_options
@labels_file_option
@click.option(
    "--id-prefix", default="", metavar="TEXT",
    help="Put this before each id, such as NAME/ for the images of one of several folders.",
)  # fmt: skip
@click.option("--activations", is_flag=True, help="Keep the activations too.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@encoder_options
@shared.json_option
def command(
    inputs: tuple[Path, ...],
    output: Path,
    root: str,
    labels: Path | None,
    multi_label: bool,
    classes: int | None,
    labels_file: Path | None,
    id_prefix: str,
    activations: bool,
    resume: bool,
    force: bool,
    as_json: bool,
    **encoder_values: Any,
) -> None:
    """Run a net over images and keep the code of each.

    INPUT is an LMDB, a folder of class folders or of images, a list of paths and labels
    (- is stdin), or images. The net, its weights and the preparation of its input come from
    ssdh.toml. A bit is 1 if an activation is above 0.5; if the blob holds no code, only the
    activations are kept. Items that cannot be read are left out. CODES ends in .npz, .h5 or
    .parquet.

    Class folders get the labels that the net was trained with, by the labels.txt that 'ssdh data
    build' wrote next to its LMDB. Codes keep the names of the classes.
    """
    from ssdh_surgery.pipeline.encode.encode import encode
    from ssdh_surgery.pipeline.encode.open_source import SourceOptions

    several = several_labels(multi_label=multi_label, classes=classes)
    with _Narrator() as narrator:
        result = encode(
            inputs,
            output,
            options_of(encoder_values),
            SourceOptions(root, labels, several, labels_file, id_prefix),
            narrator,
            keep_activations=activations,
            resume=resume,
            force=force,
        )
    if as_json:
        terminal.answer_json(result.as_json())
    else:
        narrator.count_unreported(output)
        _answer(result)
        narrator.report(result.findings)


class _Narrator(ExitStack):
    """Tells the user how a run goes: an `EncodeListener`, and the context of its counter."""

    def __init__(self) -> None:
        super().__init__()
        self._left_out = 0
        self._findings: Sequence[Finding] = ()
        self._counter: Counter | None = None

    def on_start(self, encoder: Encoder, source: EncodeSource, findings: Sequence[Finding]) -> None:
        """Name the files, the engine and the transform, and show the findings."""
        for sentence in encoder.passed_over:
            terminal.warn(sentence)
        for sentence in encoder.engine.passed_over:
            terminal.say(f"passed over {sentence}")
        names = f"{encoder.net.source.name} with {encoder.weights}"
        terminal.say(f"{names}: '{encoder.blob}', by {encoder.engine.name}")
        terminal.say(f"input: {encoder.transform.words(are_files=source.is_files)}")
        if source.names.file is not None:
            terminal.say(f"class names: {source.names.file}")
        self.report(findings)
        self._counter = self.enter_context(Counter("encoding"))

    def report(self, findings: Sequence[Finding]) -> None:
        """Show findings, each once."""
        for finding in findings:
            if finding not in self._findings:
                terminal.finding(finding)
        self._findings = findings

    def on_progress(self, items: int, total: int) -> None:
        """Move the counter."""
        if self._counter is not None:
            self._counter(items, total)

    def on_left_out(self, sentence: str) -> None:
        """Warn about the first items."""
        self._left_out += 1
        if self._left_out <= _MAX_WARNINGS:
            terminal.warn(sentence)

    def on_interrupt(self) -> None:
        """Say how to resume."""
        terminal.say("interrupted; the same command with --resume continues")

    def count_unreported(self, file: Path) -> None:
        """Say how many more items were left out."""
        if self._left_out > _MAX_WARNINGS:
            more = count_text(self._left_out - _MAX_WARNINGS, "more item is", "more items are")
            terminal.warn(f"{more} left out; 'left_out' in {file} lists them all")


def _answer(result: EncodeResult) -> None:
    left_out = f", {len(result.left_out):,} left out" if result.left_out else ""
    bits, values = count_text(result.bits, "bit"), count_text(result.width, "value")
    codes, features = count_text(result.count, "code"), count_text(result.count, "feature")
    kept = f"{codes} of {bits}" if result.bits else f"{features} of {values}"
    terminal.answer(f"wrote {result.file}: {kept}{left_out}")
    if result.health is None:
        return
    for sentence in result.health.words():
        terminal.answer(f"  {sentence}")
