"""The main job on real data, with nothing but what `pip` installs: handwritten digits.

Trains a small LeNet on scikit-learn's digits, adds a hash layer to its three files with the three
commands, and measures the gain: the mean average precision of the codes next to that of random
projections of the same features, with the same number of bits. Draws ten queries with their
nearest neighbours in demo/queries.png. Every figure is computed in this run.
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
QUERIES = 500  # the test images; the others are the database
Codes = NDArray[np.bool_]


def main() -> None:
    """Run all steps, printing the commands as a user would type them."""
    start = time.perf_counter()
    if DEMO.exists():
        shutil.rmtree(DEMO)
    DEMO.mkdir()
    for name in ("train_val", "solver", "deploy"):
        shutil.copy(NETS / f"{name}.prototxt", DEMO)
    images, labels = digits()
    write_lmdb(DEMO / "train_lmdb", images[QUERIES:], labels[QUERIES:])
    write_lmdb(DEMO / "test_lmdb", images[:QUERIES], labels[:QUERIES])

    print("\nA classifier, trained from scratch:\n")
    ssdh("train --engine torch --solver solver.prototxt")
    print("\nThe main job:\n")
    ssdh(f"patch train_val.prototxt --bits {BITS}")
    ssdh("train --engine torch --weights digits_iter_300.caffemodel --iterations 1000")
    ssdh("deploy")

    code = activations("deploy_ssdh.prototxt", "digits_ssdh_iter_1000.caffemodel", images) > 0.5
    features = activations("deploy.prototxt", "digits_iter_300.caffemodel", images, "ip1")
    print_table(code, random_projections(features), labels)
    draw(DEMO / "queries.png", images, labels, code)
    print(f"\nTen queries with their nearest neighbours, the wrong ones framed: {DEMO}/queries.png")
    print(f"{time.perf_counter() - start:.0f} seconds in total")


def ssdh(line: str) -> None:
    """Print a command of the README and run it in the demo's folder."""
    print(f"$ ssdh {line}", flush=True)
    subprocess.run([sys.executable, "-m", "ssdh_surgery", *shlex.split(line)], cwd=DEMO, check=True)


def digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The 1,797 digits [N, SIZE, SIZE] and their labels [N], in a fixed shuffled order."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    scaled = [
        cv2.resize((image * (255 / 16)).astype(np.uint8), (SIZE, SIZE))
        for image in data.images[order]
    ]
    return np.stack(scaled), data.target[order].astype(np.int64)


def write_lmdb(path: Path, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    """Write an LMDB as `convert_imageset` would."""
    with LmdbWriter(path) as writer:
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            writer.put(f"{number:08d}_digit".encode(), write_raw(image[None], int(label)))


def activations(
    net_file: str, weights: str, images: NDArray[np.uint8], blob: str | None = None
) -> NDArray[np.float32]:
    """The values of a blob (by default the output) of a deploy net for each image, [N, K]."""
    net = ssdh_surgery.open_net(DEMO / net_file, DEMO / weights)
    batch = net.blobs["data"].data.shape[0]
    name = blob or net.outputs[0]
    batches = []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        net.blobs["data"].data[: len(part), 0] = part / np.float32(256)
        net.forward()
        batches.append(net.blobs[name].data[: len(part)].reshape(len(part), -1).copy())
    return np.concatenate(batches)


def random_projections(features: NDArray[np.float32]) -> Codes:
    """BITS bits of the features without training: the signs of random projections."""
    directions = np.random.default_rng(0).standard_normal((features.shape[1], BITS))
    centred = features - features[QUERIES:].mean(axis=0)
    return np.asarray(centred @ directions > 0)


def mean_average_precision(code: Codes, labels: NDArray[np.int64]) -> float:
    """The mAP over the whole database: the first QUERIES images query the others.

    Ties are in database order; the precision is averaged over all relevant items.
    """
    distances = hamming(code)
    precisions = []
    for query, row in enumerate(distances):
        relevant = labels[QUERIES:][np.argsort(row, kind="stable")] == labels[query]
        hits = np.cumsum(relevant)[relevant]
        ranks = np.flatnonzero(relevant) + 1
        precisions.append((hits / ranks).mean())
    return float(np.mean(precisions))


def hamming(code: Codes) -> NDArray[np.int64]:
    """Hamming distances from the queries to the database, [QUERIES, N - QUERIES]."""
    queries, database = code[:QUERIES].astype(int), code[QUERIES:].astype(int)
    return queries @ (1 - database).T + (1 - queries) @ database.T


def print_table(code: Codes, projections: Codes, labels: NDArray[np.int64]) -> None:
    """Print the figures of this run."""
    print(f"\n{QUERIES} queries, {len(labels) - QUERIES} images in the database, {BITS} bits\n")
    print(f"  {'':24}  mAP@all  distinct codes")
    for name, bits in (("random projections", projections), ("hash layer", code)):
        distinct = len(np.unique(bits[QUERIES:], axis=0))
        print(f"  {name:24}  {mean_average_precision(bits, labels):7.3f}  {distinct:14}")


def draw(path: Path, images: NDArray[np.uint8], labels: NDArray[np.int64], code: Codes) -> None:
    """Draw a query of each digit, a row each, with its ten nearest; wrong digits are framed."""
    queries = [int(np.flatnonzero(labels[:QUERIES] == digit)[0]) for digit in range(10)]
    nearest = np.argsort(hamming(code)[queries], axis=1, kind="stable")[:, :10] + QUERIES
    rows = [
        np.hstack(
            [_tile(images[query], (0, 0, 0))]
            + [
                _tile(images[hit], (255, 255, 255) if same else (0, 0, 255))
                for hit, same in zip(hits, labels[hits] == labels[query], strict=True)
            ]
        )
        for query, hits in zip(queries, nearest, strict=True)
    ]
    if not cv2.imwrite(str(path), np.vstack(rows)):
        raise OSError(f"cannot write {path}")


def _tile(image: NDArray[np.uint8], frame: tuple[int, int, int]) -> NDArray[np.uint8]:
    large = cv2.resize(255 - image, (56, 56), interpolation=cv2.INTER_NEAREST)
    color = cv2.cvtColor(large, cv2.COLOR_GRAY2BGR)
    framed = cv2.copyMakeBorder(color, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=frame)
    return np.asarray(framed, dtype=np.uint8)


if __name__ == "__main__":
    main()
