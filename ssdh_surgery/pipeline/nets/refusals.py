"""What Caffe would refuse to build, in the states that nets run in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.net.solver import Run
from ssdh_surgery.caffe.shapes import NetShapes, shapes
from ssdh_surgery.errors import MOST_FINDINGS, SurgeryError
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.file_group import FileGroup
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand


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
    return as_warnings(
        error
        for net in dict.fromkeys(net for _, net in group.nets)
        for graph in net.run_graphs
        for error in build_errors_with_data(net, graph.state, folders)
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
    for net, original in originals.items():
        for graph in original.run_graphs:
            refuse_worse((original, graph.state), (net, graph.state), folders)


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
            f"with these changes Caffe would refuse the net in phase {result[1]}: "
            f"{errors[0].message}",
            location=Location(original[0].file),
            hint=errors[0].hint,
        )
    return errors_before
