"""Change the few lines of the unpacked sdist that keep it from working here.

Usage: patch_sources.py SOURCE_FOLDER. Every line is replaced exactly as often as said below;
anything else means that these are other sources, and nothing is guessed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple


class Patch(NamedTuple):
    """`old` becomes `new`, `times` times, in the file `path`."""

    path: str
    old: str
    new: str
    times: int = 1


_SIX = "import six\n"
_NO_SIX = """\
class six:  # Python 2 is gone, and so is the need for the package of this name
    iteritems, itervalues, next = dict.items, (lambda d: iter(d.values())), next
"""

PATCHES = [
    # Weights of VGG-16 are larger than the 512 MiB that this fork reads; BVLC reads 2 GiB.
    Patch(
        "src/caffe/util/io.cpp",
        "SetTotalBytesLimit(536870912)",
        "SetTotalBytesLimit(2147483647)",
        times=2,
    ),
    # `import caffe` needs neither scikit-image nor SciPy: two functions on images do.
    Patch("python/caffe/io.py", "import skimage.io\nfrom scipy.ndimage import zoom\n", ""),
    Patch(
        "python/caffe/io.py",
        "    img = skimage.img_as_float(skimage.io.imread(filename, as_grey=not color))",
        "    import skimage.io\n"
        "    img = skimage.img_as_float(skimage.io.imread(filename, as_gray=not color))",
    ),
    # BVLC's line that imports `resize` is missing from this fork.
    Patch(
        "python/caffe/io.py",
        "    if im.shape[-1] == 1 or im.shape[-1] == 3:\n",
        "    from scipy.ndimage import zoom\n"
        "    from skimage.transform import resize\n"
        "    if im.shape[-1] == 1 or im.shape[-1] == 3:\n",
    ),
    Patch("python/caffe/pycaffe.py", _SIX, _NO_SIX),
    Patch("python/caffe/net_spec.py", _SIX, _NO_SIX),
]


def apply(source: Path, patch: Patch) -> None:
    """Change one file of the sources in place.

    Raises:
        SystemExit: the file does not hold `old` exactly `times` times.
    """
    file = source / patch.path
    text = file.read_text(encoding="utf-8")
    found = text.count(patch.old)
    if found != patch.times:
        sys.exit(f"{file}: expected {patch.times} of {patch.old!r}, found {found}")
    file.write_text(text.replace(patch.old, patch.new), encoding="utf-8")


if __name__ == "__main__":
    for patch in PATCHES:
        apply(Path(sys.argv[1]), patch)
