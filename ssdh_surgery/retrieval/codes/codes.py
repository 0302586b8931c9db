"""The file of codes: packed bits with ids, labels and how they were made.

A bit is 1 where an activation is above 0.5. Bit 0 is the highest bit of byte 0, and the tail
of the last byte is padded with zeros, as `numpy.packbits` packs.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.files import read_named
from ssdh_surgery.location import Location
from ssdh_surgery.retrieval.codes.forms import form_of_content, form_of_name
from ssdh_surgery.staging import new_file

THRESHOLD = 0.5
UNKNOWN_LABEL = -1
_MADE_BY = "'ssdh encode' writes such files"
# What the types of arrays are called, by the letters that NumPy has for them.
_KINDS = {"u": "uint8", "U": "text", "iub": "whole numbers", "f": "float32"}


@dataclass(frozen=True, eq=False)
class Codes:
    """Codes of N items.

    Args:
        packed: uint8 [N, ceil(bits / 8)].
        bits: the width K of a code; 0 for features, which have activations alone.
        ids: [N] text.
        labels: int64 [N], or uint8 [N, C] for several labels each; -1 is unknown.
        recipe: how they were made; `model` says by which weights and blob.
        activations: float32 [N, K], or None where they were not kept.
        content: uint64 [N], a hash of each item's pixels, or None where it is not known.
        left_out: the ids of items that could not be read, None where that is not known.
        name: the file, for messages.
    """

    packed: NDArray[np.uint8]
    bits: int
    ids: NDArray[np.str_]
    labels: NDArray[np.int64] | NDArray[np.uint8]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    activations: NDArray[np.float32] | None = None
    content: NDArray[np.uint64] | None = None
    left_out: NDArray[np.str_] | None = None
    name: str = "codes"

    def __len__(self) -> int:
        return len(self.packed)

    @property
    def is_multi_label(self) -> bool:
        """Whether an item may have several labels."""
        return self.labels.ndim == 2

    @property
    def model(self) -> Mapping[str, Any] | None:
        """By which weights and blob they were made, where that is known."""
        model = self.recipe.get("model")
        return model if isinstance(model, Mapping) else None

    def unpacked(self) -> NDArray[np.uint8]:
        """The bits one by one, uint8 [N, K]."""
        return np.unpackbits(self.packed, axis=1, count=self.bits)


def pack(activations: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Activations [N, K] as packed bits: 1 where one is above 0.5."""
    return np.packbits(activations > THRESHOLD, axis=1)


def refuse_differing(one: Codes, other: Codes) -> None:
    """Refuse two files whose codes cannot be compared.

    Raises:
        DataError: they differ in width, in model, or in having one or several labels.
    """
    where = Location(one.name)
    if one.bits != other.bits:
        raise DataError(
            f"codes of {one.bits} bits cannot be compared with the {other.bits} bits of "
            f"{other.name}",
            location=where,
        )
    refuse_other_model(one, other.model, other.name)
    if one.labels.shape[1:] != other.labels.shape[1:]:
        raise DataError(
            f"labels of the form {label_form(one)}, those of {other.name} {label_form(other)}",
            location=where,
        )


def refuse_other_model(codes: Codes, model: Mapping[str, Any] | None, name: str) -> None:
    """Refuse codes that were made by another model than `model`; unknown ones pass.

    Raises:
        DataError: weights or blob differ.
    """
    mine = codes.model
    if mine is None or model is None:
        return
    differing = [key for key in ("weights", "blob") if mine.get(key) != model.get(key)]
    if differing:
        key = differing[0]
        raise DataError(
            f"made by another model than {name}: {key} {_short(mine.get(key))}, there "
            f"{_short(model.get(key))}",
            location=Location(codes.name),
            hint="encode both with the same net and weights",
        )


def _short(value: object) -> str:
    text = str(value)
    is_hash = len(text) == 64 and set(text) <= set("0123456789abcdef")
    return text[:12] if is_hash else f"'{text}'"


def label_form(codes: Codes) -> str:
    """The form of the labels, `[N]` or `[N, C]`, for messages."""
    return f"[N, {codes.labels.shape[1]}]" if codes.is_multi_label else "[N]"


def read_codes(path: Path | str) -> Codes:
    """Read a file of codes: `.npz`, HDF5 or Parquet, told by its content; `-` is stdin.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is no such file, cut short, its parts do not fit together, or it holds
            features and no codes.
        MissingExtra: what reads that kind of file is not installed.
    """
    codes = read_features(path)
    if not codes.bits:
        blob = (codes.model or {}).get("blob")
        raise DataError(
            "holds features and no codes" + (f": the activations of '{blob}'" if blob else ""),
            location=Location(codes.name),
            hint="encode the blob that holds the code",
        )
    return codes


def read_features(path: Path | str) -> Codes:
    """Read a file of codes, or one of features: then `bits` is 0.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is no such file, cut short, or its parts do not fit together.
        MissingExtra: what reads that kind of file is not installed.
    """
    if str(path) != "-" and not Path(path).is_fifo():
        return _read(path, Location(str(path)))
    name, data = read_named(path)
    # Every form is read from its end, too, which a pipe has not.
    with tempfile.NamedTemporaryFile() as copy:
        copy.write(data)
        copy.flush()
        try:
            return _read(copy.name, Location(name))
        except DataError as error:
            raise DataError(error.message, location=Location(name), hint=error.hint) from error


