"""Record what pycaffe's `resize_image` computes: `record_resize_image.py [FOLDER]`.

Writes tests/golden/resize_image.npz. FOLDER has scikit-image, which is not a dependency:
`pip install --target FOLDER scikit-image`.
"""

from __future__ import annotations

import sys

import numpy as np

from ssdh_surgery.engines.caffe_binary.pycaffe import import_pycaffe
from support.paths import GOLDEN

CASES = {
    "smaller": ((7, 9, 3), (5, 4)),
    "larger": ((5, 4, 3), (7, 9)),
    "gray": ((6, 5, 1), (4, 8)),
    "half": ((12, 10, 3), (6, 5)),
    "channels": ((6, 7, 5), (9, 4)),
    "constant": ((4, 4, 3), (3, 5)),
}


def main() -> None:
    import_pycaffe()
    from caffe.io import resize_image

    random = np.random.default_rng(7)
    arrays = {}
    for name, (shape, size) in CASES.items():
        image = (random.random(shape) * 200 + 20).astype(np.float32)
        if name == "constant":
            image[:] = 3
        arrays[f"{name}.image"] = image
        arrays[f"{name}.resized"] = resize_image(image, size)
    np.savez(GOLDEN / "resize_image.npz", **arrays)


if __name__ == "__main__":
    sys.path[:0] = sys.argv[1:]
    main()
