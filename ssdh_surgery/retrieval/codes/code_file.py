"""A file of codes: read and checked, or written whole, in any of its formats."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.files import read_named
from ssdh_surgery.location import Location
from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.codes.forms import MADE_BY, form_of_content, form_of_name
from ssdh_surgery.staging.staged_file import new_file

# Names of array types for messages, by NumPy's letters for them.
_TYPES = {"u": "uint8", "U": "text", "iub": "integers", "f": "float32"}


def read_codes(path: Path | str) -> Codes:
    """Read a file of codes: `.npz`, HDF5 or Parquet, detected from its content; `-` is stdin.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is not a file of codes, truncated, inconsistent, or holds only features.
        MissingExtra: the library that reads this format is not installed.
    """
    codes = read_features(path)
    if not codes.bits:
        blob = (codes.model or {}).get("blob")
        raise DataError(
            "holds features, not codes" + (f": the activations of '{blob}'" if blob else ""),
            location=Location(codes.name),
            hint="encode the blob that holds the code",
        )
    return codes


def read_features(path: Path | str) -> Codes:
    """Read a file of codes, or of features, for which `bits` is 0.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is not a file of codes, truncated, or inconsistent.
        MissingExtra: the library that reads this format is not installed.
    """
    if str(path) != "-" and not Path(path).is_fifo():
        return _read(path, Location(str(path)))
    name, data = read_named(path)
    # Every format has parts at its end, and a pipe cannot seek there.
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
        raise DataError("not a file of codes", location=where, hint=MADE_BY)
    return _checked(form.read(path), where)


def _checked(parts: dict[str, NDArray[Any]], where: Location) -> Codes:
    packed, bits, activations = parts["codes"], parts["bits"], parts.get("activations")
    least = 1 if activations is None else 0
    if bits.shape != () or bits.dtype.kind not in "iu" or bits < least:
        raise DataError("'bits' is not the width of a code", location=where)
    width = int(bits)
    values = width or (activations.shape[1] if activations is not None else 0)
    expected: dict[str, tuple[str, tuple[int, ...]]] = {
        "codes": ("u", (len(packed) if packed.ndim else 0, -(-width // 8))),
        "ids": ("U", packed.shape[:1]),
        "labels": ("iub", packed.shape[:1] + parts["labels"].shape[1:2]),
        "activations": ("f", (*packed.shape[:1], values)),
        "content": ("u", packed.shape[:1]),
    }
    for name, (kinds, shape) in expected.items():
        value = parts.get(name)
        if value is not None and (value.dtype.kind not in kinds or value.shape != shape):
            raise DataError(
                f"'{name}' is {value.dtype} {list(value.shape)}, expected {_TYPES[kinds]} "
                f"{list(shape)} for {width} bits",
                location=where,
            )
    padding = -width % 8
    if padding and len(packed) and (packed[:, -1] & ((1 << padding) - 1)).any():
        raise DataError(
            f"padding bits after the {width} bits of a code are not zero", location=where
        )
    try:
        recipe = json.loads(str(parts["recipe"]))
    except ValueError as error:
        raise DataError(f"'recipe' is not JSON: {error}", location=where) from error
    labels = parts["labels"]
    if labels.ndim == 2 and labels.size and (labels.max() > 1 or labels.min() < 0):
        raise DataError(
            f"labels {list(labels.shape)} must be 0 or 1 for each class, and some are not",
            location=where,
            hint="a single label for each item is an array [N]",
        )
    class_names = _class_names(parts, where)
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
        class_names,
    )


def _class_names(parts: dict[str, NDArray[Any]], where: Location) -> tuple[str, ...]:
    names, labels = parts.get("class_names", np.empty(0, str)), parts["labels"]
    count = labels.shape[1] if labels.ndim == 2 else len(names)
    if names.dtype.kind != "U" or names.shape not in ((0,), (count,)):
        raise DataError(
            f"'class_names' is {names.dtype} {list(names.shape)}, expected text [{count}]",
            location=where,
        )
    if len(set(names.tolist())) < len(names):
        raise DataError("'class_names' has a name twice", location=where)
    return tuple(names.tolist())


def write_codes(path: Path | str, codes: Codes) -> None:
    """Write a file of codes, whole or not at all, in the format of its suffix.

    Arrays that are mapped from files are read block by block.

    Raises:
        FileError: it cannot be written; an existing file is unchanged.
        UsageError: the suffix is that of another kind of file.
        MissingExtra: the library that writes this format is not installed.
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
        "class_names": np.array(codes.class_names) if codes.class_names else None,
    }
    parts |= {name: array for name, array in optional.items() if array is not None}
    with new_file(path) as temporary:
        form.write(temporary, parts)
