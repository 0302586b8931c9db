"""Search in a million codes of 128 bits, k = 100: an index beside FAISS itself, and opening it."""

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
        with create_index(str(path), About("flat", BITS)) as made:
            made.add(codes)
            made.save()
        del codes, ids
        began = time.perf_counter()
        index = open_index(str(path))
        index.search(queries[:1], NEAREST)
        print(f"open {COUNT:,} x {BITS} and answer once {time.perf_counter() - began:8.3f} s")
    plain = faiss.IndexBinaryFlat(BITS)
    plain.add(packed)
    seconds: dict[str, list[float]] = {"FAISS itself": [], "ssdh": []}
    answers = {}
    for _ in range(ROUNDS):  # in turn, so that both see the same machine
        for name, search in (("FAISS itself", plain.search), ("ssdh", index.search)):
            began = time.perf_counter()
            distances, rows = search(queries, NEAREST)
            seconds[name].append(time.perf_counter() - began)
            answers[name] = distances, rows
    (one, same), (other, again) = answers.values()
    assert np.array_equal(one, other)
    assert np.array_equal(same, again)
    best = {name: min(times) for name, times in seconds.items()}
    for name, time_taken in best.items():
        print(f"{name:<34} {QUERIES / time_taken:8.0f} queries/s, best of {ROUNDS}")
    print(f"ssdh takes {best['ssdh'] / best['FAISS itself'] - 1:+.1%} of time")


if __name__ == "__main__":
    main()
