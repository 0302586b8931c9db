"""A net of the embedded engine with pycaffe's interface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.net import Net as NetView
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes.layer_setup import shape_string
from ssdh_surgery.caffe.weights.copy_table import CopyRow
from ssdh_surgery.engines.batches import Batched
from ssdh_surgery.engines.runner import (
    describe_net,
    refuse_other_names,
    unknown_blob,
    unknown_layer,
)
from ssdh_surgery.engines.torch.layers.data_layers import MemoryData
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.layers.layer_context import OpenSource
from ssdh_surgery.engines.torch.layers.tensor_blob import TensorBlob, TensorParam
from ssdh_surgery.engines.torch.net.graph_net import GraphNet
from ssdh_surgery.engines.torch.net.weights import copy_weights, save_weights
from ssdh_surgery.errors import EngineError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class TorchNet(Batched, GraphNet):
    """A net whose blobs and params are numpy arrays between passes, named as in pycaffe.

    It takes the same arguments as `GraphNet`.
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
        self.blobs: dict[str, TensorBlob] = {
            name: self.plan.blobs[number] for name, number in self.plan.names.items()
        }
        self.layer_dict: dict[str, TorchLayer] = {layer.name: layer for layer in self.layers}
        self.params: dict[str, list[TensorParam]] = {
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
            step.layer.name: [self._blob_name(number) for number in step.bottoms]
            for step in self.steps
            if not step.is_inserted
        }

    def __repr__(self) -> str:
        return describe_net(self, self.name, self.phase)

    def _blob_name(self, number: int) -> str:
        """The name of a blob in the prototxt; for the top of a split, the name of its bottom."""
        for step in self.steps:
            if step.is_inserted and number in step.tops:
                return self.plan.blobs[step.bottoms[0]].name
        return self.plan.blobs[number].name

    def forward(
        self,
        blobs: list[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **inputs: ArrayLike,
    ) -> dict[str, NDArray[np.float32]]:
        """Run the layers from `start` to `end` (inclusive), by default all.

        Args:
            blobs: names of additional blobs to return.
            start: the first layer to run; its bottoms are used as they are.
            end: the last layer to run.
            inputs: values for the net's inputs: all of them or none.

        Returns:
            The net's outputs (with `end`: the tops of that layer) and `blobs`, by name. The
            arrays are the blobs' own: the next pass overwrites them.

        Raises:
            EngineError: an unknown layer or blob, inputs of the wrong shape, or an error of a
                layer.
        """
        first = self._place(start) if start is not None else 0
        last = self._place(end) if end is not None else len(self.steps) - 1
        names = self.top_names[end] if end is not None else self.outputs
        if inputs:
            message = "Input blob arguments do not match net inputs."
            refuse_other_names(message, inputs, self.inputs)
            for name, value in inputs.items():
                _write(self.blobs[name], "data", value)
        self.forward_steps(first, self._with_splits(last))
        return {name: self._blob(name).data for name in [*names, *(blobs or [])]}

    def backward(
        self,
        diffs: list[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **outputs: ArrayLike,
    ) -> dict[str, NDArray[np.float32]]:
        """Run the backward passes from `start` down to `end` (inclusive), by default all.

        Args:
            diffs: names of additional blobs whose diffs to return.
            start: the first layer to run; the diffs of its tops are used as they are.
            end: the last layer to run.
            outputs: diffs for the net's outputs: all of them or none.

        Returns:
            The diffs of the net's inputs (with `end`: of that layer's bottoms) and of
            `diffs`, by name.

        Raises:
            EngineError: an unknown layer or blob, diffs of the wrong shape, no forward pass
                before, or a gradient that Caffe does not compute.
        """
        first = self._place(start) if start is not None else len(self.steps) - 1
        last = self._place(end) if end is not None else 0
        names = self.bottom_names[end] if end is not None else self.inputs
        if outputs:
            message = "Top diff arguments do not match net outputs."
            refuse_other_names(message, outputs, self.outputs)
            for name, diff in outputs.items():
                _write(self.blobs[name], "diff", diff)
        self.backward_steps(first, last)
        return {name: self._blob(name).diff for name in [*names, *(diffs or [])]}

    def set_input_arrays(self, data: NDArray[np.float32], labels: NDArray[np.float32]) -> None:
        """Set the arrays of the MemoryData layer.

        Raises:
            EngineError: the first layer is not a MemoryData layer, or does not accept them.
        """
        first = self.layers[0] if self.layers else None
        if not isinstance(first, MemoryData):
            raise EngineError(
                "set_input_arrays may only be called if the first layer is a MemoryDataLayer"
            )
        first.reset(data, labels)

    def copy_from(self, path: str | Path) -> list[CopyRow]:
        """Copy the params from a .caffemodel or HDF5 file, by layer name.

        Returns:
            The layers that were copied, those that the file lacks, and those that the net lacks.

        Raises:
            FileError: the file cannot be read.
            DataError: it is not a weights file, or a layer's params do not match.
        """
        return copy_weights(self.layers, path)

    def save(self, path: str | Path) -> None:
        """Write the params to a .caffemodel, or to HDF5 if the name ends in .h5.

        Raises:
            FileError: the file cannot be written.
        """
        save_weights(self.layers, path, self.name)

    def _place(self, name: str) -> int:
        """The index of the step of a layer."""
        for place, step in enumerate(self.steps):
            if step.layer.name == name and not step.is_inserted:
                return place
        raise unknown_layer(name, self.layer_dict)

    def _with_splits(self, place: int) -> int:
        """The index of the last split that the net inserted after a step, or the step's own."""
        while place + 1 < len(self.steps) and self.steps[place + 1].is_inserted:
            place += 1
        return place

    def _blob(self, name: str) -> TensorBlob:
        if name not in self.blobs:
            raise unknown_blob(name, self.blobs)
        return self.blobs[name]


def _write(blob: TensorBlob, part: str, value: ArrayLike) -> None:
    """Write an array to a blob's data or diff; it must have the blob's shape or broadcast to it."""
    import numpy as np

    shape = np.shape(value)
    if blob.shape and shape[:1] != blob.shape[:1]:
        raise EngineError(
            f"{'Input' if part == 'data' else 'Diff'} is not batch sized: '{blob.name}' is "
            f"{shape_string(blob.shape)}, the array {shape_string(shape)}",
            hint=f"net.blobs['{blob.name}'].reshape(...) changes the batch size",
            blob=blob.name,
        )
    try:
        getattr(blob, part)[...] = value
    except ValueError:
        raise EngineError(
            f"blob '{blob.name}' is {shape_string(blob.shape)}, the array {shape_string(shape)}",
            blob=blob.name,
        ) from None
