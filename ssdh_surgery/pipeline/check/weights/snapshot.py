"""SSDH406 to 415: a snapshot that cannot be resumed, or whose weights are not what they were."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.caffe.training.solver_types import SOLVER_TYPES, solver_type
from ssdh_surgery.caffe.weights.blob_statistics import bad_values
from ssdh_surgery.caffe.weights.content import Content, content_of
from ssdh_surgery.caffe.weights.history import history_misfit
from ssdh_surgery.caffe.weights.not_finite import not_finite
from ssdh_surgery.caffe.weights.snapshot_digests import mixed_file
from ssdh_surgery.caffe.weights.snapshot_names import state_beside
from ssdh_surgery.caffe.weights.solverstate import SolverState, read_solver_state
from ssdh_surgery.caffe.weights.weights_summary import weights_summary
from ssdh_surgery.errors import MissingExtra, SsdhError
from ssdh_surgery.files import map_bytes
from ssdh_surgery.findings import (
    NO_SNAPSHOT_WEIGHTS,
    NOTHING_LEFT,
    OTHER_SNAPSHOT_WEIGHTS,
    OTHER_SOLVER_TYPE,
    SNAPSHOT_IS_WEIGHTS,
    SNAPSHOT_NAME,
    SNAPSHOT_OF_ANOTHER_NET,
    UNREADABLE_SNAPSHOT,
    UNREADABLE_WEIGHTS,
    WEIGHTS_NOT_FINITE,
    Finding,
)
from ssdh_surgery.location import Location, path_in_shell
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.check.weights.shape_clash import shape_clashes
from ssdh_surgery.pipeline.check.weights.weights_copy import weights_copy
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the snapshot that is resumed; commands refuse one that does not exist."""
    if subject.snapshot is None or not Path(subject.snapshot).is_file():
        return
    path = Path(subject.snapshot)
    try:
        state = read_solver_state(path)
    except MissingExtra:
        return
    except SsdhError as error:
        yield _other_file(path, error)
        return
    snapshot = _Snapshot(subject, path, Location(subject.snapshot), state)
    yield from snapshot.name()
    yield from snapshot.history()
    yield from snapshot.end()
    yield from snapshot.weights()


def nothing_left(snapshot: str, iteration: int, max_iter: int) -> str:
    """A sentence on a snapshot that is at the end of its run, or beyond it."""
    return f"{snapshot} is at iteration {iteration} of {max_iter}: nothing is left to train"


def longer_run(iteration: int, max_iter: int) -> str:
    """The option that goes on from such a snapshot for as long again."""
    return f"--iterations {iteration + max_iter} goes on"


def _other_file(path: Path, error: SsdhError) -> Finding:
    """A file that is no solver's state: weights, or anything else."""
    place, name = error.location, _shell(path)
    if error.data.get("content") is not Content.WEIGHTS:
        return UNREADABLE_SNAPSHOT.at(place, error.message, error.hint)
    state = state_beside(path)
    resume = "to go on: --snapshot FILE.solverstate"
    if state.is_file():
        resume = f"to go on: --snapshot {_shell(state)} (it stands beside)"
    return SNAPSHOT_IS_WEIGHTS.at(
        place,
        f"{name} {error.message}",
        f"{resume}; to start anew from these weights: --weights {name}",
    )


