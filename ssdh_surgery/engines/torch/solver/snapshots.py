"""Snapshots: weights, solver state and sidecar, written completely or not at all.

All three are written under temporary names and then renamed, the solver state last: neither a
full disk nor a kill at any moment damages the previous snapshot.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery import errors, files
from ssdh_surgery.caffe.weights.snapshot_names import snapshot_name
from ssdh_surgery.caffe.weights.solverstate import SolverState, write_solver_state
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.net.weights import save_weights
from ssdh_surgery.engines.torch.solver.sidecar import Sidecar, sidecar_path, write_sidecar
from ssdh_surgery.errors import FileError, SsdhError
from ssdh_surgery.location import Location


@dataclass(frozen=True)
class SnapshotPlace:
    """Where snapshots are written: under the solver's `prefix`, relative to `folder`."""

    folder: Path
    prefix: str
    is_hdf5: bool = False

    def weights(self, iteration: int) -> str:
        """The weights file of an iteration, relative to `folder`."""
        return snapshot_name(self.prefix, iteration, "caffemodel", is_hdf5=self.is_hdf5)

    def state(self, iteration: int) -> str:
        """The solverstate of an iteration, relative to `folder`."""
        return snapshot_name(self.prefix, iteration, "solverstate", is_hdf5=self.is_hdf5)

    def check(self, location: Location) -> None:
        """Check that snapshots can be written, before any work is done.

        Raises:
            FileError: they cannot; `location` is the place of the prefix in the solver.
        """
        target = (self.folder / self.prefix).parent
        try:
            with errors.file_errors(target, "write"), tempfile.NamedTemporaryFile(dir=target):
                pass
        except FileError as error:
            hint = None if target.is_dir() else f"create the folder: mkdir -p {target}"
            reason = error.message.removeprefix("cannot write: ")
            raise FileError(
                f"snapshots cannot be written to '{self.prefix}_iter_N...': {reason}",
                location=location,
                hint=hint,
            ) from error


def write_snapshot(
    place: SnapshotPlace,
    state: SolverState,
    layers: Sequence[TorchLayer],
    name: str,
    sidecar: Callable[[str], Sidecar],
) -> None:
    """Write the weights of layers, a state and its sidecar.

    `name` is the net's name; `sidecar` makes the sidecar from the digest of the solverstate.

    Raises:
        FileError: the snapshot could not be written; nothing was.
        DataError: HDF5 cannot hold a layer's name.
    """
    weights = place.folder / place.weights(state.iteration)
    solverstate = place.folder / place.state(state.iteration)
    with _staged(weights, sidecar_path(solverstate), solverstate) as staged:
        save_weights(layers, staged[0], name)
        write_solver_state(staged[2], state)
        write_sidecar(staged[1], sidecar(files.file_digest(staged[2])))


@contextlib.contextmanager
def _staged(*targets: Path) -> Iterator[list[Path]]:
    """Temporary names to write files under; on success they are renamed, in order."""
    staged = [target.with_name(f".partial.{target.name}") for target in targets]
    try:
        yield staged
        for source, target in zip(staged, targets, strict=True):
            with errors.file_errors(target, "write"):
                os.replace(source, target)
    except BaseException as error:
        for source in staged:
            with contextlib.suppress(OSError):
                source.unlink()
        if isinstance(error, SsdhError):
            _rename_place(error, dict(zip(map(str, staged), map(str, targets), strict=True)))
        raise


def _rename_place(error: SsdhError, names: dict[str, str]) -> None:
    """Replace a temporary name in an error by the name that the user knows."""
    if error.location is not None and error.location.file in names:
        error.location = Location(names[error.location.file])
