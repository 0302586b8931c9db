"""`ssdh show`: the layers of a net with their shapes and costs, or what another file holds."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.net_table import show_table
from ssdh_surgery.cli.options import input_shape_option, json_option
from ssdh_surgery.cli.record_table import show_records
from ssdh_surgery.cli.summary_table import show_summary
from ssdh_surgery.cli.types import TEXT, BlobShape, OutputPath
from ssdh_surgery.cli.writing import force_option
from ssdh_surgery.errors import MOST_FINDINGS
from ssdh_surgery.findings import ASSUMED_CHANNELS, UNKNOWN_LAYER_TYPE, Finding
from ssdh_surgery.pipeline.files.outputs import write_new
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.inspect.show import NetTable, net_json, net_table

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.summary.file_kind import FileKind

# The options that only a net has.
_OF_NETS = ("phase", "stages", "level", "input_shapes", "svg", "dot", "force")


@click.command("show", cls=Command, epilog="\b\nExample:\n  ssdh show zoo:googlenet --phase TEST")
@click.argument("file", metavar="FILE")
@click.option("--phase", type=click.Choice(["TRAIN", "TEST"]), help="Show the net in this phase.")
@click.option(
    "--stage",
    "stages",
    type=TEXT,
    multiple=True,
    metavar="NAME",
    help="Show the net in this stage; may be repeated.",
)
@click.option(
    "--level", type=int, default=0, metavar="N", help="Show the net at this level (default: 0)."
)
@input_shape_option
@click.option(
    "--svg",
    type=OutputPath("a drawing", ".svg"),
    metavar="FILE",
    help="Draw the net as an SVG instead.",
)
@click.option(
    "--dot",
    type=OutputPath("a drawing for Graphviz", ".dot", ".gv"),
    metavar="FILE",
    help="Draw it in the language of Graphviz.",
)
@force_option
@json_option
def command(
    file: str,
    phase: Phase | None,
    stages: tuple[str, ...],
    level: int,
    input_shapes: tuple[BlobShape, ...],
    svg: Path | None,
    dot: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show what a file holds: the layers of a net, or a summary of any other file.

    FILE is a net in any of Caffe's dialects, a solver, weights, a solverstate, a mean, an LMDB or
    a LevelDB, HDF5 data, codes, an index, an ONNX model, a list of images, a log, the folder of
    a run, or ssdh.toml; its content decides. `-` is a net or a solver on standard input,
    `zoo:NAME` a built-in network.

    A net is shown in one phase with its shapes and costs, and its heads. Without --phase, it is
    TRAIN if some layer is in TRAIN only, else TEST.

    MACs are the multiply-adds of convolutions, inner products and recurrent layers for one
    batch; share is a layer's part of all MACs.

    A drawing has a box for each layer together with the in-place layers that follow it; the
    hash layer has a color of its own.
    """
    kind = _kind(file)
    if kind is not None:
        _refuse_net_options()
        _show_other(Path(file), kind, as_json=as_json)
        return
    source = read_source(file)
    if source.kind is Kind.SOLVER:
        from ssdh_surgery.pipeline.summary.training import of_solver

        _refuse_net_options()
        show_summary(of_solver(source), as_json=as_json)
        terminal.warn_of(source.findings)
        return
    view = net_table(source, phase, dict(input_shapes), level, stages)
    drawings = _drawings(view, svg, dot)
    written = write_new(drawings, force=force)
    if as_json:
        terminal.answer_json(net_json(view))
    elif not drawings:
        show_table(view)
    else:
        for path in drawings:
            name = terminal.path_text(path)
            terminal.answer(f"wrote {name}" if path in written else f"{name} is up to date")
    if view.other_states and not stages and not level:
        terminal.say(f"note: its rules distinguish more states: {_options(view)}")
    # Unknown types are reported along with the shapes that they leave unknown.
    terminal.warn_of(each for each in source.findings if each.rule is not UNKNOWN_LAYER_TYPE)
    for finding in view.findings[:MOST_FINDINGS]:
        _tell(finding)
    if len(view.findings) > MOST_FINDINGS:
        terminal.warn(f"{len(view.findings) - MOST_FINDINGS} more findings are not listed")


def _kind(file: str) -> FileKind | None:
    """The kind of a file or a folder other than a prototxt; None for a prototxt.

    A pipe can be read only once, and is taken for a prototxt.
    """
    if file == "-" or zoo.is_zoo_name(file) or not (os.path.isfile(file) or os.path.isdir(file)):
        return None
    from ssdh_surgery.pipeline.summary.file_kind import FileKind, kind_of_file

    kind = kind_of_file(Path(file))
    return None if kind is FileKind.PROTOTXT else kind


def _refuse_net_options() -> None:
    """Refuse the options that are for nets.

    Raises:
        click.UsageError: one was given.
    """
    context = click.get_current_context()
    for param in context.command.params:
        is_given = context.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if is_given and param.name in _OF_NETS:
            name = context.params["file"]
            raise click.UsageError(f"{param.opts[0]} is for nets, and {name} is none")


def _show_other(path: Path, kind: FileKind, *, as_json: bool) -> None:
    """Show what a file that is no prototxt holds."""
    from ssdh_surgery.pipeline.summary.file_kind import FileKind
    from ssdh_surgery.pipeline.summary.summarize import summary_of

    if kind is not FileKind.RECORDS:
        show_summary(summary_of(path, kind), as_json=as_json)
        return
    from ssdh_surgery.pipeline.data_show import show_data

    records = show_data(path)
    if as_json:
        place = {"content": str(kind), "file": str(path)}
        terminal.answer_json({**place, **records.as_json()})
    else:
        show_records(records, str(path))
        terminal.remark(f"`ssdh data show {shlex.quote(str(path))}` also verifies and draws them")


def _options(view: NetTable) -> str:
    """The options that show the other states of a net."""
    net = view.net
    phases = {state.phase for state in view.other_states}
    return ", ".join(
        " ".join(
            [
                *([f"--phase {state.phase}"] if len(phases) > 1 or net.has_phases else []),
                *(f"--stage {shlex.quote(stage)}" for stage in sorted(state.stages)),
                *([f"--level {state.level}"] if state.level else []),
            ]
        )
        for state in view.other_states
    )


def _drawings(view: NetTable, svg: Path | None, dot: Path | None) -> dict[Path, bytes]:
    """The drawings of a net by the files that they go to."""
    if svg is None and dot is None:
        return {}
    from ssdh_surgery.report.drawing import Drawing

    drawing = Drawing(view.net, view.shapes, view.heads, view.hashing)
    drawings = {svg: drawing.svg()} if svg else {}
    return {**drawings, dot: drawing.dot.encode()} if dot else drawings


def _tell(finding: Finding) -> None:
    """Print why something is unknown, or why Caffe would refuse the net.

    With -v assumptions too, and notes with their codes.
    """
    if finding.is_error:
        terminal.warn("Caffe would refuse this net")
        terminal.finding(finding)
    elif finding.severity == "warning":
        hint = f"\nhint: {finding.hint}" if finding.hint else ""
        terminal.warn(f"{finding.location}: {finding.message}{hint}")
    else:
        hint = f" ({finding.hint})" if finding.hint else ""
        if terminal.is_verbose():
            label = f"{finding.location}: {finding.severity} {finding.code} {finding.name}"
            terminal.detail(f"{label}: {finding.message}{hint}")
        elif finding.rule is not ASSUMED_CHANNELS:
            terminal.say(f"note: {finding.message}{hint}")
