"""The protocol of an evaluation: all definitions that make two figures comparable."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Ties = Literal["database", "random", "expected"]
Divisor = Literal["hits", "relevant"]
NoHits = Literal["zero", "skip"]

TIES: tuple[Ties, ...] = ("database", "random", "expected")
DIVISORS: tuple[Divisor, ...] = ("hits", "relevant")
NO_HITS: tuple[NoHits, ...] = ("zero", "skip")


@dataclass(frozen=True)
class Protocol:
    """The definitions by which codes are judged.

    Args:
        name: the name of the preset.
        source: the code that defines the preset.
        ties: items at one distance are in database order, or in a random order drawn once from
            `seed`; or figures are expected values over all orders.
        divisor: AP is divided by the relevant items within the cut-off (`hits`), or by all
            relevant items of the database, at most the cut-off (`relevant`).
        no_hits: a query without a relevant item within the cut-off counts 0, or is left out.
        radius: the Hamming radius of the precision within a radius.
        seed: the seed of the random order of ties.
    """

    name: str
    source: str
    ties: Ties = "database"
    divisor: Divisor = "hits"
    no_hits: NoHits = "zero"
    radius: int = 2
    seed: int = 0

    def changed(self, **values: Any) -> Protocol:
        """This protocol with some values changed; None keeps a value.

        The name of a changed protocol says that it is no longer the preset.
        """
        explicit = {key: value for key, value in values.items() if value is not None}
        different = {key: value for key, value in explicit.items() if value != getattr(self, key)}
        if not different:
            return self
        name = self.name if self.name.endswith(", changed") else f"{self.name}, changed"
        return replace(self, name=name, **different)

    def as_json(self) -> dict[str, Any]:
        """The protocol as JSON."""
        return asdict(self)

    def words(self) -> list[str]:
        """The protocol in sentences."""
        ties = {
            "database": "items at one distance in database order",
            "random": f"items at one distance in random order (seed {self.seed})",
            "expected": "expected value over all orders of items at one distance",
        }
        divisor = {
            "hits": "AP divided by the relevant items within the cut-off",
            "relevant": "AP divided by all relevant items, at most the cut-off",
        }
        no_hits = {
            "zero": "a query without a hit counts 0",
            "skip": "a query without a hit is left out",
        }
        return [
            f"{self.name} ({self.source})",
            ties[self.ties],
            divisor[self.divisor],
            no_hits[self.no_hits],
            f"precision within radius {self.radius}: 0 if nothing is within it",
        ]


# Their usual cut-offs: all for the authors' CIFAR-10, 1,000 or 5,000 for HashNet's sets; DeepHash's
# "-1" leaves out the item that ranks last.
PRESETS = {
    "authors": Protocol(
        "authors", "analysis/precision.m of kevinlin311tw/Caffe-DeepBinaryCode, sort is stable"
    ),
    "hashnet": Protocol(
        "hashnet",
        "mean_average_precision in test.py of thuml/HashNet, of signs, sort not stable",
        no_hits="skip",
    ),
    "deephash": Protocol(
        "deephash",
        "CalcTopMap in utils/tools.py of swuxyj/DeepHash-pytorch, sort not stable, its topK of -1 "
        "is --map N-1",
    ),
}
