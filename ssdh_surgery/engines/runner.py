"""What every engine that runs a net offers: a net with pycaffe's manners, opened by one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.engines import pycaffe_net
from ssdh_surgery.engines.onnx.opening import open_onnx
from ssdh_surgery.errors import UsageError, is_installed, require_extra

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

Engine = Literal["auto", "torch", "onnx", "pycaffe"]
_ENGINES = ("auto", "torch", "onnx", "pycaffe")


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


class Opener(Protocol):
    """How an engine opens a net."""

    def __call__(
        self,
        prototxt: str | Path,
        weights: str | Path | None,
        phase: Phase,
        level: int,
        stages: Sequence[str],
    ) -> Runner:
        """Build a net and copy its weights."""
        ...


def open_net(
    prototxt: str | Path,
    weights: str | Path | None = None,
    phase: str = "TEST",
    engine: Engine = "auto",
    *,
    level: int = 0,
    stages: Sequence[str] = (),
) -> Runner:
    """Open a net to run it from Python, with pycaffe's manners.

    Args:
        prototxt: the net's file, in any dialect.
        weights: a .caffemodel or HDF5 file to copy params from, by layer names.
        phase: `TRAIN` or `TEST`.
        engine: `torch`, the embedded engine; `pycaffe`, where it can be imported; `auto`
            takes the first of these that is installed. `onnx`, ONNX Runtime, is the fastest on
            a CPU, and runs only forward: no diffs, params that can be read and not written.
        level: the level that the layers' phase rules ask for, in place of the file's own.
        stages: the stages that they ask for, beside the file's own.

    Raises:
        FileError: a file cannot be read.
        ParseError: the net's file is no prototxt.
        SchemaError: a field or value that Caffe does not have.
        EngineError: the engine cannot run the net.
        DataError: the weights do not fit.
        MissingExtra: no engine is installed.
        UsageError: no such phase or engine.
    """
    known: Phase | None = next((name for name in PHASES if name == str(phase).upper()), None)
    if known is None:
        raise UsageError(f"there is no phase '{phase}'", hint="TRAIN or TEST")
    if engine not in _ENGINES:
        raise UsageError(f"no engine called '{engine}' runs nets", hint=", ".join(_ENGINES))
    return _opener(engine)(prototxt, weights, known, level, stages)


def _opener(engine: Engine) -> Opener:
    if engine == "auto":
        engine = "torch" if is_installed("torch") or not pycaffe_net.is_installed() else "pycaffe"
    if engine == "pycaffe":
        return pycaffe_net.open_pycaffe
    if engine == "onnx":
        return open_onnx
    require_extra("train", "running a net", "torch")
    from ssdh_surgery.engines.torch.opening import open_torch

    return open_torch
