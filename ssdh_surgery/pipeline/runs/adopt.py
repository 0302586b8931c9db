"""`ssdh runs adopt`: a record for a run that was started without ssdh, by its log."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from ssdh_surgery.engines import events
from ssdh_surgery.pipeline.log.log import read_logs
from ssdh_surgery.pipeline.nets.run_records import RunRecord, all_records
from ssdh_surgery.pipeline.runs.runs import runs_folder
from ssdh_surgery.pipeline.train.run_folder import next_run


def adopt(log: Path) -> tuple[str, bool]:
    """Make the record of a run; its log stays where it is, and may still grow.

    Returns: the name of the run, and whether it is new.

    Raises:
        FileError: the log cannot be read, or the record cannot be written.
        DataError: the log holds no run of Caffe.
    """
    for record in all_records(runs_folder()):
        if _is_log_of(record, log):
            return record.name, False
    _refuse_other_file(log)
    folder = next_run(runs_folder(), log.name.partition(".")[0] or log.name)
    values: dict[str, Any] = {
        "adopted": True,
        "log": str(log.resolve()),
        "cwd": str(log.resolve().parent),
        "solver": None,
        "max_iter": _max_iter(log),
        "started": None,
        "recorded": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "exit": None,
    }
    folder.create_adopted(values)
    return folder.path.name, True


def _is_log_of(record: RunRecord, log: Path) -> bool:
    return record.log.exists() and log.exists() and record.log.samefile(log)


def _refuse_other_file(log: Path) -> None:
    """Refuse a file that holds no run: its first lines suffice for one that does."""
    for _, event in read_logs([str(log)]):
        if not isinstance(event, events.LogWarning | events.Device):
            return


def _max_iter(log: Path) -> int | None:
    """The `max_iter` of the solver that Caffe prints at the start of a run, the last one."""
    value = None
    with open(log, encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            name, _, number = line.strip().partition(": ")
            if name == "max_iter" and number.isdigit():
                value = int(number)
    return value
