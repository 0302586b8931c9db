"""How patched files are shown: a summary, a diff, JSON; one way for patch and deploy."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from ssdh_surgery.cli import terminal
from ssdh_surgery.names import printable as plain
from ssdh_surgery.pipeline.edit.result import Patched, PatchedFile
from ssdh_surgery.pipeline.files.outputs import Mode, Output, WritePlan, unified_diff
from ssdh_surgery.surgery.diff.differences import Difference


def as_json(patched: Patched) -> dict[str, Any]:
    """The answer of `patch --json` and `deploy --json`."""
    return {
        "files": [
            {
                "source": each.source.name,
                "output": str(each.output.path),
                "kind": each.source.kind.value,
                "changes": [
                    {**change_json(change), "line": change.line} for change in each.differences
                ],
            }
            for each in patched.files
        ],
        "workspace": _workspace_path(patched),
    }


def change_json(change: Difference) -> dict[str, Any]:
    """One change as JSON."""
    return {"path": change.path, "before": change.before, "after": change.after}


def _workspace_path(patched: Patched) -> str | None:
    if patched.workspace is None or not patched.workspace.nets:
        return None
    from ssdh_surgery.pipeline.workspace.paths import seen_from_here

    return str(seen_from_here(patched.workspace.path))


def show(patched: Patched, plan: WritePlan, *, json: bool) -> int:
    """Show what was or would be done, and return the exit code."""
    for warning in (*(said for each in patched.files for said in each.warnings), *patched.warnings):
        terminal.warn(warning)
    if patched.files[0].source.is_stdin:
        _pass_on(patched.files[0], plan)
    elif json:
        terminal.answer_json(as_json(patched))
    elif plan.mode is Mode.DIFF:
        for each in patched.files:
            if each.is_changed:
                terminal.answer_diff(unified_diff(each.as_text, each.source.name))
    else:
        _summary(patched, plan)
    return 1 if plan.mode is Mode.CHECK and any(map(_would_change, patched.files)) else 0


def _would_change(each: PatchedFile) -> bool:
    if each.source.is_stdin:
        return each.is_changed
    return each.is_result and not each.output.is_written


def _pass_on(each: PatchedFile, plan: WritePlan) -> None:
    """Standard input: the file to stdout, the words to stderr."""
    terminal.answer_to_stderr()
    if plan.mode is Mode.DIFF:
        terminal.answer_diff(unified_diff(each.as_text, each.source.name, "<stdout>"))
    elif plan.mode is Mode.WRITE:
        terminal.answer_bytes(each.output.data)
    _describe(each, "" if each.is_changed else "nothing to do")


def _summary(patched: Patched, plan: WritePlan) -> None:
    for each in patched.files:
        _describe(each, _outcome(each, patched, plan))
    for note in patched.notes:
        terminal.say(f"note: {note}")
    if patched.next_command and plan.mode is Mode.WRITE:
        terminal.answer(f"next: {patched.next_command}")


def _outcome(each: PatchedFile, patched: Patched, plan: WritePlan) -> str:
    return outcome(each.output, plan, patched.written) if each.is_result else "nothing to do"


def outcome(output: Output, plan: WritePlan, written: Collection[Path]) -> str:
    """What became of a file, or would."""
    path = output.path
    if path in written:
        return f"wrote {path}"
    if output.is_written:
        return f"{path} is up to date"
    if output.is_blocked(plan):
        return f"would write {path}, but it exists and holds something else: --force replaces it"
    return f"would write {path}"


def _describe(each: PatchedFile, outcome: str) -> None:
    from ssdh_surgery.cli.hash_cost import cost_lines

    title = f"{each.source.name} ({each.source.kind})"
    terminal.answer(f"{title}: {outcome}" if outcome else title)
    for change in each.differences:
        terminal.answer(f"  {change.line:>5}  {describe_change(change)}")
    for line in cost_lines(each):
        terminal.answer(f"  {line}")
    for note in each.all_notes:
        terminal.answer(f"  note: {note}")


def describe_change(change: Difference) -> str:
    """One change as a line for people."""
    path = plain(change.path)
    if change.before is None:
        return click.style(f"+ {path}", fg="green") + _shown(change.after)
    if change.after is None:
        return click.style(f"- {path}", fg="red") + _shown(change.before)
    if set(_keys(change.before)) == set(_keys(change.after)) == {"index"}:
        return f"~ {path}: moved from {change.before['index']} to {change.after['index']}"
    return f"~ {path}: {_value(change.before)} -> {_value(change.after)}"


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _shown(value: Any) -> str:
    """A value that came or went, after the path: a layer by its type and connections."""
    # In V0 a layer's type stands in a message of its own.
    core = value.get("layer", value) if isinstance(value, dict) else None
    if isinstance(core, dict) and "type" in core:
        parts = [plain(str(core["type"]))]
        bottoms, tops = value.get("bottom"), value.get("top")
        if bottoms or tops:
            parts.append(f"{_names(bottoms)} -> {_names(tops)}")
        return " " + " ".join(parts)
    return f": {_value(value)}"


def _names(names: Any) -> str:
    return ", ".join(plain(str(name)) for name in names or [])


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f"'{plain(value)}'"
    if isinstance(value, dict):
        inner = ", ".join(f"{plain(name)}: {_value(each)}" for name, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
