"""A solver's file and the nets that it names, read and checked, each net with its state.

The rules are those of Caffe's `ReadSolverParamsFromTextFileOrDie`, `InitTrainNet` and
`InitTestNets`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ssdh_surgery import files
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.net.solver import Solver as SolverView
from ssdh_surgery.caffe.training.field_refusal import refuse
from ssdh_surgery.caffe.training.refusals import TRAIN_FIELDS, refusals
from ssdh_surgery.errors import FileError
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.parser import parse

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter
    from ssdh_surgery.prototxt.cst import Message


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
    """Read a solver: a view of its text, and its message without the fields of forks.

    Raises:
        FileError: it cannot be read.
        ParseError, SchemaError: it is not a prototxt, or has values that Caffe cannot read.
    """
    document = parse(files.read_bytes(path), str(path))
    name = str(path)
    message = schema.parse_text(document.text, "SolverParameter", allow_unknown=True, file=name)
    return SolverView(document), cast("SolverParameter", message)


def read_setup(path: Path | str, folder: Path) -> SolverSetup:
    """Read a solver and the nets that it names.

    Raises:
        FileError: a file cannot be read.
        ParseError, SchemaError: a file is not a prototxt, or has values that Caffe cannot read.
        EngineError: fields that contradict each other, or values that Caffe refuses.
    """
    view, param = read_solver(path)
    reader = _Reader(view, param, folder)
    refuse(refusals(view, param), view)
    return SolverSetup(view, param, folder, reader.train(), reader.tests())


class _Reader:
    def __init__(self, view: SolverView, param: SolverParameter, folder: Path) -> None:
        self._view = view
        self._param = param
        self._folder = folder

    def train(self) -> NetSource:
        """The train net."""
        (field,) = (field for field in TRAIN_FIELDS if self._param.HasField(field))
        view, origin = self._net(field, 0)
        return NetSource(view, self._view.train_state(view), origin)

    def tests(self) -> tuple[NetSource, ...]:
        """The test nets, in Caffe's order: one per `test_iter`."""
        nets = [self._net(field, index) for field, index in self._view.tests]
        return tuple(
            NetSource(net, self._view.test_state(net, number), origin)
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
