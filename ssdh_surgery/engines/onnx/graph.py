"""The graph under construction: values, nodes and constants, and one layer's view of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import NodeProto, helper

from ssdh_surgery.caffe.shapes import Shape
from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup
from ssdh_surgery.engines.layer_specs import LayerSpec
from ssdh_surgery.errors import EngineError

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter


class BatchBound(Exception):
    """A layer that can be expressed for a fixed batch size only; never reaches the user."""

    def __init__(self, spec: LayerSpec) -> None:
        super().__init__()
        self.spec = spec


@dataclass(frozen=True)
class Value:
    """A value of the graph, with its shape for the batch size in the net.

    `varying` are the axes whose size depends on the batch size.
    """

    name: str
    shape: Shape
    varying: frozenset[int] = frozenset()


class OnnxGraph:
    """Nodes in order and constants by name."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self._names: set[str] = set()

    def reserve(self, names: Iterable[str]) -> None:
        """Reserve names for later values."""
        self._names.update(names)

    def fresh(self, base: str) -> str:
        """An unused name: `base`, with a number if it is taken."""
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base}_{number}"
        self._names.add(name)
        return name

    def identity(self, value: str, name: str) -> None:
        """Add a second name for a value."""
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"{name}:identity"))

    def prune(self, outputs: Iterable[str]) -> None:
        """Drop nodes and constants that no output depends on."""
        needed = set(outputs)
        nodes = []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                nodes.append(node)
        self.nodes = nodes[::-1]
        self.constants = {name: array for name, array in self.constants.items() if name in needed}


class LayerGraph:
    """A layer to express as nodes: its message, bottoms, params and tops.

    `tops` have the expected shapes; the values that a layer's function returns are renamed to
    them. Functions read sizes through `sizes` and `size`, which refuse sizes that depend on the
    batch.
    """

    def __init__(
        self,
        graph: OnnxGraph,
        spec: LayerSpec,
        bottoms: Sequence[Value],
        tops: Sequence[Value],
        params: Sequence[NDArray[np.float32]],
    ) -> None:
        self._graph = graph
        self.spec = spec
        self.bottoms = tuple(bottoms)
        self.tops = tuple(tops)
        self.params = tuple(params)
        self._weights: dict[int, str] = {}

    @property
    def param(self) -> LayerParameter:
        """The layer's message in the current dialect."""
        return self.spec.param

    @property
    def setup(self) -> LayerSetup:
        """The layer as an argument of the shape rules."""
        return LayerSetup(self.param, [bottom.shape for bottom in self.bottoms], len(self.tops))

    @property
    def bottom(self) -> str:
        """The name of the first bottom."""
        return self.bottoms[0].name

    @property
    def shape(self) -> Shape:
        """The shape of the first bottom."""
        return self.bottoms[0].shape

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; returns its name."""
        (output,) = self.nodes(operator, *inputs, outputs=1, **attributes)
        return output

    def nodes(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Add a node with several outputs; returns their names."""
        name = self._graph.fresh(f"{self.param.name}:{operator}")
        names = [name] + [self._graph.fresh(name) for _ in range(outputs - 1)]
        self._graph.nodes.append(
            helper.make_node(operator, list(inputs), names, name=name, **attributes)
        )
        return names

    def number(self, value: float) -> str:
        """A float32 constant."""
        return self.array(np.float32(value))

    def integers(self, values: Sequence[int]) -> str:
        """A one-dimensional int64 constant."""
        return self.array(np.array(values, np.int64))

    def array(self, values: ArrayLike) -> str:
        """A constant of any type."""
        name = self._graph.fresh(f"{self.param.name}:constant")
        self._graph.constants[name] = np.asarray(values)
        return name

    def weight(self, index: int) -> str:
        """A param as a constant, which is added only once."""
        if index not in self._weights:
            name = self._graph.fresh(f"{self.param.name}:param{index}")
            self._graph.constants[name] = self.params[index]
            self._weights[index] = name
        return self._weights[index]

    def size(self, value: Value, axis: int) -> int:
        """A size that does not depend on the batch.

        Raises:
            BatchBound: it does.
        """
        if axis in value.varying:
            raise BatchBound(self.spec)
        return value.shape[axis]

    def sizes(self, value: Value, start: int = 0, end: int | None = None) -> list[int]:
        """The sizes of some axes for a Reshape, with -1 for the one that depends on the batch.

        Raises:
            BatchBound: several do.
        """
        axes = range(len(value.shape))[start:end]
        if len(value.varying.intersection(axes)) > 1:
            raise BatchBound(self.spec)
        return [-1 if axis in value.varying else value.shape[axis] for axis in axes]

    def reshape(self, value: str, sizes: Sequence[int]) -> str:
        """Reshape a value; one size may be -1.

        Raises:
            BatchBound: several are.
        """
        if list(sizes).count(-1) > 1:
            raise BatchBound(self.spec)
        return self.node("Reshape", value, self.integers(sizes))

    def fail(self, message: str, hint: str | None = None) -> NoReturn:
        """Stop with an error that names the layer and its place."""
        raise EngineError(
            f"layer '{self.param.name}' ({self.param.type}): {message}",
            location=self.spec.location,
            hint=hint,
            layer=self.param.name,
        )


def rename(nodes: Sequence[NodeProto], names: Mapping[str, str]) -> None:
    """Rename values wherever these nodes read or write them."""
    for node in nodes:
        for values in (node.input, node.output):
            for index, name in enumerate(values):
                values[index] = names.get(name, name)
