"""Shapes of losses and accuracies: scalars, once what they compare fits."""

from __future__ import annotations

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, SetupResult, Shape, count

_LABELS = (
    "Number of labels must match number of predictions; e.g., if {axis} axis == 1 and "
    "prediction shape is (N, C, H, W), label count (number of labels) must be N*H*W, with "
    "integer values in {{0, 1, ..., C-1}}. ({wanted} vs. {found})"
)
_SCALAR: Shape = ()


def loss(subject: LayerSetup) -> SetupResult:
    """A loss that asks for equal batches only."""
    _check_batches(subject)
    return SetupResult([_SCALAR] * subject.tops)


def _check_batches(subject: LayerSetup) -> None:
    data, labels = subject.size(0, 0), subject.size(0, 1)
    subject.check(
        data == labels,
        f"The data and label should have the same first dimension. ({data} vs. {labels})",
        bottom=1,
    )


def _check_labels(subject: LayerSetup, axis: int, name: str) -> None:
    shape, found = subject.bottoms[0], count(subject.bottoms[1])
    wanted = count(shape, 0, axis) * count(shape, axis + 1)
    subject.check(wanted == found, _LABELS.format(axis=name, wanted=wanted, found=found), bottom=1)


def softmax_loss(subject: LayerSetup) -> SetupResult:
    """A loss; the probabilities as a second top are more than Caffe can set up.

    The softmax within has one top, and takes over the loss weights of the whole layer.
    """
    axis = subject.axis(subject.param.softmax_param.axis, field="softmax_param.axis")
    weights = len(subject.param.loss_weight)
    subject.check(
        weights <= 1,
        f"loss_weight must be unspecified or specified once per top blob. (1 vs. {weights})",
        field="loss_weight",
    )
    _check_batches(subject)
    _check_labels(subject, axis, "softmax")
    return SetupResult([_SCALAR, subject.bottoms[0]][: subject.tops])


def infogain_loss(subject: LayerSetup) -> SetupResult:
    """A loss with a matrix of costs, and the probabilities as a second top."""
    parameter = subject.param.infogain_loss_param
    axis = subject.axis(parameter.axis, field="infogain_loss_param.axis")
    subject.check(
        not subject.param.loss_param.HasField("normalize"),
        'normalize is deprecated. use "normalization"',
        field="loss_param.normalize",
    )
    subject.check(
        len(subject.bottoms) > 2 or parameter.HasField("source"),
        "Infogain matrix source must be specified.",
        field="infogain_loss_param",
    )
    _check_batches(subject)
    _check_labels(subject, axis, "infogain")
    if len(subject.bottoms) > 2:
        classes = subject.bottoms[0][axis]
        found = count(subject.bottoms[2])
        subject.check(
            found == classes**2,
            "Check failed: infogain->count() == num_labels_*num_labels_ "
            f"({found} vs. {classes**2})",
            bottom=2,
        )
    return SetupResult([_SCALAR, subject.bottoms[0]][: subject.tops])


def euclidean_loss(subject: LayerSetup) -> SetupResult:
    """A loss of two blobs with as many values an item."""
    _check_batches(subject)
    one, other = (count(shape, 1) for shape in subject.bottoms)
    subject.check(
        one == other, f"Inputs must have the same dimension. ({one} vs. {other})", bottom=1
    )
    return SetupResult([_SCALAR] * subject.tops)


def sigmoid_cross_entropy_loss(subject: LayerSetup) -> SetupResult:
    """A loss of two blobs with as many values."""
    _check_batches(subject)
    one, other = map(count, subject.bottoms)
    subject.check(
        one == other,
        f"SIGMOID_CROSS_ENTROPY_LOSS layer inputs must have the same count. ({one} vs. {other})",
        bottom=1,
    )
    return SetupResult([_SCALAR] * subject.tops)


def multinomial_logistic_loss(subject: LayerSetup) -> SetupResult:
    """A loss with one label an item."""
    _check_batches(subject)
    _check_singles(subject, 1, ("channels", "height", "width"))
    return SetupResult([_SCALAR] * subject.tops)


def contrastive_loss(subject: LayerSetup) -> SetupResult:
    """A loss of two blobs of vectors, and whether each pair is alike."""
    one, other = subject.legacy(0)[1], subject.legacy(1)[1]
    subject.check(
        one == other,
        f"Check failed: bottom[0]->channels() == bottom[1]->channels() ({one} vs. {other})",
        bottom=1,
    )
    _check_singles(subject, 0, ("height", "width"))
    _check_singles(subject, 1, ("height", "width"))
    _check_singles(subject, 2, ("channels", "height", "width"))
    _check_batches(subject)
    return SetupResult([_SCALAR] * subject.tops)


def _check_singles(subject: LayerSetup, bottom: int, axes: tuple[str, ...]) -> None:
    sizes = dict(zip(("num", "channels", "height", "width"), subject.legacy(bottom), strict=True))
    for axis in axes:
        subject.check(
            sizes[axis] == 1,
            f"Check failed: bottom[{bottom}]->{axis}() == 1 ({sizes[axis]} vs. 1)",
            bottom=bottom,
        )


def accuracy(subject: LayerSetup) -> SetupResult:
    """The share of right predictions, and as a second top that of each class."""
    parameter = subject.param.accuracy_param
    shape, labels = subject.bottoms
    # Caffe divides by the number of labels before it looks at it.
    if count(labels):
        classes = count(shape) // count(labels)
        subject.check(
            parameter.top_k <= classes,
            "top_k must be less than or equal to the number of classes. "
            f"({parameter.top_k} vs. {classes})",
            field="accuracy_param.top_k",
        )
    axis = subject.axis(parameter.axis, field="accuracy_param.axis")
    _check_labels(subject, axis, "label")
    return SetupResult([_SCALAR, (shape[axis],)][: subject.tops])
