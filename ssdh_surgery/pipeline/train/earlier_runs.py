"""What earlier runs left in the way of a launch: snapshots of the same prefix, or the last one."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.errors import FileError
from ssdh_surgery.location import Location, path_in_shell
from ssdh_surgery.pipeline.check.weights.snapshot import longer_run, nothing_left
from ssdh_surgery.pipeline.train.launch import Launch
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.staging.staged_file import clean_folders


def earlier_run_refusal(launch: Launch, snapshot: Path) -> FileError:
    """The refusal to train anew over the snapshots of an earlier run."""
    resume = "--resume goes on from it; " if launch.can_resume else ""
    return FileError(
        "an earlier run left this snapshot: a run that starts anew would replace its snapshots, "
        "or leave them among its own",
        location=Location(str(relative_to_cwd(snapshot))),
        hint=f"{resume}--force starts anew",
    )


def end_finished(launch: Launch) -> str:
    """Clean up after a run that is resumed at its end, or beyond it; a sentence on it."""
    clean_folders([launch.prefix.parent])
    return finish_message(launch)


def finish_message(launch: Launch) -> str:
    """A sentence on a run that is resumed at its end, or beyond it."""
    assert launch.iteration is not None
    assert launch.job.snapshot is not None
    snapshot = path_in_shell(launch.job.snapshot)
    return (
        f"{nothing_left(snapshot, launch.iteration, launch.max_iter)}; "
        f"{longer_run(launch.iteration, launch.max_iter)}"
    )
