"""The results of a command that edits: one for each file, with its place and its notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.pipeline.edit.draft import Draft
from ssdh_surgery.pipeline.files.outputs import Output, WritePlan, write_all
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.staging.staged_file import Write, clean_folders
from ssdh_surgery.surgery.core.judge import MESSAGE_OF
from ssdh_surgery.surgery.diff.differences import Difference, differences


@dataclass(frozen=True)
class FileResult:
    """The result for one file: the source, the output, and the document after all changes."""

    source: SourceFile
    output: Output
    after: Document
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    # A note that is slow to work out, so only when notes are shown.
    late_note: Callable[[], str | None] | None = None

    @property
    def all_notes(self) -> tuple[str, ...]:
        """All notes: those of the source first, the late note last."""
        late = self.late_note() if self.late_note else None
        return (*self.source.notes, *self.notes, *([] if late is None else [late]))

    @property
    def as_text(self) -> Output:
        """The output as text: for weights their net, without values."""
        if self.source.kind is not Kind.WEIGHTS:
            return self.output
        before, after = bytes(self.source.document), bytes(self.after)
        return replace(self.output, old=before, data=after)

    @property
    def is_changed(self) -> bool:
        """Whether the output differs from the source."""
        return self.output.data != self.output.old

    @property
    def is_result(self) -> bool:
        """Whether there is a file to write: an output other than the source itself."""
        return not self.source.is_stdin and (self.is_changed or self.source.is_zoo)

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """The semantic differences between source and result."""
        if not self.is_changed:
            return ()
        kind = MESSAGE_OF[self.source.kind]
        return tuple(differences(self.source.document, self.after, kind))


@dataclass(frozen=True)
class Results:
    """All results of a command.

    `workspace` is None where none is kept, `written` are the paths of the files that were
    written, and `next_command` is what the user would run next.
    """

    files: tuple[FileResult, ...]
    workspace: Workspace | None
    written: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    next_command: str | None = None


def write_results(
    results: Sequence[FileResult], plan: WritePlan, also: Sequence[Write] = ()
) -> list[Path]:
    """Write the files of results, all or none, and `also` further files with them.

    Returns:
        The paths that were written.

    Raises:
        FileError: a file cannot be written, or may not be replaced; see `write_all`.
    """
    clean_folders(each.output.path.parent for each in results if not each.source.is_stdin)
    return write_all([each.output for each in results if each.is_result], plan, also)


def result_of(
    source: SourceFile, draft: Draft, plan: WritePlan, notes: Sequence[str] = ()
) -> FileResult:
    """The result of editing a source; without a change, the source itself is its output."""
    data = bytes(draft.document)
    is_new = data != source.data or source.is_zoo
    path = plan.target(source.place) if is_new else source.place
    return derived_result(source, draft, path, notes)


def derived_result(
    source: SourceFile, draft: Draft, path: Path, notes: Sequence[str] = ()
) -> FileResult:
    """The result of deriving the file at `path` from a source."""
    output = Output(path, bytes(draft.document), source.path, source.data)
    return FileResult(source, output, draft.document, tuple(notes), draft.warnings)
