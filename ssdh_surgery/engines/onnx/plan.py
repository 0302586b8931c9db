"""The plan of a model: the layers with their shapes, and which sizes depend on the batch.

The shape rules are evaluated for two more batch sizes: an axis whose size changes depends on the
batch. If a rule refuses them, the net supports only the batch size in its file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes import LayerShapes, NetShapes, Shape, shapes
from ssdh_surgery.engines.layer_specs import LayerSpec, read_specs
from ssdh_surgery.engines.onnx.registry import refuse_inexpressible
from ssdh_surgery.errors import EngineError
from ssdh_surgery.findings import Finding

_PROBES = (2, 3)


@dataclass(frozen=True)
class PlannedLayer:
    """A layer, the shapes of its tops and params, and the batch-dependent axes of each top."""

    spec: LayerSpec
    tops: tuple[Shape, ...]
    varying: tuple[frozenset[int], ...]
    params: tuple[Shape, ...]


@dataclass(frozen=True)
class OnnxPlan:
    """The layers in order; `inputs` are the shapes of the inputs, by name.

    `batch` is the batch size in the net; unless `is_bound`, others are possible. `bound_by` is
    the reason for a fixed batch size, in words.
    """

    name: str
    layers: tuple[PlannedLayer, ...]
    inputs: Mapping[str, Shape]
    batch: int
    bound_by: str | None = None

    @property
    def is_bound(self) -> bool:
        """Whether the batch size is fixed."""
        return self.bound_by is not None

    @property
    def outputs(self) -> list[str]:
        """The blobs that a layer computes and none reads, in alphabetical order."""
        unread: set[str] = set()
        for layer in self.layers:
            unread -= set(layer.spec.param.bottom)
            if layer.spec.param.type != "Input":
                unread |= set(layer.spec.param.top)
        return sorted(unread)

    def bind(self, reason: str) -> OnnxPlan:
        """The plan for the batch size in the net only."""
        layers = (
            replace(layer, varying=(frozenset[int](),) * len(layer.tops)) for layer in self.layers
        )
        return replace(self, layers=tuple(layers), bound_by=reason)


def plan(
    net: Net,
    state: State,
    *,
    inputs: Mapping[str, Sequence[int]] | None = None,
    reach: Sequence[Layer] | None = None,
) -> OnnxPlan:
    """Plan a net.

    Args:
        net: a net in any dialect.
        state: the state that it is built for.
        inputs: shapes of inputs that override those in the file.
        reach: the last layers that are needed; None means all layers.

    Raises:
        EngineError: a layer that ONNX cannot express, or that Caffe would refuse; unknown
            shapes.
        SchemaError: a field or value that Caffe does not have.
        UnknownLayer: a name in `inputs` is not an input.
    """
    graph = net.graph(state)
    _raise_first(graph.findings)
    needed = None if reach is None else graph.below(reach)

    def refuse(layer: Layer) -> None:
        if needed is None or layer.index in needed:
            refuse_inexpressible(layer)

    specs = read_specs(net, state, refuse)
    file_shapes = shapes(net, state, inputs)
    _raise_first(file_shapes.findings)
    pairs = _pair(specs, file_shapes, needed)
    input_shapes = _inputs(net, specs, file_shapes)
    _refuse_unknown(pairs, input_shapes, file_shapes.findings)
    sizes = {name: shape for name, shape in input_shapes.items() if shape is not None}
    batch = next((shape[0] for shape in sizes.values() if shape), 0)
    probes = [
        shapes(net, state, {**(inputs or {}), **_with_batch(sizes, batch, factor * batch)})
        for factor in _PROBES
    ]
    layers = tuple(_plan_layer(spec, shaped, probes) for spec, shaped in pairs)
    result = OnnxPlan(net.name, layers, sizes, batch)
    reason = _binding(pairs, probes) if batch else "no input has a batch axis"
    return result.bind(reason) if reason else result


def _with_batch(inputs: Mapping[str, Shape], batch: int, size: int) -> dict[str, Shape]:
    """The inputs with a batch axis, for another batch size."""
    return {
        name: (size, *shape[1:]) for name, shape in inputs.items() if shape and shape[0] == batch
    }


def _raise_first(findings: Iterable[Finding]) -> None:
    for finding in findings:
        if finding.is_error:
            raise EngineError(finding.message, location=finding.location, hint=finding.hint)


def _pair(
    specs: Sequence[LayerSpec], net_shapes: NetShapes, needed: set[int] | None
) -> list[tuple[LayerSpec, LayerShapes]]:
    """The layers in the text with their shapes; without the Input layer added for old nets."""
    layers = [shaped for shaped in net_shapes.layers if not shaped.layer.is_padding]
    pairs = zip(specs[len(specs) - len(layers) :], layers, strict=True)
    return [
        (spec, shaped) for spec, shaped in pairs if needed is None or shaped.layer.index in needed
    ]


def _inputs(net: Net, specs: Sequence[LayerSpec], net_shapes: NetShapes) -> dict[str, Shape | None]:
    """The shapes of all inputs, by name: declared ones and Input layers."""
    names = [top for spec in specs if spec.param.type == "Input" for top in spec.param.top]
    return {name: net_shapes.blobs.get(name) for name in dict.fromkeys([*net.inputs, *names])}


def _refuse_unknown(
    layers: Sequence[tuple[LayerSpec, LayerShapes]],
    inputs: Mapping[str, Shape | None],
    findings: Sequence[Finding],
) -> None:
    unknown = [name for name, shape in inputs.items() if shape is None]
    for _, shaped in layers:
        unknown += [
            name
            for name, shape in zip(shaped.layer.tops, shaped.tops, strict=False)
            if shape is None
        ]
    if not unknown:
        return
    for finding in findings:
        if f"'{unknown[0]}'" in finding.message:
            raise EngineError(finding.message, location=finding.location, hint=finding.hint)
    raise EngineError(
        f"the shape of '{unknown[0]}' is unknown", hint=f"--input-shape {unknown[0]}=N,C,H,W"
    )


def _plan_layer(
    spec: LayerSpec, layer_shapes: LayerShapes, probes: Sequence[NetShapes]
) -> PlannedLayer:
    others = [probe.of(layer_shapes.layer) for probe in probes]
    tops = tuple(shape for shape in layer_shapes.tops if shape is not None)
    varying = tuple(
        _varying(shape, [other.tops[index] for other in others]) for index, shape in enumerate(tops)
    )
    return PlannedLayer(spec, tops, varying, layer_shapes.params or ())


def _varying(shape: Shape, others: Sequence[Shape | None]) -> frozenset[int]:
    return frozenset(
        axis
        for axis, size in enumerate(shape)
        for other in others
        if other is not None and len(other) == len(shape) and other[axis] != size
    )


def _binding(
    layers: Sequence[tuple[LayerSpec, LayerShapes]], probes: Sequence[NetShapes]
) -> str | None:
    """Why the batch size is fixed, in words; None if it is not."""
    for probe in probes:
        for _, layer_shapes in layers:
            other = probe.of(layer_shapes.layer)
            if (
                other.params != layer_shapes.params
                or None in other.tops
                or [len(shape or ()) for shape in other.tops]
                != [len(shape or ()) for shape in layer_shapes.tops]
            ):
                layer = layer_shapes.layer
                return f"layer '{layer.name}' ({layer.type}) of line {layer.line} accepts no other"
    return None
