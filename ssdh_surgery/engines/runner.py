"""The interface of every engine that runs a net: pycaffe's own, and the errors it shares."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ssdh_surgery.errors import EngineError, did_you_mean
from ssdh_surgery.names import printable, shape_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class BlobArrays(Protocol):
    """A blob or a param: two float32 arrays of the same shape, assignable in place."""

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
    """A net that an engine runs, with pycaffe's interface.

    `blobs` and `params` are in the net's order, `outputs` in alphabetical order.
    """

    @property
    def blobs(self) -> Mapping[str, Any]:
        """The blobs by name (`BlobArrays` that can also `reshape`)."""
        ...

    @property
    def params(self) -> Mapping[str, Sequence[BlobArrays]]:
        """The params of each layer that has any, by the layer's name."""
        ...

    @property
    def inputs(self) -> Sequence[str]:
        """The names of the blobs that the user fills."""
        ...

    @property
    def outputs(self) -> Sequence[str]:
        """The names of the blobs that no layer reads."""
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
        """Run the layers from `start` to `end`; return the outputs by name."""
        ...

    def forward_all(
        self, blobs: list[str] | None = None, **inputs: ArrayLike
    ) -> dict[str, NDArray[np.float32]]:
        """Run all layers over any number of items, batch by batch; return the outputs by name."""
        ...

    def backward(
        self,
        diffs: list[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **outputs: ArrayLike,
    ) -> dict[str, NDArray[np.float32]]:
        """Run the backward passes; return the diffs of the inputs by name."""
        ...

    def reshape(self) -> None:
        """Propagate the shapes of blobs that were reshaped."""
        ...

    def clear_param_diffs(self) -> None:
        """Set the accumulated diffs of the params to zero."""
        ...

    def copy_from(self, path: str) -> Any:
        """Copy params from a weights file, by layer name."""
        ...

    def share_with(self, other: Any) -> None:
        """Use another net's params from now on."""
        ...

    def save(self, path: str) -> None:
        """Write the params to a weights file."""
        ...


def describe_net(net: Runner, name: str, phase: str) -> str:
    """The repr of a net: its name and phase, its inputs and outputs with their shapes."""

    def blobs(names: Sequence[str]) -> str:
        return ", ".join(f"{printable(each)} {shape_text(net.blobs[each].shape)}" for each in names)

    ends = f"{blobs(net.inputs) or 'no inputs'} -> {blobs(net.outputs) or 'no outputs'}"
    title = f"{type(net).__name__} '{printable(name)}' in {phase}"
    return f"<{title}: {len(net.layers)} layers, {ends}>"


def unknown_layer(name: str, names: Iterable[str]) -> EngineError:
    """The error for a layer name that is not one of the net's."""
    return EngineError(f"no layer is called '{name}'", hint=did_you_mean(name, names), layer=name)


def unknown_blob(name: str, names: Iterable[str]) -> EngineError:
    """The error for a blob name that is not one of the net's."""
    return EngineError(f"no blob is called '{name}'", hint=did_you_mean(name, names), blob=name)


def refuse_other_names(message: str, names: Collection[str], expected: Collection[str]) -> None:
    """Refuse arguments by name unless they are exactly those of the net, in any order.

    Raises:
        EngineError: `message`, with both lists of names.
    """
    if set(names) != set(expected):
        raise EngineError(
            f"{message} Given: {', '.join(sorted(names))}; the net has: {', '.join(expected)}"
        )
