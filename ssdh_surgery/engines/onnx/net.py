"""A net on ONNX Runtime with pycaffe's manners, as far as a forward pass goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ssdh_surgery.caffe.net.net import Net as NetView
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes import Shape
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights
from ssdh_surgery.caffe.weights.weights import write_any_weights
from ssdh_surgery.engines.onnx.blob import Blob, Input, OnnxLayer, Param, forward_only
from ssdh_surgery.engines.onnx.model import build, text
from ssdh_surgery.engines.onnx.params import named_owners, read_params, refuse_others
from ssdh_surgery.engines.onnx.plan import Plan, plan
from ssdh_surgery.engines.onnx.session import Session
from ssdh_surgery.errors import EngineError, did_you_mean

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class OnnxNet:
    """A net whose blobs are computed by ONNX Runtime, whole passes from its inputs on.

    A pass computes the outputs and the blobs that were asked for; another blob is computed
    when its `data` are read. Params can be read, not written. There is no backward pass.

    Raises:
        EngineError: a layer that ONNX cannot express.
        DataError: weights that do not fit, or a layer without.
    """

    def __init__(self, view: NetView, state: State, weights: str | Path | None) -> None:
        self._view = view
        self._state = state
        self.name = view.name
        self.phase = state.phase
        self._plan = plan(view, state)
        self._params = read_params(self._plan, weights)
        self._sessions: dict[tuple[int, tuple[str, ...]], Session] = {}
        # What the last pass was given, and what is known of it.
        self._given: dict[str, NDArray[np.float32]] | None = None
        self._known: dict[str, NDArray[np.float32]] = {}
        self.inputs: list[str] = list(self._plan.inputs)
        self.outputs: list[str] = self._plan.outputs
        self.blobs: dict[str, Blob] = {
            name: Input(self, name) if name in self.inputs else Blob(self, name)
            for name in _shapes(self._plan)
        }
        self.layers: list[OnnxLayer] = [
            OnnxLayer(
                each.spec.param.name, each.spec.param.type, [Param(array) for array in arrays]
            )
            for each, arrays in zip(self._plan.layers, self._params, strict=True)
        ]
        self.layer_dict: dict[str, OnnxLayer] = {layer.name: layer for layer in self.layers}
        self.params: dict[str, list[Param]] = {
            layer.name: layer.blobs for layer in self.layers if layer.blobs
        }

    # Passes.

    def forward(
        self,
        blobs: list[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **inputs: ArrayLike,
    ) -> dict[str, NDArray[np.float32]]:
        """Run the layers up to `end`, all by default.

        Args:
            blobs: names of further blobs to return.
            start: the first layer, and no other: there is no entry in the middle.
            end: the last layer to run.
            inputs: values for the net's inputs, all of them or none.

        Returns:
            The net's outputs (with `end`: the tops of that layer) and `blobs`, by name.

        Raises:
            EngineError: an unknown layer or blob, inputs that do not fit, or whatever ONNX
                Runtime stops at.
        """
        if start is not None and self._place(start) != 0:
            raise EngineError(
                f"the ONNX engine cannot start at layer '{start}': it runs from the inputs on",
                hint='engine="torch" can',
                layer=start,
            )
        last = len(self._plan.layers) - 1 if end is None else self._place(end)
        shown = self.outputs if end is None else list(self._plan.layers[last].spec.param.top)
        names = tuple(dict.fromkeys([*shown, *(blobs or [])]))
        for name in names:
            self._blob(name)
        if inputs:
            self._take(inputs)
        self.reshape()
        self._given = {name: self.blobs[name].data.copy() for name in self.inputs}
        self._known = self._computed(last, names)
        return {name: (self._known if name in self._known else self._given)[name] for name in names}

    def _computed(self, last: int, names: tuple[str, ...]) -> dict[str, NDArray[np.float32]]:
        assert self._given is not None
        wanted = tuple(name for name in names if name not in self._given or self._is_written(name))
        if not wanted:
            return {}
        if (last, wanted) not in self._sessions:
            part = replace(self._plan, layers=self._plan.layers[: last + 1])
            self._sessions[last, wanted] = Session(build(part, self._params[: last + 1], wanted))
        given = {text(name): array for name, array in self._given.items()}
        return dict(zip(wanted, self._sessions[last, wanted].run(given), strict=True))

    def _is_written(self, name: str) -> bool:
        """Whether a layer writes a blob, in place where it is an input."""
        return any(
            name in each.spec.param.top
            for each in self._plan.layers
            if each.spec.param.type != "Input"
        )

    def value(self, name: str) -> NDArray[np.float32]:
        """What a blob holds after the last pass; zeros before the first."""
        if name not in self._known and self._given is not None:
            # Whoever looks at one blob in the middle will look at others.
            rest = tuple(each for each in self.blobs if each not in self._known)
            self._known |= self._computed(len(self._plan.layers) - 1, rest)
        if name not in self._known:
            self._known[name] = np.zeros(self.shape(name), np.float32)
        return self._known[name]

    def shape(self, name: str) -> Shape:
        """The shape of a blob."""
        return _shapes(self._plan)[name]

    def reshape(self) -> None:
        """Pass on the shapes of inputs that were reshaped.

        Raises:
            EngineError: a layer does not take them.
        """
        sizes = {name: tuple(self.blobs[name].shape) for name in self.inputs}
        if sizes == self._plan.inputs:
            return
        new = plan(self._view, self._state, inputs=sizes)
        refuse_others(new, self._params)
        if not _differ_by_the_batch(self._plan, new):
            self._sessions.clear()
        self._sessions = {
            key: session for key, session in self._sessions.items() if not session.is_bound
        }
        self._plan = new
        self._given, self._known = None, {}

    def _take(self, inputs: Mapping[str, ArrayLike]) -> None:
        if set(inputs) != set(self.inputs):
            raise EngineError(
                "Input blob arguments do not match net inputs. Given: "
                f"{', '.join(sorted(inputs))}; the net has: {', '.join(self.inputs)}"
            )
        for name, values in inputs.items():
            blob = self.blobs[name]
            given = np.shape(values)
            try:
                if blob.shape and given[:1] != tuple(blob.shape[:1]):
                    raise ValueError
                blob.data[...] = values
            except ValueError:
                raise EngineError(
                    f"blob '{name}' is {list(blob.shape)}, given was {list(given)}",
                    hint=f"net.blobs['{name}'].reshape(...) changes the batch size",
                    blob=name,
                ) from None

    def _place(self, name: str) -> int:
        for place, each in enumerate(self._plan.layers):
            if each.spec.param.name == name:
                return place
        raise EngineError(
            f"no layer is called '{name}'", hint=did_you_mean(name, self.layer_dict), layer=name
        )

    def _blob(self, name: str) -> Blob:
        if name not in self.blobs:
            raise EngineError(
                f"no blob is called '{name}'", hint=did_you_mean(name, self.blobs), blob=name
            )
        return self.blobs[name]

    # Params.

    def save(self, path: str | Path) -> None:
        """Write the params to a .caffemodel, or to HDF5 where the name ends in .h5.

        Raises:
            FileError: the file cannot be written.
        """
        saved = [
            LayerWeights(layer.name, layer.type, tuple(param.data for param in layer.blobs))
            for layer in self.layers
        ]
        write_any_weights(path, saved, name=self.name, owners=named_owners(self._plan))

    # What this engine has not.

    def backward(self, *args: Any, **outputs: Any) -> NoReturn:
        """There is no backward pass.

        Raises:
            EngineError: always.
        """
        raise forward_only("go backward")

    def clear_param_diffs(self) -> NoReturn:
        """There are no diffs.

        Raises:
            EngineError: always.
        """
        raise forward_only("hold diffs")

    def copy_from(self, path: str | Path) -> NoReturn:
        """Params are read when the net is opened.

        Raises:
            EngineError: always.
        """
        raise forward_only("take other weights: open the net again")

    def share_with(self, other: Any) -> NoReturn:
        """Params are the net's own.

        Raises:
            EngineError: always.
        """
        raise forward_only("share params")


def _shapes(plan: Plan) -> dict[str, Shape]:
    """Every blob's shape, in the net's order."""
    found = dict(plan.inputs)
    for layer in plan.layers:
        found.update(zip(layer.spec.param.top, layer.tops, strict=True))
    return found


def _differ_by_the_batch(old: Plan, new: Plan) -> bool:
    """Whether a model of one plan does for the other."""
    pairs = [(shape, new.inputs[name]) for name, shape in old.inputs.items()]
    return not (old.is_bound or new.is_bound) and all(
        before == after
        or (before[1:] == after[1:] and (before[0], after[0]) == (old.batch, new.batch))
        for before, after in pairs
    )
