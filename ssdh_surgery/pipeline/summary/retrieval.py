"""Summaries of what is searched and computed with: codes, indexes, HDF5 data and ONNX models."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssdh_surgery.caffe.weights import hdf5
from ssdh_surgery.errors import DataError, of_extra
from ssdh_surgery.files import read_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text, printable, readable, shape_text
from ssdh_surgery.pipeline.search.index_change import info
from ssdh_surgery.pipeline.summary.file_kind import FileKind
from ssdh_surgery.pipeline.summary.summary import Summary
from ssdh_surgery.retrieval.codes.code_file import read_features
from ssdh_surgery.retrieval.codes.codes import UNKNOWN_LABEL, Codes
from ssdh_surgery.retrieval.codes.health import health_of


def of_codes(path: Path) -> Summary:
    """The number and width of codes, how many are distinct, their labels, and their recipe."""
    codes = read_features(path)
    count, width = len(codes), 0 if codes.activations is None else codes.activations.shape[1]
    health = health_of(codes.packed, codes.bits) if codes.bits and count else None
    labels = _label_counts(codes)
    what = count_text(codes.bits, "bit") if codes.bits else count_text(width, "activation")
    facts = {"labels": _labels_text(labels, codes)}
    if health is not None:
        facts["health"] = health.summary()
    if codes.left_out is not None and len(codes.left_out):
        facts["left out"] = count_text(len(codes.left_out), "item")
    return Summary(
        FileKind.CODES,
        str(path),
        f"{count_text(count, 'code' if codes.bits else 'item')} of {what}",
        {
            "items": count,
            "bits": codes.bits,
            "activations": width or None,
            "distinct": None if health is None else health.distinct,
            "labels": {str(label): number for label, number in sorted(labels.items())},
            "left_out": None if codes.left_out is None else len(codes.left_out),
            "class_names": list(map(readable, codes.class_names)) or None,
            "recipe": dict(codes.recipe),
            "health": None if health is None else health.as_json(),
        },
        {**facts, **_model_facts(codes.model)},
    )


def _label_counts(codes: Codes) -> Counter[int]:
    """The number of items of each label; an item may have several."""
    if codes.is_multi_label:
        return Counter(dict(enumerate(codes.labels.sum(axis=0, dtype=np.int64).tolist())))
    values, counts = np.unique(codes.labels, return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def _labels_text(labels: Mapping[int, int], codes: Codes) -> str:
    known = {label: number for label, number in labels.items() if label != UNKNOWN_LABEL}
    unknown = labels.get(UNKNOWN_LABEL, 0)
    if not known:
        return "none"
    several = ", several for an item" if codes.is_multi_label else ""
    text = f"{count_text(len(known), 'label')} from {min(known)} to {max(known)}{several}"
    return f"{text}; {count_text(unknown, 'item')} without one" if unknown else text


def _model_facts(model: Mapping[str, Any] | None) -> dict[str, str]:
    if model is None:
        return {"model": "not recorded"}
    return {printable(key): printable(str(value)) for key, value in model.items()}


def of_index(path: Path) -> Summary:
    """What `ssdh index info` tells of an index."""
    index = info(str(path))
    about = index.about
    features = {
        f"feature '{printable(name)}'": count_text(width, "value")
        for name, width in about.features.items()
    }
    names = ", ".join(map(printable, about.class_names[:5]))
    return Summary(
        FileKind.INDEX,
        str(path),
        f"index of {count_text(index.count, 'code')} of {count_text(about.bits, 'bit')}: "
        f"{about.kind}",
        index.as_json(),
        {
            **features,
            **({"class names": f"{len(about.class_names):,}: {names}"} if names else {}),
            **_model_facts(about.model),
        },
        command=f"ssdh index info {shlex.quote(str(path))}",
    )


def of_hdf5(path: Path) -> Summary:
    """The datasets of an HDF5 file, which an HDF5Data layer may read."""
    with hdf5.open_file(path) as file:
        datasets: dict[str, tuple[tuple[int, ...], str]] = {}

        def note(name: str, item: Any) -> None:
            if hasattr(item, "dtype"):
                datasets[name] = tuple(item.shape or ()), str(item.dtype)

        file.visititems(note)
    return Summary(
        FileKind.HDF5,
        str(path),
        f"HDF5 file of {count_text(len(datasets), 'dataset')}",
        {
            "datasets": [
                {"name": readable(name), "shape": list(shape), "type": kind}
                for name, (shape, kind) in datasets.items()
            ]
        },
        columns=("dataset", "shape", "type"),
        rows=[
            (printable(name), shape_text(shape), kind) for name, (shape, kind) in datasets.items()
        ],
    )


def of_onnx(path: Path) -> Summary:
    """The inputs, outputs and nodes of an ONNX model.

    Raises:
        DataError: it is truncated or damaged.
        MissingExtra: onnx is not installed.
    """
    data, where = read_bytes(path), Location(str(path))
    with of_extra("onnx", "reading ONNX models"):
        import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise DataError("is truncated, or not an ONNX model", location=where) from error
    weights = {each.name for each in model.graph.initializer}
    inputs = {each.name: _shape(each) for each in model.graph.input if each.name not in weights}
    outputs = {each.name: _shape(each) for each in model.graph.output}
    nodes = Counter(node.op_type for node in model.graph.node)
    opset = next((each.version for each in model.opset_import if not each.domain), None)
    recipe = next((each.value for each in model.metadata_props if each.key == "recipe"), None)
    return Summary(
        FileKind.ONNX,
        str(path),
        f"ONNX model of {count_text(len(model.graph.node), 'node')}, opset {opset}",
        {
            "producer": readable(model.producer_name) or None,
            "opset": opset,
            "inputs": inputs,
            "outputs": outputs,
            "nodes": dict(nodes),
            "recipe": _json_or_none(recipe),
        },
        {
            "inputs": ", ".join(f"{printable(each)} {_text(inputs[each])}" for each in inputs),
            "outputs": ", ".join(f"{printable(each)} {_text(outputs[each])}" for each in outputs),
            "made by": printable(model.producer_name) or "unknown",
        },
        columns=("operator", "nodes"),
        rows=[(printable(name), str(count)) for name, count in nodes.most_common()],
    )


def _shape(value: Any) -> list[int | str | None]:
    """The sizes of an input or output: numbers, names of sizes that vary, or None."""
    return [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
        for dim in value.type.tensor_type.shape.dim
    ]


def _text(shape: list[int | str | None]) -> str:
    return "x".join("?" if each is None else str(each) for each in shape) or "scalar"


def _json_or_none(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None
