"""What is to be written: the layers with their shapes, and which sizes go with the batch.

Caffe's own rules are asked for two more batch sizes: an axis whose size is another then goes with
the batch. Where these rules refuse, the net is for the one batch that it states.
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
    """A layer, the shapes of its tops and params, and the axes of each top that vary."""

    spec: LayerSpec
    tops: tuple[Shape, ...]
    varying: tuple[frozenset[int], ...]
    params: tuple[Shape, ...]


@dataclass(frozen=True)
class Plan:
    """The layers in order; `inputs` by name with their shapes.

    `batch` is the size that the net states, which stands for any unless `is_bound`;
    `bound_by` says in words what binds the net to it.
    """

    name: str
    layers: tuple[PlannedLayer, ...]
    inputs: Mapping[str, Shape]
    batch: int
    bound_by: str | None = None

    @property
    def is_bound(self) -> bool:
        """Whether the batch can have that size only."""
        return self.bound_by is not None

    @property
    def outputs(self) -> list[str]:
        """The blobs that a layer computes and none takes, in the alphabet's order."""
        left: set[str] = set()
        for each in self.layers:
            left -= set(each.spec.param.bottom)
            if each.spec.param.type != "Input":
                left |= set(each.spec.param.top)
        return sorted(left)

    def bound(self, reason: str) -> Plan:
        """The same for the stated batch only."""
        fixed = (
            replace(each, varying=(frozenset[int](),) * len(each.tops)) for each in self.layers
        )
        return replace(self, layers=tuple(fixed), bound_by=reason)


def plan(
    net: Net,
    state: State,
    *,
    inputs: Mapping[str, Sequence[int]] | None = None,
    reach: Sequence[Layer] | None = None,
) -> Plan:
    """Plan a net.

    Args:
        net: a net in any dialect.
        state: the state that it is built for.
        inputs: shapes of inputs that are to be others than the file says.
        reach: layers that the net may end with; None is all that there are.

    Raises:
        EngineError: a layer that ONNX cannot express, or that Caffe would stop at; shapes that
            are not known.
        SchemaError: a field or value that Caffe does not have.
        UnknownLayer: `inputs` names no input.
    """
    graph = net.graph(state)
    _raise_first(graph.findings)
    kept = None if reach is None else graph.below(reach)

    def refuse(layer: Layer) -> None:
        if kept is None or layer.index in kept:
            refuse_inexpressible(layer)

    specs = read_specs(net, state, refuse)
    stated = shapes(net, state, inputs)
    _raise_first(stated.findings)
    chosen = _paired(net, specs, stated, kept)
    given = _inputs(net, specs, stated)
    _refuse_unknown(chosen, given, stated.findings)
    sizes = {name: shape for name, shape in given.items() if shape is not None}
    batch = next((shape[0] for shape in sizes.values() if shape), 0)
    probes = [
        shapes(net, state, {**(inputs or {}), **_with_batch(sizes, batch, factor * batch)})
        for factor in _PROBES
    ]
    layers = tuple(_planned(spec, each, probes) for spec, each in chosen)
    result = Plan(net.name, layers, sizes, batch)
    reason = _binding(chosen, probes) if batch else "no input has a batch"
    return result.bound(reason) if reason else result


def _with_batch(inputs: Mapping[str, Shape], batch: int, size: int) -> dict[str, Shape]:
    """The inputs that have the batch, of another size."""
    return {
        name: (size, *shape[1:]) for name, shape in inputs.items() if shape and shape[0] == batch
    }


def _raise_first(findings: Iterable[Finding]) -> None:
    for finding in findings:
        if finding.is_error:
            raise EngineError(finding.message, location=finding.location, hint=finding.hint)


def _paired(
    net: Net, specs: Sequence[LayerSpec], found: NetShapes, kept: set[int] | None
) -> list[tuple[LayerSpec, LayerShapes]]:
    """The layers of the text with their shapes; without the Input layer of old nets."""
    each = [shaped for shaped in found.layers if not shaped.layer.is_padding]
    pairs = zip(specs[len(specs) - len(each) :], each, strict=True)
    return [(spec, shaped) for spec, shaped in pairs if kept is None or shaped.layer.index in kept]


def _inputs(net: Net, specs: Sequence[LayerSpec], found: NetShapes) -> dict[str, Shape | None]:
    """Every input by name; declared ones have become a layer."""
    names = [top for spec in specs if spec.param.type == "Input" for top in spec.param.top]
    return {name: found.blobs.get(name) for name in dict.fromkeys([*net.inputs, *names])}


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
        f"the shape of '{unknown[0]}' is not known", hint=f"--input-shape {unknown[0]}=N,C,H,W"
    )


def _planned(spec: LayerSpec, stated: LayerShapes, probes: Sequence[NetShapes]) -> PlannedLayer:
    others = [probe.of(stated.layer) for probe in probes]
    tops = tuple(shape for shape in stated.tops if shape is not None)
    varying = tuple(
        _varying(shape, [other.tops[index] for other in others]) for index, shape in enumerate(tops)
    )
    return PlannedLayer(spec, tops, varying, stated.params or ())


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
    """What binds the net to its batch, in words; None for nothing."""
    for probe in probes:
        for _, stated in layers:
            other = probe.of(stated.layer)
            if (
                other.params != stated.params
                or None in other.tops
                or [len(shape or ()) for shape in other.tops]
                != [len(shape or ()) for shape in stated.tops]
            ):
                layer = stated.layer
                return f"layer '{layer.name}' ({layer.type}) of line {layer.line} takes no other"
    return None
