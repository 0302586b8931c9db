"""The summary of a file as text: its title, its facts, its table, and where to see more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssdh_surgery.cli import table, terminal
from ssdh_surgery.cli.table import Column

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.summary.summary import Summary

_LEAST = 12


def show_summary(summary: Summary, *, as_json: bool) -> None:
    """Answer with a summary."""
    if as_json:
        terminal.answer_json(summary.as_json())
        return
    terminal.answer(f"{summary.file}: {summary.title}", bold=True)
    for name, fact in summary.facts.items():
        terminal.prose(f"{name}: {fact}")
    if summary.rows:
        columns = [Column(title, least=_LEAST) for title in summary.columns]
        table.show(columns, summary.rows)
    if summary.command is not None:
        terminal.remark(f"`{summary.command}` shows more")
