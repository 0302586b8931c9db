"""Blobs, params and layers of a net on ONNX Runtime, with pycaffe's interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

import numpy as np

from ssdh_surgery.errors import EngineError
from ssdh_surgery.names import printable, shape_text

if TYPE_CHECKING:
    from numpy.typing import NDArray


class BlobValues(Protocol):
    """A net that knows the shapes of its blobs and computes their values."""

    def shape(self, name: str) -> Sequence[int]:
        """The dimensions of a blob."""
        ...

    def value(self, name: str) -> NDArray[np.float32]:
        """The values of a blob after the last pass."""
        ...


class OnnxBlob:
    """A blob that layers compute."""

    def __init__(self, net: BlobValues, name: str) -> None:
        self._net = net
        self.name = name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} '{printable(self.name)}' {shape_text(self.shape)}>"

    @property
    def shape(self) -> Sequence[int]:
        """The dimensions."""
        return self._net.shape(self.name)

    @property
    def data(self) -> NDArray[np.float32]:
        """The values after the last pass; writing to them affects no layer."""
        return self._net.value(self.name)

    @property
    def diff(self) -> NoReturn:
        """Not available.

        Raises:
            EngineError: always.
        """
        raise forward_only("hold diffs")

    def reshape(self, *shape: int) -> None:
        """Available for inputs only.

        Raises:
            EngineError: always, except for inputs.
        """
        raise EngineError(
            f"the shape of blob '{self.name}' follows from the inputs: reshape those",
            blob=self.name,
        )


class OnnxInput(OnnxBlob):
    """A blob that the user fills."""

    def __init__(self, net: BlobValues, name: str) -> None:
        super().__init__(net, name)
        self._data = np.zeros(net.shape(name), np.float32)

    @property
    def shape(self) -> Sequence[int]:
        """The dimensions."""
        return self._data.shape

    @property
    def data(self) -> NDArray[np.float32]:
        """The values, which can be written in place."""
        return self._data

    def reshape(self, *shape: int) -> None:
        """Change the shape; the values become zeros."""
        if shape != self._data.shape:
            self._data = np.zeros(shape, np.float32)


@dataclass(frozen=True, eq=False, repr=False)
class OnnxParam:
    """A read-only param."""

    data: NDArray[np.float32]

    def __post_init__(self) -> None:
        self.data.flags.writeable = False

    def __repr__(self) -> str:
        return f"<OnnxParam {shape_text(self.shape)}>"

    @property
    def shape(self) -> Sequence[int]:
        """The dimensions."""
        return self.data.shape

    @property
    def diff(self) -> NoReturn:
        """Not available.

        Raises:
            EngineError: always.
        """
        raise forward_only("hold diffs")


@dataclass(frozen=True)
class OnnxLayer:
    """A layer: its type and its params."""

    name: str
    type: str
    blobs: list[OnnxParam]


def forward_only(action: str) -> EngineError:
    """The error for everything that is part of training."""
    return EngineError(f"the ONNX engine cannot {action}", hint='engine="torch" can')
