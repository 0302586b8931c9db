"""The results of functions that edit files: one value for each file, nothing but data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from ssdh_surgery.pipeline.edit.result import FileResult, Results
from ssdh_surgery.pipeline.files.outputs import Mode, WritePlan, unified_diff
from ssdh_surgery.surgery.diff.differences import Difference


@dataclass(frozen=True)
class EditedFile:
    """One file that was read, and its result.

    Args:
        source: the name of the file that was read.
        path: the file of the result; the source itself if there is nothing to change.
        kind: `train net`, `deploy net`, `solver` or `weights`.
        data: the bytes of the result.
        is_changed: whether the result differs from what was read.
        is_written: whether the result was written, in this call.
        changes: what changed, field by field.
        notes: what to know about the result.
        warnings: the reasons to doubt it.
        diff: the changes as `diff -u` shows them; empty if there are none.
    """

    source: str
    path: Path
    kind: str
    data: bytes = field(repr=False)
    is_changed: bool
    is_written: bool
    changes: tuple[Difference, ...] = field(repr=False)
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    diff: str = field(repr=False)


@dataclass(frozen=True)
class EditResult:
    """What a function that edits has done.

    Args:
        files: the files, in the order of the work.
        workspace: the `ssdh.toml` that records the nets; None if none is kept.
        notes: what to know about all of them.
        warnings: the reasons to doubt the results.
        next_command: what a user would run next; None if it is unknown.
    """

    files: tuple[EditedFile, ...]
    workspace: Path | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    next_command: str | None

    @property
    def written(self) -> tuple[Path, ...]:
        """The paths of the files that were written."""
        return tuple(file.path for file in self.files if file.is_written)

    @property
    def is_changed(self) -> bool:
        """Whether any result differs from what was read."""
        return any(file.is_changed for file in self.files)


def write_plan(
    *, write: bool, out: str | Path | None, in_place: bool, force: bool, suffix: str | None = None
) -> WritePlan:
    """The keyword arguments of functions that write next to what they read, as one value.

    Raises:
        UsageError: two of them exclude each other.
    """
    mode = Mode.WRITE if write else Mode.DRY_RUN
    plan = WritePlan(mode, None if out is None else Path(out), in_place, force)
    return plan if suffix is None else replace(plan, suffix=suffix)


def edit_result(results: Results) -> EditResult:
    """The results of the pipeline as plain values."""
    workspace = results.workspace
    return EditResult(
        tuple(_edited(file, file.output.path in results.written) for file in results.files),
        workspace.path if workspace is not None and workspace.nets else None,
        results.notes,
        results.warnings,
        results.next_command,
    )


def _edited(file: FileResult, is_written: bool) -> EditedFile:
    output = file.output
    return EditedFile(
        file.source.name,
        output.path,
        file.source.kind.value,
        output.data,
        file.is_changed,
        is_written,
        file.differences,
        file.all_notes,
        file.warnings,
        unified_diff(file.as_text, file.source.name),
    )
