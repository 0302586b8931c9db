"""The full objective: two terms on the code in addition to the classification loss.

For activations a(n,k), N images, K bits (Yang, Lin, Chen, arXiv:1507.00101, with the
weights of the authors' code):

- forcing binary: -1/(2 N K) * sum (a(n,k) - 0.5)^2, which lies in [-0.125, 0];
- 50 % fire rate: 1/(2 N) * sum over n of (mean over k of a(n,k) - 0.5)^2.

Both are written with stock layers of Caffe, or with the two layers of the authors' fork.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.heads import HashLayer, Head
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, unique_name
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.render import NewFields, Word
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import fields, layers
from ssdh_surgery.surgery.verbs.layers import phase_rules
from ssdh_surgery.surgery.verbs.spelling import UPGRADE_HINT

HALF = Decimal("0.5")
# Caffe's log tools split lines at spaces, so no top has one.
BINARY, FIRE = "forcing_binary", "fire_rate"
FORK_LOSSES = ("K1_EuclideanLoss", "K2_EuclideanLoss")
SQUARE: NewFields = [("power", 2), ("shift", -HALF)]
MEAN: NewFields = [("operation", Word("MEAN"))]

_Fields = list[tuple[str, object]]


@dataclass(frozen=True)
class Objective:
    """The terms of the loss: their weights, and how they are written.

    The weights multiply the three terms (1, 1 and 1 in the authors' code); a term of weight 0
    is left out. `train_only` leaves the two terms on the code out of the TEST phase. The kind
    "fork" uses the layers of the authors' fork instead of stock layers.
    """

    kind: Literal["stock", "fork"] = "stock"
    weight_binary: Decimal = Decimal(1)
    weight_fire: Decimal = Decimal(1)
    weight_class: Decimal = Decimal(1)
    train_only: bool = False


def add_objective(net: Net, head: Head, hash_layer: HashLayer, objective: Objective) -> Change:
    """Insert the terms of the full objective between the code and the classifier.

    A net that already has terms on this code is not changed.

    Args:
        net: a net of the current dialect with a hash layer.
        head: the head that learns from the code.
        hash_layer: its hash layer.
        objective: the terms and their weights.

    Raises:
        SurgeryError: the dialect is V0 or V1, which have no Reduction layer, or the width of
            the code is not stated.
    """
    if net.dialect is not Dialect.CURRENT:
        raise SurgeryError(
            f"the full objective needs layers that Caffe's dialect {net.dialect} does not have",
            location=net.layers[0].entry.location,
            hint=UPGRADE_HINT,
        )
    if has_objective(net, hash_layer):
        return Change()
    terms = _Terms(net, hash_layer, objective)
    new = terms.fork() if objective.kind == "fork" else terms.stock()
    shared = _term_rules(hash_layer.code, objective.train_only)
    return merge(
        [
            layers.insert_before(head.classifier, [[*layer, *shared] for layer in new]),
            *(_weigh(loss, objective.weight_class) for loss in head.losses),
        ]
    )


def has_objective(net: Net, hash_layer: HashLayer) -> bool:
    """Whether a term on the code takes part in the loss."""
    return bool(objective_terms(net, hash_layer))


def objective_terms(net: Net, hash_layer: HashLayer) -> list[Layer]:
    """The losses on the code, with stock layers or with those of the fork."""
    terms: dict[int, Layer] = {}
    for graph in net.graphs:
        for layer in graph.layers:
            is_term = layer.type in (*FORK_LOSSES, "Reduction") and any(layer.loss_weights)
            if is_term and hash_layer.code.index in graph.below([layer]):
                terms[layer.index] = layer
    return list(terms.values())


class _Terms:
    """The layers of the two terms on one code, under free names."""

    def __init__(self, net: Net, hash_layer: HashLayer, objective: Objective) -> None:
        self.names = set(net.names)
        self.hash_layer = hash_layer
        self.code = hash_layer.code.tops[0]
        self.objective = objective

    def stock(self) -> list[_Fields]:
        """The terms as Power and Reduction layers."""
        layers: list[_Fields] = []
        if weight := self.objective.weight_binary:
            square = self._layer(f"{BINARY}_square", "Power", [self.code], power_param=SQUARE)
            layers += [square, self._mean_of(BINARY, square, -HALF * weight)]
        if weight := self.objective.weight_fire:
            mean = self._layer(
                f"{FIRE}_mean",
                "Reduction",
                [self.code],
                reduction_param=[*MEAN, ("axis", self.hash_layer.axis)],
            )
            square = self._layer(f"{FIRE}_square", "Power", [_top(mean)], power_param=SQUARE)
            layers += [mean, square, self._mean_of(FIRE, square, HALF * weight)]
        return layers

    def _mean_of(self, name: str, below: _Fields, weight: Decimal) -> _Fields:
        return self._layer(
            name, "Reduction", [_top(below)], loss_weight=weight, reduction_param=MEAN
        )

    def fork(self) -> list[_Fields]:
        """The terms as the layers of the authors' fork, which read their blob twice.

        Raises:
            SurgeryError: the codes are those of a sequence, which its layers do not average.
        """
        if self.hash_layer.axis != 1:
            raise SurgeryError(
                f"the fork's terms read codes of items x bits, and '{self.code}' has its bits on "
                f"axis {self.hash_layer.axis}",
                location=self.hash_layer.latent.location,
                hint="the stock terms read codes on any axis",
            )
        # Without propagate_down the gradient would be doubled, too.
        once: _Fields = [("propagate_down", True), ("propagate_down", False)]
        layers: list[_Fields] = []
        if weight := self.objective.weight_binary:
            binary = self._layer(BINARY, FORK_LOSSES[0], [self.code] * 2, loss_weight=weight)
            layers.append([*binary, *once])
        if weight := self.objective.weight_fire:
            shape = [("shape", [("dim", 0), ("dim", 1), ("dim", 1), ("dim", -1)])]
            reshape = self._layer(f"{FIRE}_reshape", "Reshape", [self.code], reshape_param=shape)
            pooling = [("pool", Word("AVE")), ("kernel_h", 1), ("kernel_w", self._bits())]
            mean = self._layer(f"{FIRE}_mean", "Pooling", [_top(reshape)], pooling_param=pooling)
            fire = self._layer(FIRE, FORK_LOSSES[1], [_top(mean)] * 2, loss_weight=weight)
            layers += [reshape, mean, [*fire, *once]]
        return layers

    def _bits(self) -> int:
        if self.hash_layer.bits is None:
            raise SurgeryError(
                f"layer '{self.hash_layer.latent.name}' does not state its num_output",
                location=self.hash_layer.latent.location,
            )
        return self.hash_layer.bits

    def _layer(self, name: str, kind: str, bottoms: list[str], **rest: object) -> _Fields:
        """A layer with one top, which has its name."""
        name = unique_name(name, self.names)
        self.names.add(name)
        below = [("bottom", bottom) for bottom in bottoms]
        return [("name", name), ("type", kind), *below, ("top", name), *rest.items()]


def _top(layer: _Fields) -> str:
    return str(dict(layer)["top"])


def _term_rules(code: Layer, train_only: bool) -> _Fields:
    """The phase rules of the code's layer, optionally narrowed to TRAIN."""
    rules = phase_rules(code)
    if not train_only:
        return rules
    if any(name == "exclude" for name, _ in rules):
        return [*rules, ("exclude", [("phase", Word("TEST"))])]
    train = ("phase", Word("TRAIN"))
    included = [dict(rule) for _, rule in rules if isinstance(rule, list)]
    narrowed = [
        ("include", [train, *((key, value) for key, value in rule.items() if key != "phase")])
        for rule in included
        if rule.get("phase") != "TEST"
    ]
    return [*narrowed] or [("include", [train])]


def _weigh(loss: Layer, factor: Decimal) -> Change:
    """Multiply the weight of a loss."""
    if factor == 1:
        return Change()
    if weights := loss.outer.entries("loss_weight"):
        return merge(fields.scale(entry, factor) for entry in weights)
    after = loss.outer.entry("top") or loss.outer.entry("bottom")
    assert after is not None, "a head's loss has bottoms"
    return fields.add_after(after, [("loss_weight", factor)])
