"""mAP@all of 10,000 queries in 60,000 codes of 48 bits: `evaluate` compared with plain numpy.

Plain numpy does what scripts usually do: a matrix product for the distances, a stable argsort
and a cumulative sum, one block of queries at a time. Both get the same codes and must agree.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.evaluate.metrics import evaluate_codes
from ssdh_surgery.retrieval.evaluate.protocol import PRESETS

BITS, CLASSES = 48, 10


def codes(count: int, seed: int, bits: int = BITS) -> Codes:
    """A random code for each class, with 30 % of the bits flipped at random in each item."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(0).integers(0, 2, (CLASSES, bits), dtype=np.uint8)
    labels = random.integers(0, CLASSES, count)
    flipped = random.random((count, bits), np.float32) < 0.3
    packed = np.packbits(centres[labels] ^ flipped, axis=1)
    return Codes(packed, bits, np.arange(count).astype(str), labels)


def plain_numpy(queries: Codes, database: Codes) -> float:
    """The mAP, computed with plain numpy."""
    signs = np.unpackbits(database.packed, axis=1, count=database.bits).astype(np.float32) * 2 - 1
    query_signs = (
        np.unpackbits(queries.packed, axis=1, count=queries.bits).astype(np.float32) * 2 - 1
    )
    ranks = np.arange(1, len(database) + 1)
    precisions: list[NDArray[np.float64]] = []
    for start in range(0, len(query_signs), 100):
        distances = (BITS - query_signs[start : start + 100] @ signs.T) / 2
        order = np.argsort(distances.astype(np.int16), axis=1, kind="stable")
        relevant = database.labels[order] == queries.labels[start : start + 100, None]
        precision = relevant.cumsum(1) / ranks
        precisions.append((precision * relevant).sum(1) / np.maximum(relevant.sum(1), 1))
    return float(np.concatenate(precisions).mean())


def timed(label: str, work: object, *args: object) -> tuple[float, object]:
    start = time.perf_counter()
    result = work(*args)  # type: ignore[operator]
    seconds = time.perf_counter() - start
    print(f"{label:<44} {seconds:7.2f} s", flush=True)
    return seconds, result


def main() -> None:
    queries, database = codes(10_000, 1), codes(60_000, 2)
    evaluate_codes(codes(2, 3), codes(10, 4), PRESETS["authors"])  # compiles, once
    ours, evaluation = timed(
        "evaluate, 10,000 x 60,000 x 48", evaluate_codes, queries, database, PRESETS["authors"]
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    plain, expected = timed("plain numpy", plain_numpy, queries, database)
    assert abs(evaluation.map["all"] - expected) < 1e-9, (evaluation, expected)  # type: ignore[attr-defined, operator]
    print(f"{plain / ours:.1f} times as fast, mAP@all {expected:.6f}; peak {memory:.0f} MB")
    if "--large" in sys.argv:
        queries, database = codes(1000, 1, 128), codes(1_000_000, 2, 128)
        timed(
            "evaluate, 1,000 x 1,000,000 x 128",
            evaluate_codes,
            queries,
            database,
            PRESETS["authors"],
        )


if __name__ == "__main__":
    main()
