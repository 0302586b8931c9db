"""A real run on Fashion-MNIST: a classifier from scratch, then 48-bit codes, then their mAP.

Every step is a command, printed as a user would type it. The images come from Debian's package
dataset-fashion-mnist. `--recipe default` is the default recipe of `ssdh patch`; `--recipe best`
(the default here) adds the options that the README of this example explains.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

DATA = Path("/usr/share/datasets/fashion-mnist")
PACKAGE = "apt-get install dataset-fashion-mnist"
BITS = 48
# The LMDBs that LeNet's data layers read, and their scale.
LMDBS = {"train": "examples/mnist/mnist_train_lmdb", "test": "examples/mnist/mnist_test_lmdb"}
PARTS = {"train": "train", "test": "t10k"}
SCALE = 1 / 256
RECIPES = {
    "default": "",
    "best": " --lr-divide 1 --set lr_policy=step --gamma 0.1 --set stepsize={step}"
    " --filler xavier --bias 0",
}


def main() -> None:
    """Run all steps."""
    options = arguments()
    options.out.mkdir(parents=True)
    for part, stem in PARTS.items():
        write_images(options.out, part, *read_idx(options.data, stem, options.limit))
    os.chdir(options.out)
    count = options.iterations
    for part, lmdb in LMDBS.items():
        Path(lmdb).parent.mkdir(parents=True, exist_ok=True)
        ssdh(f"data build {part}.txt {lmdb} --gray")

    print("\nA classifier, trained from scratch:\n")
    ssdh("zoo write lenet")
    ssdh(f"train --engine torch --gpu none --solver solver.prototxt --iterations {count}")

    print("\nThe main job:\n")
    weights = f"lenet_iter_{count}.caffemodel"
    recipe = RECIPES[options.recipe].format(step=count * 4 // 5)
    ssdh(f"patch train_val.prototxt --bits {BITS}{recipe}")
    ssdh(f"train --engine torch --gpu none --weights {weights} --iterations {count}")
    ssdh("deploy")

    print("\nCodes, and the features of the original net for the untrained baselines:\n")
    original = f"--deploy deploy.prototxt --weights {weights} --blob ip1 --scale {SCALE}"
    for part, lmdb in LMDBS.items():
        ssdh(f"encode {lmdb} -o {part}.npz")
        ssdh(f"encode {lmdb} -o {part}_features.npz {original}")
    ssdh(
        "evaluate --queries test.npz --database train.npz --map all --map 1000 "
        "--features test_features.npz train_features.npz"
    )


def arguments() -> argparse.Namespace:
    """Parse and check the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", choices=RECIPES, default="best")
    parser.add_argument(
        "--iterations", type=int, default=5000, help="iterations of each training (default: 5000)"
    )
    parser.add_argument(
        "--limit", type=int, help="use the first LIMIT images of each part (default: all)"
    )
    parser.add_argument(
        "--data", type=Path, default=DATA, help=f"folder of the data set (default: {DATA})"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("fashion"), help="new folder to write (default: fashion)"
    )
    options = parser.parse_args()
    if options.out.exists():
        parser.error(f"{options.out} exists; remove it, or name another folder: --out")
    if not (options.data / idx_name("train", "images")).is_file():
        parser.error(f"{options.data} does not contain Fashion-MNIST: {PACKAGE}, or --data FOLDER")
    return options


def idx_name(stem: str, kind: str) -> str:
    """The name of one of the data set's files."""
    return f"{stem}-{kind}-idx{3 if kind == 'images' else 1}-ubyte.gz"


def read_idx(
    folder: Path, stem: str, limit: int | None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images [N, 28, 28] and their labels [N]."""
    arrays = []
    for kind in ("images", "labels"):
        data = gzip.decompress((folder / idx_name(stem, kind)).read_bytes())
        sizes = np.frombuffer(data, ">u4", count=data[3], offset=4)
        values = np.frombuffer(data, np.uint8, offset=4 + 4 * len(sizes))
        arrays.append(values.reshape(sizes)[:limit])
    return arrays[0], arrays[1]


def write_images(
    folder: Path, part: str, images: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> None:
    """Write each image as a PNG, and a list of them with their labels."""
    (folder / part).mkdir()
    with (folder / f"{part}.txt").open("w") as lines:
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            name = f"{part}/{number:05d}.png"
            if not cv2.imwrite(str(folder / name), image):
                raise OSError(f"cannot write {folder / name}")
            lines.write(f"{name} {label}\n")


def ssdh(line: str) -> None:
    """Print a command and run it."""
    print(f"$ ssdh {line}", flush=True)
    subprocess.run([sys.executable, "-m", "ssdh_surgery", *shlex.split(line)], check=True)


if __name__ == "__main__":
    main()
