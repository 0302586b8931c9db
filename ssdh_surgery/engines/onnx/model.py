"""Builds the ONNX model of a planned net and its params."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

import ssdh_surgery
from ssdh_surgery.caffe.shapes import Shape
from ssdh_surgery.engines.onnx.graph import BatchBound, LayerGraph, OnnxGraph, Value, rename
from ssdh_surgery.engines.onnx.params import Params
from ssdh_surgery.engines.onnx.plan import OnnxPlan, PlannedLayer
from ssdh_surgery.engines.onnx.registry import expression
from ssdh_surgery.errors import EngineError

# Supported by ONNX Runtime 1.7 (early 2021) and later.
OPSET = 13
IR_VERSION = 7
BATCH_NAME = "N"
# The limit of a protobuf message, minus what surrounds the arrays.
MOST_BYTES = 2**31 - 2**20


@dataclass(frozen=True)
class Model:
    """A graph whose constants are still arrays.

    `inputs` and `outputs` have the names of the net's blobs, except for an input that an in-place
    layer overwrites: as an output, it has another name. `shapes` has the shapes of all blobs.
    """

    graph: OnnxGraph
    plan: OnnxPlan
    inputs: tuple[ValueInfoProto, ...]
    outputs: tuple[ValueInfoProto, ...]
    shapes: Mapping[str, Shape]

    @property
    def constants(self) -> Mapping[str, NDArray[Any]]:
        """The arrays in the graph."""
        return self.graph.constants

    @property
    def size(self) -> int:
        """The total size of the arrays, in bytes."""
        return sum(array.nbytes for array in self.constants.values())

    def to_bytes(self, metadata: Mapping[str, str]) -> bytes:
        """The contents of the model's file, verified by onnx's own checker.

        Raises:
            EngineError: it does not fit in one file.
        """
        if self.size > MOST_BYTES:
            raise EngineError(
                f"the weights take {self.size / 2**30:.1f} GB, but an ONNX file is limited to 2",
                hint="stop at a blob below the largest layers: --blob NAME",
            )
        data = self.proto(metadata).SerializeToString()
        checker.check_model(data, full_check=True)
        return data

    def proto(self, metadata: Mapping[str, str] | None = None) -> ModelProto:
        """The model including its constants, at most 2 GB; `metadata` is stored unchanged."""
        tensors = [numpy_helper.from_array(array, name) for name, array in self.constants.items()]
        return self.proto_around(tensors, metadata)

    def proto_around(
        self, tensors: Sequence[TensorProto], metadata: Mapping[str, str] | None = None
    ) -> ModelProto:
        """The model with other constants, whose values may be stored elsewhere."""
        graph = helper.make_graph(
            self.graph.nodes,
            text(self.plan.name) or "net",
            self.inputs,
            self.outputs,
            initializer=tensors,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="ssdh-surgery",
            producer_version=ssdh_surgery.__version__,
        )
        helper.set_model_props(model, dict(metadata or {}))
        return model


def build(plan: OnnxPlan, params: Params, outputs: Sequence[str] | None = None) -> Model:
    """Express a plan as nodes.

    Args:
        plan: the layers.
        params: the arrays of each layer.
        outputs: the blobs to output; None means those that no layer reads.

    Raises:
        EngineError: a layer has parameters that ONNX cannot express.
    """
    names = list(plan.outputs if outputs is None else outputs)
    try:
        return _Builder(plan, params).model(names)
    except BatchBound as bound:
        layer, place = bound.spec.param, bound.spec.location
        line = f" of line {place.line}" if place else ""
        reason = f"layer '{layer.name}' ({layer.type}){line} works across the batch"
        return _Builder(plan.bind(reason), params).model(names)


def sizes_of(values: Sequence[ValueInfoProto]) -> dict[str, list[int | str]]:
    """The sizes of inputs or outputs, by name; a variable size is a string."""
    return {
        value.name: [
            dim.dim_param or dim.dim_value or "?" for dim in value.type.tensor_type.shape.dim
        ]
        for value in values
    }


def text(name: str) -> str:
    """A name as valid UTF-8, which ONNX requires: other bytes are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


class _Builder:
    def __init__(self, plan: OnnxPlan, params: Params) -> None:
        self.plan = plan
        self.params = params
        self.graph = OnnxGraph()
        self.blobs: dict[str, Value] = {}
        self.graph.reserve(map(text, plan.inputs))
        self.graph.reserve(text(top) for layer in plan.layers for top in layer.spec.param.top)
        for name, shape in plan.inputs.items():
            has_batch = not plan.is_bound and shape[:1] == (plan.batch,)
            varying = frozenset([0] if has_batch else [])
            self.blobs[name] = Value(text(name), shape, varying)
        self.inputs = tuple(self._info(self.blobs[name]) for name in plan.inputs)
        # If several layers write a blob in turn, the last one gets its name.
        self.last_writer = {
            top: place for place, each in enumerate(plan.layers) for top in each.spec.param.top
        }

    def model(self, outputs: Sequence[str]) -> Model:
        """Express all layers."""
        for place, layer in enumerate(self.plan.layers):
            if layer.spec.param.type != "Input":
                self._add_layer(place, layer)
        shapes = {name: value.shape for name, value in self.blobs.items()}
        values = [self._output(name) for name in outputs]
        self.graph.prune(value.name for value in values)
        infos = tuple(map(self._info, values))
        return Model(self.graph, self.plan, self.inputs, infos, shapes)

    def _output(self, name: str) -> Value:
        """An output; one that is also an input gets a name of its own."""
        value = self.blobs[name]
        if name not in self.plan.inputs or value.name != text(name):
            return value
        copy = Value(self.graph.fresh(f"{value.name}:out"), value.shape, value.varying)
        self.graph.identity(value.name, copy.name)
        return copy

    def _info(self, value: Value) -> ValueInfoProto:
        dims = [
            (BATCH_NAME if size == self.plan.batch else None) if axis in value.varying else size
            for axis, size in enumerate(value.shape)
        ]
        return helper.make_tensor_value_info(value.name, TensorProto.FLOAT, dims)

    def _add_layer(self, place: int, layer: PlannedLayer) -> None:
        param = layer.spec.param
        tops = [
            Value(self._name(place, name), shape, varying)
            for name, shape, varying in zip(param.top, layer.tops, layer.varying, strict=True)
        ]
        bottoms = [self.blobs[name] for name in param.bottom]
        begin = len(self.graph.nodes)
        view = LayerGraph(self.graph, layer.spec, bottoms, tops, self.params[place])
        results = expression(param.type)(view)
        new_names = {name for node in self.graph.nodes[begin:] for name in node.output}
        names: dict[str, str] = {}
        for result, top in zip(results, tops, strict=True):
            if result in new_names and result not in names:
                names[result] = top.name
            else:
                self.graph.identity(result, top.name)
        rename(self.graph.nodes[begin:], names)
        self.blobs.update(zip(param.top, tops, strict=True))

    def _name(self, place: int, blob: str) -> str:
        if self.last_writer[blob] == place and blob not in self.plan.inputs:
            return text(blob)
        layer = self.plan.layers[place].spec.param.name
        return self.graph.fresh(f"{text(blob)}:{text(layer)}")
