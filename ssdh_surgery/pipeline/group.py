"""Which files belong together: a train net, the nets it is tested with, and its solver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ssdh_surgery.caffe.kind import Kind
from ssdh_surgery.caffe.solver import Solver
from ssdh_surgery.errors import Location, SurgeryError, UsageError
from ssdh_surgery.pipeline import solver_paths
from ssdh_surgery.pipeline.sources import SourceFile, neighbours, read_source


@dataclass(frozen=True)
class Group:
    """Files that belong together: a train net, the nets it is tested with, its solver."""

    train: SourceFile
    tests: tuple[SourceFile, ...] = ()
    solver: SourceFile | None = None
    notes: tuple[str, ...] = ()


def groups(sources: Sequence[SourceFile], solver: str | None) -> list[Group]:
    """The files that were named, with the solver and the test nets that go with them.

    Args:
        sources: the files that were named.
        solver: a solver's path, `none`, or None to look beside the train net.

    Raises:
        UsageError: several solvers name the net, and none was chosen.
        SurgeryError: a solver names no net.
        FileError: a net that a solver names is not there.
    """
    nets = [source for source in sources if source.kind is Kind.TRAIN]
    solvers = [source for source in sources if source.kind is Kind.SOLVER]
    if solver and solver != "none":
        solvers.append(_named_solver(solver))
    found = [_of_solver(each, nets) for each in solvers]
    taken = {id(net) for group in found for net in (group.train, *group.tests)}
    for net in nets:
        if id(net) not in taken:
            found.append(_of_net(net, solver))
    return found


def _named_solver(name: str) -> SourceFile:
    source = read_source(name)
    if source.kind is not Kind.SOLVER:
        raise SurgeryError(f"a {source.kind}, not a solver", location=Location(source.name))
    return source


def _of_net(net: SourceFile, solver: str | None) -> Group:
    """A train net by itself: its solver is looked for beside it."""
    if net.path is None or solver == "none":
        return Group(net)
    found = [
        source
        for source in neighbours(net.folder, holding=net.path.name)
        if source.kind is Kind.SOLVER
        and any(solver_paths.names_file(named, net.path) for named in Solver(source.document).nets)
    ]
    if not found:
        return Group(net, notes=("no solver beside it names this net; --solver FILE does",))
    if len(found) == 1:
        return _of_solver(found[0], [net])
    default = [source for source in found if source.path and source.path.name == "solver.prototxt"]
    names = ", ".join(source.name for source in found)
    if not default:
        raise UsageError(
            f"several solvers name this net: {names}",
            location=Location(net.name),
            hint="choose one with --solver FILE, or --solver none",
        )
    others = ", ".join(source.name for source in found if source is not default[0])
    return replace(_of_solver(default[0], [net]), notes=(f"left alone: {others}",))


def _of_solver(solver: SourceFile, nets: Sequence[SourceFile]) -> Group:
    """A solver with the nets that it names, or with the one that it holds."""
    view = Solver(solver.document)
    if view.inner_nets:
        return Group(solver, solver=solver)
    train = view.train_net
    if train is None:
        raise SurgeryError("the solver names no net to train", location=Location(solver.name))
    by_name = {net.path.name: net for net in nets if net.path}
    train_file = by_name.get(Path(train.path).name)
    if train_file is None:
        train_file = read_source(str(solver_paths.locate(train, solver.folder, None)))
    folder = solver_paths.working_folder(train.path, train_file.path) if train_file.path else None
    tests = []
    for reference in view.test_nets:
        known = by_name.get(Path(reference.path).name)
        test = known or read_source(str(solver_paths.locate(reference, solver.folder, folder)))
        if test.path != train_file.path:
            tests.append(test)
    return Group(train_file, tuple(tests), solver)
