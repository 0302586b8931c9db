"""The full objective: two more terms on the code, besides the classification loss.

For activations a(n,k), N images, K bits (Yang, Lin, Chen, arXiv:1507.00101, with the
weights of the authors' code):

- forcing binary: -1/(2 N K) * sum (a(n,k) - 0.5)^2, which lies in [-0.125, 0];
- 50 % fire rate: 1/(2 N) * sum over n of (mean over k of a(n,k) - 0.5)^2.

Both are written with layers that every Caffe has, or with the two of the authors' fork.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.heads import HashLayer, Head
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.net import Net, unique_name
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.prototxt.render import NewFields, Word
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import fields, layers
from ssdh_surgery.surgery.verbs.layers import phase_rules
from ssdh_surgery.surgery.verbs.spelling import UPGRADE_HINT

HALF = Decimal("0.5")
# Caffe's log tools split lines at spaces: no top has one.
BINARY, FIRE = "forcing_binary", "fire_rate"
FORK_LOSSES = ("K1_EuclideanLoss", "K2_EuclideanLoss")
SQUARE: NewFields = [("power", 2), ("shift", -HALF)]
MEAN: NewFields = [("operation", Word("MEAN"))]

_Fields = list[tuple[str, object]]


@dataclass(frozen=True)
class Objective:
    """Which terms a net gets besides its classification loss.

    The weights multiply the three terms (1, 1 and 1 in the authors' code; a term of weight 0
    is left out); `train_only` leaves the two new ones out of the TEST phase; `kind` "fork"
    writes the layers of the authors' fork instead of stock ones.
    """

    kind: Literal["stock", "fork"] = "stock"
    weight_binary: Decimal = Decimal(1)
    weight_fire: Decimal = Decimal(1)
    weight_class: Decimal = Decimal(1)
    train_only: bool = False


def add_objective(net: Net, head: Head, hashed: HashLayer, objective: Objective) -> Change:
    """Put the terms of the full objective between the code and the classifier.

    A net that has such terms on this code keeps them as they are.

    Args:
        net: a net of the current dialect that has a hash layer.
        head: the head that learns from the code.
        hashed: its hash layer.
        objective: the terms and their weights.

    Raises:
        SurgeryError: the net is of V0 or V1, which have no Reduction layer, or the width of
            the code is not stated.
    """
    if net.dialect is not Dialect.CURRENT:
        raise SurgeryError(
            f"the full objective needs layers that Caffe's dialect {net.dialect} does not have",
            location=net.layers[0].entry.location,
            hint=UPGRADE_HINT,
        )
    if has_objective(net, hashed):
        return Change()
    terms = _Terms(net, hashed, objective)
    made = terms.fork() if objective.kind == "fork" else terms.stock()
    shared = _phases(hashed.code, objective.train_only)
    return merge(
        [
            layers.insert_before(head.classifier, [[*layer, *shared] for layer in made]),
            *(_weighed(loss, objective.weight_class) for loss in head.losses),
        ]
    )


def has_objective(net: Net, hashed: HashLayer) -> bool:
    """Whether a term on the code itself takes part in the loss."""
    return bool(objective_terms(net, hashed))


def objective_terms(net: Net, hashed: HashLayer) -> list[Layer]:
    """The losses on the code itself, be they written with stock layers or with the fork's."""
    found: dict[int, Layer] = {}
    for phase in PHASES:
        graph = net.graph(phase)
        for layer in graph.layers:
            is_term = layer.type in (*FORK_LOSSES, "Reduction") and any(layer.loss_weights)
            if is_term and hashed.code.index in graph.below([layer]):
                found[layer.index] = layer
    return list(found.values())


