"""Search in a million codes of 128 bits, k = 100: opening an index, and its rate next to FAISS."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import faiss
import numpy as np

from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.index.index import About
from ssdh_surgery.retrieval.index.places import create_index, open_index

COUNT, BITS, QUERIES, NEAREST, ROUNDS = 1_000_000, 128, 200, 100, 25


def main() -> None:
    random = np.random.default_rng(0)
    packed = random.integers(0, 256, (COUNT, BITS // 8), dtype=np.uint8)
    queries = random.integers(0, 256, (QUERIES, BITS // 8), dtype=np.uint8)
    ids = np.array([f"train/n{number:08d}.jpg" for number in range(COUNT)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "million.index"
        codes = Codes(packed, BITS, ids, np.zeros(COUNT, np.int64))
        with create_index(str(path), About("flat", BITS)) as new_index:
            new_index.add(codes)
            new_index.save()
        del codes, ids
        start = time.perf_counter()
        index = open_index(str(path))
        index.search(queries[:1], NEAREST)
        print(f"open {COUNT:,} x {BITS}, first answer {time.perf_counter() - start:8.3f} s")
    faiss_index = faiss.IndexBinaryFlat(BITS)
    faiss_index.add(packed)
    seconds: dict[str, list[float]] = {"FAISS": [], "ssdh": []}
    answers = {}
    for _ in range(ROUNDS):  # in turn, under the same load
        for name, search in (("FAISS", faiss_index.search), ("ssdh", index.search)):
            start = time.perf_counter()
            distances, rows = search(queries, NEAREST)
            seconds[name].append(time.perf_counter() - start)
            answers[name] = distances, rows
    for theirs, ours in zip(*answers.values(), strict=True):
        assert np.array_equal(theirs, ours)
    best = {name: min(times) for name, times in seconds.items()}
    for name, shortest in best.items():
        print(f"{name:<34} {QUERIES / shortest:8.0f} queries/s, best of {ROUNDS}")
    print(f"time of ssdh relative to FAISS: {best['ssdh'] / best['FAISS'] - 1:+.1%}")


if __name__ == "__main__":
    main()
