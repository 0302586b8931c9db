"""Codes computed by Caffe's own tool `extract_features`, next to the user's caffe.

The tool runs a net whose input comes from an LMDB and writes the values of a blob to another
LMDB. Each call of `activations` is one run of the tool, so it takes many inputs at a time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery import files
from ssdh_surgery.data.datum import read_datum, write_floats
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.engines.caffe_binary.executable import (
    caffe_environment,
    find_caffe,
    missing_caffe,
)
from ssdh_surgery.engines.caffe_binary.failures import explain
from ssdh_surgery.engines.extractor import Extraction
from ssdh_surgery.errors import EngineError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "extract_features"
# The names of the tool: installed, and in the build folder.
_NAMES = (NAME, f"{NAME}.bin")
# The names of inputs, outputs and the net in the temporary folder.
INPUTS, _OUTPUTS, _NET = "inputs", "outputs", "net.prototxt"
# Bytes of input per run, so that the time to start and to read the weights is negligible.
_RUN_BYTES = 256 << 20
_MOST_INPUTS = 2048


def find_tool(caffe: str | None = None) -> Path:
    """The tool next to the caffe executable that `caffe` (or the environment) names.

    Raises:
        EngineError: there is no caffe, or no tool next to it.
    """
    executable = find_caffe(caffe)
    if executable is None:
        raise missing_caffe()
    for folder in (executable.path.parent, Path(os.path.realpath(executable.path)).parent):
        for name in _NAMES:
            if os.access(folder / name, os.X_OK) and (folder / name).is_file():
                return folder / name
    raise EngineError(
        f"there is no {NAME} next to {executable.path}",
        hint=f"build it with Caffe's tools (make tools), or link it next to your caffe as {NAME}",
        is_missing=True,
    )


class ToolExtractor:
    """An `Extractor` that runs the tool.

    Args:
        tool: its absolute path.
        text: the net, with a Data layer that reads the LMDB `INPUTS`, `extraction.batch`
            records at a time.
        extraction: what to compute.
        width: the number of values per input; None finds out by running the tool.

    Raises:
        EngineError: the tool failed.
    """

    def __init__(self, tool: Path, text: str, extraction: Extraction, width: int | None) -> None:
        self._tool = tool
        self._extraction = extraction
        if "," in extraction.blob:
            raise EngineError(
                f"{NAME} cannot extract a blob with a comma in its name: '{extraction.blob}'"
            )
        self._folder = Path(tempfile.mkdtemp(prefix="ssdh-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        files.write_bytes(self._folder / _NET, text.encode("utf-8", "surrogateescape"))
        channels, height, across = extraction.shape
        rounds = _RUN_BYTES // (4 * channels * height * across * extraction.batch)
        self.batch = extraction.batch * max(1, min(rounds, _MOST_INPUTS // extraction.batch))
        self.width = self._measure_width() if width is None else width

    def _measure_width(self) -> int:
        import numpy as np

        return int(self.activations(np.zeros((1, *self._extraction.shape), np.float32)).shape[1])

    def activations(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Extractor`; the last batch is filled up from the first input on, as Caffe reads."""
        for name in (INPUTS, _OUTPUTS):
            shutil.rmtree(self._folder / name, ignore_errors=True)
        with LmdbWriter(self._folder / INPUTS) as writer:
            for number, values in enumerate(inputs):
                writer.put(b"%08d" % number, write_floats(values))
        self._run(-(-len(inputs) // self._extraction.batch))
        return self._read(len(inputs))

    def _run(self, batches: int) -> None:
        extraction = self._extraction
        device = ["CPU"] if extraction.gpu is None else ["GPU", str(extraction.gpu)]
        weights = os.path.abspath(extraction.weights)
        words = [str(self._tool), weights, _NET, extraction.blob, _OUTPUTS, str(batches), "lmdb"]
        try:
            run = subprocess.run(
                [*words, *device],
                cwd=self._folder,
                env=caffe_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                check=False,
            )
        except OSError as error:
            raise EngineError(f"cannot start {self._tool}: {error.strerror}") from error
        if run.returncode:
            lines = run.stderr.decode("utf-8", "surrogateescape").split("\n")
            raise explain(lines, run.returncode, log=NAME, cwd=self._folder)

    def _read(self, count: int) -> NDArray[np.float32]:
        import numpy as np

        rows: dict[int, NDArray[np.float32]] = {}
        with LmdbStore(self._folder / _OUTPUTS) as store:
            # Old builds do not pad the numbers with zeros, so keys are not in numerical order.
            for key, record in store.items():
                if int(key) < count:
                    values = read_datum(record).floats
                    rows[int(key)] = np.empty(0, np.float32) if values is None else values
        if len(rows) < count:
            raise EngineError(
                f"{NAME} returned {len(rows):,} rows of '{self._extraction.blob}' for {count:,} "
                "inputs: the blob does not have one row per image",
                blob=self._extraction.blob,
            )
        return np.stack([rows[number] for number in range(count)])
