"""Weights as printed tables: their blobs, a comparison, and what a net copies of them."""

from __future__ import annotations

from collections import Counter

from ssdh_surgery.caffe.weights.copy_table import CopyStatus
from ssdh_surgery.cli import table, terminal
from ssdh_surgery.cli.table import Column
from ssdh_surgery.names import count_text, printable, shape_text
from ssdh_surgery.pipeline.inspect.compare_weights import (
    BlobDifference,
    BlobStatus,
    WeightsComparison,
)
from ssdh_surgery.pipeline.inspect.net_weights import NetWeights
from ssdh_surgery.pipeline.inspect.weights import BlobRow, WeightsTable

_BLOBS = (
    Column("layer", least=16),
    Column("type", least=9, rank=5),
    Column("blob", is_number=True),
    Column("shape"),
    Column("values", is_number=True, rank=4),
    Column("mean", is_number=True, rank=1),
    Column("std", is_number=True, rank=1),
    Column("min", is_number=True, rank=2),
    Column("max", is_number=True, rank=2),
    Column("zeros", is_number=True, rank=3),
)
_DIFFERENCES = (
    Column("layer", least=16),
    Column("blob", is_number=True),
    Column("shape"),
    Column("distance", is_number=True),
    Column("largest", is_number=True, rank=1),
    Column(""),
)
_COPIES = (Column("layer", least=16), Column("net"), Column("file"), Column(""))
_STATUS_WORDS: dict[CopyStatus, str] = {
    "copied": "copied",
    "new": "new: starts from its filler",
    "unused": "not in the net",
    "shape-clash": "other shapes: Caffe stops",
}


def show_blobs(weights: WeightsTable) -> None:
    """Answer with the blobs of a file."""
    if weights.state is None:
        title = f"{weights.file}: weights of {count_text(len(weights.layers), 'layer')}"
    else:
        iteration, learned_net = weights.state
        title = (
            f"{weights.file}: a solver's state at iteration {iteration:,}, with the weights "
            f"{printable(learned_net) or '(none)'}"
        )
    terminal.answer(title, bold=True)
    marks = {number: _mark(row) for number, row in enumerate(weights.rows) if _mark(row)}
    table.show(_BLOBS, [_cells(row) for row in weights.rows], marks=marks)
    total = weights.total("count")
    words = [f"total: {count_text(total, 'value')} in {count_text(len(weights.rows), 'blob')}"]
    if total:
        words.append(f"{weights.total('zeros') / total:.2%} zeros")
    words += [
        f"{weights.total(name):,} {word}"
        for name, word in (("nans", "nan"), ("infs", "inf"))
        if weights.total(name)
    ]
    terminal.prose(", ".join(words))


def _mark(row: BlobRow) -> str:
    each = row.statistics
    words = [
        f"{count:,} {word}" for count, word in ((each.nans, "nan"), (each.infs, "inf")) if count
    ]
    if each.is_zero:
        words.append("all zero")
    return f"<- {', '.join(words)}" if words else ""


def _cells(row: BlobRow) -> tuple[str, ...]:
    each = row.statistics
    numbers = (each.mean, each.std, each.least, each.most)
    return (
        printable(row.layer),
        printable(row.type),
        str(row.index),
        shape_text(row.shape),
        f"{each.count:,}",
        *map(_number, numbers),
        f"{each.zeros / each.count:.1%}" if each.zeros else "",
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def show_comparison(comparison: WeightsComparison) -> None:
    """Answer with the blobs that differ, and how many are the same."""
    different = [each for each in comparison.blobs if each.status != "same" or each.is_renamed]
    if different:
        table.show(_DIFFERENCES, [_difference(each) for each in different])
    counts = Counter(each.status for each in comparison.blobs)
    words: dict[BlobStatus, str] = {
        "same": "the same",
        "different": "with other values",
        "other-shape": "of another shape",
        "only-here": f"only in {comparison.file}",
        "only-there": f"only in {comparison.other}",
    }
    parts = [f"{counts[status]:,} {text}" for status, text in words.items() if counts[status]]
    renamed = sum(each.is_renamed for each in comparison.blobs)
    parts += [f"{renamed:,} under another name"] if renamed else []
    terminal.prose(f"{count_text(len(comparison.blobs), 'blob')}: {', '.join(parts)}")


def _difference(each: BlobDifference) -> tuple[str, ...]:
    names = [printable(name) for name in (each.layer, each.other_layer) if name is not None]
    shapes = [shape_text(shape) for shape in (each.shape, each.other_shape) if shape is not None]
    words = {"same": "the same values", "other-shape": "other shape", "different": ""}
    return (
        " -> ".join(dict.fromkeys(names)),
        str(each.index),
        " -> ".join(dict.fromkeys(shapes)),
        _number(each.distance) if each.status in ("same", "different") else "",
        _number(each.largest) if each.status in ("same", "different") else "",
        words.get(each.status, each.status.replace("-", " ")),
    )


def show_copy(result: NetWeights) -> None:
    """Answer with what a net copies, layer by layer."""
    rows = [
        (
            printable(row.layer),
            ", ".join(map(shape_text, row.shapes)),
            ", ".join(map(shape_text, row.file_shapes)),
            _STATUS_WORDS[row.status],
        )
        for row in result.copy.rows
    ]
    table.show(_COPIES, rows)
    copied, all_layers = result.copy.names("copied"), len(result.copy.rows)
    terminal.prose(
        f"{len(copied)} of {count_text(all_layers, 'layer')} of the two are copied from "
        f"{result.copy.file} into {result.net} in {result.state}"
    )
    for ours, theirs in result.renamed:
        terminal.prose(
            printable(f"'{ours}' of the net may be '{theirs}' of the file: its shapes are the same")
        )
