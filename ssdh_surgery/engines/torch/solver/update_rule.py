"""The common part of Caffe's update rules: from the gradients of an iteration to an update.

The order is Caffe's: gradients are clipped, divided by `iter_size`, regularised, turned into an
update that includes the learning rate (inside the momentum as well), and subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter


@dataclass(frozen=True)
class Learnable:
    """A param to update: a leaf tensor, whose gradient is `leaf.grad`, and its multipliers."""

    leaf: Tensor
    lr_mult: float = 1.0
    decay_mult: float = 1.0


@dataclass(frozen=True)
class Clipping:
    """Gradients were clipped: their original L2 norm, and the factor applied."""

    norm: float
    factor: float


@dataclass(frozen=True)
class Bucket:
    """Params with the same multipliers, which are updated by one operation.

    `histories` has one list of tensors for each history blob that the rule keeps per param.
    """

    leaves: list[Tensor]
    histories: list[list[Tensor]]
    lr_mult: float
    decay_mult: float


class UpdateRule:
    """An update rule and its history, initially zeros.

    `learnables` are the net's own params in order, including those with `lr_mult: 0`.
    """

    # The number of history blobs per param.
    blobs_per_param: ClassVar[int] = 1
    # Whether a param with `lr_mult: 0` and a zero history stays unchanged, and its history too.
    skips_frozen: ClassVar[bool] = False

    def __init__(self, param: SolverParameter, learnables: Sequence[Learnable]) -> None:
        self.param = param
        self.learnables = tuple(learnables)
        self.history = [
            torch.zeros_like(learnable.leaf, requires_grad=False)
            for _ in range(self.blobs_per_param)
            for learnable in self.learnables
        ]
        self._buckets = self._make_buckets()

    def restore(self, history: Sequence[Tensor]) -> None:
        """Restore a history: one blob for each of `self.history`, with the same count."""
        for blob, values in zip(self.history, history, strict=True):
            blob.copy_(values.reshape(blob.shape))
        self._buckets = self._make_buckets()

    def apply(self, rate: float, iteration: int) -> Clipping | None:
        """Update the params, overwriting their gradients; the result says if they were clipped.

        `iteration` is the number of previous updates.
        """
        with torch.no_grad():
            clipping = self._clip()
            for bucket in self._buckets:
                gradients = [_gradient(leaf) for leaf in bucket.leaves]
                self._prepare(bucket, gradients)
                self.update(bucket, gradients, as_float32(rate * bucket.lr_mult), iteration)
        return clipping

    def update(self, bucket: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """Update a bucket of params with their final gradients."""
        raise NotImplementedError

    def _make_buckets(self) -> list[Bucket]:
        buckets: dict[tuple[float, float], Bucket] = {}
        for index, learnable in enumerate(self.learnables):
            histories = self.history[index :: len(self.learnables)]
            is_frozen = not learnable.lr_mult and not any(map(torch.any, histories))
            if self.skips_frozen and is_frozen:
                continue
            multipliers = learnable.lr_mult, learnable.decay_mult
            empty = Bucket([], [[] for _ in histories], *multipliers)
            bucket = buckets.setdefault(multipliers, empty)
            bucket.leaves.append(learnable.leaf)
            for blobs, blob in zip(bucket.histories, histories, strict=True):
                blobs.append(blob)
        return list(buckets.values())

    def _clip(self) -> Clipping | None:
        limit = self.param.clip_gradients
        if limit < 0:
            return None
        gradients = [param.leaf.grad for param in self.learnables if param.leaf.grad is not None]
        norms = torch._foreach_norm(gradients)
        norm = float(torch.linalg.vector_norm(torch.stack(norms))) if norms else 0.0
        # If the norm is nan, Caffe continues, and so do we: the loss will show it.
        if not norm > limit:
            return None
        factor = limit / norm
        torch._foreach_mul_(gradients, factor)
        return Clipping(norm, factor)

    def _prepare(self, bucket: Bucket, gradients: list[Tensor]) -> None:
        """Divide the gradients by `iter_size`, and add the weight decay."""
        if self.param.iter_size != 1:
            torch._foreach_mul_(gradients, 1 / self.param.iter_size)
        decay = as_float32(self.param.weight_decay * bucket.decay_mult)
        if decay:
            is_l1 = self.param.regularization_type == "L1"
            penalty = torch._foreach_sign(bucket.leaves) if is_l1 else bucket.leaves
            torch._foreach_add_(gradients, penalty, alpha=decay)


def as_float32(value: float) -> float:
    """A product rounded to float32, torch's precision; it may be infinite."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def _gradient(leaf: Tensor) -> Tensor:
    if leaf.grad is None:
        leaf.grad = torch.zeros_like(leaf)
    return leaf.grad
