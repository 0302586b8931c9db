"""Codes written as they are made: to a hidden folder beside their place, and put there whole.

After each batch the folder says how far it is, so that a run which was killed can be gone on
with from its last batch. In memory is a batch, however many items there are.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError, FileError, file_errors
from ssdh_surgery.files import claim, read_bytes, write_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes, name_text
from ssdh_surgery.retrieval.codes.codes import Codes, pack, write_codes
from ssdh_surgery.retrieval.codes.forms import form_of_name
from ssdh_surgery.retrieval.codes.health import NEAR, Health, health_of

_STATE = "state.json"
# The ids as text of one width, made from the bytes when all are known.
_WIDE_IDS = "ids.wide"
_READ_BYTES = 1 << 20


def partial_folder(path: Path) -> Path:
    """Where that lies of a file which is not finished."""
    real = Path(os.path.realpath(path))
    return real.with_name(f".{real.name}.partial")


class CodesWriter:
    """A new file of codes at `path`.

    `items` counts the items of the source that are dealt with, those left out included;
    `left_out` has the ids of these, each with the reason.

    Args:
        path: where the file goes; its ending says in which form.
        width: how many activations an item has.
        recipe: how the codes are made.
        items_digest: of the items, to be the same when it is gone on.
        classes: of labels that are vectors; None for one label each.
        is_code: whether the activations make a code; else they are features, and kept.
        keep_activations: whether the file of codes gets them, too.
        resume: go on with what lies there unfinished, if it is of the same items and recipe.

    Raises:
        FileError: it cannot be written, or is just being written.
        DataError: what is unfinished there has another recipe, or is of other items.
        UsageError: the name ends as those of another kind of file do.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        recipe: Mapping[str, Any],
        items_digest: str,
        *,
        classes: int | None = None,
        is_code: bool = True,
        keep_activations: bool = False,
        resume: bool = False,
    ) -> None:
        form_of_name(path).require()
        self.width = width
        self.bits = width if is_code else 0
        self.recipe = recipe
        self._items_digest = items_digest
        self._given = path
        self._classes = classes
        self._folder = partial_folder(path)
        names = ["codes", "labels", "ids", "content"]
        self._names = [*names, "activations"] if keep_activations or not is_code else names
        self._sizes = dict.fromkeys(self._names, 0)
        self.items = self.kept = self._near = self._longest = 0
        self.left_out: list[tuple[str, str]] = []
        with file_errors(path, "write"):
            self._folder.mkdir(exist_ok=True)
            self._claim = claim(self._folder, path)
            try:
                self._prepare(resume)
            except BaseException:
                os.close(self._claim)
                raise
            self._files = {name: open(self._folder / name, "r+b") for name in self._names}  # noqa: SIM115
            for name, file in self._files.items():
                file.truncate(self._sizes[name])
                file.seek(self._sizes[name])

    def _prepare(self, resume: bool) -> None:
        state = self._folder / _STATE
        mine = {
            "recipe": dict(self.recipe),
            "items": self._items_digest,
            "bits": self.bits,
            "classes": self._classes,
            "kept_arrays": self._names,
        }
        known = json.loads(read_bytes(state)) if resume and state.is_file() else None
        if known is not None and self._has_lost(known["sizes"]):
            known = None
        if known is not None:
            if known["made"] != json.loads(json.dumps(mine)):
                raise DataError(
                    "what is unfinished there was made of other items or in another way",
                    location=Location(str(self._given)),
                    hint="leave out --resume to begin anew",
                )
            self._sizes = known["sizes"]
            self.items, self.kept = known["items"], known["kept"]
            self._near, self._longest = known["near"], known["longest"]
            self.left_out = [(name, why) for name, why in known["left_out"]]
        else:
            # The folder itself stays: it is claimed.
            for each in self._folder.iterdir():
                each.unlink()
        self._made = mine
        for name in self._names:
            (self._folder / name).touch()

    def _has_lost(self, sizes: Mapping[str, int]) -> bool:
        """Whether a file is shorter than it was, as after a loss of power."""
        paths = {self._folder / name: size for name, size in sizes.items()}
        return any(not path.is_file() or path.stat().st_size < paths[path] for path in paths)

    def put(
        self,
        activations: NDArray[np.float32],
        ids: Sequence[str],
        labels: NDArray[np.integer[Any]],
        content: Sequence[int],
        left_out: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Add a batch, activations [n, K], and what was left out meanwhile.

        Raises:
            FileError: the disk is full or fails.
        """
        parts: dict[str, Any] = {
            "codes": pack(activations) if self.bits else np.empty(0, np.uint8),
            "labels": np.asarray(labels, self._form("labels")[0]),
            "activations": activations,
            "content": np.array(content, np.uint64),
            "ids": np.frombuffer(b"".join(name_bytes(each) + b"\0" for each in ids), np.uint8),
        }
        self.items += len(ids) + len(left_out)
        self.kept += len(ids)
        self.left_out += left_out
        self._longest = max([self._longest, *map(len, ids)])
        self._near += int(np.count_nonzero(np.abs(activations - 0.5) < NEAR))
        with file_errors(self._given, "write"):
            for name, file in self._files.items():
                file.write(parts[name].tobytes())
                file.flush()
                self._sizes[name] = file.tell()
        self._save_state()

    def _save_state(self) -> None:
        state = {
            "made": self._made,
            "sizes": self._sizes,
            "items": self.items,
            "kept": self.kept,
            "near": self._near,
            "longest": self._longest,
            "left_out": self.left_out,
        }
        try:
            write_bytes(self._folder / _STATE, json.dumps(state).encode())
        except FileError as error:
            raise FileError(error.message, location=Location(str(self._given))) from error

    def finish(self) -> Health | None:
        """Write the file, remove the folder, and tell how healthy the codes are.

        None for features.

        Raises:
            FileError: the disk is full or fails.
            MissingExtra: what writes that form is not installed.
        """
        with file_errors(self._given, "write"):
            for file in self._files.values():
                file.close()
        codes = Codes(
            self._array("codes"),
            self.bits,
            self._wide_ids(),
            self._array("labels"),
            self.recipe,
            self._array("activations") if "activations" in self._names else None,
            self._array("content"),
            np.array([name for name, _ in self.left_out], dtype=str),
            str(self._given),
        )
        write_codes(self._given, codes)
        near = self._near / max(1, self.kept * self.width)
        health = health_of(codes.packed, self.bits, near) if self.bits else None
        self.discard()
        return health

    def _form(self, name: str) -> tuple[Any, tuple[int, ...]]:
        """The type of an array, and the shape of one item's part in it."""
        if name == "labels":
            return (np.int64, ()) if self._classes is None else (np.uint8, (self._classes,))
        forms: dict[str, tuple[Any, tuple[int, ...]]] = {
            "codes": (np.uint8, (-(-self.bits // 8),)),
            "activations": (np.float32, (self.width,)),
            "content": (np.uint64, ()),
        }
        return forms[name]

    def _array(self, name: str) -> Any:
        kind, row = self._form(name)
        shape = (self.kept, *row)
        if not self._sizes[name]:
            return np.empty(shape, kind)
        return np.memmap(self._folder / name, kind, "r", shape=shape)

    def _wide_ids(self) -> Any:
        """The ids as an array of text, on the disk."""
        if not self.kept:
            return np.empty(0, str)
        kind = f"<U{max(1, self._longest)}"
        path, rest = self._folder / _WIDE_IDS, b""
        # Written and then mapped: a disk that fills up under a map kills the process.
        with (
            file_errors(self._given, "write"),
            open(self._folder / "ids", "rb") as file,
            open(path, "wb") as wide,
        ):
            while data := file.read(_READ_BYTES):
                *names, rest = (rest + data).split(b"\0")
                wide.write(np.array([name_text(name) for name in names], kind).tobytes())
        return np.memmap(path, kind, "r", shape=(self.kept,))

    def discard(self) -> None:
        """Remove what is unfinished."""
        self._close()
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._claim)

    def leave(self) -> None:
        """Leave what is unfinished to be gone on with."""
        self._close()
        os.close(self._claim)

    def _close(self) -> None:
        for file in self._files.values():
            # It tries again to write what could not be written, which has been told.
            with contextlib.suppress(OSError):
                file.close()
