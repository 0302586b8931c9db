"""`ssdh encode`: pictures, folders, lists and LMDBs to codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.encoder_options import encoder_options, options_of
from ssdh_surgery.cli.live_line import Counter
from ssdh_surgery.cli.options import several_labels, several_labels_options
from ssdh_surgery.errors import EngineError, FileError
from ssdh_surgery.findings import COLLAPSED_CODES

if TYPE_CHECKING:
    from ssdh_surgery.findings import Finding
    from ssdh_surgery.pipeline.encode.encode import Encoded
    from ssdh_surgery.pipeline.encode.encoder import Encoder
    from ssdh_surgery.pipeline.encode.source import Source

_FILE = click.Path(path_type=Path)
# So many items that were left out are named, further ones counted.
_NAMED = 20
_COLLAPSED = COLLAPSED_CODES.at(
    None,
    "the codes have collapsed: nearly all images have the same one",
    "check that weights, mean and scale are those of this net; otherwise train with a smaller "
    "learning rate",
)


@click.command("encode", epilog="\b\nExample:\n  ssdh encode photos -o codes.npz --resize 256x256")
@click.argument("inputs", nargs=-1, required=True, type=_FILE, metavar="INPUT...")
@click.option("-o", "--output", type=_FILE, required=True, metavar="CODES", help="The new file.")
@click.option("--root", default="", metavar="DIR", help="Where a list's paths start (here).")
@click.option(
    "--labels", type=_FILE, metavar="FILE",
    help="Labels or label vectors in the order of the items: an LMDB or HDF5.",
)  # fmt: skip
@several_labels_options
@click.option("--activations", is_flag=True, help="Keep the activations too.")
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@encoder_options
@shared.json_option
def command(
    inputs: tuple[Path, ...],
    output: Path,
    root: str,
    labels: Path | None,
    multi_label: bool,
    classes: int | None,
    activations: bool,
    resume: bool,
    force: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Run a net over pictures and keep the code of each.

    INPUT is an LMDB, a folder of class folders or of pictures, a list of paths and labels
    (- is stdin), or pictures. The net, its weights and what is done to its input come from
    ssdh.toml. A bit is 1 where an activation is above 0.5; of a blob that holds no code the
    activations alone are kept. What cannot be read is left out. CODES ends in .npz, .h5 or
    .parquet.
    """
    from ssdh_surgery.pipeline.encode.encode import encode
    from ssdh_surgery.pipeline.encode.encoder import Encoder
    from ssdh_surgery.pipeline.encode.findings import input_findings
    from ssdh_surgery.pipeline.encode.source import open_source
    from ssdh_surgery.pipeline.files.outputs import refuse_existing
    from ssdh_surgery.retrieval.codes.forms import form_of_name
    from ssdh_surgery.retrieval.codes.writer import partial_folder

    form_of_name(output).require()
    refuse_existing(
        output, force=force, inputs=[*inputs, labels, given["deploy"], given["weights"]]
    )
    encoder = Encoder(options_of(given))
    several = several_labels(multi_label=multi_label, classes=classes)
    source = open_source(inputs, encoder.transform, root, labels, several)
    _introduce(encoder, source)
    findings = (*source.findings, *input_findings(encoder, source))
    for finding in findings:
        terminal.finding(finding)
    report = _Report()
    with Counter("encoding") as counter:
        try:
            made = encode(
                source,
                encoder,
                output,
                keep_activations=activations,
                resume=resume,
                force=force,
                progress=counter,
                report=report,
            )
        except (KeyboardInterrupt, EngineError, FileError):
            if partial_folder(output).exists():
                terminal.say("interrupted; the same command with --resume goes on")
            raise
    if made.health is not None and made.health.is_collapsed:
        findings = (*findings, _COLLAPSED)
    if as_json:
        terminal.answer_json(_as_json(made, encoder, source.name, findings))
    else:
        report.finish(made)
        _answer(made)


def _introduce(encoder: Encoder, source: Source) -> None:
    for words in encoder.engine.passed_over:
        terminal.say(f"passed over {words}")
    files = f"{encoder.net.source.name} with {encoder.weights}"
    terminal.say(f"{files}: '{encoder.blob}', by {encoder.engine.name}")
    terminal.say(f"input: {encoder.transform.words(are_files=source.is_files)}")


class _Report:
    """Tells of the first items that are left out, and where the others stand."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, words: str) -> None:
        self._told += 1
        if self._told <= _NAMED:
            terminal.warn(words)

    def finish(self, made: Encoded) -> None:
        """Tell how many were not named."""
        if self._told > _NAMED:
            terminal.warn(
                f"{self._told - _NAMED:,} more are left out; 'left_out' in {made.file} names all"
            )


def _answer(made: Encoded) -> None:
    left_out = f", {len(made.left_out):,} left out" if made.left_out else ""
    kept = f"codes of {made.bits} bits" if made.bits else f"features of {made.width} values"
    terminal.answer(f"wrote {made.file}: {made.count:,} {kept}{left_out}")
    if made.health is None:
        return
    for sentence in made.health.words():
        terminal.answer(f"  {sentence}")
    if made.health.is_collapsed:
        terminal.finding(_COLLAPSED)


def _as_json(
    made: Encoded, encoder: Encoder, source: str, findings: tuple[Finding, ...]
) -> dict[str, Any]:
    from ssdh_surgery.names import readable

    return {
        "file": str(made.file),
        "count": made.count,
        "bits": made.bits,
        "width": made.width,
        "left_out": [{"id": readable(name), "reason": reason} for name, reason in made.left_out],
        "recipe": encoder.recipe(source),
        "health": made.health.as_json() if made.health else None,
        "findings": [each.as_json() for each in findings],
    }
