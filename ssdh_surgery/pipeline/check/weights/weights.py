"""SSDH4xx: weights that do not exist, cannot be read, do not fit the net, or teach it little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.weights.content import Content
from ssdh_surgery.caffe.weights.not_finite import not_finite
from ssdh_surgery.caffe.weights.snapshot_names import weights_beside
from ssdh_surgery.caffe.weights.weights_summary import WeightsSummary, weights_summary
from ssdh_surgery.errors import MissingExtra, SsdhError, near_file
from ssdh_surgery.findings import (
    FROM_FILLERS,
    HARDLY_COPIED,
    HASH_LAYER_COPIED,
    NO_WEIGHTS,
    NOTHING_COPIED,
    RENAMED_LAYER,
    UNREADABLE_WEIGHTS,
    WEIGHTS_ARE_A_STATE,
    ZERO_WEIGHTS,
    Finding,
)
from ssdh_surgery.location import Location, path_in_shell
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.check.weights.renamed_layers import renamed_layers
from ssdh_surgery.pipeline.check.weights.shape_clash import shape_clashes
from ssdh_surgery.pipeline.check.weights.weights_copy import (
    WeightsCopy,
    WeightsFile,
    weights_copy,
    weights_files,
)
from ssdh_surgery.pipeline.files.path_hints import path_hint
from ssdh_surgery.pipeline.nets.snapshots import other_weights

# Layers whose weights a gradient passes through: of zeros nothing passes.
_MULTIPLYING = frozenset(["Convolution", "Deconvolution", "InnerProduct"])
# Fewer copied layers than one in so many are next to none.
_HARDLY = 4
# Layers that a message names.
_NAMED = 3


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the weights that each net would copy by layer name."""
    yield from _from_fillers(subject)
    copies = []
    for file in weights_files(subject):
        if not Path(file.path).is_file():
            hint = path_hint(file.path, Path.cwd()) or near_file(file.path)
            path = f": {path_in_shell(file.path)}" if file.place.line else ""
            yield NO_WEIGHTS.at(file.place, f"no such weights file{path}", hint)
            continue
        try:
            summary = weights_summary(file.path)
        except MissingExtra:
            continue
        except SsdhError as error:
            yield _unreadable(file, error)
            continue
        yield from _mismatches(subject, summary)
        if subject.nets:
            copies.append((summary, weights_copy(subject.shapes[0], summary)))
    for summary, copy in copies:
        yield from _contents(subject, summary, copy)
    if copies:
        yield from _hardly_copied(subject, copies)


def _from_fillers(subject: Subject) -> Iterator[Finding]:
    """A hash layer that is trained together with a net that knows nothing yet."""
    if subject.weights or subject.is_resumed or subject.solver.string("weights"):
        return
    hash_layer = subject.hash_layer
    if hash_layer is None:
        return
    net = subject.nets[0][0]
    learned = [name for name, shapes in subject.shapes[0].layer_params if shapes is None or shapes]
    yield FROM_FILLERS.at(
        Location(net.file),
        "there are no weights to start from: everything starts from its fillers, the whole net "
        f"({len(learned)} layers) and not only the hash layer '{hash_layer.latent.name}'",
        "start from the trained classifier: --weights FILE" + _weights_near(subject),
    )


def _weights_near(subject: Subject) -> str:
    """The weights that are in the current directory, if there are any."""
    names = ", ".join(map(str, other_weights(Path(), subject.prefix)))
    return f" (here: {names})" if names else ""


def _unreadable(file: WeightsFile, error: SsdhError) -> Finding:
    """A file that holds no weights: a solver's state, or anything else."""
    place = file.place if file.place.line else error.location or file.place
    if error.data.get("content") is not Content.STATE:
        return UNREADABLE_WEIGHTS.at(place, error.message, error.hint)
    weights = weights_beside(Path(file.path))
    anew = "to start anew: --weights FILE.caffemodel"
    if weights.is_file():
        anew = f"to start anew: --weights {path_in_shell(str(weights))} (it stands beside)"
    return WEIGHTS_ARE_A_STATE.at(
        place,
        f"{path_in_shell(file.path)} {error.message}",
        f"to go on from it: --snapshot {path_in_shell(file.path)}; {anew}",
    )


