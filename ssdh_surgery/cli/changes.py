"""One change of a net or a solver: as JSON, and as a readable line."""

from __future__ import annotations

from typing import Any

from ssdh_surgery.cli.styles import styled
from ssdh_surgery.names import printable
from ssdh_surgery.surgery.diff.differences import Difference


def change_json(change: Difference) -> dict[str, Any]:
    """One change as JSON."""
    return {"path": change.path, "before": change.before, "after": change.after}


def describe_change(change: Difference) -> str:
    """One change as a readable line."""
    path = printable(change.path)
    if change.before is None:
        return styled(f"+ {path}", fg="green") + _value_after_path(change.after)
    if change.after is None:
        return styled(f"- {path}", fg="red") + _value_after_path(change.before)
    if set(_keys(change.before)) == set(_keys(change.after)) == {"index"}:
        moved = f"moved from {change.before['index']} to {change.after['index']}"
        return styled(f"~ {path}", fg="yellow") + f": {moved}"
    return styled(f"~ {path}", fg="yellow") + f": {_value(change.before)} -> {_value(change.after)}"


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _value_after_path(value: Any) -> str:
    """A value that came or went, after the path: a layer by its type and connections."""
    # In V0 the type of a layer is in an inner message.
    core = value.get("layer", value) if isinstance(value, dict) else None
    if isinstance(core, dict) and "type" in core:
        parts = [printable(str(core["type"]))]
        bottoms, tops = value.get("bottom"), value.get("top")
        if bottoms or tops:
            parts.append(f"{_names(bottoms)} -> {_names(tops)}")
        return " " + " ".join(parts)
    return f": {_value(value)}"


def _names(names: Any) -> str:
    return ", ".join(printable(str(name)) for name in names or [])


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f"'{printable(value)}'"
    if isinstance(value, dict):
        inner = ", ".join(f"{printable(name)}: {_value(each)}" for name, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
