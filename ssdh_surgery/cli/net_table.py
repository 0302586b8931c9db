"""A net as a printed table: its layers with shapes and costs, the totals, and its heads."""

from __future__ import annotations

from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.shapes import LayerShapes
from ssdh_surgery.cli import terminal
from ssdh_surgery.names import printable, shape_text
from ssdh_surgery.pipeline.inspect.show import NetTable
from ssdh_surgery.surgery.hashing.roles import ROLE_WORDS

_TITLES = ("line", "layer", "type", "shape", "params", "MACs", "share", "bottoms -> tops")
# Columns of numbers are aligned at their right ends.
_RIGHT = frozenset(["line", "params", "MACs", "share"])


def show_table(view: NetTable) -> None:
    """Answer with the table of a net."""
    name, layers = printable(view.net.name) or "unnamed net", view.shapes.layers
    count = f"{len(layers)} layer{'' if len(layers) == 1 else 's'}"
    title = f"{name}: {count} in {view.state} ({view.net.dialect} dialect)"
    terminal.answer(title, bold=True)
    _table(view)
    terminal.answer(_totals(view))
    for head in view.heads:
        terminal.answer(_head(head))


def _table(view: NetTable) -> None:
    marks = {
        **{index: ROLE_WORDS[role] for index, role in view.hashing.items()},
        **{
            head.classifier.index: "main head" if head.is_main else "aux head"
            for head in view.heads
        },
    }
    total = view.shapes.macs
    layers = view.shapes.layers
    rows = [_row(layer_shapes, total) for layer_shapes in layers]
    widths = [max(map(len, column)) for column in zip(_TITLES, *rows, strict=True)]
    terminal.answer(_aligned(_TITLES, widths), dim=True)
    for layer_shapes, row in zip(layers, rows, strict=True):
        text = _aligned(row, widths)
        if mark := marks.get(layer_shapes.layer.index):
            terminal.answer(f"{text}  <- {mark}", fg="green")
        else:
            terminal.answer(text)


def _row(shapes: LayerShapes, total: int | None) -> tuple[str, ...]:
    layer, macs = shapes.layer, shapes.macs
    share = f"{macs / total:.1%}" if macs and total else ""
    return (
        str(layer.line),
        printable(layer.name),
        printable(layer.type),
        ", ".join(map(shape_text, shapes.tops)),
        _number(shapes.param_count),
        _number(macs, short=True),
        share,
        printable(f"{', '.join(layer.bottoms)} -> {', '.join(layer.tops)}".strip()),
    )


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        text.rjust(width) if title in _RIGHT else text.ljust(width)
        for title, text, width in zip(_TITLES, row, widths, strict=True)
    ]
    return "  ".join(cells).rstrip()


def _number(value: int | None, *, short: bool = False) -> str:
    """A count as a cell: empty for 0, `?` if unknown."""
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


def _totals(view: NetTable) -> str:
    shapes = view.shapes
    if shapes.param_count is None:
        return "total: unknown without all shapes"
    statistics = shapes.statistics_count
    params = f"total: {shapes.param_count:,} params"
    if statistics:
        params += f" ({shapes.learned_count:,} learned, {statistics:,} BatchNorm statistics)"
    parts = [params]
    if shapes.macs is not None:
        parts.append(f"{_short(shapes.macs)} MACs{_per_item(shapes.macs, view.batch)}")
    if shapes.memory is not None:
        parts.append(f"{_short(shapes.memory, (' B', ' kB', ' MB', ' GB'))} of blobs")
    return ", ".join(parts)


def _per_item(macs: int, batch: int | None) -> str:
    if not batch or batch == 1 or macs % batch:
        return ""
    return f" for a batch of {batch} ({_short(macs // batch)} each)"


def _head(head: Head) -> str:
    judges = ", ".join(layer.name for layer in (*head.losses, *head.accuracies))
    return printable(
        f"{'main' if head.is_main else 'auxiliary'} head: '{head.features}' -> "
        f"{head.classifier.name} ({head.outputs})" + (f" -> {judges}" if judges else "")
    )
