"""How often a classifier is right, by the rule of Caffe's Accuracy layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location

_TOP = (1, 5)


def accuracy(
    scores: NDArray[np.float32], labels: NDArray[np.int64], name: str = "scores"
) -> dict[str, float]:
    """The share of labels among the k greatest scores, by k as text: 1, and 5 of more classes.

    As Caffe counts, a class with the same score as the label's is taken to be better.

    Args:
        scores: of each class, [N, C].
        labels: the right classes, [N].
        name: the file of the scores, for messages.

    Raises:
        DataError: there is no score for a label.
    """
    classes = scores.shape[1]
    if labels.max() >= classes:
        raise DataError(
            f"scores of {classes:,} classes, and there are labels up to {labels.max():,}",
            location=Location(name),
            hint="the scores are what the classifier's blob holds",
        )
    mine = np.take_along_axis(scores, labels[:, None], 1)
    better = (scores >= mine).sum(1) - 1
    return {str(k): float((better < k).mean()) for k in _TOP if k == 1 or k < classes}
