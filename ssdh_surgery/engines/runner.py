"""What every engine that runs a net offers: a net with pycaffe's manners, opened by one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class BlobArrays(Protocol):
    """A blob or a param: two float32 arrays of one shape, assignable in place."""

    @property
    def shape(self) -> Sequence[int]:
        """The dimensions."""
        ...

    @property
    def data(self) -> NDArray[np.float32]:
        """The values."""
        ...

    @property
    def diff(self) -> NDArray[np.float32]:
        """The gradient."""
        ...


class Runner(Protocol):
    """A net that an engine runs, with pycaffe's manners.

    `blobs` and `params` are in the net's order, `outputs` in the alphabet's.
    """

    @property
    def blobs(self) -> Mapping[str, Any]:
        """The blobs by name (`BlobArrays` that can also `reshape`)."""
        ...

    @property
    def params(self) -> Mapping[str, Sequence[BlobArrays]]:
        """The params of each layer that has some, by its name."""
        ...

    @property
    def inputs(self) -> Sequence[str]:
        """The names of the blobs that a user fills."""
        ...

    @property
    def outputs(self) -> Sequence[str]:
        """The names of the blobs that no layer takes."""
        ...

    @property
    def layers(self) -> Sequence[Any]:
        """The layers, each with its `type` and `blobs`."""
        ...

    @property
    def layer_dict(self) -> Mapping[str, Any]:
        """The layers by name."""
        ...

    def forward(
        self,
        blobs: list[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **inputs: ArrayLike,
    ) -> dict[str, NDArray[np.float32]]:
        """Run the layers from `start` to `end`; the outputs by name."""
        ...

    def backward(
        self,
        diffs: list[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **outputs: ArrayLike,
    ) -> dict[str, NDArray[np.float32]]:
        """Run the backward passes; the diffs of the inputs by name."""
        ...

    def reshape(self) -> None:
        """Pass on the shapes of blobs that were reshaped."""
        ...

    def clear_param_diffs(self) -> None:
        """Set the diffs of the params, which accumulate, to zero."""
        ...

    def copy_from(self, path: str) -> Any:
        """Copy params from a weights file, by layer names."""
        ...

    def share_with(self, other: Any) -> None:
        """Use another net's params from now on."""
        ...

    def save(self, path: str) -> None:
        """Write the params to a weights file."""
        ...
