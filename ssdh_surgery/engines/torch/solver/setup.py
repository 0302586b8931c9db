"""A solver's file and the nets that it names, read and checked, each net with its state.

The rules are those of Caffe's `ReadSolverParamsFromTextFileOrDie`, `InitTrainNet` and
`InitTestNets`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ssdh_surgery import files
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.net.solver import Solver as SolverView
from ssdh_surgery.engines.torch.solver.policies import RateSchedule
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
    """A net to build, its state, and Caffe's words for its origin."""

    view: Net
    state: State
    origin: str


@dataclass(frozen=True)
class SolverSetup:
    """A solver and its nets; `folder` is the folder that all paths in them are relative to."""

    view: SolverView
    param: SolverParameter
    folder: Path
    train: NetSource
    tests: tuple[NetSource, ...]

    @property
    def prefix(self) -> str:
        """The snapshot prefix as Caffe completes it, relative to `folder`."""
        return self.view.snapshot_prefix(self.view.file, self.folder)

    def location(self, field: str) -> Location:
        """The place of a field; the file if the field is not set."""
        entry = self.view.root.entry(field)
        return entry.location if entry else Location(self.view.file)


def read_solver(path: Path | str) -> tuple[SolverView, SolverParameter]:
    """Read a solver: a view of its text, and its message.

    Raises:
        FileError: it cannot be read.
        ParseError, SchemaError: it is not a prototxt, or has fields that Caffe does not have.
    """
    document = parse(files.read_bytes(path), str(path))
    message = schema.parse_text(document.text, "SolverParameter", file=str(path))
    return SolverView(document), cast("SolverParameter", message)


def read_setup(path: Path | str, folder: Path) -> SolverSetup:
    """Read a solver and the nets that it names.

    Raises:
        FileError: a file cannot be read.
        ParseError, SchemaError: a file is not a prototxt, or has fields that Caffe does not have.
        EngineError: fields that contradict each other, or values that Caffe refuses.
    """
    view, param = read_solver(path)
    reader = _Reader(view, param, folder)
    with _with_locations(view):
        reader.check()
        return SolverSetup(view, param, folder, reader.train(), reader.tests())


@contextmanager
def _with_locations(view: SolverView) -> Iterator[None]:
    """Add the place to errors about a field of the solver."""
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
        """Refuse invalid values before anything is built."""
        param = self._param
        RateSchedule(param)
        update_rule(param, [])
        for field in ("iter_size", "average_loss"):
            if getattr(param, field) < 1:
                raise _refusal(f"{field} must be at least 1, not {getattr(param, field)}", field)

    def train(self) -> NetSource:
        """The train net."""
        fields = [field for field in _TRAIN_FIELDS if self._param.HasField(field)]
        if len(fields) != 1:
            raise _refusal(
                f"the train net must be set by one field, not by {' and '.join(fields) or 'none'}",
                fields[-1] if fields else "net",
                f"one of {', '.join(_TRAIN_FIELDS)}",
            )
        view, origin = self._net(fields[0], 0)
        return NetSource(view, self._view.train_state(view), origin)

    def tests(self) -> tuple[NetSource, ...]:
        """The test nets, in Caffe's order: one per `test_iter`."""
        view, references = self._view, self._view.tests
        if not view.has_matching_test_iter:
            raise _refusal(
                f"test_iter must be set once per test net: {view.test_iter_count} for "
                f"{len(view.own_test_nets)}",
                "test_iter",
            )
        states = len(self._param.test_state)
        if states and states != len(references):
            raise _refusal(
                f"test_state must be set once per test net, or not at all: {states} for "
                f"{len(references)}",
                "test_state",
            )
        if references and self._param.test_interval <= 0:
            raise _refusal("test_interval must be above 0 if there are test nets", "test_iter")
        nets = [self._net(field, index) for field, index in references]
        return tuple(
            NetSource(net, view.test_state(net, number), origin)
            for number, (net, origin) in enumerate(nets)
        )

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
                hint=f"relative paths start at {self._folder.absolute()}",
            ) from error
        return Net(parse(data, str(path))), f"{field} file: {name}"


def _refusal(message: str, field: str, hint: str | None = None) -> EngineError:
    return EngineError(message, hint=hint, field=field)
