"""Running a net over any number of items, batch by batch, as pycaffe's `forward_all` does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ssdh_surgery.engines.runner import Runner, refuse_other_names
from ssdh_surgery.errors import EngineError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class Batched:
    """The method `forward_all` for a net that runs one batch at a time."""

    def forward_all(
        self: Runner, blobs: Sequence[str] | None = None, **inputs: ArrayLike
    ) -> dict[str, NDArray[np.float32]]:
        """Run all layers over any number of items, batch by batch.

        The last batch is filled up with zeros, and the results of these are cut off; the batch
        size is that of the first blob.

        Args:
            blobs: names of additional blobs to return.
            inputs: the items [n, ...] of each input of the net.

        Returns:
            The net's outputs and `blobs`, by name, with a row for each item.

        Raises:
            EngineError: other inputs than the net's, inputs with different numbers of items, a
                blob that has no row for each item, or an error of the engine.
        """
        return _forward_all(self, blobs, inputs)


def _forward_all(
    net: Runner, blobs: Sequence[str] | None, inputs: Mapping[str, ArrayLike]
) -> dict[str, NDArray[np.float32]]:
    import numpy as np

    refuse_other_names("Input blob arguments do not match net inputs.", inputs, net.inputs)
    arrays = {name: np.asarray(values) for name, values in inputs.items()}
    count = _count(arrays)
    size = next(iter(net.blobs.values())).shape[0]
    names = list(dict.fromkeys([*net.outputs, *(blobs or [])]))
    rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    for batch in _batches(arrays, count, size):
        results = net.forward(blobs=list(blobs or []), **batch)
        for name in names:
            if results[name].shape[:1] != (size,):
                raise EngineError(
                    f"blob '{name}' is {list(results[name].shape)}: it has no row for each of the "
                    f"{size} items of a batch",
                    hint="forward returns it for one batch",
                    blob=name,
                )
            rows[name].append(results[name].copy())
    if not count:
        return {name: np.empty((0, *net.blobs[name].shape[1:]), np.float32) for name in names}
    return {name: np.concatenate(parts)[:count] for name, parts in rows.items()}


def _count(arrays: Mapping[str, NDArray[np.generic]]) -> int:
    """The number of items, which all inputs have in common."""
    counts = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(counts.values())) != 1:
        items = ", ".join(f"'{name}' has {count}" for name, count in counts.items())
        raise EngineError(
            f"the inputs must have the same number of items: {items or 'the net has no inputs'}"
        )
    return next(iter(counts.values()))


def _batches(
    arrays: Mapping[str, NDArray[np.generic]], count: int, size: int
) -> Iterator[dict[str, Any]]:
    import numpy as np

    for start in range(0, count, size):
        batch = {name: array[start : start + size] for name, array in arrays.items()}
        missing = size - min(size, count - start)
        if missing:
            for name, array in batch.items():
                zeros = np.zeros((missing, *array.shape[1:]), array.dtype)
                batch[name] = np.concatenate([array, zeros])
        yield batch
