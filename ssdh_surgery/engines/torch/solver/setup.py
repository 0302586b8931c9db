"""A solver's file and the nets that it names: read, checked, each with the state it is for.

The rules are those of Caffe's `ReadSolverParamsFromTextFileOrDie`, `InitTrainNet` and
`InitTestNets`.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ssdh_surgery import files
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase, State
from ssdh_surgery.caffe.net.solver import Solver as SolverView
from ssdh_surgery.engines.torch.solver.policies import LearningRate
from ssdh_surgery.engines.torch.solver.updates import update_rule
from ssdh_surgery.errors import EngineError, FileError
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.parser import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter
    from ssdh_surgery.prototxt.cst import Message

_TRAIN_FIELDS = ("net", "net_param", "train_net", "train_net_param")


@dataclass(frozen=True)
class NetSource:
    """A net to be built, its state, and Caffe's words for where it is from."""

    view: Net
    state: State
    origin: str


@dataclass(frozen=True)
class SolverSetup:
    """A solver and its nets; `folder` is what all paths in them are looked up from."""

    view: SolverView
    param: SolverParameter
    folder: Path
    train: NetSource
    tests: tuple[NetSource, ...]

    @property
    def prefix(self) -> str:
        """The snapshot prefix as Caffe completes it, relative to `folder`."""
        stem = Path(self.view.file).stem
        if not self.param.snapshot_prefix:
            own = os.path.relpath(Path(self.view.file).parent, self.folder)
            return os.path.normpath(os.path.join(own, stem))
        if (self.folder / self.param.snapshot_prefix).is_dir():
            return os.path.join(self.param.snapshot_prefix, stem)
        return self.param.snapshot_prefix

    def location(self, field: str) -> Location:
        """The place of a field, or the file where it is not given."""
        entry = self.view.root.entry(field)
        return entry.location if entry else Location(self.view.file)


def read_solver(path: Path | str) -> tuple[SolverView, SolverParameter]:
    """Read a solver: as it stands in its file, and as a message.

    Raises:
        FileError: it cannot be read.
        ParseError, SchemaError: it is no prototxt, or has fields that Caffe does not have.
    """
    document = parse(files.read_bytes(path), str(path))
    message = schema.parse_text(document.text, "SolverParameter", file=str(path))
    return SolverView(document), cast("SolverParameter", message)


def read_setup(path: Path | str, folder: Path) -> SolverSetup:
    """Read a solver and the nets that it names.

    Raises:
        FileError: a file cannot be read.
        ParseError, SchemaError: a file is no prototxt, or has fields that Caffe does not have.
        EngineError: fields that do not go together, or values that Caffe refuses.
    """
    view, param = read_solver(path)
    reader = _Reader(view, param, folder)
    with _located(view):
        reader.check()
        return SolverSetup(view, param, folder, reader.train(), reader.tests())


@contextmanager
def _located(view: SolverView) -> Iterator[None]:
    """Give errors about a field of the solver its place."""
    try:
        yield
    except EngineError as error:
        field = error.data.get("field")
        if error.location is not None or field is None:
            raise
        entry = view.root.entry(field)
        location = entry.location if entry else Location(view.file)
        raise EngineError(error.message, location=location, hint=error.hint, field=field) from error


class _Reader:
    def __init__(self, view: SolverView, param: SolverParameter, folder: Path) -> None:
        self._view = view
        self._param = param
        self._folder = folder

    def check(self) -> None:
        """Refuse values that cannot be trained with, before anything is built."""
        param = self._param
        LearningRate(param)
        update_rule(param, [])
        for field in ("iter_size", "average_loss"):
            if getattr(param, field) < 1:
                raise _refusal(f"{field} must be at least 1, not {getattr(param, field)}", field)

    def train(self) -> NetSource:
        """The net that is trained."""
        given = [field for field in _TRAIN_FIELDS if self._param.HasField(field)]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise _refusal(
                f"the train net must be given by one field, not by {said}",
                given[-1] if given else "net",
                f"one of {', '.join(_TRAIN_FIELDS)}",
            )
        view, origin = self._net(given[0], 0)
        return NetSource(view, self._state(view, "TRAIN", "train_state", 0), origin)

    def tests(self) -> tuple[NetSource, ...]:
        """The nets that are tested, in Caffe's order: one for each `test_iter`."""
        param = self._param
        named = [("test_net_param", i) for i in range(len(param.test_net_param))]
        named += [("test_net", i) for i in range(len(param.test_net))]
        generic = next((f for f in ("net_param", "net") if param.HasField(f)), None)
        wanted = len(param.test_iter)
        if wanted < len(named) or (generic is None and wanted != len(named)):
            raise _refusal(
                f"test_iter must be given for each test net: {wanted} for {len(named)}",
                "test_iter",
            )
        if generic:
            named += [(generic, 0)] * (wanted - len(named))
        if param.test_state and len(param.test_state) != len(named):
            raise _refusal(
                f"test_state must be given for each test net or for none: "
                f"{len(param.test_state)} for {len(named)}",
                "test_state",
            )
        if named and param.test_interval <= 0:
            raise _refusal("test_interval must be above 0 where there are test nets", "test_iter")
        return tuple(self._test(field, index, i) for i, (field, index) in enumerate(named))

    def _test(self, field: str, index: int, number: int) -> NetSource:
        view, origin = self._net(field, index)
        return NetSource(view, self._state(view, "TEST", "test_state", number), origin)

    def _net(self, field: str, index: int) -> tuple[Net, str]:
        if field.endswith("_param"):
            message: Message = self._view.root.messages(field)[index]
            return Net(self._view.document, message), field
        entry = self._view.root.entries(field)[index]
        name = self._view.root.scalars(field)[index].string
        path = self._folder / name
        try:
            data = files.read_bytes(path)
        except FileError as error:
            raise FileError(
                f"{field} '{name}': {error.message}",
                location=entry.location,
                hint=f"it is looked up from {self._folder.absolute()}",
            ) from error
        return Net(parse(data, str(path))), f"{field} file: {name}"

    def _state(self, view: Net, phase: Phase, field: str, index: int) -> State:
        """The solver's state for a net; what the net's own file says comes before it."""
        messages = self._view.root.messages(field)
        state = view.state(phase)
        return state.merged(messages[index]) if index < len(messages) else state


def _refusal(message: str, field: str, hint: str | None = None) -> EngineError:
    return EngineError(message, hint=hint, field=field)
