"""Shapes of losses and accuracies: scalars, if their bottoms match."""

from __future__ import annotations

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, SetupResult, Shape, count

_LABELS = (
    "Number of labels must match number of predictions; e.g., if {axis} axis == 1 and "
    "prediction shape is (N, C, H, W), label count (number of labels) must be N*H*W, with "
    "integer values in {{0, 1, ..., C-1}}. ({predictions} vs. {labels})"
)
_SCALAR: Shape = ()


def loss(setup: LayerSetup) -> SetupResult:
    """A loss that requires only equal batch sizes."""
    _check_batches(setup)
    return SetupResult([_SCALAR] * setup.tops)


def _check_batches(setup: LayerSetup) -> None:
    data, labels = setup.size(0, 0), setup.size(0, 1)
    setup.check(
        data == labels,
        f"The data and label should have the same first dimension. ({data} vs. {labels})",
        bottom=1,
    )


def _check_labels(setup: LayerSetup, axis: int, name: str) -> None:
    shape, labels = setup.bottoms[0], count(setup.bottoms[1])
    predictions = count(shape, 0, axis) * count(shape, axis + 1)
    message = _LABELS.format(axis=name, predictions=predictions, labels=labels)
    setup.check(predictions == labels, message, bottom=1)


def softmax_loss(setup: LayerSetup) -> SetupResult:
    """A softmax loss; its second top, the probabilities, fails if `loss_weight` is set for both.

    The inner softmax has one top and inherits all loss weights of the layer.
    """
    axis = setup.axis(setup.param.softmax_param.axis, field="softmax_param.axis")
    weights = len(setup.param.loss_weight)
    setup.check(
        weights <= 1,
        f"loss_weight must be unspecified or specified once per top blob. (1 vs. {weights})",
        field="loss_weight",
    )
    _check_batches(setup)
    _check_labels(setup, axis, "softmax")
    return SetupResult([_SCALAR, setup.bottoms[0]][: setup.tops])


def infogain_loss(setup: LayerSetup) -> SetupResult:
    """A loss with a cost matrix, and the probabilities as a second top."""
    parameter = setup.param.infogain_loss_param
    axis = setup.axis(parameter.axis, field="infogain_loss_param.axis")
    setup.check(
        not setup.param.loss_param.HasField("normalize"),
        'normalize is deprecated. use "normalization"',
        field="loss_param.normalize",
    )
    setup.check(
        len(setup.bottoms) > 2 or parameter.HasField("source"),
        "Infogain matrix source must be specified.",
        field="infogain_loss_param",
    )
    _check_batches(setup)
    _check_labels(setup, axis, "infogain")
    if len(setup.bottoms) > 2:
        classes = setup.bottoms[0][axis]
        costs = count(setup.bottoms[2])
        setup.check(
            costs == classes**2,
            "Check failed: infogain->count() == num_labels_*num_labels_ "
            f"({costs} vs. {classes**2})",
            bottom=2,
        )
    return SetupResult([_SCALAR, setup.bottoms[0]][: setup.tops])


def euclidean_loss(setup: LayerSetup) -> SetupResult:
    """A loss of two blobs with equally many values per item."""
    _check_batches(setup)
    one, other = (count(shape, 1) for shape in setup.bottoms)
    setup.check(one == other, f"Inputs must have the same dimension. ({one} vs. {other})", bottom=1)
    return SetupResult([_SCALAR] * setup.tops)


def sigmoid_cross_entropy_loss(setup: LayerSetup) -> SetupResult:
    """A loss of two blobs with equally many values."""
    _check_batches(setup)
    one, other = map(count, setup.bottoms)
    setup.check(
        one == other,
        f"SIGMOID_CROSS_ENTROPY_LOSS layer inputs must have the same count. ({one} vs. {other})",
        bottom=1,
    )
    return SetupResult([_SCALAR] * setup.tops)


def multinomial_logistic_loss(setup: LayerSetup) -> SetupResult:
    """A loss with one label per item."""
    _check_batches(setup)
    _check_singles(setup, 1, ("channels", "height", "width"))
    return SetupResult([_SCALAR] * setup.tops)


def contrastive_loss(setup: LayerSetup) -> SetupResult:
    """A loss of two blobs of vectors, and whether each pair is similar."""
    one, other = setup.legacy(0)[1], setup.legacy(1)[1]
    setup.check(
        one == other,
        f"Check failed: bottom[0]->channels() == bottom[1]->channels() ({one} vs. {other})",
        bottom=1,
    )
    _check_singles(setup, 0, ("height", "width"))
    _check_singles(setup, 1, ("height", "width"))
    _check_singles(setup, 2, ("channels", "height", "width"))
    _check_batches(setup)
    return SetupResult([_SCALAR] * setup.tops)


def _check_singles(setup: LayerSetup, bottom: int, axes: tuple[str, ...]) -> None:
    sizes = dict(zip(("num", "channels", "height", "width"), setup.legacy(bottom), strict=True))
    for axis in axes:
        setup.check(
            sizes[axis] == 1,
            f"Check failed: bottom[{bottom}]->{axis}() == 1 ({sizes[axis]} vs. 1)",
            bottom=bottom,
        )


def accuracy(setup: LayerSetup) -> SetupResult:
    """The share of correct predictions, and as a second top that of each class."""
    parameter = setup.param.accuracy_param
    shape, labels = setup.bottoms
    # Caffe divides by the number of labels before it checks it.
    if count(labels):
        classes = count(shape) // count(labels)
        setup.check(
            parameter.top_k <= classes,
            "top_k must be less than or equal to the number of classes. "
            f"({parameter.top_k} vs. {classes})",
            field="accuracy_param.top_k",
        )
    axis = setup.axis(parameter.axis, field="accuracy_param.axis")
    _check_labels(setup, axis, "label")
    return SetupResult([_SCALAR, (shape[axis],)][: setup.tops])
