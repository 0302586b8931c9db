"""Codes written as they are made: to a hidden folder beside their place, and put there whole.

After each batch the folder says how far it is, so that a run which was killed can be gone on
with from its last batch.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.names import name_bytes, name_text
from ssdh_surgery.errors import DataError, Location
from ssdh_surgery.files import explained, read_bytes, write_bytes
from ssdh_surgery.retrieval.codes import Codes, pack, write_codes
from ssdh_surgery.retrieval.health import NEAR

_FORMS = {
    "codes": np.uint8,
    "labels": np.int64,
    "activations": np.float32,
    "ids": np.uint8,
    "content": np.uint64,
}
_STATE = "state.json"


class CodesWriter:
    """A new file of codes at `path`.

    `items` counts the items of the source that are dealt with, those left out included;
    `left_out` has the ids of these.

    Args:
        path: where the file goes.
        bits: the width of a code.
        recipe: how the codes are made.
        keep_activations: whether the file gets them.
        resume: go on with what lies there unfinished, if it has the same recipe.

    Raises:
        FileError: it cannot be written.
        DataError: what is unfinished there has another recipe.
    """

    def __init__(
        self,
        path: Path,
        bits: int,
        recipe: Mapping[str, Any],
        *,
        keep_activations: bool = False,
        resume: bool = False,
    ) -> None:
        self.path = Path(os.path.realpath(path))
        self.bits = bits
        self.recipe = recipe
        self._given = path
        self._folder = self.path.with_name(f".{self.path.name}.partial")
        self._names = [name for name in _FORMS if name != "activations" or keep_activations]
        self._sizes = dict.fromkeys(self._names, 0)
        self.items = self.kept = self._near = 0
        self.is_code = True
        self.left_out: list[str] = []
        with explained(path, "write"):
            self._prepare(resume)
            self._files = {name: open(self._folder / name, "r+b") for name in self._names}  # noqa: SIM115
            for name, file in self._files.items():
                file.truncate(self._sizes[name])
                file.seek(self._sizes[name])

    def _prepare(self, resume: bool) -> None:
        state = self._folder / _STATE
        mine = {"recipe": dict(self.recipe), "bits": self.bits, "kept_arrays": self._names}
        known = json.loads(read_bytes(state)) if resume and state.is_file() else None
        if known is not None and self._has_lost(known["sizes"]):
            known = None
        if known is not None:
            if known["made"] != json.loads(json.dumps(mine)):
                raise DataError(
                    "what is unfinished there was made in another way",
                    location=Location(str(self._given)),
                    hint="leave out --resume to begin anew",
                )
            self._sizes = known["sizes"]
            self.items, self.kept = known["items"], known["kept"]
            self._near, self.is_code = known["near"], known["is_code"]
            self.left_out = known["left_out"]
        elif self._folder.exists():
            shutil.rmtree(self._folder)
        self._made = mine
        self._folder.mkdir(exist_ok=True)
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
        labels: Sequence[int],
        content: Sequence[int],
        left_out: Sequence[str] = (),
    ) -> None:
        """Add a batch, activations [n, K], and what was left out meanwhile.

        Raises:
            FileError: the disk is full or fails.
        """
        parts: dict[str, Any] = {
            "codes": pack(activations),
            "labels": np.array(labels, np.int64),
            "activations": activations,
            "content": np.array(content, np.uint64),
            "ids": np.frombuffer(b"".join(name_bytes(each) + b"\0" for each in ids), np.uint8),
        }
        self.items += len(ids) + len(left_out)
        self.kept += len(ids)
        self.left_out += left_out
        self._near += int(np.count_nonzero(np.abs(activations - 0.5) < NEAR))
        if activations.size and not (activations.min() >= 0 and activations.max() <= 1):
            self.is_code = False
        with explained(self._given, "write"):
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
            "is_code": self.is_code,
            "left_out": self.left_out,
        }
        write_bytes(self._folder / _STATE, json.dumps(state).encode())

    @property
    def near(self) -> float:
        """The share of activations nearer than 0.1 to 0.5."""
        return self._near / max(1, self.kept * self.bits)

    def finish(self) -> Codes:
        """Write the file and remove the folder; what is given back has no activations.

        Raises:
            FileError: the disk is full or fails.
        """
        self._close()
        ids = name_text((self._folder / "ids").read_bytes()).split("\0")[:-1]
        codes = Codes(
            np.array(self._array("codes", (self.kept, -(-self.bits // 8)))),
            self.bits,
            np.array(ids, dtype=str),
            np.array(self._array("labels", (self.kept,))),
            self.recipe,
            self._array("activations", (self.kept, self.bits))
            if "activations" in self._names
            else None,
            np.array(self._array("content", (self.kept,))),
            str(self._given),
        )
        write_codes(self._given, codes)
        self.discard()
        return replace(codes, activations=None)

    def _array(self, name: str, shape: tuple[int, ...]) -> Any:
        if not self.kept:
            return np.empty(shape, _FORMS[name])
        return np.memmap(self._folder / name, _FORMS[name], "r", shape=shape)

    def _close(self) -> None:
        for file in self._files.values():
            file.close()

    def discard(self) -> None:
        """Remove what is unfinished."""
        self._close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def leave(self) -> None:
        """Leave what is unfinished to be gone on with."""
        self._close()
