"""A file of codes written batch by batch, in a hidden folder next to its destination.

After each batch the folder records its progress, so that a killed run can be resumed from its
last batch. Only one batch is in memory, however many items there are.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError, FileError, file_errors
from ssdh_surgery.files import read_bytes, write_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes, name_text
from ssdh_surgery.retrieval.codes.class_names import unnamed_labels
from ssdh_surgery.retrieval.codes.code_file import write_codes
from ssdh_surgery.retrieval.codes.codes import THRESHOLD, Codes, pack
from ssdh_surgery.retrieval.codes.forms import form_of_name
from ssdh_surgery.retrieval.codes.health import NEAR, Health, health_of
from ssdh_surgery.staging.partial_folder import PartialFolder

_STATE = "state.json"
# The ids as fixed-width text, made from the bytes once all are known.
_WIDE_IDS = "ids.wide"
_READ_BYTES = 1 << 20


class CodesWriter:
    """A new file of codes at `path`.

    `items` counts the items that were processed, `kept` those of them that have a code;
    `left_out` has the ids of the others, each with its reason.

    `unnamed_labels` has the labels beyond the class names, once it is finished.

    Args:
        path: the file; its suffix selects the format.
        width: the number of activations of an item.
        recipe: how the codes are made.
        items_digest: a digest of the items, which must match to resume.
        classes: the length of label vectors; None for a single label each.
        class_names: the name of each label; empty if unknown.
        threshold: the activation above which a bit is 1; None for features, which are kept.
        keep_activations: keep the activations of codes too.
        resume: continue an unfinished run with the same items and recipe, if there is one.

    Raises:
        FileError: it cannot be written, or is being written right now.
        DataError: the unfinished run has other items or another recipe.
        UsageError: the suffix is that of another kind of file.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        recipe: Mapping[str, Any],
        items_digest: str,
        *,
        classes: int | None = None,
        class_names: tuple[str, ...] = (),
        threshold: float | None = THRESHOLD,
        keep_activations: bool = False,
        resume: bool = False,
    ) -> None:
        form_of_name(path).require()
        self.width = width
        self.bits = 0 if threshold is None else width
        self._threshold = THRESHOLD if threshold is None else threshold
        self.recipe = recipe
        self._items_digest = items_digest
        self._path = path
        self._classes = classes
        self._class_names = class_names
        self.unnamed_labels: list[int] = []
        names = ["codes", "labels", "ids", "content"]
        self._names = [*names, "activations"] if keep_activations or not self.bits else names
        self._sizes = dict.fromkeys(self._names, 0)
        self.items = self.kept = self._near = self._longest = 0
        self.left_out: list[tuple[str, str]] = []
        self._partial = PartialFolder(path, path)
        self._folder = self._partial.path
        with file_errors(path, "write"):
            try:
                self._prepare(resume)
            except BaseException:
                self._partial.close()
                raise
            self._files = {name: open(self._folder / name, "r+b") for name in self._names}  # noqa: SIM115
            for name, file in self._files.items():
                file.truncate(self._sizes[name])
                file.seek(self._sizes[name])

    def _prepare(self, resume: bool) -> None:
        state = self._folder / _STATE
        identity = {
            "recipe": dict(self.recipe),
            "items": self._items_digest,
            "bits": self.bits,
            "classes": self._classes,
            "class_names": self._class_names,
            "kept_arrays": self._names,
        }
        saved = json.loads(read_bytes(state)) if resume and state.is_file() else None
        if saved is not None and self._has_lost(saved["sizes"]):
            saved = None
        if saved is not None:
            if saved["made"] != json.loads(json.dumps(identity)):
                raise DataError(
                    "the unfinished run has other items or another recipe",
                    location=Location(str(self._path)),
                    hint="omit --resume to start over",
                )
            self._sizes = saved["sizes"]
            self.items, self.kept = saved["items"], saved["kept"]
            self._near, self._longest = saved["near"], saved["longest"]
            self.left_out = [(name, why) for name, why in saved["left_out"]]
        else:
            self._partial.clear()
        self._identity = identity
        for name in self._names:
            (self._folder / name).touch()

    def _has_lost(self, sizes: Mapping[str, int]) -> bool:
        """Whether a file is shorter than recorded, as after a power failure."""
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
        """Append a batch of activations [n, K], and the items left out of it.

        Raises:
            FileError: the disk is full or fails.
        """
        parts: dict[str, Any] = {
            "codes": pack(activations, self._threshold) if self.bits else np.empty(0, np.uint8),
            "labels": np.asarray(labels, self._form("labels")[0]),
            "activations": activations,
            "content": np.array(content, np.uint64),
            "ids": np.frombuffer(b"".join(name_bytes(each) + b"\0" for each in ids), np.uint8),
        }
        self.items += len(ids) + len(left_out)
        self.kept += len(ids)
        self.left_out += left_out
        self._longest = max([self._longest, *map(len, ids)])
        self._near += int(np.count_nonzero(np.abs(activations - self._threshold) < NEAR))
        with file_errors(self._path, "write"):
            for name, file in self._files.items():
                file.write(parts[name].tobytes())
                file.flush()
                self._sizes[name] = file.tell()
        self._save_state()

    def _save_state(self) -> None:
        state = {
            "made": self._identity,
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
            raise FileError(error.message, location=Location(str(self._path))) from error

    def finish(self) -> Health | None:
        """Write the file and remove the folder; the health of the codes, None for features.

        Raises:
            FileError: the disk is full or fails.
            MissingExtra: the library that writes this format is not installed.
        """
        with file_errors(self._path, "write"):
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
            str(self._path),
            self._class_names,
        )
        self.unnamed_labels = unnamed_labels(codes)
        write_codes(self._path, codes)
        near = self._near / max(1, self.kept * self.width)
        health = health_of(codes.packed, self.bits, near, self._threshold) if self.bits else None
        self.discard()
        return health

    def _form(self, name: str) -> tuple[Any, tuple[int, ...]]:
        """The type of an array, and the shape of one item of it."""
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
        """The ids as an array of text, mapped from the disk."""
        if not self.kept:
            return np.empty(0, str)
        kind = f"<U{max(1, self._longest)}"
        path, rest = self._folder / _WIDE_IDS, b""
        # Written before it is mapped: a disk that fills up under a map kills the process.
        with (
            file_errors(self._path, "write"),
            open(self._folder / "ids", "rb") as file,
            open(path, "wb") as wide,
        ):
            while data := file.read(_READ_BYTES):
                *names, rest = (rest + data).split(b"\0")
                wide.write(np.array([name_text(name) for name in names], kind).tobytes())
        return np.memmap(path, kind, "r", shape=(self.kept,))

    def discard(self) -> None:
        """Remove the unfinished run."""
        self._close()
        self._partial.delete()

    def leave(self) -> None:
        """Keep the unfinished run for resuming."""
        self._close()
        self._partial.close()

    def _close(self) -> None:
        for file in self._files.values():
            # Closing retries a write that failed before, which was reported.
            with contextlib.suppress(OSError):
                file.close()
