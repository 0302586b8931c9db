"""A net of the embedded engine with pycaffe's manners."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.net import Net as NetView
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.weights.copy_table import CopyRow
from ssdh_surgery.engines.torch.layers.base import Layer
from ssdh_surgery.engines.torch.layers.blob import Blob, Param, shape_string
from ssdh_surgery.engines.torch.layers.data import MemoryData
from ssdh_surgery.engines.torch.net.graph_net import GraphNet, OpenSource
from ssdh_surgery.engines.torch.net.weights import copy_weights, save_weights
from ssdh_surgery.errors import EngineError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class TorchNet(GraphNet):
    """A net whose blobs and params are numpy arrays between passes, named as in pycaffe.

    Takes the same arguments as `GraphNet`.
    """

    def __init__(
        self,
        view: NetView,
        state: State,
        *,
        device: str = "cpu",
        seed: int | None = None,
        open_source: OpenSource | None = None,
    ) -> None:
        super().__init__(view, state, device=device, seed=seed, open_source=open_source)
        self.blobs: dict[str, Blob] = {
            name: self.plan.blobs[number] for name, number in self.plan.names.items()
        }
        self.layer_dict: dict[str, Layer] = {layer.name: layer for layer in self.layers}
        self.params: dict[str, list[Param]] = {
            layer.name: layer.params for layer in self.layers if layer.params
        }
        self.inputs: list[str] = [self.plan.blobs[number].name for number in self.plan.inputs]
        self.outputs: list[str] = [self.plan.blobs[number].name for number in self.plan.outputs]
        self.top_names: dict[str, list[str]] = {
            step.layer.name: [self.plan.blobs[number].name for number in step.tops]
            for step in self.steps
            if not step.is_inserted
        }
        self.bottom_names: dict[str, list[str]] = {
            step.layer.name: [self._shown(number) for number in step.bottoms]
            for step in self.steps
            if not step.is_inserted
        }

    def _shown(self, number: int) -> str:
        """The name of a blob as the prototxt has it, for a top of a split too."""
        for step in self.steps:
            if step.is_inserted and number in step.tops:
                return self.plan.blobs[step.bottoms[0]].name
        return self.plan.blobs[number].name

    @property
    def blob_loss_weights(self) -> dict[str, float]:
        """The weight of each blob in the loss."""
        weights = dict.fromkeys(self.blobs, 0.0)
        for step in self.steps:
            for number, weight in zip(step.tops, step.loss_weights, strict=True):
                name = self._shown(number)
                if name in weights and (weight or not step.is_inserted):
                    weights[name] = weight
        return weights

    def forward(
        self,
        blobs: list[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **inputs: ArrayLike,
    ) -> dict[str, NDArray[np.float32]]:
        """Run the layers from `start` to `end` (both included), all by default.

        Args:
            blobs: names of further blobs to return.
            start: the layer to begin at; what it reads is taken as it stands.
            end: the last layer to run.
            inputs: values for the net's inputs, all of them or none.

        Returns:
            The net's outputs (with `end`: the tops of that layer) and `blobs`, by name. The
            arrays are the blobs' own: the next pass writes into them.

        Raises:
            EngineError: an unknown layer or blob, inputs that do not fit, or whatever a layer
                refuses.
        """
        first = self._place(start) if start is not None else 0
        last = self._place(end) if end is not None else len(self.steps) - 1
        shown = self.top_names[end] if end is not None else self.outputs
        if inputs:
            self._take_inputs(inputs)
        self.forward_steps(first, self._with_splits(last))
        return {name: self._blob(name).data for name in [*shown, *(blobs or [])]}

    def backward(
        self,
        diffs: list[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **outputs: ArrayLike,
    ) -> dict[str, NDArray[np.float32]]:
        """Run the backward passes from `start` down to `end` (both included), all by default.

        Args:
            diffs: names of further blobs whose diffs to return.
            start: the layer to begin at, with the diffs of its tops as they stand.
            end: the last layer to run.
            outputs: diffs for the net's outputs, all of them or none.

        Returns:
            The diffs of the net's inputs (with `end`: of that layer's bottoms) and of
            `diffs`, by name.

        Raises:
            EngineError: an unknown layer or blob, diffs that do not fit, no forward pass
                before, or a gradient that Caffe does not compute.
        """
        first = self._place(start) if start is not None else len(self.steps) - 1
        last = self._place(end) if end is not None else 0
        shown = self.bottom_names[end] if end is not None else self.inputs
        if outputs:
            self._check_names("Top diff arguments do not match net outputs.", outputs, self.outputs)
            for name, diff in outputs.items():
                _write(self.blobs[name], "diff", diff)
        self.backward_steps(first, last)
        return {name: self._blob(name).diff for name in [*shown, *(diffs or [])]}

    def set_input_arrays(self, data: NDArray[np.float32], labels: NDArray[np.float32]) -> None:
        """Give the MemoryData layer its arrays.

        Raises:
            EngineError: the first layer is none, or does not take them.
        """
        first = self.layers[0] if self.layers else None
        if not isinstance(first, MemoryData):
            raise EngineError(
                "set_input_arrays may only be called if the first layer is a MemoryDataLayer"
            )
        first.reset(data, labels)

    def copy_from(self, path: str | Path) -> list[CopyRow]:
        """Copy the params of a .caffemodel or HDF5 file by layer names.

        Returns:
            What was copied, what the file lacks, and what the net does not use.

        Raises:
            FileError: the file cannot be read.
            DataError: it is no weights file, or a layer's params do not fit.
        """
        return copy_weights(self.layers, path)

    def save(self, path: str | Path) -> None:
        """Write the params to a .caffemodel, or to HDF5 where the name ends in .h5.

        Raises:
            FileError: the file cannot be written.
        """
        save_weights(self.layers, path, self.name)

    def _place(self, name: str) -> int:
        """The step of a layer's name."""
        for place, step in enumerate(self.steps):
            if step.layer.name == name and not step.is_inserted:
                return place
        raise EngineError(
            f"no layer is called '{name}'", hint=did_you_mean(name, self.layer_dict), layer=name
        )

    def _with_splits(self, place: int) -> int:
        """The last of the splits that the net inserted after a step."""
        while place + 1 < len(self.steps) and self.steps[place + 1].is_inserted:
            place += 1
        return place

    def _blob(self, name: str) -> Blob:
        if name not in self.blobs:
            raise EngineError(
                f"no blob is called '{name}'", hint=did_you_mean(name, self.blobs), blob=name
            )
        return self.blobs[name]

    def _take_inputs(self, inputs: Mapping[str, ArrayLike]) -> None:
        self._check_names("Input blob arguments do not match net inputs.", inputs, self.inputs)
        for name, value in inputs.items():
            _write(self.blobs[name], "data", value)

    def _check_names(self, said: str, given: Mapping[str, object], wanted: list[str]) -> None:
        if set(given) != set(wanted):
            raise EngineError(
                f"{said} Given: {', '.join(sorted(given))}; the net has: {', '.join(wanted)}"
            )


def _write(blob: Blob, part: str, value: ArrayLike) -> None:
    """Write an array into a blob's data or diff, of the same shape or one that broadcasts."""
    import numpy as np

    given = np.shape(value)
    if blob.shape and given[:1] != blob.shape[:1]:
        raise EngineError(
            f"{'Input' if part == 'data' else 'Diff'} is not batch sized: '{blob.name}' is "
            f"{shape_string(blob.shape)}, given was {shape_string(given)}",
            hint=f"net.blobs['{blob.name}'].reshape(...) changes the batch size",
            blob=blob.name,
        )
    try:
        getattr(blob, part)[...] = value
    except ValueError:
        raise EngineError(
            f"blob '{blob.name}' is {shape_string(blob.shape)}, given was {shape_string(given)}",
            blob=blob.name,
        ) from None
