"""`ssdh upgrade` as a function."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.api.edits import EditResult, edit_result, write_plan
from ssdh_surgery.api.keywords import check
from ssdh_surgery.errors import UsageError
from ssdh_surgery.pipeline import upgrade as story
from ssdh_surgery.pipeline.settings.value_types import FileNamePart


def upgrade(
    *files: str | Path,
    stock_objective: bool = False,
    suffix: str = story.SUFFIX,
    write: bool = True,
    out: str | Path | None = None,
    in_place: bool = False,
    force: bool = False,
) -> EditResult:
    """Upgrade nets, solvers and weights of Caffe's old dialects, as `ssdh upgrade` does.

    Args:
        files: prototxts and `.caffemodel` files.
        stock_objective: also replace the losses of the authors' fork by stock layers.
        suffix: what is added to the names of written files.
        write: whether to write the results; without, they are only returned.
        out: the folder of the results; by default that of the sources.
        in_place: overwrite the sources.
        force: replace other existing files.

    Raises:
        SsdhError: a file cannot be read, upgraded or written; nothing was written.
    """
    if not files:
        raise UsageError("upgrade needs a file")
    suffix = check("suffix", suffix, FileNamePart())
    plan = write_plan(write=write, out=out, in_place=in_place, force=force, suffix=suffix)
    names = list(map(str, files))
    return edit_result(story.upgrade_files(names, plan, stock_objective=stock_objective))
