"""Codes computed by ONNX Runtime: the part of a net up to the blob, on the CPU."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ssdh_surgery.data.parallel import processors
from ssdh_surgery.engines.extractor import Extraction, width_of
from ssdh_surgery.engines.onnx.model import build, text
from ssdh_surgery.engines.onnx.params import read_params
from ssdh_surgery.engines.onnx.plan import plan
from ssdh_surgery.engines.onnx.session import Session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The number of inputs that a thread processes at a time. For GoogLeNet, one processor per few
# inputs reached 1.1 times the rate of all processors on one batch of 32 (docs/performance.md),
# since blobs stay in its cache.
_PORTION = 4


class OnnxExtractor:
    """An `Extractor` on ONNX Runtime: each processor runs portions of a batch.

    A net with a fixed batch size runs on all processors at once.

    Raises:
        EngineError: ONNX cannot express a layer below the blob, or a layer has no weights.
        DataError: the weights do not match the net.
    """

    def __init__(self, extraction: Extraction) -> None:
        net = extraction.net
        state = net.state("TEST")
        last = net.graph(state).last(extraction.blob)
        reach = [last.writer] if last and last.writer else []
        inputs = {extraction.input: (extraction.batch, *extraction.shape)}
        net_plan = plan(net, state, inputs=inputs, reach=reach)
        model = build(net_plan, read_params(net_plan, extraction.weights), [extraction.blob])
        self.batch = extraction.batch
        self.width = width_of(model.shapes[extraction.blob], extraction)
        self._is_bound = model.plan.is_bound
        self._input = text(extraction.input)
        self._session = Session(model, threads=None if self._is_bound else 1)
        self._pool = ThreadPoolExecutor(1 if self._is_bound else processors())

    def activations(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Extractor`; the batch is padded with zeros only if its size is fixed."""
        import numpy as np

        count = len(inputs)
        if self._is_bound:
            if count < self.batch:
                inputs = _pad(inputs, self.batch)
            portions = [inputs]
        else:
            portions = [inputs[start : start + _PORTION] for start in range(0, count, _PORTION)]
        values = np.concatenate(list(self._pool.map(self._values, portions)))
        return values[:count].reshape(count, -1)

    def _values(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        (values,) = self._session.run({self._input: inputs})
        return values


def _pad(inputs: NDArray[np.float32], batch: int) -> NDArray[np.float32]:
    import numpy as np

    result = np.zeros((batch, *inputs.shape[1:]), np.float32)
    result[: len(inputs)] = inputs
    return result
