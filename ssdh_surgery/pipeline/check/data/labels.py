"""SSDH1xx: the labels of any source against the classes of the net that reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.data.label_counts import LabelCounts
from ssdh_surgery.findings import (
    CLASSES_WITHOUT_RECORDS,
    LABELS_OUT_OF_RANGE,
    ONE_LABEL,
    Finding,
)
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.check.data.class_judges import ClassJudge
from ssdh_surgery.pipeline.workspace.paths import command_in_shell

# Classes that a message names.
_NAMED = 5


def findings(
    labels: LabelCounts, judges: Sequence[ClassJudge], phase: Phase, place: Location
) -> Iterator[Finding]:
    """The findings about the labels of one source.

    Args:
        labels: the labels.
        judges: the losses and accuracies that take them; without any nothing is wrong.
        phase: the phase of the net.
        place: where the net names the source.
    """
    if not judges or not labels.counts:
        return
    strictest = min(judges, key=lambda judge: judge.classes)
    wrong = sorted(
        label for label in labels.counts if not all(judge.allows(label) for judge in judges)
    )
    if wrong:
        yield _out_of_range(labels, wrong, strictest, place)
        return
    counts = labels.without(strictest.ignored)
    if len(counts) == 1 and counts.total() > 1 and strictest.classes > 1:
        yield _one_label(labels, next(iter(counts)), strictest, place)
    elif phase == "TRAIN" and labels.is_complete and counts:
        yield from _unlearned_classes(labels, set(counts), strictest, place)


def _out_of_range(
    labels: LabelCounts, wrong: Sequence[int], judge: ClassJudge, place: Location
) -> Finding:
    count = sum(labels.counts[label] for label in wrong)
    which = f"labels from {wrong[0]} to {wrong[-1]}" if wrong[1:] else f"label {wrong[0]}"
    verb = "has" if count == 1 else "have"
    return LABELS_OUT_OF_RANGE.at(
        place,
        f"{count:,} of {labels.text} {verb} {which} (first: {labels.places[wrong[0]]}), but the "
        f"classifier has {judge.classes} outputs (0 to {judge.classes - 1})",
        _mend(labels, wrong, judge),
    )


def _mend(labels: LabelCounts, wrong: Sequence[int], judge: ClassJudge) -> str:
    """What to do about labels without an output."""
    present = sorted(labels.without(judge.ignored))
    legal = [label for label in present if judge.allows(label)]
    first, last, classes = present[0], present[-1], judge.classes
    is_dense = last - first + 1 == len(present)
    outputs = "" if len(present) <= classes else f" and {_outputs(len(present), judge)}"
    if first == 1 and (is_dense or last == classes):
        renumbered = f"number them 0 to {last - 1}"
        more = "" if last <= classes else f" and {_outputs(last, judge)}"
        return f"labels start at 1; Caffe counts from 0: {renumbered}{more}"
    if first == 0 and is_dense:
        return _outputs(len(present), judge)
    if len(wrong) == 1 and len(legal) > 1 and judge.layer.type != "HingeLoss":
        return (
            f"correct the label, or leave it out of the loss: "
            f"loss_param {{ ignore_label: {wrong[0]} }}"
        )
    if not labels.is_complete or len(present) < 2:
        return "number the classes from 0"
    return (
        f"{len(present)} different labels, from {first} to {last}: number them 0 to "
        f"{len(present) - 1}{outputs}"
    )


def _outputs(count: int, judge: ClassJudge) -> str:
    """The advice to give a classifier more outputs."""
    layer = judge.classifier
    if layer is None:
        return f"give the classifier {count} outputs"
    patch = command_in_shell(["patch", layer.location.file, "--classes", str(count)])
    return (
        f"give the classifier {count} outputs: num_output: {count} in layer '{layer.name}' of line "
        f"{layer.line}, or {patch}"
    )


def _one_label(labels: LabelCounts, label: int, judge: ClassJudge, place: Location) -> Finding:
    return ONE_LABEL.at(
        place,
        f"all {labels.text} have the label {label}, but the classifier has {judge.classes} outputs",
        "are the labels set? 'ssdh data build' makes them of folders or of a list",
    )


def _unlearned_classes(
    labels: LabelCounts, present: set[int], judge: ClassJudge, place: Location
) -> Iterator[Finding]:
    """Classes that no training record has."""
    missing = sorted(set(range(judge.classes)) - present)
    if not missing:
        return
    named = ", ".join(map(str, missing[:_NAMED])) + (", ..." if missing[_NAMED:] else "")
    last = max(present)
    yield CLASSES_WITHOUT_RECORDS.at(
        place,
        f"{count_text(len(missing), 'class', 'classes')} of {judge.classes} without a "
        f"{labels.unit} in {labels.path}: {named}",
        f"labels up to {last} need --classes {last + 1}" if missing[0] > last else None,
    )
