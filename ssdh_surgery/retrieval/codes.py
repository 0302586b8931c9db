"""The file of codes: packed bits with ids, labels and how they were made, in one `.npz`.

A bit is 1 where an activation is above 0.5. Bit 0 is the highest bit of byte 0, and the tail
of the last byte is padded with zeros, as `numpy.packbits` packs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError, Location
from ssdh_surgery.retrieval.arrays import read_arrays, write_arrays

THRESHOLD = 0.5
UNKNOWN_LABEL = -1
_MADE_BY = "'ssdh encode' writes such files"
_MEMBERS = ("codes", "bits", "ids", "labels", "recipe")


@dataclass(frozen=True, eq=False)
class Codes:
    """Codes of N items.

    Args:
        packed: uint8 [N, ceil(bits / 8)].
        bits: the width K of a code.
        ids: [N] text.
        labels: int64 [N], or uint8 [N, C] for several labels each; -1 is unknown.
        recipe: how they were made; `model` says by which weights and blob.
        activations: float32 [N, K], or None where they were not kept.
        content: uint64 [N], a hash of each item's pixels, or None where it is not known.
        name: the file, for messages.
    """

    packed: NDArray[np.uint8]
    bits: int
    ids: NDArray[np.str_]
    labels: NDArray[np.int64] | NDArray[np.uint8]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    activations: NDArray[np.float32] | None = None
    content: NDArray[np.uint64] | None = None
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
            f"labels of the form {_label_form(one)}, those of {other.name} {_label_form(other)}",
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


def _label_form(codes: Codes) -> str:
    return f"[N, {codes.labels.shape[1]}]" if codes.is_multi_label else "[N]"


def read_codes(path: Path | str) -> Codes:
    """Read a file of codes.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is no such file, cut short, or its parts do not fit together.
    """
    parts = read_arrays(path, _MEMBERS, ("activations", "content"), "a file of codes", _MADE_BY)
    return _checked(parts, Location(str(path)))


def _checked(parts: dict[str, NDArray[Any]], where: Location) -> Codes:
    packed, bits = parts["codes"], parts["bits"]
    if bits.shape != () or bits.dtype.kind not in "iu" or bits < 1:
        raise DataError("'bits' is not the width of a code", location=where)
    width = int(bits)
    wanted: dict[str, tuple[str, tuple[int, ...]]] = {
        "codes": ("u", (len(packed) if packed.ndim else 0, -(-width // 8))),
        "ids": ("U", packed.shape[:1]),
        "labels": ("iu", packed.shape[:1] + parts["labels"].shape[1:2]),
        "activations": ("f", (*packed.shape[:1], width)),
        "content": ("u", packed.shape[:1]),
    }
    for name, (kinds, shape) in wanted.items():
        value = parts.get(name)
        if value is not None and (value.dtype.kind not in kinds or value.shape != shape):
            raise DataError(
                f"'{name}' is {value.dtype} {list(value.shape)}, expected {list(shape)} for "
                f"{width} bits",
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
    return Codes(
        np.ascontiguousarray(packed, np.uint8),
        width,
        parts["ids"],
        labels.astype(np.uint8) if labels.ndim == 2 else labels.astype(np.int64),
        recipe if isinstance(recipe, dict) else {},
        parts.get("activations"),
        parts.get("content"),
        str(where),
    )


def write_codes(path: Path | str, codes: Codes) -> None:
    """Write a file of codes, whole or not at all.

    Raises:
        FileError: it cannot be written.
    """
    parts = {
        "codes": codes.packed,
        "bits": np.int64(codes.bits),
        "ids": codes.ids,
        "labels": codes.labels,
        "recipe": np.str_(json.dumps(codes.recipe, ensure_ascii=False)),
    }
    if codes.activations is not None:
        parts["activations"] = codes.activations
    if codes.content is not None:
        parts["content"] = codes.content
    write_arrays(path, parts)


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