class _Terms:
    """The layers of the two terms on one code, under names that are free."""

    def __init__(self, net: Net, hashed: HashLayer, objective: Objective) -> None:
        self.taken = set(net.names)
        self.hashed = hashed
        self.code = hashed.code.tops[0]
        self.objective = objective

    def stock(self) -> list[_Fields]:
        """With Power and Reduction."""
        made: list[_Fields] = []
        if weight := self.objective.weight_binary:
            square = self._layer(f"{BINARY}_square", "Power", [self.code], power_param=SQUARE)
            made += [square, self._mean_of(BINARY, square, -HALF * weight)]
        if weight := self.objective.weight_fire:
            mean = self._layer(
                f"{FIRE}_mean", "Reduction", [self.code], reduction_param=[*MEAN, ("axis", 1)]
            )
            square = self._layer(f"{FIRE}_square", "Power", [_top(mean)], power_param=SQUARE)
            made += [mean, square, self._mean_of(FIRE, square, HALF * weight)]
        return made

    def _mean_of(self, name: str, below: _Fields, weight: Decimal) -> _Fields:
        return self._layer(
            name, "Reduction", [_top(below)], loss_weight=weight, reduction_param=MEAN
        )

    def fork(self) -> list[_Fields]:
        """With the authors' layers, which take their blob twice."""
        # Without propagate_down the gradient would be twice, too.
        once: _Fields = [("propagate_down", True), ("propagate_down", False)]
        made: list[_Fields] = []
        if weight := self.objective.weight_binary:
            binary = self._layer(BINARY, FORK_LOSSES[0], [self.code] * 2, loss_weight=weight)
            made.append([*binary, *once])
        if weight := self.objective.weight_fire:
            shape = [("shape", [("dim", 0), ("dim", 1), ("dim", 1), ("dim", -1)])]
            reshape = self._layer(f"{FIRE}_reshape", "Reshape", [self.code], reshape_param=shape)
            pooling = [("pool", Word("AVE")), ("kernel_h", 1), ("kernel_w", self._bits())]
            mean = self._layer(f"{FIRE}_mean", "Pooling", [_top(reshape)], pooling_param=pooling)
            fire = self._layer(FIRE, FORK_LOSSES[1], [_top(mean)] * 2, loss_weight=weight)
            made += [reshape, mean, [*fire, *once]]
        return made

    def _bits(self) -> int:
        if self.hashed.bits is None:
            raise SurgeryError(
                f"layer '{self.hashed.latent.name}' does not state its num_output",
                location=self.hashed.latent.location,
            )
        return self.hashed.bits

    def _layer(self, name: str, kind: str, bottoms: list[str], **rest: object) -> _Fields:
        """A layer whose only top has its name."""
        name = unique_name(name, self.taken)
        self.taken.add(name)
        below = [("bottom", bottom) for bottom in bottoms]
        return [("name", name), ("type", kind), *below, ("top", name), *rest.items()]


def _top(layer: _Fields) -> str:
    return str(dict(layer)["top"])


def _phases(code: Layer, train_only: bool) -> _Fields:
    """The rules of the code's layer, narrowed to TRAIN where that is asked for."""
    found = phase_rules(code)
    if not train_only:
        return found
    if any(name == "exclude" for name, _ in found):
        return [*found, ("exclude", [("phase", Word("TEST"))])]
    train = ("phase", Word("TRAIN"))
    included = [dict(rule) for _, rule in found if isinstance(rule, list)]
    narrowed = [
        ("include", [train, *((key, value) for key, value in rule.items() if key != "phase")])
        for rule in included
        if rule.get("phase") != "TEST"
    ]
    return [*narrowed] or [("include", [train])]


def _weighed(loss: Layer, factor: Decimal) -> Change:
    """Multiply what a loss weighs."""
    if factor == 1:
        return Change()
    if given := loss.outer.entries("loss_weight"):
        return merge(fields.scale(entry, factor) for entry in given)
    after = loss.outer.entry("top") or loss.outer.entry("bottom")
    assert after is not None, "a head's loss has bottoms"
    return fields.add_after(after, [("loss_weight", factor)])


def set_bits(net: Net, hashed: HashLayer, bits: int) -> Change:
    """Give a hash layer that is there another width, and the fork's pooling over its bits.

    Raises:
        SurgeryError: the latent layer has no `inner_product_param`.
    """
    message = hashed.latent.holder("inner_product_param")
    if message is None:
        raise SurgeryError(
            f"layer '{hashed.latent.name}' does not state its num_output",
            location=hashed.latent.location,
        )
    return merge(
        [fields.put(message, "num_output", bits)]
        + [fields.set_value(entry, bits) for entry in _pooled_widths(net, hashed)]
    )


def _pooled_widths(net: Net, hashed: HashLayer) -> list[Entry]:
    """Where layers that average the bits by pooling state how many there are."""
    found: dict[Entry, None] = {}
    for phase in PHASES:
        graph = net.graph(phase)
        for layer in graph.layers:
            message = layer.core.message("pooling_param")
            if message is None or hashed.code.index not in graph.below([layer]):
                continue
            width = message.entry("kernel_w")
            if width is not None and integer(message, "kernel_w") == hashed.bits:
                found[width] = None
    return list(found)
