"""Write an LMDB under a hidden name next to its path, and rename it when it is complete.

The map grows as needed. An unfinished LMDB can be resumed if it is built in the same way: the
`recipe`, a text that identifies the build, is stored with the records.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from ssdh_surgery.errors import DataError, FileError, file_errors
from ssdh_surgery.files import write_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.staging.partial_folder import PartialFolder
from ssdh_surgery.staging.renames import Rename, rename_all

# The files of an LMDB of Caffe's; a folder with any others is never replaced.
_FILES = {"data.mdb", "lock.mdb"}
_RECIPE = "recipe"
_FIRST_MAP_SIZE = 1 << 26
# Uncommitted records are held in memory twice; this many bytes fit into a core's cache.
_COMMIT_BYTES = 1 << 20


class LmdbWriter:
    """A new LMDB at `path`; a context manager that puts it in place if the block succeeds.

    If the block fails, nothing remains; with `resume`, the committed records stay in a hidden
    folder next to `path`, and a later writer continues from them: `records` and `last_key` tell
    how far it got. `replace` replaces an LMDB at `path`; anything else there is never replaced.

    Raises:
        FileError: `path` exists, cannot be written, or is being written by another process.
        DataError: the unfinished LMDB has another recipe.
    """

    def __init__(
        self, path: Path | str, *, replace: bool = False, resume: bool = False, recipe: str = ""
    ) -> None:
        self.path = Path(os.path.realpath(path))
        self.records = 0
        self.last_key: bytes | None = None
        self._location = Location(str(path))
        self._resume = resume
        self._replace = replace
        self._is_complete = False
        self._pending: list[tuple[bytes, bytes | bytearray]] = []
        self._pending_bytes = 0
        self._refuse_to_replace(replace)
        self._partial = PartialFolder(self.path, path)
        self._folder = self._partial.path
        try:
            with file_errors(path, "write"):
                self._prepare(recipe)
            with self._lmdb_errors():
                self._env = self._open()
        except BaseException:
            self._release()
            raise

    def put(self, key: bytes, record: bytes | bytearray) -> None:
        """Add a record, whose key must follow all earlier ones in byte order.

        Raises:
            FileError: the disk is full or failing.
        """
        self._pending.append((key, record))
        self._pending_bytes += len(record)
        self.records += 1
        self.last_key = key
        if self._pending_bytes >= _COMMIT_BYTES:
            self.commit()

    def commit(self) -> None:
        """Write all pending records.

        Raises:
            FileError: the disk is full or failing.
        """
        with self._lmdb_errors():
            while not self._try_commit():
                self._env.set_mapsize(2 * self._env.info()["map_size"])
        self._pending.clear()
        self._pending_bytes = 0

    def stored_keys(self) -> Iterator[bytes]:
        """The keys of all committed records, in order."""
        with self._env.begin() as transaction, transaction.cursor() as cursor:
            yield from map(bytes, cursor.iternext(values=False))

    def _try_commit(self) -> bool:
        import lmdb

        try:
            with self._env.begin(write=True) as transaction:
                for key, record in self._pending:
                    transaction.put(key, record)
        except lmdb.MapFullError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.abandon()
        elif not self._is_complete:
            self.finish()
        else:
            self._partial.close()

    def complete(self) -> Rename:
        """Commit and sync to disk; the rename that puts the LMDB in place.

        Raises:
            FileError: the disk is full or failing.
        """
        self.commit()
        with self._lmdb_errors():
            self._env.sync(True)
        self._env.close()
        with file_errors(self._location.file, "write"):
            (self._folder / _RECIPE).unlink()
        self._is_complete = True
        return Rename(self._folder, self.path, self._location.file, is_new=not self._replace)

    def finish(self) -> None:
        """Complete the LMDB and put it in place.

        Raises:
            FileError: the disk is full or failing.
        """
        try:
            rename_all([self.complete()])
        except BaseException:
            self.abandon()
            raise
        self._partial.close()

    def abandon(self) -> None:
        """Remove the records; with `resume`, keep those that were committed before the end."""
        self._env.close()
        self._release()

    def _release(self) -> None:
        if self._resume:
            self._partial.close()
        else:
            self._partial.delete()

    def _refuse_to_replace(self, replace: bool) -> None:
        if not os.path.lexists(self.path):
            return
        if not self.path.is_dir() or not set(os.listdir(self.path)) <= _FILES:
            raise FileError(
                "exists, is not an LMDB, and is left unchanged", location=self._location
            )
        if not replace:
            raise FileError("exists already", location=self._location, hint="--force replaces it")

    def _prepare(self, recipe: str) -> None:
        """Set up the hidden folder: a new one, or the one to resume from."""
        note = self._folder / _RECIPE
        if not self._resume or not note.is_file():
            self._partial.clear()
            write_bytes(note, recipe.encode())
        elif note.read_text(encoding="utf-8") != recipe:
            raise DataError(
                "the unfinished LMDB was started with another list or other options",
                location=self._location,
                hint="leave out --resume to start again",
            )

    def _open(self) -> Any:
        import lmdb

        # Only the complete LMDB counts: it is synced to disk once, not at every commit.
        env = lmdb.open(str(self._folder), map_size=_FIRST_MAP_SIZE, sync=False, mode=0o664)
        with env.begin() as transaction, transaction.cursor() as cursor:
            if cursor.last():
                self.last_key = bytes(cursor.key())
                self.records = env.stat()["entries"]
        return env

    @contextlib.contextmanager
    def _lmdb_errors(self) -> Iterator[None]:
        import lmdb

        try:
            # py-lmdb makes the folder itself.
            with file_errors(self._location.file, "write"):
                yield
        except lmdb.Error as error:
            reason = str(error).removeprefix(f"{self._folder}: ")
            # This is all that LMDB reports when the disk is full.
            hint = "the disk may be full" if "Input/output error" in reason else None
            raise FileError(
                f"cannot write: {reason}", location=self._location, hint=hint
            ) from error
