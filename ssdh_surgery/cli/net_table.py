"""A net as a printed table: its layers with shapes and costs, the totals, and its heads."""

from __future__ import annotations

from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.shapes import LayerShapes
from ssdh_surgery.cli import table, terminal
from ssdh_surgery.cli.table import Column
from ssdh_surgery.names import count_text, printable, shape_text
from ssdh_surgery.pipeline.inspect.show import NetTable
from ssdh_surgery.surgery.hashing.roles import ROLE_WORDS

_COLUMNS = (
    Column("line", is_number=True, rank=3),
    Column("layer", least=20),
    Column("type", least=9),
    Column("shape", least=11),
    Column("params", is_number=True),
    Column("MACs", is_number=True, rank=1),
    Column("share", is_number=True, rank=5),
    Column("bottoms -> tops", least=16, rank=4),
)


def show_table(view: NetTable) -> None:
    """Answer with the table of a net."""
    name, layers = printable(view.net.name) or "unnamed net", view.shapes.layers
    count = count_text(len(layers), "layer")
    title = f"{name}: {count} in {view.state} ({view.net.dialect} dialect)"
    terminal.answer(title, bold=True)
    _table(view)
    terminal.prose(_totals(view))
    for head in view.heads:
        terminal.prose(_head(head))


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
    table.show(
        _COLUMNS,
        [_row(each, total) for each in layers],
        marks={
            number: f"<- {marks[each.layer.index]}"
            for number, each in enumerate(layers)
            if each.layer.index in marks
        },
    )


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