def _read(path: Path | str, where: Location) -> Codes:
    form = form_of_content(path)
    if form is None:
        raise DataError("not a file of codes", location=where, hint=_MADE_BY)
    return _checked(form.read(path), where)


def _checked(parts: dict[str, NDArray[Any]], where: Location) -> Codes:
    packed, bits, activations = parts["codes"], parts["bits"], parts.get("activations")
    least = 1 if activations is None else 0
    if bits.shape != () or bits.dtype.kind not in "iu" or bits < least:
        raise DataError("'bits' is not the width of a code", location=where)
    width = int(bits)
    values = width or (activations.shape[1] if activations is not None else 0)
    wanted: dict[str, tuple[str, tuple[int, ...]]] = {
        "codes": ("u", (len(packed) if packed.ndim else 0, -(-width // 8))),
        "ids": ("U", packed.shape[:1]),
        "labels": ("iub", packed.shape[:1] + parts["labels"].shape[1:2]),
        "activations": ("f", (*packed.shape[:1], values)),
        "content": ("u", packed.shape[:1]),
    }
    for name, (kinds, shape) in wanted.items():
        value = parts.get(name)
        if value is not None and (value.dtype.kind not in kinds or value.shape != shape):
            raise DataError(
                f"'{name}' is {value.dtype} {list(value.shape)}, expected {_KINDS[kinds]} "
                f"{list(shape)} for {width} bits",
                location=where,
            )
    padding = -width % 8
    if padding and len(packed) and (packed[:, -1] & ((1 << padding) - 1)).any():
        raise DataError(f"bits behind the {width} of a code are not zero", location=where)
    try:
        recipe = json.loads(str(parts["recipe"]))
    except ValueError as error:
        raise DataError(f"'recipe' is not JSON: {error}", location=where) from error
    labels = parts["labels"]
    if labels.ndim == 2 and labels.size and (labels.max() > 1 or labels.min() < 0):
        raise DataError(
            f"labels {list(labels.shape)} say 0 or 1 for each class, and some say something else",
            location=where,
            hint="one label for each item is an array [N]",
        )
    return Codes(
        np.ascontiguousarray(packed, np.uint8),
        width,
        parts["ids"],
        labels.astype(np.uint8) if labels.ndim == 2 else labels.astype(np.int64),
        recipe if isinstance(recipe, dict) else {},
        activations,
        parts.get("content"),
        parts.get("left_out"),
        str(where),
    )


def write_codes(path: Path | str, codes: Codes) -> None:
    """Write a file of codes, whole or not at all; the name's ending says in which form.

    Arrays that are mapped from files are read a piece at a time.

    Raises:
        FileError: it cannot be written.
        UsageError: the name ends as those of another kind of file do.
        MissingExtra: what writes that kind of file is not installed.
    """
    form = form_of_name(path)
    parts: dict[str, NDArray[Any]] = {
        "codes": codes.packed,
        "bits": np.array(codes.bits, np.int64),
        "ids": codes.ids,
        "labels": codes.labels,
        "recipe": np.array(json.dumps(codes.recipe, ensure_ascii=False)),
    }
    optional = {
        "activations": codes.activations,
        "content": codes.content,
        "left_out": codes.left_out,
    }
    parts |= {name: array for name, array in optional.items() if array is not None}
    with new_file(path) as temporary:
        form.write(temporary, parts)


def refuse_empty(codes: Codes, role: str) -> None:
    """Refuse an empty set.

    Raises:
        DataError: there are no codes in it.
    """
    if not len(codes):
        raise DataError(f"the {role} set is empty: no codes", location=Location(codes.name))


def refuse_unlabelled(codes: Codes, role: str) -> None:
    """Refuse a set in which a label is missing.

    Raises:
        DataError: it names the first item without a label.
    """
    bad = (codes.labels == UNKNOWN_LABEL) if not codes.is_multi_label else codes.labels.sum(1) == 0
    count = int(np.count_nonzero(bad))
    if not count or (codes.is_multi_label and count < len(codes)):
        return
    raise DataError(
        f"{count:,} of {len(codes):,} items of the {role} set have no label, the first is "
        f"'{codes.ids[int(np.argmax(bad))]}'",
        location=Location(codes.name),
        hint="encode a list with labels, class folders or an LMDB",
    )


def overlap(queries: Codes, database: Codes) -> NDArray[np.bool_]:
    """Which queries are in the database too, [Q].

    By the pixels, where both files know them; else an item is taken for the same if id and
    code are the same.
    """
    if queries.content is not None and database.content is not None:
        return np.isin(queries.content, database.content)
    stored = {
        (str(each), code.tobytes())
        for each, code in zip(database.ids, database.packed, strict=True)
    }
    pairs = zip(queries.ids, queries.packed, strict=True)
    return np.array([(str(each), code.tobytes()) in stored for each, code in pairs], bool)
