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

from ssdh_surgery.prototxt.render import NewFields, Word

HALF = Decimal("0.5")
# Caffe's log tools split lines at spaces: no top has one.
BINARY, FIRE = "forcing_binary", "fire_rate"


@dataclass(frozen=True)
class Objective:
    """Which terms a net gets besides its classification loss.

    `weight_binary` and `weight_fire` multiply the terms (1 and 1 in the authors' code);
    `train_only` leaves them out of the TEST phase; `kind` "fork" writes the layers of the
    authors' fork instead of stock ones.
    """

    kind: Literal["stock", "fork"] = "stock"
    weight_binary: Decimal = Decimal(1)
    weight_fire: Decimal = Decimal(1)
    train_only: bool = True

    def layers(self, code: str, bits: int) -> list[NewFields]:
        """The layers to put behind the code blob."""
        rules: NewFields = [("include", [("phase", Word("TRAIN"))])] if self.train_only else []
        made = self._fork(code, bits) if self.kind == "fork" else self._stock(code)
        return [[*layer, *rules] for layer in made]

    def _stock(self, code: str) -> list[list[tuple[str, object]]]:
        return [
            _layer(f"{BINARY}_square", "Power", [code], power_param=_SQUARE),
            _layer(
                BINARY,
                "Reduction",
                [f"{BINARY}_square"],
                loss_weight=-HALF * self.weight_binary,
                reduction_param=[("operation", Word("MEAN"))],
            ),
            _layer(
                f"{FIRE}_mean",
                "Reduction",
                [code],
                reduction_param=[("operation", Word("MEAN")), ("axis", 1)],
            ),
            _layer(f"{FIRE}_square", "Power", [f"{FIRE}_mean"], power_param=_SQUARE),
            _layer(
                FIRE,
                "Reduction",
                [f"{FIRE}_square"],
                loss_weight=HALF * self.weight_fire,
                reduction_param=[("operation", Word("MEAN"))],
            ),
        ]

    def _fork(self, code: str, bits: int) -> list[list[tuple[str, object]]]:
        # Each takes its blob twice; without propagate_down the gradient would be twice, too.
        once: list[tuple[str, object]] = [("propagate_down", True), ("propagate_down", False)]
        shape = [("shape", [("dim", 0), ("dim", 1), ("dim", 1), ("dim", -1)])]
        pooling = [("pool", Word("AVE")), ("kernel_h", 1), ("kernel_w", bits)]
        binary = _layer(BINARY, "K1_EuclideanLoss", [code, code], loss_weight=self.weight_binary)
        fire = _layer(FIRE, "K2_EuclideanLoss", [f"{FIRE}_mean"] * 2, loss_weight=self.weight_fire)
        return [
            [*binary, *once],
            _layer(f"{FIRE}_reshape", "Reshape", [code], reshape_param=shape),
            _layer(f"{FIRE}_mean", "Pooling", [f"{FIRE}_reshape"], pooling_param=pooling),
            [*fire, *once],
        ]


_SQUARE = [("power", 2), ("shift", -HALF)]


def _layer(name: str, kind: str, bottoms: list[str], **rest: object) -> list[tuple[str, object]]:
    """A layer whose only top has its name."""
    return [
        ("name", name),
        ("type", kind),
        *(("bottom", bottom) for bottom in bottoms),
        ("top", name),
        *rest.items(),
    ]
