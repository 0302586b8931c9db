"""The folder of an unfinished file or LMDB, which a later run can continue.

Its hidden name is that of the result, so that the later run finds it. A link, or a folder of
another user, is refused: what is in it would be deleted.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ssdh_surgery.errors import FileError, file_errors
from ssdh_surgery.location import Location
from ssdh_surgery.staging.folder_lock import claim, release
from ssdh_surgery.staging.journal import partial_name
from ssdh_surgery.staging.renames import finish_renames
from ssdh_surgery.staging.temporary import remove


class PartialFolder:
    """The folder in which the file or folder `target` is made; it is locked until it is closed.

    Args:
        target: the file or folder that is made.
        place: the target as the user wrote it.

    Raises:
        FileError: it cannot be made, or is a link or another user's, or another process, or
            another part of this one, is writing in it.
    """

    def __init__(self, target: Path, place: Path | str) -> None:
        self.path = partial_path(target)
        self._place = place
        with file_errors(place, "write"):
            finish_renames(target.parent)
            self.path.mkdir(exist_ok=True)
            self._handle = self._open()
        if not claim(self._handle):
            os.close(self._handle)
            raise FileError(
                "is being written by another ssdh process",
                location=Location(str(place)),
                hint="wait for it, or write to another path",
            )

    def _open(self) -> int:
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise self._refusal("it is not a folder") from error
            raise
        if os.fstat(handle).st_uid != os.geteuid():
            os.close(handle)
            raise self._refusal("it belongs to another user")
        return handle

    def _refusal(self, reason: str) -> FileError:
        return FileError(
            f"cannot write: '{self.path.name}' is in the way: {reason}",
            location=Location(str(self._place)),
            hint="remove it, or write to another path",
        )

    def clear(self) -> None:
        """Delete what is in it; the folder itself stays, because it is locked.

        Raises:
            FileError: something cannot be deleted.
        """
        with file_errors(self._place, "write"):
            for each in self.path.iterdir():
                remove(each)

    def delete(self) -> None:
        """Delete it with its contents, and unlock it."""
        remove(self.path)
        self.close()

    def close(self) -> None:
        """Unlock it."""
        release(self._handle)


def partial_path(target: Path | str) -> Path:
    """The path of the unfinished folder of a file or folder."""
    real = Path(os.path.realpath(target))
    return real.with_name(partial_name(real.name))
