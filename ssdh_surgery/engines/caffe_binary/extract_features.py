"""Codes by Caffe's own tool `extract_features`, which lies beside the user's caffe.

The tool reads a net whose input comes from an LMDB and writes another LMDB of what a blob
holds. Each call of `activations` is one run of it, so it takes many inputs at a time.
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
# Builds that install nothing have it under this name, too.
_NAMES = (NAME, f"{NAME}.bin")
# Inputs and outputs lie in the temporary folder under these names.
INPUTS, _OUTPUTS, _NET = "inputs", "outputs", "net.prototxt"
# Of one run, so that starting the tool and reading the weights hardly count.
_RUN_BYTES = 256 << 20
_MOST_INPUTS = 2048


def find_tool(caffe: str | None = None) -> Path:
    """The tool beside the caffe executable that `caffe` (or the environment) names.

    Raises:
        EngineError: there is no caffe, or no tool beside it.
    """
    executable = find_caffe(caffe)
    if executable is None:
        raise missing_caffe()
    for folder in (executable.path.parent, Path(os.path.realpath(executable.path)).parent):
        for name in _NAMES:
            if os.access(folder / name, os.X_OK) and (folder / name).is_file():
                return folder / name
    raise EngineError(
        f"there is no {NAME} beside {executable.path}",
        hint=f"it is built with Caffe's tools (make tools); link it beside your caffe as {NAME}",
    )


class ToolExtractor:
    """An `Extractor` that runs the tool.

    Args:
        tool: its absolute path.
        text: the net, with a Data layer that reads the LMDB `INPUTS`, `wanted.batch` records
            at a time.
        wanted: what is asked for.
        width: the values of the blob for each input; None asks the tool.

    Raises:
        EngineError: the tool failed.
    """

    def __init__(self, tool: Path, text: str, wanted: Extraction, width: int | None) -> None:
        self._tool = tool
        self._wanted = wanted
        if "," in wanted.blob:
            raise EngineError(f"{NAME} takes no blob with a comma in its name: '{wanted.blob}'")
        self._folder = Path(tempfile.mkdtemp(prefix="ssdh-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        files.write_bytes(self._folder / _NET, text.encode("utf-8", "surrogateescape"))
        channels, height, across = wanted.shape
        rounds = _RUN_BYTES // (4 * channels * height * across * wanted.batch)
        self.batch = wanted.batch * max(1, min(rounds, _MOST_INPUTS // wanted.batch))
        self.width = self._asked_width() if width is None else width

    def _asked_width(self) -> int:
        import numpy as np

        return int(self.activations(np.zeros((1, *self._wanted.shape), np.float32)).shape[1])

    def activations(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Extractor`; the last batch begins again at the first input, as Caffe reads."""
        for name in (INPUTS, _OUTPUTS):
            shutil.rmtree(self._folder / name, ignore_errors=True)
        with LmdbWriter(self._folder / INPUTS) as writer:
            for number, each in enumerate(inputs):
                writer.put(b"%08d" % number, write_floats(each))
        self._run(-(-len(inputs) // self._wanted.batch))
        return self._read(len(inputs))

    def _run(self, batches: int) -> None:
        wanted = self._wanted
        device = ["CPU"] if wanted.gpu is None else ["GPU", str(wanted.gpu)]
        weights = os.path.abspath(wanted.weights)
        words = [str(self._tool), weights, _NET, wanted.blob, _OUTPUTS, str(batches), "lmdb"]
        try:
            done = subprocess.run(
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
        if done.returncode:
            lines = done.stderr.decode("utf-8", "surrogateescape").split("\n")
            raise explain(lines, done.returncode, log=NAME, cwd=self._folder)

    def _read(self, count: int) -> NDArray[np.float32]:
        import numpy as np

        rows: dict[int, NDArray[np.float32]] = {}
        with LmdbStore(self._folder / _OUTPUTS) as store:
            # Old builds do not fill up the numbers with zeros, so the order is not theirs.
            for key, record in store.items():
                if int(key) < count:
                    values = read_datum(record).floats
                    rows[int(key)] = np.empty(0, np.float32) if values is None else values
        if len(rows) < count:
            raise EngineError(
                f"{NAME} gave {len(rows):,} values of '{self._wanted.blob}' for {count:,} inputs: "
                "the blob has no row for each picture",
                blob=self._wanted.blob,
            )
        return np.stack([rows[number] for number in range(count)])
