"""The losses and accuracies that compare scores with the labels of a data layer, class by class.

Only stock layers that take a label as the index of a score count, and only labels that reach
them as they are: a Power that shifts them, or a Filter that drops items, changes what is legal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import NetShapes, Shape

# By type: the message with the axis of the classes, and the one with the ignored label. The
# others take all values of an item as the scores of classes, and ignore no label.
_AXES = {
    "Accuracy": ("accuracy_param", "accuracy_param"),
    "InfogainLoss": ("infogain_loss_param", "loss_param"),
    "SoftmaxWithLoss": ("softmax_param", "loss_param"),
}
_WHOLE_ITEMS = frozenset(["HingeLoss", "MultinomialLogisticLoss"])
# Layers that hand labels on as they are.
_PASSED = frozenset(["Concat", "Flatten", "Reshape", "Slice", "Split"])

# The first column of a blob, and the one after the last; None for all of them.
Columns = tuple[int, int] | None


@dataclass(frozen=True)
class ClassJudge:
    """A loss or an accuracy with the number of classes that it distinguishes.

    `classifier` is the layer that computes their scores, if that is evident; `ignored` is the
    label that is left out.
    """

    layer: Layer
    classes: int
    ignored: int | None = None
    classifier: Layer | None = None

    def allows(self, label: int) -> bool:
        """Whether there is a score for a label, or it is left out."""
        return 0 <= label < self.classes or label == self.ignored


def class_judges(net: Net, shapes: NetShapes, layer: Layer, top: int = 1) -> list[ClassJudge]:
    """The judges that take a top of a data layer as labels, in the state of the shapes.

    `top` is its index: 1 in a Data, ImageData or MemoryData layer.
    """
    return [judge for judge, _ in judges_of_columns(net, shapes, layer, top)]


def judges_of_columns(
    net: Net, shapes: NetShapes, layer: Layer, top: int
) -> list[tuple[ClassJudge, Columns]]:
    """`class_judges`, each with the columns of the top that it takes; None where it takes all."""
    graph = net.graph(shapes.state)
    judges = []
    for judge in graph.layers:
        if judge.type not in _AXES and judge.type not in _WHOLE_ITEMS:
            continue
        if len(judge.bottoms) < 2:
            continue
        origins = _origins(graph, shapes, judge)
        columns = [each for writer, index, each in origins if (writer, index) == (layer, top)]
        result = _judge(net, judge, shapes.of(judge).bottoms[0]) if columns else None
        if result is not None:
            judges.append((result, columns[0]))
    return judges


def _origins(
    graph: BlobGraph, shapes: NetShapes, judge: Layer
) -> list[tuple[Layer | None, int, Columns]]:
    """The tops, with their columns, that the labels of a judge come from unchanged."""
    origins: list[tuple[Layer | None, int, Columns]] = []
    pending: list[tuple[NetBlob | None, Columns]] = [(graph.reads(judge)[1], None)]
    visited: set[NetBlob] = set()
    while pending:
        blob, columns = pending.pop()
        if blob is None or blob in visited:
            continue
        visited.add(blob)
        writer = blob.writer
        if writer is None or not writer.bottoms:
            origins.append((writer, blob.top, columns))
        elif writer.type in _PASSED:
            if writer.type == "Slice":
                columns = _sliced(shapes.of(writer).tops, blob.top, columns)
            pending += [(each, columns) for each in graph.values_of(blob)]
    return origins


def _sliced(tops: Sequence[Shape | None], top: int, columns: Columns) -> Columns:
    """The columns of what a Slice reads; None where they are unknown, or items are sliced."""
    widths = [shape[1] if shape is not None and len(shape) > 1 else 0 for shape in tops]
    if not all(widths) or len({shape[0] for shape in tops if shape}) != 1:
        return None
    start = sum(widths[:top])
    if columns is None:
        return start, start + widths[top]
    return start + columns[0], start + columns[1]


def _judge(net: Net, judge: Layer, scores: Shape | None) -> ClassJudge | None:
    head = next((each for each in heads(net) if judge in (*each.losses, *each.accuracies)), None)
    classifier = head.classifier if head else None
    ignored = None
    if judge.type in _AXES:
        ignored = integer(judge.core.message(_AXES[judge.type][1]), "ignore_label")
    classes = _classes(judge, scores) or (head.classes if head else None)
    if classifier is not None and head is not None and head.classes != classes:
        classifier = None  # its outputs are rearranged on the way
    return ClassJudge(judge, classes, ignored, classifier) if classes else None


def _classes(judge: Layer, scores: Sequence[int] | None) -> int | None:
    """The number of classes by the shape of the scores; None if that is unknown."""
    if not scores or len(scores) < 2:
        return None
    if judge.type in _WHOLE_ITEMS:
        count = 1
        for size in scores[1:]:
            count *= size
        return count
    axis = integer(judge.core.message(_AXES[judge.type][0]), "axis", 1) or 0
    return scores[axis] if -len(scores) <= axis < len(scores) else None
