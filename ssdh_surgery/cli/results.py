"""How patched files are shown: a summary, a diff, JSON; one way for patch and deploy."""

from __future__ import annotations

import sys
from typing import Any

import click

from ssdh_surgery.cli import terminal
from ssdh_surgery.pipeline.outputs import Mode, WritePlan, unified_diff
from ssdh_surgery.pipeline.patch import Patched, PatchedFile
from ssdh_surgery.surgery.differences import Difference


def as_json(patched: Patched) -> dict[str, Any]:
    """The answer of `patch --json` and `deploy --json`."""
    return {
        "files": [
            {
                "source": each.source.name,
                "output": str(each.output.path) if each.source.path else None,
                "kind": each.source.kind.value,
                "changes": [change_json(change) for change in each.differences],
            }
            for each in patched.files
        ],
        "workspace": _workspace_path(patched),
    }


def change_json(change: Difference) -> dict[str, Any]:
    """One change as JSON."""
    return {
        "path": change.path,
        "before": change.before,
        "after": change.after,
        "line": change.line,
    }


def _workspace_path(patched: Patched) -> str | None:
    if patched.workspace is None or not patched.workspace.nets:
        return None
    from ssdh_surgery.pipeline.workspace import seen_from_here

    return str(seen_from_here(patched.workspace.path))


def show(patched: Patched, plan: WritePlan, *, json: bool, next_command: str | None) -> int:
    """Show what was or would be done, and return the exit code."""
    for each in patched.files:
        for warning in each.warnings:
            terminal.warn(warning)
    changed = [each for each in patched.files if each.is_changed]
    would_change = any(not each.output.is_written for each in changed)
    if any(each.source.path is None for each in patched.files):
        _pass_on(patched.files[0], plan)
    elif json:
        terminal.answer_json(as_json(patched))
    elif plan.mode is Mode.DIFF:
        for each in changed:
            _print_diff(unified_diff(each.output))
    else:
        _summary(patched, plan, next_command)
    return 1 if plan.mode is Mode.CHECK and would_change else 0


def _pass_on(each: PatchedFile, plan: WritePlan) -> None:
    """Standard input or a zoo net: the file to stdout, the words to stderr."""
    terminal.answer_to_stderr()
    if plan.mode is Mode.DIFF:
        sys.stdout.write(unified_diff(each.output))
    elif plan.mode is Mode.WRITE:
        sys.stdout.flush()
        sys.stdout.buffer.write(each.output.data)
        sys.stdout.flush()
    _describe(each, "")


def _print_diff(text: str) -> None:
    for row in text.splitlines():
        color = {"+": "green", "-": "red", "@": "cyan"}.get(row[:1])
        terminal.answer(row, **({"fg": color} if color else {}))


def _summary(patched: Patched, plan: WritePlan, next_command: str | None) -> None:
    for each in patched.files:
        if not each.is_changed:
            outcome = "nothing to do"
        elif plan.mode is not Mode.WRITE:
            outcome = f"would write {each.output.path}"
            if each.output.is_written:
                outcome = f"{each.output.path} is up to date"
        elif each.output.path in patched.written:
            outcome = f"wrote {each.output.path}"
        else:
            outcome = f"{each.output.path} is up to date"
        _describe(each, outcome)
    for note in patched.notes:
        terminal.say(f"note: {note}")
    if next_command and plan.mode is Mode.WRITE:
        terminal.answer(f"next: {next_command}")


def _describe(each: PatchedFile, outcome: str) -> None:
    terminal.answer(
        f"{each.source.name} ({each.source.kind})" + (f": {outcome}" if outcome else "")
    )
    for change in each.differences:
        terminal.answer(f"  {change.line:>5}  {describe_change(change)}")
    for note in each.notes:
        terminal.answer(f"  note: {note}")


def describe_change(change: Difference) -> str:
    """One change as a line for people."""
    if isinstance(change.after, dict) and change.before is None:
        return click.style(f"+ {change.path}", fg="green") + f" {_brief(change.after)}"
    if isinstance(change.before, dict) and change.after is None:
        return click.style(f"- {change.path}", fg="red") + f" {_brief(change.before)}"
    if change.before is None:
        return click.style(f"+ {change.path}", fg="green") + f": {_value(change.after)}"
    if change.after is None:
        return click.style(f"- {change.path}", fg="red") + f": {_value(change.before)}"
    return f"~ {change.path}: {_value(change.before)} -> {_value(change.after)}"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value}'"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _brief(message: dict[str, Any]) -> str:
    """A message in a few words: a layer by its type and connections."""
    parts = [str(message["type"])] if "type" in message else []
    bottoms, tops = message.get("bottom"), message.get("top")
    if bottoms or tops:
        parts.append(f"{', '.join(bottoms or [])} -> {', '.join(tops or [])}")
    return " ".join(parts)
