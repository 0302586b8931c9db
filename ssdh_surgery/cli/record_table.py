"""The records of a database as a printed table: sizes, keys, and a histogram of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ssdh_surgery.cli import table, terminal
from ssdh_surgery.cli.table import Column
from ssdh_surgery.names import count_text, printable, size_text

if TYPE_CHECKING:
    from ssdh_surgery.data.datum import Shape
    from ssdh_surgery.pipeline.data_show import DataSummary

# The number of labels of a histogram, and of damaged records, that are listed.
_LISTED = 20
_BAR = 30
_LABEL_COLUMNS = (
    Column("label ", is_number=True),
    Column("  records", is_number=True),
    Column("share", rank=1),
    Column("class"),
)


def show_records(summary: DataSummary, name: str) -> None:
    """Answer with what a database holds: records, sizes, first keys, labels."""
    from ssdh_surgery.retrieval.codes.class_names import label_name

    terminal.answer(f"{name}: {count_text(summary.records, 'record')}", bold=True)
    whole = "" if summary.sized == summary.records else f" (of the first {summary.sized:,})"
    form = {0: "raw", summary.sized: "encoded"}.get(summary.encoded, "some encoded")
    terminal.answer(f"size {shapes_text(summary.shapes)}, {form}{whole}")
    terminal.prose(f"first keys: {', '.join(summary.first_keys)}")
    terminal.answer(f"{count_text(len(summary.labels), 'label')}:")
    largest = max(summary.labels.values(), default=1)
    rows = []
    for label, count in sorted(summary.labels.items())[:_LISTED]:
        class_name = label_name(label, summary.class_names)
        title = printable(class_name) if isinstance(class_name, str) else ""
        rows.append((str(label), f"{count:,}", "#" * max(1, _BAR * count // largest), title))
    table.show(_LABEL_COLUMNS, rows, has_titles=False, indent="  ")
    if len(summary.labels) > _LISTED:
        terminal.answer(f"  and {len(summary.labels) - _LISTED:,} more, to {max(summary.labels)}")
    for key, reason in list((summary.bad or {}).items())[:_LISTED]:
        terminal.warn(f"record '{key}': {reason}")
    if summary.bad is not None:
        good = summary.records - len(summary.bad)
        terminal.answer(f"{good:,} of {summary.records:,} records can be read")


def shapes_text(shapes: Mapping[Shape, int]) -> str:
    """The most common sizes of records, in words."""
    sizes = sorted(shapes.items(), key=lambda each: -each[1])
    names = [size_text(shape) for shape, _ in sizes[:3]]
    more = f" and {len(sizes) - 3:,} more" if len(sizes) > 3 else ""
    return ", ".join(names) + more + " (channels x height x width)"