def _mismatches(subject: Subject, summary: WeightsSummary) -> Iterator[Finding]:
    """What does not fit, for each net: Caffe copies weights into the test nets, too."""
    for (net, _), net_shapes in zip(subject.nets, subject.shapes, strict=True):
        copy = weights_copy(net_shapes, summary)
        yield from shape_clashes(subject, net, net_shapes, copy)
        if {row.status for row in copy.rows} in ({"unused"}, {"unused", "new"}):
            yield NOTHING_COPIED.at(
                Location(copy.file),
                f"no layer of {copy.file} has the name of a layer of {net.file}: nothing would be "
                "copied",
                "these may be the weights of another net",
            )


def _contents(subject: Subject, summary: WeightsSummary, copy: WeightsCopy) -> Iterator[Finding]:
    """What the train net would copy, and what it would rather copy."""
    net = subject.nets[0][0]
    copied = frozenset(copy.names("copied"))
    layers = [layer for layer in summary.layers if layer.name in copied]
    if (finding := not_finite(summary.file, layers)) is not None:
        yield finding
    types = {each.layer.name: each.layer.type for each in subject.shapes[0].layers}
    zero = [layer.name for layer in layers if layer.is_zero and types[layer.name] in _MULTIPLYING]
    if zero:
        verb = "are" if len(zero) > 1 else "is"
        yield ZERO_WEIGHTS.at(
            Location(summary.file),
            f"the weights of {_named(zero)} {verb} all zero: nothing is learned below",
            "take other weights, or rename the layer, so that it starts from its filler",
        )
    hash_layer = subject.hash_layer
    if hash_layer is not None and hash_layer.latent.name in copied:
        yield HASH_LAYER_COPIED.at(
            Location(summary.file),
            f"{summary.file} holds the hash layer '{hash_layer.latent.name}' already: its "
            f"{hash_layer.bits} bits go on from there, not from its filler",
            "to train them anew, start from the weights of the classifier; to go on with a run, "
            "--resume",
        )
    pairs = renamed_layers(copy, _anew(subject))
    if pairs:
        (ours, theirs), *others = pairs
        more = f", and {count_text(len(others), 'other layer')} likewise" if others else ""
        yield RENAMED_LAYER.at(
            net.named(ours)[0].location,
            f"'{ours}' starts from its filler, but {summary.file} has '{theirs}' with the same "
            f"shapes{more}: are they the same?",
            f"rename '{ours}' to '{theirs}', or the other way round in the weights, if they are",
        )


def _anew(subject: Subject) -> frozenset[str]:
    """The layers of the train net that are meant to be learned anew: hash layer, classifiers."""
    names = {head.classifier.name for head in heads(subject.nets[0][0])}
    hash_layer = subject.hash_layer
    return frozenset(names | ({hash_layer.latent.name} if hash_layer is not None else set()))


def _hardly_copied(
    subject: Subject, copies: Sequence[tuple[WeightsSummary, WeightsCopy]]
) -> Iterator[Finding]:
    """Weights of another net that has a few names in common with this one."""
    copied = {name for _, copy in copies for name in copy.names("copied")}
    if not copied or any(copy.names("shape-clash") for _, copy in copies):
        return
    rows = [row for _, copy in copies for row in copy.rows]
    # Layers of a type that no file has, such as a BatchNorm that was added, cannot be copied.
    types = {layer.type for summary, _ in copies for layer in summary.layers if layer.type}
    learned = {
        each.layer.name
        for each in subject.shapes[0].layers
        if each.params != () and (not types or each.layer.type in types)
    } - _anew(subject)
    unused = {row.layer for row in rows if row.status == "unused"}
    # Those with another finding of their own count as copied.
    renamed = {ours for _, copy in copies for ours, _ in renamed_layers(copy)}
    ours = (copied | renamed) & learned
    if len(ours) * _HARDLY > len(learned) or len(copied) > len(unused):
        return
    files = ", ".join(copy.file for _, copy in copies)
    yield HARDLY_COPIED.at(
        Location(copies[0][1].file),
        f"{len(ours)} of {count_text(len(learned), 'layer')} copied from {files}: the others of "
        f"{subject.nets[0][0].file} start from their fillers, and "
        f"{count_text(len(unused), 'layer')} of the weights are not used",
        "these may be the weights of another net",
    )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(f"'{name}'" for name in names[:_NAMED]) + more
