"""Codes in Parquet: a column for each array by item, the rest in the file's metadata."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError, file_errors, of_extra
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes, name_text
from ssdh_surgery.retrieval.codes.forms import MADE_BY, blocks

_KEY = b"ssdh"
_BY_FILE = ("bits", "recipe", "left_out", "class_names")


def _library() -> Any:
    with of_extra("codes", "reading and writing Parquet"):
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")


def require() -> None:
    """Check that pyarrow can be imported.

    Raises:
        MissingExtra: it is not installed.
    """
    _library()


def read(path: Path | str) -> dict[str, NDArray[Any]]:
    """See `Form`."""
    arrow, where = _library(), Location(str(path))
    try:
        with file_errors(path, "read"):
            file = open(path, "rb")  # noqa: SIM115 -- closed below, where errors are damage
        with file:
            table = arrow.parquet.read_table(file, page_checksum_verification=True)
        about = json.loads((table.schema.metadata or {}).get(_KEY, b"null"))
    except (arrow.ArrowException, ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"is truncated or damaged: {reason}", location=where) from error
    missing = [name for name in ("ids", "labels") if name not in table.column_names]
    if about is None or missing:
        raise DataError(
            "not a file of codes: " + (f"it has no '{missing[0]}'" if missing else "no recipe"),
            location=where,
            hint=MADE_BY,
        )
    parts = {name: _array(table.column(name)) for name in table.column_names}
    parts |= {
        "bits": np.array(about["bits"], np.int64),
        "recipe": np.array(json.dumps(about["recipe"], ensure_ascii=False)),
        "left_out": np.array(about["left_out"], dtype=str),
    }
    if about.get("class_names"):
        parts["class_names"] = np.array(about["class_names"], dtype=str)
    parts.setdefault("codes", np.empty((len(parts["ids"]), 0), np.uint8))
    return parts


def _array(column: Any) -> NDArray[Any]:
    kind = str(column.type)
    if kind in ("string", "binary"):
        return np.array([_text(each) for each in column.to_pylist()], dtype=str)
    chunks = [_rows(each) for each in column.chunks]
    return np.concatenate(chunks) if chunks else np.empty(0)


def _rows(chunk: Any) -> NDArray[Any]:
    kind = chunk.type
    if str(kind).startswith("fixed_size_binary"):
        width = kind.byte_width
        size, start = len(chunk) * width, chunk.offset * width
        return np.frombuffer(chunk.buffers()[1], np.uint8, size, start).reshape(-1, width)
    if str(kind).startswith("fixed_size_list"):
        values: NDArray[Any] = chunk.flatten().to_numpy()
        return values.reshape(-1, kind.list_size)
    plain: NDArray[Any] = chunk.to_numpy()
    return plain


def _text(value: str | bytes) -> str:
    return name_text(value) if isinstance(value, bytes) else value


def write(path: Path, parts: Mapping[str, NDArray[Any]]) -> None:
    """See `Form`."""
    arrow = _library()
    columns = {
        name: array
        for name, array in parts.items()
        if name not in _BY_FILE and (array.ndim == 1 or array.shape[1])
    }
    about = {
        "bits": int(parts["bits"]),
        "recipe": json.loads(str(parts["recipe"])),
        "left_out": list(map(str, parts.get("left_out", ()))),
        "class_names": list(map(str, parts.get("class_names", ()))),
    }
    types = {name: _type(arrow, name, array) for name, array in columns.items()}
    metadata = {_KEY: json.dumps(about)}
    schema = arrow.schema(list(types.items()), metadata=metadata)
    with arrow.parquet.ParquetWriter(path, schema, write_page_checksum=True) as writer:
        for rows in blocks(*columns.values()):
            arrays = [_column(arrow, array[rows], types[name]) for name, array in columns.items()]
            writer.write_table(arrow.table(arrays, schema=schema))


def _type(arrow: Any, name: str, array: NDArray[Any]) -> Any:
    if name == "ids":
        # Arrow strings are UTF-8, but file names can be any bytes.
        return arrow.string() if _are_utf8(array) else arrow.binary()
    if name == "codes":
        return arrow.binary(array.shape[1])
    inner = arrow.from_numpy_dtype(array.dtype)
    return inner if array.ndim == 1 else arrow.list_(inner, array.shape[1])


def _column(arrow: Any, rows: NDArray[Any], kind: Any) -> Any:
    if rows.dtype.kind == "U":
        return arrow.array([name_bytes(str(each)) for each in rows], arrow.binary()).cast(kind)
    flat = np.ascontiguousarray(rows).reshape(-1)
    if str(kind).startswith("fixed_size_binary"):
        buffers = [None, arrow.py_buffer(flat)]
        return arrow.Array.from_buffers(kind, len(rows), buffers)
    if rows.ndim == 1:
        return arrow.array(flat, kind)
    return arrow.FixedSizeListArray.from_arrays(arrow.array(flat), kind.list_size)


def _are_utf8(names: NDArray[Any]) -> bool:
    return all(_is_utf8("".join(names[rows].tolist())) for rows in blocks(names))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