@dataclass(frozen=True)
class _Snapshot:
    """A solver's state that can be read, and the solver that resumes it."""

    subject: Subject
    path: Path
    place: Location
    state: SolverState

    @staticmethod
    def _is_hdf5(path: Path) -> bool:
        return content_of(map_bytes(path)) is Content.HDF5

    @property
    def _is_embedded(self) -> bool:
        """Whether the embedded engine resumes it, which looks at contents, and beside the state."""
        target = self.subject.target
        has_no_caffe = target.engine == "auto" and target.is_launch and target.caffe is None
        return target.engine == "torch" or has_no_caffe

    def name(self) -> Iterator[Finding]:
        """A name by which Caffe would read the state in the wrong form."""
        is_hdf5 = self._is_hdf5(self.path)
        if is_hdf5 == self.path.name.endswith(".h5") or self._is_embedded:
            return
        form, other = ("HDF5", "binary") if is_hdf5 else ("binary", "HDF5")
        new = f"{self.path}.h5" if is_hdf5 else str(self.path).removesuffix(".h5")
        yield SNAPSHOT_NAME.at(
            self.place,
            f"{_shell(self.path)} is {form}, but by its name caffe reads it as {other}",
            f"mv {_shell(self.path)} {_shell(Path(new))}",
        )

    def history(self) -> Iterator[Finding]:
        """A history of another solver type or net, or with values that are not finite."""
        params = self._learnable_params()
        param = self.subject.message
        kind = solver_type(param) if param is not None else ""
        if params is not None and kind in SOLVER_TYPES:
            misfit = history_misfit([blob.shape for blob in self.state.history], params, kind)
            if misfit is not None:
                rule = OTHER_SOLVER_TYPE if misfit.writers else SNAPSHOT_OF_ANOTHER_NET
                yield rule.at(self.place, f"{_shell(self.path)} {misfit.message}", misfit.hint)
        counts = [bad_values(blob) for blob in self.state.history]
        bad = sum(nans + infs for nans, infs in counts)
        if bad:
            yield WEIGHTS_NOT_FINITE.at(
                self.place,
                f"the history of {_shell(self.path)} holds {bad:,} values that are nan or infinite",
                "the run had diverged: resume from an earlier snapshot with a lower base_lr",
            )

    def _learnable_params(self) -> list[tuple[int, ...]] | None:
        """The shapes of the params of the train net, shared ones once; None if unknown."""
        if not self.subject.shapes:
            return None
        shapes = []
        for each in self.subject.shapes[0].layers:
            if each.params is None:
                return None
            shapes += [shape for index, shape in enumerate(each.params) if index not in each.shared]
        return shapes

    def end(self) -> Iterator[Finding]:
        """A run that would end at once."""
        max_iter = self.subject.solver.integer("max_iter") or 0
        if not 0 < max_iter <= self.state.iteration:
            return
        entry = self.subject.solver.root.entry("max_iter")
        yield NOTHING_LEFT.at(
            entry.location if entry else self.place,
            nothing_left(_shell(self.path), self.state.iteration, max_iter),
            longer_run(self.state.iteration, max_iter),
        )

    def weights(self) -> Iterator[Finding]:
        """Weights that are not where the state says, or are not those of the net."""
        named = self.state.learned_net
        if not named:
            yield NO_SNAPSHOT_WEIGHTS.at(
                self.place,
                f"{_shell(self.path)} names no weights: caffe would go on from the fillers",
                "start from weights: --weights FILE",
            )
            return
        file = relative_to_cwd(self.subject.folder / named)
        beside = self.path.parent / file.name
        if self._is_embedded and not file.is_file() and beside.is_file():
            file = beside
        if not file.is_file():
            yield self._missing(file)
            return
        if not (self._is_hdf5(self.path) or self._is_embedded) and self._is_hdf5(file):
            yield SNAPSHOT_NAME.at(
                self.place,
                f"{_shell(self.path)} names HDF5 weights, {_shell(file)}, but caffe reads the "
                "weights of a binary state as binary",
                f"start from them: --weights {_shell(file)}",
            )
        if (mixed := mixed_file(self.path, file)) is not None:
            yield OTHER_SNAPSHOT_WEIGHTS.at(
                self.place,
                f"{_shell(mixed)} was replaced since the other files of the snapshot were written",
                "resume from another snapshot, or start from the weights alone (--weights)",
            )
        yield from self._copied(file)

    def _missing(self, file: Path) -> Finding:
        beside = self.path.parent / file.name
        hint = "resume from another snapshot"
        if beside.is_file():
            copy = f"cp {_shell(beside)} {_shell(file)}"
            if not file.parent.is_dir():
                copy = f"mkdir -p {_shell(file.parent)} && {copy}"
            hint = f"it stands beside the snapshot: {copy}"
        return NO_SNAPSHOT_WEIGHTS.at(
            self.place,
            f"the weights of {_shell(self.path)} do not exist: '{self.state.learned_net}', as seen "
            f"from caffe's working directory {path_in_shell(str(self.subject.folder))}",
            hint,
        )

    def _copied(self, file: Path) -> Iterator[Finding]:
        """What is wrong with the weights for the train net; test nets share its params."""
        try:
            summary = weights_summary(file)
        except MissingExtra:
            return
        except SsdhError as error:
            place = error.location or Location(str(file))
            yield UNREADABLE_WEIGHTS.at(place, error.message, error.hint)
            return
        subject = self.subject
        if subject.nets:
            hint = "resume with the net that it was trained with"
            copy = weights_copy(subject.shapes[0], summary)
            yield from shape_clashes(subject, subject.nets[0][0], subject.shapes[0], copy, hint)
        if (finding := not_finite(file, summary.layers)) is not None:
            yield finding


def _shell(path: Path) -> str:
    """A path as it is typed in the user's shell."""
    return shlex.quote(path_in_shell(str(path)))
