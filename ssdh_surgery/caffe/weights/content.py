"""What a file holds, by its bytes: weights, a solver's state, or what is mistaken for these."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdh_surgery.caffe.messages import wire
from ssdh_surgery.caffe.weights.snapshot_names import state_beside, weights_beside
from ssdh_surgery.prototxt.foreign_text import hint_of_file

if TYPE_CHECKING:
    from ssdh_surgery.files import FileBytes


class Content(Enum):
    """The kinds of content, in words that follow the name of a file."""

    WEIGHTS = "holds weights"
    STATE = "holds a solver's state"
    MEAN = "is a mean image"
    NET = "is a prototxt"
    TEXT = "is text"
    HDF5 = "is an HDF5 file"
    ARCHIVE = "is an archive of NumPy or PyTorch"
    EMPTY = "is empty"
    UNKNOWN = "is of an unknown kind"


_HDF5 = b"\x89HDF\r\n\x1a\n"
# Zip files, such as .npz and .pth, arrays of NumPy, and pickles, such as old .pth files.
_ARCHIVES = (b"PK\x03\x04", b"\x93NUMPY", b"\x80\x02", b"\x80\x03", b"\x80\x04")
# Fields that tell the messages apart: their numbers and wire types. A state begins with its
# iteration, a mean image with its sizes or has its values as the only large field.
_LAYERS = {(2, wire.LENGTH), (100, wire.LENGTH)}
_ITERATION, _LEARNED_NET, _HISTORY = (1, wire.VARINT), (2, wire.LENGTH), (3, wire.LENGTH)
_VALUES = {(5, wire.LENGTH), (8, wire.LENGTH)}
# The bytes of a text that tell what it is.
_HEAD = 8192
# Fields to look at: the first layers of a net come before them.
_MOST_FIELDS = 64


def content_of(data: FileBytes) -> Content:
    """The content of a file; HDF5 is not looked into."""
    head = data[:8]
    if not head:
        return Content.EMPTY
    if head.startswith(_HDF5):
        return Content.HDF5
    if head.startswith(_ARCHIVES):
        return Content.ARCHIVE
    # Every binary message has control characters.
    if re.search(rb"[\x00-\x08\x0e-\x1f]", data) is None:
        is_net = re.search(rb"(?m)^\s*layers?\s*:?\s*[{<\[]", data)
        return Content.NET if is_net else Content.TEXT
    return _message(data)


def hdf5_content(file: Any) -> Content:
    """The content of an open HDF5 file."""
    if "iter" in file and "history" in file:
        return Content.STATE
    # Data for a net may be called `data`, too; it is no group.
    return Content.WEIGHTS if hasattr(file.get("data"), "keys") else Content.HDF5


def _message(data: FileBytes) -> Content:
    """The kind of a protobuf message, by the fields that it begins with."""
    fields: list[tuple[int, int]] = []
    try:
        for number, kind, _, _ in wire.fields(data, 0, len(data)):
            fields.append((number, kind))
            if len(fields) == _MOST_FIELDS:
                break
    except wire.WireError:
        pass  # it is damaged, or something else after all
    if not fields:
        return Content.UNKNOWN
    if fields[0] == _ITERATION and (_LEARNED_NET in fields or _HISTORY in fields):
        return Content.STATE
    if (fields[0] == _ITERATION or fields[0] in _VALUES) and _VALUES.intersection(fields):
        return Content.MEAN
    return Content.WEIGHTS if _LAYERS.intersection(fields) else Content.UNKNOWN


def content_hint(path: Path | str, data: FileBytes, content: Content) -> str | None:
    """What to do about a file of another content than is needed: where that is, or what it is."""
    if content is Content.TEXT:
        return hint_of_file(data[:_HEAD].decode("utf-8", "replace"))
    return neighbour_hint(path, content)


def neighbour_hint(path: Path | str, content: Content) -> str | None:
    """Where the other file of a snapshot is, for a file that was taken for it."""
    path = Path(path)
    if content is Content.WEIGHTS and (state := state_beside(path)) != path and state.is_file():
        return f"the state of its solver is in {state}"
    if content is Content.STATE and (weights := weights_beside(path)) != path and weights.is_file():
        return f"its weights are in {weights}"
    return None
