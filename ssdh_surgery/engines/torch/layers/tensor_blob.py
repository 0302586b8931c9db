"""Blobs and params as tensors with a diff, which numpy reads and writes in place, as in pycaffe."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape, count, shape_string
from ssdh_surgery.errors import EngineError
from ssdh_surgery.names import printable, shape_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TensorBlob:
    """A named array with a diff of the same shape; memory is allocated on first use.

    `data` and `diff` are float32 numpy arrays that share memory with the tensors: an array
    that was handed out stays current until the blob changes its shape.
    """

    def __init__(self, shape: Shape, device: torch.device, name: str = "") -> None:
        self.name = name
        self._device = device
        self._check_shape(shape)
        self._shape = shape
        self._tensor: Tensor | None = None
        self._diff: Tensor | None = None
        self._fill_diff = 0.0
        # Whether `data` has been handed out.
        self._is_exposed = False

    def __repr__(self) -> str:
        return f"<TensorBlob '{printable(self.name)}' {shape_text(self._shape)}>"

    @property
    def shape(self) -> Shape:
        """The dimensions."""
        return self._shape

    @property
    def count(self) -> int:
        """The number of values."""
        return math.prod(self._shape)

    @property
    def num(self) -> int:
        """The first dimension; 1 if the blob has none."""
        return self._legacy_dimension(0)

    @property
    def channels(self) -> int:
        """The second dimension; 1 if the blob has none."""
        return self._legacy_dimension(1)

    @property
    def height(self) -> int:
        """The third dimension; 1 if the blob has none."""
        return self._legacy_dimension(2)

    @property
    def width(self) -> int:
        """The fourth dimension; 1 if the blob has none."""
        return self._legacy_dimension(3)

    def _legacy_dimension(self, axis: int) -> int:
        if len(self._shape) > 4:
            raise EngineError("Cannot use legacy accessors on Blobs with > 4 axes.")
        return self._shape[axis] if axis < len(self._shape) else 1

    @property
    def data(self) -> NDArray[np.float32]:
        """The values; writing to the array changes the blob."""
        self._is_exposed = True
        return _array(self.tensor)

    @property
    def diff(self) -> NDArray[np.float32]:
        """The gradient; writing to the array changes the blob."""
        return _array(self.diff_tensor)

    @property
    def tensor(self) -> Tensor:
        """The values, without a graph; initially zeros."""
        if self._tensor is None:
            self._tensor = torch.zeros(self._shape, device=self._device)
        return self._tensor

    @property
    def diff_tensor(self) -> Tensor:
        """The gradient; initially the loss weight for a loss, zeros otherwise."""
        if self._diff is None:
            self._diff = torch.full(self._shape, self._fill_diff, device=self._device)
        return self._diff

    @property
    def is_exposed(self) -> bool:
        """Whether an array shares the tensor's memory, so that the blob must keep it."""
        return self._is_exposed

    def set_loss_weight(self, weight: float) -> None:
        """Fill the diff with a loss weight, as the setup of a loss layer does."""
        self._fill_diff = weight
        self._diff = None

    def set_tensor(self, tensor: Tensor) -> None:
        """Take a layer's result; copy it if an array shares the blob's own memory."""
        shape = tuple(tensor.shape)
        if shape != self._shape:
            self.reshape(*shape)
        if self._is_exposed and self._tensor is not None:
            # `.data`: autograd must not see the copy as a change to its saved tensors.
            self._tensor.data.copy_(tensor)
        else:
            # A view into another blob's memory would be overwritten together with that blob.
            is_part = tensor.untyped_storage().nbytes() > tensor.nbytes
            if is_part:
                tensor = tensor.clone(memory_format=torch.contiguous_format)
            self._tensor = tensor.contiguous()

    def set_diff(self, tensor: Tensor) -> None:
        """Copy a gradient into the diff, whose memory an array may share."""
        self.diff_tensor.copy_(tensor)

    def reshape(self, *shape: int) -> None:
        """Change the dimensions; values are kept if their number stays the same."""
        self._check_shape(shape)
        if shape == self._shape:
            return
        keeps_values = count(shape) == self.count
        self._tensor = (
            self._tensor.view(shape) if keeps_values and self._tensor is not None else None
        )
        self._diff = self._diff.view(shape) if keeps_values and self._diff is not None else None
        self._is_exposed = self._is_exposed and self._tensor is not None
        self._shape = shape

    def _check_shape(self, shape: Shape) -> None:
        if min(shape, default=0) < 0:
            raise EngineError(f"blob '{self.name}' cannot have the shape {shape_string(shape)}")


class TensorParam:
    """A learned blob, or a layer's view of one that another layer owns.

    Layers that share a param share one `leaf`; each sees it in its own shape.
    """

    def __init__(self, shape: Shape, device: torch.device) -> None:
        self.leaf = torch.zeros(shape, device=device).requires_grad_()
        self.shape = shape
        # The layer that owns the values and their index there; None if it is this layer.
        self.owner: tuple[str, int] | None = None

    def __repr__(self) -> str:
        return f"<TensorParam {shape_text(self.shape)}>"

    def share(self, param: TensorParam, owner: tuple[str, int]) -> None:
        """Use another param's values and gradient from now on (the counts are equal)."""
        self.leaf = param.leaf
        self.owner = owner

    @property
    def tensor(self) -> Tensor:
        """The values in this param's shape, in the graph of the leaf."""
        return self.leaf if self.leaf.shape == self.shape else self.leaf.view(self.shape)

    @property
    def gradient(self) -> Tensor:
        """The gradient in this param's shape; created as zeros on first use."""
        if self.leaf.grad is None:
            self.leaf.grad = torch.zeros_like(self.leaf)
        return self.leaf.grad.view(self.shape)

    @property
    def count(self) -> int:
        """The number of values."""
        return math.prod(self.shape)

    @property
    def data(self) -> NDArray[np.float32]:
        """The values; writing to the array changes the param."""
        return _array(self.tensor.detach())

    @property
    def diff(self) -> NDArray[np.float32]:
        """The accumulated gradient; writing to the array changes it."""
        return _array(self.gradient)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    if tensor.device.type != "cpu":
        raise EngineError(
            f"a blob on {tensor.device} cannot be read as a numpy array",
            hint="use blob.tensor, or run the net on the CPU",
        )
    array: NDArray[np.float32] = tensor.numpy()
    return array
