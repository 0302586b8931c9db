"""`ssdh patch` as a function."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from ssdh_surgery.api.edits import EditResult, edit_result, write_plan
from ssdh_surgery.api.keywords import settings_of
from ssdh_surgery.api.setting_types import PatchSettings
from ssdh_surgery.errors import UsageError
from ssdh_surgery.pipeline.patch import patch as story


def patch(
    *files: str | Path,
    preset: str | None = None,
    solver: str | Path | None = None,
    net: str | None = None,
    write: bool = True,
    out: str | Path | None = None,
    in_place: bool = False,
    force: bool = False,
    **settings: Unpack[PatchSettings],
) -> EditResult:
    """Put a hash layer into a train net, its test nets and its solver, as `ssdh patch` does.

    Args:
        files: a train net, a solver, a deploy net, or several files that belong together;
            `zoo:NAME` is a built-in network, `-` standard input.
        preset: the name of a published recipe, which `settings` override.
        solver: the solver, or `none`; by default the one next to the train net.
        net: the table `[nets.STEM]` of `ssdh.toml` to use.
        write: whether to write the results; without, they are only returned.
        out: the folder of the results; by default that of the sources.
        in_place: overwrite the sources.
        force: replace other existing files.
        settings: the options of the command, with underscores: `bits=48`, `at="fc7"`.

    Raises:
        SsdhError: a file cannot be read, patched or written; nothing was written.
        TypeError: there is no such option.
    """
    if not files:
        raise UsageError("patch needs a file")
    options = story.PatchOptions(
        settings_of("patch", settings, preset), None if solver is None else str(solver), net
    )
    plan = write_plan(write=write, out=out, in_place=in_place, force=force)
    return edit_result(story.patch_files(list(map(str, files)), options, plan))
