"""A net on ONNX Runtime with pycaffe's interface, for forward passes only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ssdh_surgery.caffe.net.net import Net as NetView
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes import Shape
from ssdh_surgery.caffe.shapes.layer_setup import shape_string
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights
from ssdh_surgery.caffe.weights.weights import write_any_weights
from ssdh_surgery.engines.batches import Batched
from ssdh_surgery.engines.onnx.model import build, text
from ssdh_surgery.engines.onnx.onnx_blob import (
    OnnxBlob,
    OnnxInput,
    OnnxLayer,
    OnnxParam,
    forward_only,
)
from ssdh_surgery.engines.onnx.params import named_owners, read_params, refuse_other_shapes
from ssdh_surgery.engines.onnx.plan import OnnxPlan, plan
from ssdh_surgery.engines.onnx.session import Session
from ssdh_surgery.engines.runner import (
    describe_net,
    refuse_other_names,
    unknown_blob,
    unknown_layer,
)
from ssdh_surgery.errors import EngineError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class OnnxNet(Batched):
    """A net run by ONNX Runtime, always from its inputs on.

    A pass computes the outputs and the requested blobs; other blobs are computed when their
    `data` is read. Params are read-only. There is no backward pass.

    Raises:
        EngineError: a layer that ONNX cannot express, or one without weights.
        DataError: the weights do not match the net.
    """

    def __init__(self, view: NetView, state: State, weights: str | Path | None) -> None:
        self._view = view
        self._state = state
        self.name = view.name
        self.phase = state.phase
        self._plan = plan(view, state)
        self._params = read_params(self._plan, weights)
        self._sessions: dict[tuple[int, tuple[str, ...]], Session] = {}
        # The inputs of the last pass, and the blobs computed for it.
        self._pass_inputs: dict[str, NDArray[np.float32]] | None = None
        self._values: dict[str, NDArray[np.float32]] = {}
        self.inputs: list[str] = list(self._plan.inputs)
        self.outputs: list[str] = self._plan.outputs
        self.blobs: dict[str, OnnxBlob] = {
            name: OnnxInput(self, name) if name in self.inputs else OnnxBlob(self, name)
            for name in _shapes(self._plan)
        }
        self.layers: list[OnnxLayer] = [
            OnnxLayer(
                each.spec.param.name, each.spec.param.type, [OnnxParam(array) for array in arrays]
            )
            for each, arrays in zip(self._plan.layers, self._params, strict=True)
        ]
        self.layer_dict: dict[str, OnnxLayer] = {layer.name: layer for layer in self.layers}
        self.params: dict[str, list[OnnxParam]] = {
            layer.name: layer.blobs for layer in self.layers if layer.blobs
        }

    def __repr__(self) -> str:
        return describe_net(self, self.name, self.phase)

    # Passes.

    def forward(
        self,
        blobs: list[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **inputs: ArrayLike,
    ) -> dict[str, NDArray[np.float32]]:
        """Run the layers up to `end`, by default all.

        Args:
            blobs: names of additional blobs to return.
            start: must be the first layer: this engine cannot start in the middle.
            end: the last layer to run.
            inputs: values for the net's inputs: all of them or none.

        Returns:
            The net's outputs (with `end`: the tops of that layer) and `blobs`, by name.

        Raises:
            EngineError: an unknown layer or blob, inputs of the wrong shape, or an error of ONNX
                Runtime.
        """
        if start is not None and self._place(start) != 0:
            raise EngineError(
                f"the ONNX engine cannot start at layer '{start}': it always runs "
                "from the inputs on",
                hint='engine="torch" can',
                layer=start,
            )
        last = len(self._plan.layers) - 1 if end is None else self._place(end)
        top_names = self.outputs if end is None else list(self._plan.layers[last].spec.param.top)
        names = tuple(dict.fromkeys([*top_names, *(blobs or [])]))
        for name in names:
            self._blob(name)
        if inputs:
            self._fill_inputs(inputs)
        self.reshape()
        self._pass_inputs = {name: self.blobs[name].data.copy() for name in self.inputs}
        self._values = self._compute(last, names)
        return {
            name: (self._values if name in self._values else self._pass_inputs)[name]
            for name in names
        }

    def _compute(self, last: int, names: tuple[str, ...]) -> dict[str, NDArray[np.float32]]:
        assert self._pass_inputs is not None
        needed = tuple(
            name for name in names if name not in self._pass_inputs or self._is_written(name)
        )
        if not needed:
            return {}
        if (last, needed) not in self._sessions:
            part = replace(self._plan, layers=self._plan.layers[: last + 1])
            self._sessions[last, needed] = Session(build(part, self._params[: last + 1], needed))
        inputs = {text(name): array for name, array in self._pass_inputs.items()}
        return dict(zip(needed, self._sessions[last, needed].run(inputs), strict=True))

    def _is_written(self, name: str) -> bool:
        """Whether a layer writes a blob; if it is an input, in place."""
        return any(
            name in each.spec.param.top
            for each in self._plan.layers
            if each.spec.param.type != "Input"
        )

    def value(self, name: str) -> NDArray[np.float32]:
        """The contents of a blob after the last pass; zeros before the first."""
        if name not in self._values and self._pass_inputs is not None:
            # A user who reads one blob is likely to read others.
            rest = tuple(other for other in self.blobs if other not in self._values)
            self._values |= self._compute(len(self._plan.layers) - 1, rest)
        if name not in self._values:
            self._values[name] = np.zeros(self.shape(name), np.float32)
        return self._values[name]

    def shape(self, name: str) -> Shape:
        """The shape of a blob."""
        return _shapes(self._plan)[name]

    def reshape(self) -> None:
        """Propagate the shapes of inputs that were reshaped.

        Raises:
            EngineError: a layer does not accept them.
        """
        sizes = {name: tuple(self.blobs[name].shape) for name in self.inputs}
        if sizes == self._plan.inputs:
            return
        new = plan(self._view, self._state, inputs=sizes)
        refuse_other_shapes(new, self._params)
        if not _differ_in_batch_only(self._plan, new):
            self._sessions.clear()
        self._sessions = {
            key: session for key, session in self._sessions.items() if not session.is_bound
        }
        self._plan = new
        self._pass_inputs, self._values = None, {}

    def _fill_inputs(self, inputs: Mapping[str, ArrayLike]) -> None:
        refuse_other_names("Input blob arguments do not match net inputs.", inputs, self.inputs)
        for name, values in inputs.items():
            blob = self.blobs[name]
            shape = np.shape(values)
            try:
                if blob.shape and shape[:1] != tuple(blob.shape[:1]):
                    raise ValueError
                blob.data[...] = values
            except ValueError:
                raise EngineError(
                    f"blob '{name}' is {shape_string(tuple(blob.shape))}, the array "
                    f"{shape_string(shape)}",
                    hint=f"net.blobs['{name}'].reshape(...) changes the batch size",
                    blob=name,
                ) from None

    def _place(self, name: str) -> int:
        for place, each in enumerate(self._plan.layers):
            if each.spec.param.name == name:
                return place
        raise unknown_layer(name, self.layer_dict)

    def _blob(self, name: str) -> OnnxBlob:
        if name not in self.blobs:
            raise unknown_blob(name, self.blobs)
        return self.blobs[name]

    # Params.

    def save(self, path: str | Path) -> None:
        """Write the params to a .caffemodel, or to HDF5 if the name ends in .h5.

        Raises:
            FileError: the file cannot be written.
        """
        layer_weights = [
            LayerWeights(layer.name, layer.type, tuple(param.data for param in layer.blobs))
            for layer in self.layers
        ]
        write_any_weights(path, layer_weights, name=self.name, owners=named_owners(self._plan))

    # Not supported by this engine.

    def backward(self, *args: Any, **outputs: Any) -> NoReturn:
        """Not available.

        Raises:
            EngineError: always.
        """
        raise forward_only("run backward")

    def clear_param_diffs(self) -> NoReturn:
        """Not available.

        Raises:
            EngineError: always.
        """
        raise forward_only("hold diffs")

    def copy_from(self, path: str | Path) -> NoReturn:
        """Not available: params are read when the net is opened.

        Raises:
            EngineError: always.
        """
        raise forward_only("take other weights: open the net again")

    def share_with(self, other: Any) -> NoReturn:
        """Not available.

        Raises:
            EngineError: always.
        """
        raise forward_only("share params")


def _shapes(plan: OnnxPlan) -> dict[str, Shape]:
    """The shapes of all blobs, in the net's order."""
    shapes = dict(plan.inputs)
    for layer in plan.layers:
        shapes.update(zip(layer.spec.param.top, layer.tops, strict=True))
    return shapes


def _differ_in_batch_only(old: OnnxPlan, new: OnnxPlan) -> bool:
    """Whether a model built from one plan also serves the other."""
    pairs = [(shape, new.inputs[name]) for name, shape in old.inputs.items()]
    return not (old.is_bound or new.is_bound) and all(
        old_shape == new_shape
        or (
            old_shape[1:] == new_shape[1:]
            and (old_shape[0], new_shape[0]) == (old.batch, new.batch)
        )
        for old_shape, new_shape in pairs
    )
