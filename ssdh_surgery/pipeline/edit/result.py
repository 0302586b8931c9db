"""Results of commands that edit: one file each, with its place and what to say about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.pipeline.edit.draft import Draft
from ssdh_surgery.pipeline.files.outputs import Output, WritePlan
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery.core.judge import MESSAGE_OF
from ssdh_surgery.surgery.diff.differences import Difference, differences


@dataclass(frozen=True)
class FileResult:
    """What became of one file: what a command made of its source."""

    source: SourceFile
    output: Output
    after: Document
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    # A note that takes its time: worked out when notes are shown.
    late_note: Callable[[], str | None] | None = None

    @property
    def all_notes(self) -> tuple[str, ...]:
        """What there is to say, the late note last."""
        late = self.late_note() if self.late_note else None
        return (*self.source.notes, *self.notes, *([] if late is None else [late]))

    @property
    def as_text(self) -> Output:
        """The result as people read it: of weights the net, without values."""
        if self.source.kind is not Kind.WEIGHTS:
            return self.output
        before, after = bytes(self.source.document), bytes(self.after)
        return replace(self.output, old=before, data=after)

    @property
    def is_changed(self) -> bool:
        """Whether the result differs from the source."""
        return self.output.data != self.output.old

    @property
    def is_result(self) -> bool:
        """Whether there is a file to write: a result that its source is not already."""
        return not self.source.is_stdin and (self.is_changed or self.source.is_zoo)

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """What changed in meaning; worked out when it is asked for."""
        if not self.is_changed:
            return ()
        kind = MESSAGE_OF[self.source.kind]
        return tuple(differences(self.source.document, self.after, kind))


@dataclass(frozen=True)
class Results:
    """What a command made; `workspace` is None where none is kept.

    `next_command` is what a user would do now.
    """

    files: tuple[FileResult, ...]
    workspace: Workspace | None
    written: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    next_command: str | None = None


def result_of(
    source: SourceFile, draft: Draft, plan: WritePlan, notes: Sequence[str] = ()
) -> FileResult:
    """A draft as the result of its source, at the place where it goes."""
    # What needs no change needs no copy of its own: the file itself is the result.
    data = bytes(draft.document)
    is_new = data != source.data or source.is_zoo
    target = plan.target(source.place) if is_new else source.place
    output = Output(target, data, source.path, source.data)
    return FileResult(source, output, draft.document, tuple(notes), draft.warnings)
