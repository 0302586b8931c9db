"""From a trained classifier to image search in Python, on scikit-learn's handwritten digits.

Writes everything into the folder digits_search: images, LMDBs, nets, weights, codes and an index.
The functions are those of docs/python.md; `ssdh data build` and `ssdh train` are commands.
"""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
from sklearn.datasets import load_digits

import ssdh_surgery

FOLDER = Path("digits_search")
NETS = Path(__file__).parent
QUERIES = 200


def main() -> None:
    """Patch, train, deploy, encode, search and evaluate."""
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    FOLDER.mkdir()
    for name in ("train_val", "solver"):
        shutil.copy(NETS / f"{name}.prototxt", FOLDER)
    with contextlib.chdir(FOLDER):
        write_images()
        ssdh("data build database train_lmdb --gray --shuffle")
        ssdh("data build queries test_lmdb --gray")
        ssdh("train --engine torch --solver solver.prototxt --iterations 150")

        patched = ssdh_surgery.patch("train_val.prototxt", bits=24, set={"max_iter": 250})
        for file in patched.files:
            print(f"{file.source} -> {file.path}: {len(file.changes)} changes")
        ssdh("train --engine torch --weights digits_iter_150.caffemodel")
        deployed = ssdh_surgery.deploy()
        print("written:", *deployed.written)

        for name in ("database", "queries"):
            codes = ssdh_surgery.encode(name, f"{name}.npz")
            print(f"{name}: {codes.count} codes of {codes.bits} bits")
        ssdh_surgery.build_index("database.npz", "digits.index", kind="numpy")
        search()
        evaluation = ssdh_surgery.evaluate("queries.npz", "database.npz")
        print(f"mAP {evaluation.measures.map['all']:.3f}")


def write_images() -> None:
    """Write the digits as images in class folders: the first ones are the queries."""
    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        folder = Path("queries" if number < QUERIES else "database") / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        pixels = cv2.resize((image * (255 / 16)).astype("uint8"), (28, 28))
        cv2.imwrite(str(folder / f"{number}.png"), pixels)


def search() -> None:
    """Search with one image of each digit."""
    for digit in range(10):
        image = sorted(Path("queries", str(digit)).iterdir())[0]
        (answer,) = ssdh_surgery.search("digits.index", images=image, k=5).answers
        print(f"{image}:", *(f"{hit.id} ({hit.distance})" for hit in answer.hits))


def ssdh(line: str) -> None:
    """Run a command in the current folder."""
    print(f"$ ssdh {line}", flush=True)
    subprocess.run([sys.executable, "-m", "ssdh_surgery", "-q", *shlex.split(line)], check=True)


if __name__ == "__main__":
    main()
