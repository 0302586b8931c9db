"""`ssdh export`: a deploy net and its weights as an ONNX model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal, types
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.encoder_options import TRANSFORM_SECTIONS, transform_of, transform_options
from ssdh_surgery.cli.options import input_shape_option

_FILE = click.Path(path_type=Path)


@click.command(
    "export",
    cls=Command,
    sections={
        "Net": ("weights", "blob", "input_shapes", "net"),
        **TRANSFORM_SECTIONS,
        "Writing": ("output", "force", "as_json"),
    },
    epilog="\b\nExample:\n  ssdh export deploy_ssdh.prototxt -o net.onnx --resize 256x256",
)
@click.argument("deploy", required=False, type=types.TEXT, metavar="[DEPLOY]")
@click.option(
    "--weights",
    type=_FILE,
    metavar="FILE",
    help="Use these weights (default: the newest snapshot).",
)
@click.option(
    "-o",
    "--output",
    type=types.OutputPath("an ONNX model", ".onnx"),
    required=True,
    metavar="FILE",
    help="Write this file, which ends in .onnx.",
)
@click.option(
    "--blob",
    type=types.TEXT,
    metavar="NAME",
    help="End with this blob (default: the code that ssdh.toml names below a classifier, else all "
    "outputs).",
)
@input_shape_option
@transform_options
@shared.net_option
@click.option("--force", is_flag=True, help="Replace an existing file.")
@shared.json_option
def command(
    deploy: str | None,
    weights: Path | None,
    output: Path,
    blob: str | None,
    input_shapes: tuple[tuple[str, tuple[int, ...]], ...],
    net: str | None,
    force: bool,
    as_json: bool,
    **transform_values: Any,
) -> None:
    """Write a deploy net with its weights as an ONNX model.

    Inputs and outputs have the names of the net's blobs, and the batch size is free. The
    preparation of images (resize, crop, mean, scale, channels, from ssdh.toml or from options)
    is in the model's metadata under `recipe`, with the SHA-256 of the net and of its weights; a
    mean image whose pixels differ is there under `mean`.
    """
    from ssdh_surgery.pipeline.export import ExportOptions, export

    options = ExportOptions(
        deploy, weights, blob, net, dict(input_shapes), transform_of(transform_values)
    )
    result = export(options, output, force=force)
    terminal.warn_of(result.findings)
    for sentence in result.passed_over:
        terminal.warn(sentence)
    if result.bound_by is not None:
        terminal.warn(f"the model takes only the batch size of the net: {result.bound_by}")
    if result.doubt is not None:
        terminal.warn(f"{result.doubt}: the model does not record it; --resize WxH does")
    if as_json:
        terminal.answer_json(result.as_json())
        return
    terminal.answer(
        f"wrote {result.path}: {_words(result.inputs)} -> {_words(result.outputs)}, "
        f"{result.size / 1e6:,.1f} MB, opset {result.opset}"
    )
    terminal.say(f"{result.deploy} with {result.weights}")
    terminal.say(f"input: {result.transform or 'the preparation of images is unknown'}")


def _words(blobs: Mapping[str, Sequence[int | str]]) -> str:
    return ", ".join(f"'{name}' [{', '.join(map(str, sizes))}]" for name, sizes in blobs.items())
