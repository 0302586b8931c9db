"""The lock on the snapshots of a run: one run at a time writes those of a prefix.

It is a file beside the snapshots that the system locks (`flock`) as long as the run lives, so that
of a killed run is free again. The file names the run: where its engine outlived it, that counts.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from ssdh_surgery.errors import FileError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.nets.run_processes import live_pid
from ssdh_surgery.pipeline.nets.run_records import RECORD
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.staging.folder_lock import try_lock


class PrefixLock:
    """The lock of a prefix, held until `release`.

    Raises:
        FileError: another run writes snapshots of this prefix.
        OSError: the lock cannot be written.
    """

    def __init__(self, prefix: Path, run: Path) -> None:
        self._path = lock_path(prefix)
        while True:
            self._file = open(self._path, "a+b")  # noqa: SIM115 - open as long as the run
            is_free = try_lock(self._file.fileno()) is not False
            if is_free and not self._is_current():
                self._file.close()  # its run has ended and removed it in the meantime
                continue
            record = _record(self._path)
            if not is_free or live_pid(record.get("engine_process")):
                self._file.close()
                raise _refusal(prefix, self._path, record)
            break
        self._file.truncate(0)
        self._file.write(f"{run.absolute()}\n".encode(errors="surrogateescape"))
        self._file.flush()

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except OSError:
            return False

    def release(self) -> None:
        """Remove the lock."""
        if not self._file.closed:
            with contextlib.suppress(OSError):
                self._path.unlink()
            self._file.close()


def lock_path(prefix: Path) -> Path:
    """The file of a prefix's lock."""
    return prefix.with_name(f".{prefix.name}.ssdh-run")


def refuse_second_run(prefix: Path) -> None:
    """Refuse a prefix that a run writes snapshots of, and leave no trace.

    Raises:
        FileError: there is such a run.
    """
    path = lock_path(prefix)
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except OSError:
        return
    with file:
        record = _record(path)
        if try_lock(file.fileno()) is False or live_pid(record.get("engine_process")):
            raise _refusal(prefix, path, record)


def _record(path: Path) -> dict[str, Any]:
    """The record of the run that a lock names; empty if there is none yet."""
    with contextlib.suppress(OSError, ValueError):
        folder = Path(path.read_bytes().decode(errors="surrogateescape").strip())
        record = json.loads((folder / RECORD).read_text())
        if isinstance(record, dict):
            return {**record, "folder": folder}
    return {}


def _refusal(prefix: Path, path: Path, record: dict[str, Any]) -> FileError:
    pid = live_pid(record.get("process")) or live_pid(record.get("engine_process"))
    name = f"run {record['folder'].name}" if record else "another run"
    process = f", process {pid}," if pid else ""
    stop = f"ssdh runs stop {record['folder'].name} ends it; " if record else ""
    return FileError(
        f"{name}{process} is writing snapshots of this prefix: both would write the same files",
        location=Location(f"{relative_to_cwd(prefix)}"),
        hint=f"{stop}--force trains all the same",
    )
