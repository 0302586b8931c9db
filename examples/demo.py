"""The main job on real data, with nothing but what `pip` installs: handwritten digits.

Trains a small LeNet on scikit-learn's digits, puts a hash layer into its three files with the
three commands, and measures what that brings: mean average precision of the codes beside
random projections of the same features with as many bits. Draws ten queries with their
nearest neighbours to demo/queries.png. Every figure is computed in this run.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import ssdh_surgery
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter

DEMO = Path("demo")
NETS = Path(__file__).parent / "digits"
BITS = 16
SIZE = 28
TESTED = 500
Codes = NDArray[np.bool_]


def main() -> None:
    """The whole story, the commands printed as a user would type them."""
    began = time.perf_counter()
    if DEMO.exists():
        shutil.rmtree(DEMO)
    DEMO.mkdir()
    for name in ("train_val", "solver", "deploy"):
        shutil.copy(NETS / f"{name}.prototxt", DEMO)
    pictures, labels = digits()
    write_lmdb(DEMO / "train_lmdb", pictures[TESTED:], labels[TESTED:])
    write_lmdb(DEMO / "test_lmdb", pictures[:TESTED], labels[:TESTED])

    print("\nA classifier, trained from scratch:\n")
    ssdh("train --engine torch --solver solver.prototxt")
    print("\nThe main job:\n")
    ssdh(f"patch train_val.prototxt --bits {BITS}")
    ssdh("train --engine torch --weights digits_iter_300.caffemodel --iterations 1000")
    ssdh("deploy")

    code = activations("deploy_ssdh.prototxt", "digits_ssdh_iter_1000.caffemodel", pictures) > 0.5
    features = activations("deploy.prototxt", "digits_iter_300.caffemodel", pictures, "ip1")
    report(code, random_projections(features), labels)
    draw(DEMO / "queries.png", pictures, labels, code)
    print(f"\nTen queries with their nearest neighbours, wrong ones framed: {DEMO}/queries.png")
    print(f"{time.perf_counter() - began:.0f} seconds in all")


def ssdh(line: str) -> None:
    """Run a command of the README in the demo's folder, after showing it."""
    print(f"$ ssdh {line}", flush=True)
    subprocess.run([sys.executable, "-m", "ssdh_surgery", *shlex.split(line)], cwd=DEMO, check=True)


def digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The 1,797 digits, [N, SIZE, SIZE] and their labels [N], in a fixed shuffled order."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    scaled = [
        cv2.resize((picture * (255 / 16)).astype(np.uint8), (SIZE, SIZE))
        for picture in data.images[order]
    ]
    return np.stack(scaled), data.target[order].astype(np.int64)


def write_lmdb(path: Path, pictures: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    """An LMDB as `convert_imageset` would write it."""
    with LmdbWriter(path) as writer:
        for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
            writer.put(f"{number:08d}_digit".encode(), write_raw(picture[None], int(label)))


def activations(
    net_file: str, weights: str, pictures: NDArray[np.uint8], blob: str | None = None
) -> NDArray[np.float32]:
    """What a blob (or the output) of a deploy net holds for each picture, [N, K]."""
    net = ssdh_surgery.open_net(DEMO / net_file, DEMO / weights)
    batch = net.blobs["data"].data.shape[0]
    name = blob or net.outputs[0]
    found = []
    for start in range(0, len(pictures), batch):
        part = pictures[start : start + batch]
        net.blobs["data"].data[: len(part), 0] = part / np.float32(256)
        net.forward()
        found.append(net.blobs[name].data[: len(part)].reshape(len(part), -1).copy())
    return np.concatenate(found)


def random_projections(features: NDArray[np.float32]) -> Codes:
    """As many bits of the same features without any training: signs of random projections."""
    directions = np.random.default_rng(0).standard_normal((features.shape[1], BITS))
    centred = features - features[TESTED:].mean(axis=0)
    return np.asarray(centred @ directions > 0)


def mean_average_precision(code: Codes, labels: NDArray[np.int64]) -> float:
    """The mAP over the whole database: the first TESTED pictures query the others.

    Ties stand in the order of the database; the precision is averaged over all relevant items.
    """
    distances = hamming(code)
    precisions = []
    for query, row in enumerate(distances):
        relevant = labels[TESTED:][np.argsort(row, kind="stable")] == labels[query]
        hits = np.cumsum(relevant)[relevant]
        ranks = np.flatnonzero(relevant) + 1
        precisions.append((hits / ranks).mean())
    return float(np.mean(precisions))


def hamming(code: Codes) -> NDArray[np.int64]:
    """Distances of the queries to the database, [TESTED, N - TESTED]."""
    queries, database = code[:TESTED].astype(int), code[TESTED:].astype(int)
    return queries @ (1 - database).T + (1 - queries) @ database.T


def report(code: Codes, projected: Codes, labels: NDArray[np.int64]) -> None:
    """The figures of this run as a small table."""
    print(f"\n{TESTED} queries, {len(labels) - TESTED} pictures in the database, {BITS} bits\n")
    print(f"  {'':24}  mAP@all  distinct codes")
    for name, each in (("random projections", projected), ("hash layer", code)):
        distinct = len(np.unique(each[TESTED:], axis=0))
        print(f"  {name:24}  {mean_average_precision(each, labels):7.3f}  {distinct:14}")


def draw(path: Path, pictures: NDArray[np.uint8], labels: NDArray[np.int64], code: Codes) -> None:
    """A query of each digit, one a row, then its ten nearest; another digit is framed."""
    queries = [int(np.flatnonzero(labels[:TESTED] == digit)[0]) for digit in range(10)]
    nearest = np.argsort(hamming(code)[queries], axis=1, kind="stable")[:, :10] + TESTED
    rows = [
        np.hstack(
            [_tile(pictures[query], (0, 0, 0))]
            + [
                _tile(pictures[found], (255, 255, 255) if same else (0, 0, 255))
                for found, same in zip(found_row, labels[found_row] == labels[query], strict=True)
            ]
        )
        for query, found_row in zip(queries, nearest, strict=True)
    ]
    if not cv2.imwrite(str(path), np.vstack(rows)):
        raise OSError(f"cannot write {path}")


def _tile(picture: NDArray[np.uint8], frame: tuple[int, int, int]) -> NDArray[np.uint8]:
    large = cv2.resize(255 - picture, (56, 56), interpolation=cv2.INTER_NEAREST)
    color = cv2.cvtColor(large, cv2.COLOR_GRAY2BGR)
    framed = cv2.copyMakeBorder(color, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=frame)
    return np.asarray(framed, dtype=np.uint8)


if __name__ == "__main__":
    main()
