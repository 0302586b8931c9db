"""The recipe: every number that the method puts into a net or a solver, with its default.

Source: the published GoogLeNet recipe of supervised semantics-preserving deep hashing
(Yang, Lin, Chen, TPAMI 2017, arXiv:1507.00101), applied to Caffe's own files.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ssdh_surgery.errors import UsageError
from ssdh_surgery.prototxt.render import NewFields, Word
from ssdh_surgery.surgery.verbs.fields import Removal

_VARIANCE_NORMS = {"fan_in": "FAN_IN", "fan_out": "FAN_OUT", "average": "AVERAGE"}


@dataclass(frozen=True)
class Filler:
    """A filler for initial weights: the fields of its message, in the order of Caffe's files."""

    fields: tuple[tuple[str, object], ...]

    @classmethod
    def parse(cls, text: str) -> Filler:
        """A filler from `gaussian:STD`, `xavier[:fan_in|fan_out|average]` or `msra[:...]`.

        Raises:
            UsageError: the text has none of these forms.
        """
        kind, _, rest = text.partition(":")
        if kind == "gaussian":
            std = _positive(rest)
            if std is not None:
                return cls((("type", "gaussian"), ("std", std)))
        elif kind in ("xavier", "msra"):
            if not rest:
                return cls((("type", kind),))
            if norm := _VARIANCE_NORMS.get(rest.lower()):
                return cls((("type", kind), ("variance_norm", Word(norm))))
        raise UsageError(
            f"'{text}' is not a filler",
            hint="gaussian:STD, xavier, xavier:fan_in|fan_out|average, or msra",
        )

    @property
    def text(self) -> str:
        """The filler as text, which `parse` reads."""
        values = dict(self.fields)
        rest = values.get("std") or str(values.get("variance_norm", "")).lower()
        return f"{values['type']}:{rest}" if rest else str(values["type"])


def _positive(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except ArithmeticError:
        return None
    return value if value.is_finite() and value > 0 else None


@dataclass(frozen=True)
class Recipe:
    """The hash layer of a net; the defaults are the recipe for GoogLeNet."""

    bits: int = 128
    filler: Filler = Filler((("type", "gaussian"), ("std", Decimal("0.005"))))
    bias: Decimal = Decimal(1)
    lr_mult: tuple[Decimal, Decimal] = (Decimal(1), Decimal(2))
    decay_mult: tuple[Decimal, Decimal] = (Decimal(1), Decimal(0))
    classifier_lr: Decimal = Decimal(10)
    latent_name: str = "latent_SSDH"
    code_name: str = "latent_SSDH_encode"
    # None: the old name with `classifier.CHANGED` added.
    classifier_name: str | None = None
    remove: Removal = "comment"
    mark: bool = False

    @property
    def banner(self) -> str | None:
        """The comment above the new layers, or None."""
        return f"SSDH: {self.bits}-bit hash layer" if self.mark else None

    @property
    def binary_name(self) -> str:
        """The name of the layer and blob of zeros and ones."""
        return f"{self.code_name}_binary"

    def train_layers(
        self,
        features: str,
        rules: NewFields = (),
        *,
        propagates: bool = True,
        axis: int | None = None,
    ) -> list[NewFields]:
        """The latent layer and its Sigmoid for a train net.

        Unless it `propagates`, no gradient reaches the features. `axis` is the first axis of
        the features that a code is computed from; None for Caffe's default, 1.
        """
        params = [
            ("param", [("lr_mult", rate), ("decay_mult", decay)])
            for rate, decay in zip(self.lr_mult, self.decay_mult, strict=True)
        ]
        inner = [
            ("num_output", self.bits),
            ("weight_filler", list(self.filler.fields)),
            ("bias_filler", [("type", "constant"), ("value", self.bias)]),
            *_axis_field(axis),
        ]
        stop = [] if propagates else [("propagate_down", False)]
        return self._layers(features, [*params, *stop, *rules], inner, rules)

    def deploy_layers(self, features: str, axis: int | None = None) -> list[NewFields]:
        """The latent layer and its Sigmoid for a deploy net, without fillers and rates."""
        return self._layers(features, [], [("num_output", self.bits), *_axis_field(axis)], ())

    def binary_layer(self, threshold: float = 0.5) -> NewFields:
        """The code as zeros and ones: 1 where the activation is strictly above the threshold."""
        name = self.binary_name
        return [
            ("name", name),
            ("type", "Threshold"),
            ("bottom", self.code_name),
            ("top", name),
            ("threshold_param", [("threshold", Decimal(str(threshold)))]),
        ]

    def _layers(
        self,
        features: str,
        learning: NewFields,
        inner: NewFields,
        rules: NewFields,
    ) -> list[NewFields]:
        latent = [
            ("name", self.latent_name),
            ("type", "InnerProduct"),
            ("bottom", features),
            ("top", self.latent_name),
            *learning,
            ("inner_product_param", inner),
        ]
        code = [
            ("name", self.code_name),
            ("type", "Sigmoid"),
            ("bottom", self.latent_name),
            ("top", self.code_name),
            *rules,
        ]
        return [latent, code]


def _axis_field(axis: int | None) -> NewFields:
    return [] if axis is None else [("axis", axis)]


@dataclass(frozen=True)
class SolverRecipe:
    """The changes of a solver; None leaves a value to the policy, or unchanged."""

    lr_divide: Decimal = Decimal(10)
    weight_decay: Decimal = Decimal("0.0005")
    # None: 0.1, and only for policies that multiply by it at steps.
    gamma: Decimal | None = None
    remove: Removal = "comment"
    sets: tuple[tuple[str, str], ...] = ()
