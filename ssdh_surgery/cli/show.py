"""`ssdh show`: the layers of a net with their shapes and costs, and its heads; or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ssdh_surgery import files, staging
from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.caffe.shapes import LayerShapes
from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal, types
from ssdh_surgery.cli.options import input_shape_option
from ssdh_surgery.cli.types import Given
from ssdh_surgery.errors import FileError
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable as plain
from ssdh_surgery.names import shape_text
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.inspect.show import ShownNet, net_json, shown_net
from ssdh_surgery.surgery.hashing.find import ROLE_WORDS

_TITLES = ("line", "layer", "type", "shape", "params", "MACs", "share", "bottoms -> tops")
# Columns of numbers are aligned at their ends.
_RIGHT = frozenset(["line", "params", "MACs", "share"])


class _PictureFile(click.Path):
    """Where a picture goes; `-` would mix it with the words."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The path, or click's own error."""
        if value == "-":
            self.fail("a picture needs a file of its own", param, ctx)
        return super().convert(value, param, ctx)


_FILE = _PictureFile(path_type=Path)


@click.command("show", epilog="\b\nExample:\n  ssdh show zoo:googlenet --phase TEST")
@click.argument("file", metavar="FILE")
@click.option("--phase", type=click.Choice(["TRAIN", "TEST"]), help="The phase to show.")
@click.option(
    "--stage",
    "stages",
    type=types.NAME,
    multiple=True,
    metavar="NAME",
    help="A stage to show it in; may be repeated.",
)
@click.option("--level", type=int, default=0, metavar="N", help="The level to show it in (0).")
@input_shape_option
@click.option("--svg", type=_FILE, metavar="FILE", help="Draw the net instead, as an SVG.")
@click.option("--dot", type=_FILE, metavar="FILE", help="Draw it in the language of Graphviz.")
@click.option("--force", is_flag=True, help="Replace pictures that exist.")
@shared.json_option
def command(
    file: str,
    phase: Phase | None,
    stages: tuple[str, ...],
    level: int,
    input_shapes: tuple[Given, ...],
    svg: Path | None,
    dot: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show the layers of a net in one phase with their shapes and costs, and its heads.

    FILE is a net in any of Caffe's dialects; `-` is standard input, `zoo:NAME` a built-in
    network. Without --phase: TRAIN where a layer is in TRAIN only, else TEST.

    MACs are the multiply-adds of convolutions, inner products and recurrent layers for one
    batch, share what a layer has of them all.

    A picture has a box for each layer, with the in-place layers that follow it; the hash
    layer has a colour that no other layers have.
    """
    if svg is not None and svg == dot:
        raise click.UsageError("--svg and --dot name the same file")
    shown = shown_net(read_source(file), phase, dict(input_shapes), level, stages)
    written = _draw(shown, svg, dot, force=force)
    if as_json:
        terminal.answer_json(net_json(shown))
    elif not written:
        _answer(shown)
    else:
        for words in written:
            terminal.answer(words)
    for finding in shown.findings:
        _tell(finding)


def _draw(shown: ShownNet, svg: Path | None, dot: Path | None, *, force: bool) -> list[str]:
    """Write the pictures that are asked for, all or none; what became of each.

    Raises:
        FileError: one exists and holds something else, or cannot be written.
    """
    if svg is None and dot is None:
        return []
    from ssdh_surgery.report.drawing import Drawing

    drawing = Drawing(shown.net, shown.shapes, shown.heads, shown.hashing)
    pictures = [(svg, drawing.svg())] if svg else []
    if dot:
        pictures.append((dot, drawing.dot.encode()))
    return _written(pictures, force=force)


def _written(pictures: list[tuple[Path, bytes]], *, force: bool) -> list[str]:
    new = [(path, data) for path, data in pictures if not _holds(path, data)]
    for path, _ in new:
        if path.exists() and not force:
            raise FileError(
                "the file exists and holds something else; nothing was written",
                location=Location(str(path)),
                hint="--force replaces it",
            )
    files.write_files([staging.Write(path, data, is_new=not force) for path, data in new])
    done = [path for path, _ in new]
    return [f"wrote {path}" if path in done else f"{path} is up to date" for path, _ in pictures]


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and files.read_bytes(path) == data


def _answer(shown: ShownNet) -> None:
    name, layers = plain(shown.net.name) or "unnamed net", shown.shapes.layers
    count = f"{len(layers)} layer{'' if len(layers) == 1 else 's'}"
    title = f"{name}: {count} in {shown.phase} ({shown.net.dialect} dialect)"
    terminal.answer(title, bold=True)
    _table(shown)
    terminal.answer(_totals(shown))
    for head in shown.heads:
        terminal.answer(_head(head))


def _table(shown: ShownNet) -> None:
    marks = {
        **{index: ROLE_WORDS[role] for index, role in shown.hashing.items()},
        **{head.classifier.index: "main head" if head.main else "aux head" for head in shown.heads},
    }
    total = shown.shapes.macs
    rows = [_row(each, total) for each in shown.shapes.layers]
    widths = [max(map(len, column)) for column in zip(_TITLES, *rows, strict=True)]
    terminal.answer(_aligned(_TITLES, widths), dim=True)
    for each, row in zip(shown.shapes.layers, rows, strict=True):
        mark = marks.get(each.layer.index)
        text = _aligned(row, widths)
        if mark:
            terminal.answer(f"{text}  <- {mark}", fg="green")
        else:
            terminal.answer(text)


def _row(each: LayerShapes, total: int | None) -> tuple[str, ...]:
    layer = each.layer
    share = f"{each.macs / total:.1%}" if each.macs and total else ""
    return (
        str(layer.line),
        plain(layer.name),
        plain(layer.type),
        ", ".join(map(shape_text, each.tops)),
        _number(each.param_count),
        _number(each.macs, short=True),
        share,
        plain(f"{', '.join(layer.bottoms)} -> {', '.join(layer.tops)}".strip()),
    )


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        text.rjust(width) if title in _RIGHT else text.ljust(width)
        for title, text, width in zip(_TITLES, row, widths, strict=True)
    ]
    return "  ".join(cells).rstrip()


def _number(value: int | None, *, short: bool = False) -> str:
    """A count for a table: nothing for 0, `?` where it is not known."""
    if value is None:
        return "?"
    if not value:
        return ""
    return _short(value) if short else f"{value:,}"


def _short(value: float, units: tuple[str, ...] = ("", " k", " M", " G", " T")) -> str:
    for unit in units:
        if value < 1000 or unit == units[-1]:
            break
        value /= 1000
    return f"{value:.4g}{unit}" if value < 1000 else f"{value:,.0f}{unit}"


def _totals(shown: ShownNet) -> str:
    found = shown.shapes
    if found.param_count is None:
        return "total: not known without all shapes"
    statistics = found.statistics_count
    params = f"total: {found.param_count:,} params"
    if statistics:
        params += f" ({found.learned_count:,} learned, {statistics:,} BatchNorm statistics)"
    parts = [params]
    if found.macs is not None:
        parts.append(f"{_short(found.macs)} MACs{_each(found.macs, shown.batch)}")
    if found.memory is not None:
        parts.append(f"{_short(found.memory, (' B', ' kB', ' MB', ' GB'))} of blobs")
    return ", ".join(parts)


def _each(macs: int, batch: int | None) -> str:
    if not batch or batch == 1 or macs % batch:
        return ""
    return f" for a batch of {batch} ({_short(macs // batch)} each)"


def _head(head: Head) -> str:
    judges = ", ".join(layer.name for layer in (*head.losses, *head.accuracies))
    return plain(
        f"{'main' if head.main else 'auxiliary'} head: '{head.features}' -> "
        f"{head.classifier.name} ({head.outputs})" + (f" -> {judges}" if judges else "")
    )


def _tell(finding: Finding) -> None:
    """Why something is not known, or what Caffe would stop at; what was assumed with -v."""
    if finding.severity == "error":
        terminal.warn(f"Caffe would refuse this net\n{finding}")
    elif finding.severity == "warning":
        terminal.warn(f"{finding.location}: {finding.message}")
    elif finding.name == "assumed-channels":
        terminal.detail(f"note: {finding.location}: {finding.message}")
    else:
        hint = f" ({finding.hint})" if finding.hint else ""
        terminal.say(f"note: {finding.message}{hint}")
