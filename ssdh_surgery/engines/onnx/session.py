"""Runs a model on ONNX Runtime, on the CPU."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ssdh_surgery.data.parallel import processors
from ssdh_surgery.engines.onnx.model import MOST_BYTES, Model
from ssdh_surgery.errors import EngineError

_ERRORS_ONLY = 3


class Session:
    """A model with all of ONNX Runtime's optimisations, on the CPU.

    Args:
        model: the model to run.
        threads: the number of threads for one run; None uses all processors. Several threads may
            call `run` at the same time.

    Raises:
        EngineError: ONNX Runtime does not accept the model.
    """

    def __init__(self, model: Model, threads: int | None = None) -> None:
        self.is_bound = model.plan.is_bound
        if model.size > MOST_BYTES:
            raise EngineError(
                f"the weights take {model.size / 2**30:.1f} GB, but ONNX Runtime is limited to 2",
                hint="use --engine torch",
            )
        self._names = [value.name for value in model.outputs]
        self._inputs = [value.name for value in model.inputs]
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        options.intra_op_num_threads = threads or processors()
        # A spinning thread would take its core from those that decode the next images.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                model.proto().SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise _error(error) from error

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """The outputs, in the model's order.

        Raises:
            EngineError: ONNX Runtime fails on these inputs.
        """
        try:
            outputs: list[NDArray[np.float32]] = self._session.run(
                self._names, {name: inputs[name] for name in self._inputs}
            )
        except Exception as error:
            raise _error(error) from error
        return outputs


def _error(error: Exception) -> EngineError:
    # Its exceptions have no common public base class.
    return EngineError(f"ONNX Runtime failed: {str(error).strip().splitlines()[0]}")
