"""The recipe: every number that the method puts into a net or a solver, with its default.

Source: the published GoogLeNet recipe of supervised semantics-preserving deep hashing
(Yang, Lin, Chen, TPAMI 2017, arXiv:1507.00101, put into practice on Caffe's own files).
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
    """How weights begin: as a message's fields, in the order in which Caffe's files have them."""

    fields: tuple[tuple[str, object], ...]

    @classmethod
    def parse(cls, text: str) -> Filler:
        """A filler from `gaussian:STD`, `xavier[:fan_in|fan_out|average]` or `msra[:...]`.

        Raises:
            UsageError: none of these.
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
        """The text that `parse` reads."""
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
    """What is put into a net; the defaults are the recipe for GoogLeNet."""

    bits: int = 128
    filler: Filler = Filler((("type", "gaussian"), ("std", Decimal("0.005"))))
    bias: Decimal = Decimal(1)
    lr_mult: tuple[Decimal, Decimal] = (Decimal(1), Decimal(2))
    decay_mult: tuple[Decimal, Decimal] = (Decimal(1), Decimal(0))
    classifier_lr: Decimal = Decimal(10)
    latent_name: str = "latent_SSDH"
    code_name: str = "latent_SSDH_encode"
    # None: the classifier's name with "_change" after it.
    classifier_name: str | None = None
    remove: Removal = "comment"
    mark: bool = False

    @property
    def banner(self) -> str | None:
        """The comment above what was added, where it is wanted."""
        return f"SSDH: {self.bits}-bit hash layer" if self.mark else None

    @property
    def binary_name(self) -> str:
        """The name of the layer and blob of zeros and ones."""
        return f"{self.code_name}_binary"

    def train_layers(
        self, features: str, rules: NewFields = (), *, propagates: bool = True
    ) -> list[NewFields]:
        """The latent layer and its Sigmoid as a train net has them.

        Where it does not propagate, no gradient goes on to the features.
        """
        params = [
            ("param", [("lr_mult", rate), ("decay_mult", decay)])
            for rate, decay in zip(self.lr_mult, self.decay_mult, strict=True)
        ]
        inner = [
            ("num_output", self.bits),
            ("weight_filler", list(self.filler.fields)),
            ("bias_filler", [("type", "constant"), ("value", self.bias)]),
        ]
        stop = [] if propagates else [("propagate_down", False)]
        return self._layers(features, [*params, *stop, *rules], inner, rules)

    def deploy_layers(self, features: str) -> list[NewFields]:
        """The same as a deploy net has them: without fillers and learning."""
        return self._layers(features, [], [("num_output", self.bits)], ())

    def binary_layer(self) -> NewFields:
        """The code as zeros and ones: 1 where the activation is strictly above 0.5."""
        name = self.binary_name
        return [
            ("name", name),
            ("type", "Threshold"),
            ("bottom", self.code_name),
            ("top", name),
            ("threshold_param", [("threshold", Decimal("0.5"))]),
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


@dataclass(frozen=True)
class SolverRecipe:
    """What is put into a solver; None leaves it to the policy or as it is."""

    lr_divide: Decimal = Decimal(10)
    weight_decay: Decimal = Decimal("0.0005")
    # Not given: 0.1, and only where the policy multiplies by it at steps.
    gamma: Decimal | None = None
    remove: Removal = "comment"
    sets: tuple[tuple[str, str], ...] = ()
