"""Which files belong together: a train net, the nets it is tested with, and its solver."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path, PurePosixPath

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.solver import NetReference, Solver
from ssdh_surgery.errors import SurgeryError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.files import solver_paths
from ssdh_surgery.pipeline.files.sources import (
    SourceFile,
    need,
    neighbours,
    read_source,
    unreadable_neighbours,
)
from ssdh_surgery.prototxt.cst import Entry

# The usual names of files, and those of derived ones before the suffix.
SOLVER_NAME, DEPLOY_NAME = "solver.prototxt", "deploy.prototxt"
# The name of a field that names a net; its value may be anything.
_NAMES_NETS = re.compile(rb"\b(train_|test_)?net\b")
# What a solver has that cannot be parsed.
_LIKE_SOLVER = re.compile(
    rb"\b((train_|test_)?net|base_lr|lr_policy|max_iter|snapshot_prefix)\s*:|solver"
)
_INNER_TRAIN = ("net_param", "train_net_param")


@dataclass(frozen=True)
class FileGroup:
    """Files that belong together.

    Attributes:
        train: the train net's file; the solver itself where the net is written inside it, None
            for a solver from standard input, whose nets are not read.
        tests: the files of further test nets.
        solver: the solver.
        net_files: the files that the net fields of the solver name, in the order of
            `Solver.nets`; None where a field is not used.
        notes: what to tell the user about the choice.
    """

    train: SourceFile | None
    tests: tuple[SourceFile, ...] = ()
    solver: SourceFile | None = None
    net_files: tuple[SourceFile | None, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def inner_nets(self) -> list[tuple[str, Net]]:
        """The nets written inside the solver, each with its field, the train net first."""
        inner = self._inner_nets
        return self.nets[: len(inner)]

    @property
    def _inner_nets(self) -> list[tuple[str, Net]]:
        if self.solver is None:
            return []
        document = self.solver.document
        nets = [(field, net_of(document, root)) for field, root in Solver(document).inner_nets]
        return sorted(nets, key=lambda each: each[0] not in _INNER_TRAIN)

    @property
    def named_nets(self) -> list[tuple[str, SourceFile]]:
        """The files that the solver names, each with its field."""
        if self.solver is None:
            return []
        references = Solver(self.solver.document).nets
        return [
            (reference.field, source)
            for reference, source in zip(references, self.net_files, strict=False)
            if source is not None
        ]

    @property
    def nets(self) -> list[tuple[str, Net]]:
        """All nets at hand, each with the field of the solver that names or holds it.

        They have the states that the solver runs them in.
        """
        if self.solver is None:
            return [("net", self.train_net)]
        named = [(field, net_of(source.document)) for field, source in self.named_nets]
        return Solver(self.solver.document).in_run_states([*self._inner_nets, *named])

    @property
    def train_net(self) -> Net:
        """The net that is trained."""
        assert self.train is not None, "a solver from standard input has no nets at hand"
        if self.train is self.solver:
            return self.inner_nets[0][1]
        return self.net_in(self.train)

    def net_in(self, source: SourceFile) -> Net:
        """The net in one of the files, with the states that the solver runs it in."""
        nets = self.nets if self.solver else []
        return next(
            (net for _, net in nets if net.document is source.document), net_of(source.document)
        )


def map_sources(group: FileGroup, function: Callable[[SourceFile], SourceFile]) -> FileGroup:
    """A group with each of its files replaced; the fields that name nets keep their order."""
    sources: dict[int, SourceFile] = {}

    def result(source: SourceFile) -> SourceFile:
        if id(source) not in sources:
            sources[id(source)] = function(source)
        return sources[id(source)]

    return replace(
        group,
        train=result(group.train) if group.train else None,
        tests=tuple(map(result, group.tests)),
        solver=result(group.solver) if group.solver else None,
        net_files=tuple(source and result(source) for source in group.net_files),
    )


def file_groups(
    sources: Sequence[SourceFile], solver: str | None, usual_solver: Path | None = None
) -> list[FileGroup]:
    """The files on the command line, with the solvers and test nets that belong to them.

    Args:
        sources: the files on the command line.
        solver: a solver's path, `none`, or None to look next to the train net.
        usual_solver: the solver that the train net was patched with before.

    Raises:
        UsageError: several solvers name the net, and none was chosen.
        SurgeryError: a solver names no net, or not the one on the command line.
        FileError: a net that a solver names does not exist.
    """
    nets = [source for source in sources if source.kind is Kind.TRAIN]
    solvers = [source for source in sources if source.kind is Kind.SOLVER]
    result = [_of_solver(each, nets) for each in solvers]
    if solver and solver != "none":
        result.append(_of_option(solver, nets))
    grouped = {id(net) for group in result for net in (group.train, *group.tests)}
    for net in nets:
        if id(net) not in grouped:
            result.append(_of_net(net, solver, usual_solver))
    return result


def _of_option(name: str, nets: Sequence[SourceFile]) -> FileGroup:
    """The group of `--solver`, which must name a net of the command line."""
    solver = read_source(name)
    need(solver, Kind.SOLVER)
    group = _of_solver(solver, nets)
    in_group = {id(net) for net in (group.train, *group.tests)}
    if nets and not any(id(net) in in_group for net in nets):
        paths = " and ".join(f"'{each.path}'" for each in Solver(solver.document).nets)
        raise SurgeryError(
            f"this solver does not name {nets[0].name}, but {paths or 'no net at all'}",
            location=Location(solver.name),
            hint="correct its net field, or choose another solver with --solver",
        )
    return group


def _of_net(net: SourceFile, solver: str | None, usual_solver: Path | None) -> FileGroup:
    """The group of a train net: its solver is looked for next to it."""
    if net.is_stdin or solver == "none":
        return FileGroup(net)
    if net.is_zoo:
        return _of_solver(read_source(net.name.removesuffix("/train_val") + "/solver"), [net])
    solvers = _solvers_next_to(net)
    if not solvers:
        _refuse_unreadable_solver(net)
        return FileGroup(
            net, notes=("no solver next to it names this net; choose one with --solver FILE",)
        )
    if len(solvers) == 1:
        return _of_solver(solvers[0], [net])
    chosen = next((each for each in solvers if each.place == usual_solver), None) or next(
        (each for each in solvers if each.place.name == SOLVER_NAME), None
    )
    if chosen is None:
        raise UsageError(
            f"several solvers name this net: {', '.join(source.name for source in solvers)}",
            location=Location(net.name),
            hint="choose one with --solver FILE, or --solver none",
        )
    others = ", ".join(source.name for source in solvers if source is not chosen)
    group = _of_solver(chosen, [net])
    return replace(group, notes=(*group.notes, f"other solvers left alone: {others}"))


def _refuse_unreadable_solver(net: SourceFile) -> None:
    """Refuse to go on without a solver where one next to the net may name it.

    Raises:
        SsdhError: what is wrong with a solver next to the net.
    """
    for error in unreadable_neighbours(net.folder, _LIKE_SOLVER).values():
        hint = f"no other solver next to {net.name} names it: --solver FILE, or --solver none"
        error.hint = f"{error.hint}; {hint}" if error.hint else hint
        raise error


def _solvers_next_to(net: SourceFile) -> list[SourceFile]:
    """The solvers next to a net that train it, or else those that test it."""
    solvers = [
        source for source in neighbours(net.folder, _NAMES_NETS) if source.kind is Kind.SOLVER
    ]
    for is_test in (False, True):
        matching = [
            source
            for source in solvers
            if any(
                (named.field == "test_net") is is_test and solver_paths.names_file(named, net.place)
                for named in Solver(source.document).nets
            )
        ]
        if matching:
            return matching
    return []


def _of_solver(solver: SourceFile, nets: Sequence[SourceFile]) -> FileGroup:
    """A solver with the nets that it names or holds."""
    view = Solver(solver.document)
    if solver.is_stdin:
        is_inside = any(name in _INNER_TRAIN for name, _ in view.inner_nets)
        return FileGroup(solver if is_inside else None, solver=solver)
    named: dict[Entry, SourceFile] = {}
    train: SourceFile | None = None
    folder: Path | None = None
    if any(name in _INNER_TRAIN for name, _ in view.inner_nets):
        train = solver
    elif reference := view.train_net:
        train = _file_of(reference, solver, nets, None)
        folder = solver_paths.working_folder(reference.path, train.place, solver.place)
        named[reference.entry] = train
    else:
        raise SurgeryError(
            "the solver names no net to train",
            location=Location(solver.name),
            hint="add net: with the path of the train net",
        )
    tests: list[SourceFile] = []
    others = [net for net in nets if net is not train]
    for reference in view.test_nets:
        is_train = view.train_net is not None and reference.path == view.train_net.path
        test = train if is_train else _file_of(reference, solver, others, folder)
        named[reference.entry] = test
        if not any(_is_same(test, other) for other in (train, *tests)):
            tests.append(test)
    net_files = tuple(named.get(reference.entry) for reference in view.nets)
    return FileGroup(train, tuple(tests), solver, net_files)


def _file_of(
    reference: NetReference, solver: SourceFile, nets: Sequence[SourceFile], folder: Path | None
) -> SourceFile:
    """The file that a net field means: one of the command line, else one on disk."""
    if solver.is_zoo:
        name = solver.name.removesuffix("/solver")
        ours = (net for net in nets if net.name.removesuffix("/train_val") == name)
        return next(ours, None) or read_source(name)
    alike = [net for net in nets if net.path and solver_paths.names_file(reference, net.path)]
    if alike:
        return max(alike, key=lambda net: _common_tail(reference.path, net.place))
    return read_source(str(solver_paths.locate(reference, solver.place, folder)))


def _common_tail(named: str, real: Path) -> int:
    """The number of equal parts at the end of two paths."""
    one = PurePosixPath(os.path.normpath(named)).parts[::-1]
    other = Path(os.path.abspath(real)).parts[::-1]
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return len(list(alike))


def _is_same(one: SourceFile, other: SourceFile) -> bool:
    if one is other:
        return True
    return bool(one.path and other.path and os.path.samefile(one.path, other.path))
