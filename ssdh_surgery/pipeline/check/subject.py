"""What is checked: a solver, the nets that it runs in their states, and the folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.caffe.shapes import NetShapes, shapes
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand
from ssdh_surgery.pipeline.nets.run_states import solver_states


@dataclass(frozen=True)
class Subject:
    """What is checked: a solver, the nets that it runs in their states, and the folder.

    Paths inside the files are seen from `folder`, those of the command line (`weights`) from
    the current directory.
    """

    solver: Solver
    nets: tuple[tuple[Net, State], ...]
    folder: Path
    prefix: Path
    weights: tuple[str, ...] = ()

    @cached_property
    def shapes(self) -> tuple[NetShapes, ...]:
        """The shapes of each net in its state, those of the data at hand known."""
        return tuple(
            shapes(net, state, shapes_at_hand(net, state, [self.folder]))
            for net, state in self.nets
        )


def subject_of(
    solver: Solver, folder: Path, prefix: Path, weights: tuple[str, ...] = ()
) -> Subject:
    """The subject of a solver: its nets are read as caffe would find them from `folder`.

    Raises:
        SsdhError: a net cannot be read.
    """
    from ssdh_surgery.pipeline.files.sources import read_source
    from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

    nets: dict[str, list[Net]] = {}
    for name, root in solver.inner_nets:
        nets.setdefault(name, []).append(net_of(solver.document, root))
    for reference in solver.nets:
        source = read_source(str(relative_to_cwd(folder / reference.path)))
        nets.setdefault(reference.field, []).append(net_of(source.document))
    return Subject(solver, tuple(solver_states(solver, nets)), folder, prefix, weights)
