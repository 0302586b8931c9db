"""Building an LMDB of 1,000 JPEGs beside Caffe's own convert_imageset.

python benchmarks/data.py [ROUNDS]

Pictures of 500 x 375 are made and warped to 256 x 256 by both, in turn, in one run; the
records are compared byte for byte. Printed are the medians of the wall-clock and processor
times and of the rounds' ratios; the target is at least twice the rate. The peak
memory is that of two builds by themselves, one of all pictures and one of a tenth: it does
not grow with their number. Needs `make caffe`.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ssdh_surgery.data.build import build
from ssdh_surgery.data.image import encode, opencv
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.parallel import default_threads
from ssdh_surgery.data.record import RecordOptions
from ssdh_surgery.engines.caffe_binary.executable import built_caffe

PICTURES = 1000
WIDTH, HEIGHT = 500, 375
SIZE = 256
MEASURE = """
import resource, sys
from ssdh_surgery.data.build import RecordOptions, build
build(sys.argv[1], sys.argv[2], RecordOptions(size=(256, 256)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def make_pictures(folder: Path) -> None:
    """Pictures with the detail, and so about the file size, of photographs."""
    cv2 = opencv()
    random = np.random.default_rng(1)
    lines = []
    for i in range(PICTURES):
        coarse = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        image = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        noisy = image + random.normal(0, 12, image.shape)
        name = f"{i:04}.jpg"
        (folder / name).write_bytes(encode(noisy.clip(0, 255).astype(np.uint8), "jpg"))
        lines.append(f"{name} {i % 10}\n")
    (folder / "list.txt").write_text("".join(lines))
    (folder / "short.txt").write_text("".join(lines[: PICTURES // 10]))


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor time of a call, its children's included."""
    before, start = processor(), time.perf_counter()
    call()
    return time.perf_counter() - start, processor() - before


def processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def convert_imageset(tool: Path) -> None:
    flags = [f"-resize_width={SIZE}", f"-resize_height={SIZE}"]
    subprocess.run([tool, *flags, "./", "list.txt", "theirs"], check=True, capture_output=True)


def ours() -> None:
    build("list.txt", "ours", RecordOptions(size=(SIZE, SIZE)))


def one_round(tool: Path, *, ours_first: bool) -> tuple[tuple[float, float], ...]:
    """The times of convert_imageset and of ours, taken in either order."""
    for name in ("theirs", "ours"):
        shutil.rmtree(name, ignore_errors=True)
    os.sync()  # what one has left to be written is not the other's business
    if ours_first:
        mine = seconds(ours)
        os.sync()
        return seconds(lambda: convert_imageset(tool)), mine
    theirs = seconds(lambda: convert_imageset(tool))
    os.sync()
    return theirs, seconds(ours)


def peak(source: str) -> float:
    """The peak memory in MB of a build in its own process."""
    command = [sys.executable, "-c", MEASURE, source, f"{source}.lmdb"]
    return int(subprocess.run(command, check=True, capture_output=True).stdout) / 1024


def main(rounds: int) -> None:
    caffe = built_caffe()
    if caffe is None:
        sys.exit("run `make caffe` first")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_pictures(Path(folder))
        tool = caffe.with_name("convert_imageset")
        # First: what a child is said to have used at most begins with what its parent had.
        peaks = [peak(source) for source in ("short.txt", "list.txt")]
        pairs = [one_round(tool, ours_first=i % 2 == 1) for i in range(rounds)]
        with LmdbStore("ours") as a, LmdbStore("theirs") as b:
            equal = all(x == y for x, y in zip(a.items(), b.items(), strict=True))
        os.chdir("/")
    print(
        f"{PICTURES} JPEGs of {WIDTH} x {HEIGHT} to {SIZE} x {SIZE}, {default_threads()} threads, "
        f"{rounds} rounds, medians"
    )
    for name, times in zip(
        ("convert_imageset", "data build"), zip(*pairs, strict=True), strict=True
    ):
        wall, used = (statistics.median(column) for column in zip(*times, strict=True))
        print(
            f"{name:18}{wall:6.2f} s {PICTURES / wall:7.0f} pictures/s {used:6.2f} s of processor"
        )
    ratios = [theirs[0] / mine[0] for theirs, mine in pairs]
    print(
        f"ratio {statistics.median(ratios):.2f} in the median, {min(ratios):.2f} to "
        f"{max(ratios):.2f} (target: at least 2)"
    )
    print(f"records {'equal' if equal else 'DIFFER'} byte for byte")
    print(f"peak memory {peaks[0]:.0f} MB for {PICTURES // 10}, {peaks[1]:.0f} MB for {PICTURES}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
