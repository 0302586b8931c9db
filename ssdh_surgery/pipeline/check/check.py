"""All findings about a solver, its nets, their data and the weights that they start from."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import UNREADABLE_NET, Finding
from ssdh_surgery.pipeline.check.data import (
    batches,
    coverage,
    fed_layers,
    hdf5_lists,
    label_values,
    leveldbs,
    lists,
    pairs,
    pixel_range,
    records,
    sources,
    train_and_test,
    transforms,
    windows,
)
from ssdh_surgery.pipeline.check.databases import Databases
from ssdh_surgery.pipeline.check.net import (
    codes,
    filler_values,
    fillers,
    forks,
    learning,
    net,
    normalization,
    shared_layers,
)
from ssdh_surgery.pipeline.check.run import (
    devices,
    divergence,
    duration,
    folders,
    gpu_batch,
    memory,
    snapshot_size,
)
from ssdh_surgery.pipeline.check.solver import (
    rates,
    schedule,
    solver,
    solver_values,
)
from ssdh_surgery.pipeline.check.subject import Subject, subject_of
from ssdh_surgery.pipeline.check.target import ANY_TARGET, Target
from ssdh_surgery.pipeline.check.weights import snapshot, weights
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.surgery.verbs.data_layers import data_sources

# What can be known of a net that no solver is given for.
_NET_FAMILIES = (
    forks,
    net,
    filler_values,
    learning,
    normalization,
    codes,
    sources,
    batches,
    records,
    label_values,
    leveldbs,
    lists,
    hdf5_lists,
    windows,
    transforms,
    pixel_range,
    pairs,
    train_and_test,
)
_FAMILIES = (
    solver,
    solver_values,
    schedule,
    *_NET_FAMILIES,
    shared_layers,
    fillers,
    fed_layers,
    coverage,
    weights,
    snapshot,
    rates,
    devices,
    gpu_batch,
    divergence,
    snapshot_size,
    duration,
    memory,
    folders,
)


def check(subject: Subject) -> list[Finding]:
    """All findings about a subject, family by family, without duplicates."""
    return list(
        dict.fromkeys(finding for family in _FAMILIES for finding in family.findings(subject))
    )


def check_net(subject: Subject) -> list[Finding]:
    """All findings about the subject of a net that no solver is given for."""
    families = (*_NET_FAMILIES, weights) if subject.weights else _NET_FAMILIES
    return list(
        dict.fromkeys(finding for family in families for finding in family.findings(subject))
    )


def net_subject(
    view: Net,
    path: Path | None,
    weights: tuple[str, ...] = (),
    databases: Databases | None = None,
    target: Target = ANY_TARGET,
) -> Subject:
    """The subject of a net that no solver is given for, in the states of its own rules.

    Args:
        view: the net.
        path: its file, from whose folders its data may be found; None for standard input and
            the zoo.
        weights: files of weights, as seen from the current directory.
        databases: the databases that were read.
        target: what it is to run on.
    """
    no_solver = Solver(parse(b"", view.file))
    runs = tuple((view, state) for state in view.run_states)
    folder = _data_folder(view, path)
    return Subject(
        no_solver,
        runs,
        folder,
        Path(),
        weights,
        target=target,
        databases=databases or Databases(),
    )


def _data_folder(view: Net, path: Path | None) -> Path:
    """The first directory that caffe may run in from which a source of the net is found."""
    sources = [each.source for each in data_sources(view) if each.source]
    for folder in working_folders(path):
        if any((folder / source).exists() for source in sources):
            return folder
    return Path.cwd()


def check_solver(
    view: Solver,
    folder: Path,
    prefix: Path,
    weights: tuple[str, ...] = (),
    *,
    snapshot: str | None = None,
    target: Target = ANY_TARGET,
    databases: Databases | None = None,
) -> list[Finding]:
    """All findings about a solver and what it names; a net that cannot be read is one, too.

    The arguments are those of `subject_of`.
    """
    try:
        subject = subject_of(
            view,
            folder,
            prefix,
            weights,
            snapshot=snapshot,
            target=target,
            databases=databases,
        )
    except SsdhError as error:
        return [UNREADABLE_NET.at(error.location, error.message, error.hint)]
    return check(subject)
