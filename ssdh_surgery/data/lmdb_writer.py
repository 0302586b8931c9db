"""Writing an LMDB: beside its place under a hidden name, and renamed when it is whole.

The map grows by itself. An unfinished LMDB can be gone on from if it is made in the same
way: a `recipe`, any text that says so, is kept beside the records.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from ssdh_surgery.errors import DataError, FileError, file_errors
from ssdh_surgery.files import claim
from ssdh_surgery.location import Location

# Caffe's LMDB folders hold these two files; ours are replaced only if they hold no more.
_FILES = {"data.mdb", "lock.mdb"}
_RECIPE = "recipe"
_FIRST_MAP_SIZE = 1 << 26
# What is not yet committed is held in memory twice; so much of it stays in a core's cache.
_COMMIT_BYTES = 1 << 20


class LmdbWriter:
    """A new LMDB at `path`; a context manager that puts it there when it is left well.

    Left by an exception it leaves nothing; with `resume` it leaves what was committed, in a
    hidden folder beside its place, and goes on from what lies there: `records` and
    `last_key` say how far it got. `replace` allows an LMDB at `path`; anything else that
    stands there is never replaced.

    Raises:
        FileError: something stands at `path`, it cannot be written, or it is just being written.
        DataError: what is unfinished there has another recipe.
    """

    def __init__(
        self, path: Path | str, *, replace: bool = False, resume: bool = False, recipe: str = ""
    ) -> None:
        self.path = Path(os.path.realpath(path))
        self.records = 0
        self.last_key: bytes | None = None
        self._given = Location(str(path))
        self._partial = self.path.with_name(f".{self.path.name}.partial")
        self._resume = resume
        self._pending: list[tuple[bytes, bytes | bytearray]] = []
        self._pending_bytes = 0
        self._refuse_to_replace(replace)
        with file_errors(path, "write"):
            self._partial.mkdir(exist_ok=True)
            self._claim = claim(self._partial, path)
        try:
            with file_errors(path, "write"):
                self._prepare(recipe)
            with self._lmdb_explained():
                self._env = self._open()
        except BaseException:
            self._let_go()
            raise

    def put(self, key: bytes, record: bytes | bytearray) -> None:
        """Add a record, its key behind all earlier ones in the order of bytes.

        Raises:
            FileError: the disk is full or fails.
        """
        self._pending.append((key, record))
        self._pending_bytes += len(record)
        self.records += 1
        self.last_key = key
        if self._pending_bytes >= _COMMIT_BYTES:
            self.commit()

    def commit(self) -> None:
        """Write what was put so far.

        Raises:
            FileError: the disk is full or fails.
        """
        with self._lmdb_explained():
            while not self._try_commit():
                self._env.set_mapsize(2 * self._env.info()["map_size"])
        self._pending.clear()
        self._pending_bytes = 0

    def stored_keys(self) -> Iterator[bytes]:
        """The keys of all that was committed, in their order."""
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
        if kind is None:
            self.finish()
        else:
            self.abandon()

    def finish(self) -> None:
        """Commit, bring everything to the disk and rename the folder into its place.

        Raises:
            FileError: the disk is full or fails.
        """
        try:
            self.commit()
            with self._lmdb_explained():
                self._env.sync(True)
            self._env.close()
            with file_errors(self._given.file, "write"):
                (self._partial / _RECIPE).unlink()
                self._move()
                os.close(self._claim)
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Remove what was written; when resuming is meant, keep what was committed."""
        self._env.close()
        self._let_go()

    def _let_go(self) -> None:
        if not self._resume:
            shutil.rmtree(self._partial, ignore_errors=True)
        os.close(self._claim)

    def _refuse_to_replace(self, replace: bool) -> None:
        if not os.path.lexists(self.path):
            return
        if not self.path.is_dir() or not set(os.listdir(self.path)) <= _FILES:
            raise FileError(
                "exists already, is not an LMDB and is left alone", location=self._given
            )
        if not replace:
            raise FileError("exists already", location=self._given, hint="--force replaces it")

    def _prepare(self, recipe: str) -> None:
        """The hidden folder: new, or the one to go on from."""
        note = self._partial / _RECIPE
        if not self._resume or not note.is_file():
            # The folder itself stays: it is claimed.
            for each in self._partial.iterdir():
                each.unlink()
            note.write_text(recipe, encoding="utf-8")
        elif note.read_text(encoding="utf-8") != recipe:
            raise DataError(
                "what is unfinished there was begun with another list or other options",
                location=self._given,
                hint="leave out --resume to begin anew",
            )

    def _open(self) -> Any:
        import lmdb

        # Only the whole LMDB counts: it is brought to the disk once, not at every commit.
        env = lmdb.open(str(self._partial), map_size=_FIRST_MAP_SIZE, sync=False, mode=0o664)
        with env.begin() as transaction, transaction.cursor() as cursor:
            if cursor.last():
                self.last_key = bytes(cursor.key())
                self.records = env.stat()["entries"]
        return env

    def _move(self) -> None:
        if not os.path.lexists(self.path):
            os.rename(self._partial, self.path)
            return
        old = self.path.with_name(f".{self.path.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        os.rename(self.path, old)
        try:
            os.rename(self._partial, self.path)
        except BaseException:
            os.rename(old, self.path)
            raise
        shutil.rmtree(old, ignore_errors=True)

    @contextlib.contextmanager
    def _lmdb_explained(self) -> Iterator[None]:
        import lmdb

        try:
            yield
        except lmdb.Error as error:
            reason = str(error).removeprefix(f"{self._partial}: ")
            # Of a disk that fills up LMDB says no more than this.
            hint = "the disk may be full" if "Input/output error" in reason else None
            raise FileError(f"cannot write: {reason}", location=self._given, hint=hint) from error
