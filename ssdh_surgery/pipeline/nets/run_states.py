"""The states in which Caffe builds nets, and what it would refuse to build in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.caffe.shapes import NetShapes, shapes
from ssdh_surgery.errors import MOST_FINDINGS, SurgeryError
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.file_group import FileGroup
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand

# A net in a state that it runs in.
Run = tuple[Net, State]


def solver_states(solver: Solver, nets_of_fields: Iterable[tuple[str, Net]]) -> Iterator[Run]:
    """The nets that a solver runs, each in the state that it is run in, the train net first.

    Args:
        solver: the solver.
        nets_of_fields: the nets that its fields (`net`, `test_net_param`, ...) name or hold.
    """
    nets: dict[str, list[Net]] = {}
    for field, net in nets_of_fields:
        nets.setdefault(field, []).append(net)
    for field in ("train_net_param", "train_net", "net_param", "net"):
        for net in nets.get(field, ()):
            yield net, solver.train_state(net)
    for test, (field, index) in enumerate(solver.tests):
        if index < len(of_field := nets.get(field, ())):
            yield of_field[index], solver.test_state(of_field[index], test)


def usual_states(net: Net) -> Iterator[Run]:
    """The states of a train net without a solver: TRAIN, and TEST where it has data for it.

    None at all where its rules ask for stages or levels, which only a solver knows.
    """
    rules = [rule for layer in net.layers for rule in (*layer.include, *layer.exclude)]
    if any(rule.has_level_or_stage for rule in rules):
        return
    yield net, net.state("TRAIN")
    if any(layer.is_data and net.phase_of(layer) == "TEST" for layer in net.layers):
        yield net, net.state("TEST")


def build_errors(net: Net, state: State, net_shapes: NetShapes) -> list[Finding]:
    """The errors at which Caffe would stop when it builds a net in a state.

    A shape that is unknown because the data is not at hand is not one of them.
    """
    return [
        finding
        for finding in (*net.graph(state).findings, *net_shapes.findings)
        if finding.is_error
    ]


def build_errors_with_data(net: Net, state: State, folders: Sequence[Path]) -> list[Finding]:
    """The same, with the shapes of the data that is found from `folders`."""
    net_shapes = shapes(net, state, shapes_at_hand(net, state, folders))
    return build_errors(net, state, net_shapes)


def group_refusals(group: FileGroup) -> list[str]:
    """Warnings about the nets of a group that Caffe refuses as they are."""
    if group.train is None:
        return []
    folders = working_folders(group.train.path)
    runs = dict.fromkeys(_runs(group, group.nets))
    return as_warnings(
        error for net, state in runs for error in build_errors_with_data(net, state, folders)
    )


def as_warnings(errors: Iterable[Finding]) -> list[str]:
    """Errors of a net before it was changed, as warnings without duplicates."""
    unique = list(dict.fromkeys(errors))
    refused = "Caffe would refuse this net, with a hash layer or without"
    warnings = [f"{refused}\n{error}" for error in unique[:MOST_FINDINGS]]
    if len(unique) > MOST_FINDINGS:
        warnings.append(f"{refused}: {len(unique) - MOST_FINDINGS} more findings")
    return warnings


def refuse_worse_group(group: FileGroup, result: FileGroup) -> None:
    """Refuse a patched group with a net that Caffe refuses, where it accepts the original.

    Args:
        group: the files as they were read.
        result: the same files after the patch.

    Raises:
        SurgeryError: in Caffe's words, for the first such net in the first such state.
    """
    if group.train is None:
        return
    folders, nets = working_folders(group.train.path), result.nets
    originals = {net: original for (_, net), (_, original) in zip(nets, group.nets, strict=True)}
    for net, state in dict.fromkeys(_runs(result, nets)):
        refuse_worse((originals[net], state), (net, state), folders)


def refuse_worse(original: Run, result: Run, folders: Sequence[Path]) -> list[Finding]:
    """Refuse a net that Caffe refuses, where it accepts the one that it was made from.

    Args:
        original: the net as it was read, in a state that it runs in.
        result: the net as it would be written, in the state for the same purpose.
        folders: where the data is looked for.

    Returns:
        The errors of the original, where Caffe refuses both.

    Raises:
        SurgeryError: in Caffe's words.
    """
    errors = build_errors_with_data(*result, folders)
    errors_before = build_errors_with_data(*original, folders) if errors else []
    if errors and not errors_before:
        raise SurgeryError(
            f"with these changes Caffe would refuse the net in phase {result[1].phase}: "
            f"{errors[0].message}",
            location=Location(original[0].file),
            hint=errors[0].hint,
        )
    return errors_before


def _runs(group: FileGroup, nets: Sequence[tuple[str, Net]]) -> Iterator[Run]:
    """The nets of a group in the states that they run in."""
    if group.solver is None:
        return usual_states(nets[0][1])
    return solver_states(Solver(group.solver.document), nets)
