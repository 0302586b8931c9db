"""`ssdh encode`: pictures, folders, lists and LMDBs to codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.counter import Counter
from ssdh_surgery.cli.encoder_options import encoder_options, options_of

if TYPE_CHECKING:
    from ssdh_surgery.retrieval.health import Health

_FILE = click.Path(path_type=Path)
# So many items that were left out are named, further ones counted.
_NAMED = 20


@click.command("encode", epilog="\b\nExample:\n  ssdh encode photos -o codes.npz --resize 256x256")
@click.argument("inputs", nargs=-1, required=True, type=_FILE, metavar="INPUT...")
@click.option("-o", "--output", type=_FILE, required=True, metavar="CODES", help="The new file.")
@click.option("--root", default="", metavar="DIR", help="Where a list's paths start (here).")
@click.option("--activations", is_flag=True, help="Keep the activations too.")
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@encoder_options
def command(
    inputs: tuple[Path, ...],
    output: Path,
    root: str,
    activations: bool,
    resume: bool,
    force: bool,
    **given: Any,
) -> None:
    """Run a net over pictures and keep the code of each.

    INPUT is an LMDB, a folder of class folders or of pictures, a list of paths and labels,
    or pictures. The net, its weights and what is done to its input come from ssdh.toml.
    A bit is 1 where an activation is above 0.5. What cannot be read is left out.
    """
    from ssdh_surgery.pipeline.encode import encode
    from ssdh_surgery.pipeline.encode_source import open_source
    from ssdh_surgery.pipeline.encoder import Encoder

    encoder = Encoder(options_of(given))
    source = open_source(inputs, encoder.transform, root)
    for finding in source.findings:
        terminal.warn(str(finding))
    for words in encoder.engine.passed_over:
        terminal.say(f"passed over {words}")
    terminal.say(
        f"{encoder.deploy} with {encoder.weights}: '{encoder.blob}', by {encoder.engine.name}"
    )
    terminal.say(f"input: {encoder.transform.words()}")
    stated = encoder.transform.stated
    if not stated["mean_file"] and not stated["mean_value"] and stated["scale"] is None:
        terminal.warn(
            "neither a mean nor a scale is known, so the net gets pixels from 0 to 255; say what "
            "it was trained with: --mean-file, --mean-value, --scale"
        )
    told = 0

    def report(words: str) -> None:
        nonlocal told
        told += 1
        if told <= _NAMED:
            terminal.warn(words)

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
        except KeyboardInterrupt:
            terminal.say("interrupted; the same command with --resume goes on")
            raise
    if told > _NAMED:
        terminal.warn(f"{told - _NAMED:,} more are left out")
    left_out = f", {len(made.left_out):,} left out" if made.left_out else ""
    terminal.answer(
        f"wrote {output}: {len(made.codes):,} codes of {made.codes.bits} bits{left_out}"
    )
    if made.health is not None:
        _judge(made.health)


def _judge(health: Health) -> None:
    for sentence in health.words():
        terminal.answer(f"  {sentence}")
    if health.is_collapsed:
        terminal.warn(
            "the codes have collapsed: they hardly differ from picture to picture. Check that "
            "the weights are those of this net, and its mean and scale; else train with "
            "a smaller learning rate"
        )
