"""A net as a table for people: its layers with shapes and costs, the totals, and its heads."""

from __future__ import annotations

from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.shapes import LayerShapes, Shape
from ssdh_surgery.cli import terminal
from ssdh_surgery.names import shown as plain
from ssdh_surgery.pipeline.inspect.show import ShownNet
from ssdh_surgery.surgery.hashing.find import ROLE_WORDS

_TITLES = ("line", "layer", "type", "shape", "params", "MACs", "share", "bottoms -> tops")
# Columns of numbers are aligned at their right ends.
_RIGHT = frozenset(["line", "params", "MACs", "share"])


def show_table(shown: ShownNet) -> None:
    """Answer with the table of a net."""
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
        ", ".join(map(_shape, each.tops)),
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


def _shape(shape: Shape | None) -> str:
    if shape is None:
        return "?"
    return "x".join(map(str, shape)) or "scalar"


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
