"""Build an LMDB of 1,000 JPEGs, compared with Caffe's own convert_imageset.

python benchmarks/data.py [ROUNDS]

Both warp the same images of 500 x 375 to 256 x 256, in turn, in one run; the records are
compared byte for byte. Prints the medians of the wall-clock and CPU times and of the ratios of
the rounds; the target is at least twice the rate. The peak memory is measured on two separate
builds, one of all images and one of a tenth: it does not grow with their number. Needs
`make caffe`.
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

IMAGES = 1000
WIDTH, HEIGHT = 500, 375
SIZE = 256
MEASURE = """
import resource, sys
from ssdh_surgery.data.build import RecordOptions, build
build(sys.argv[1], sys.argv[2], RecordOptions(size=(256, 256)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def make_images(folder: Path) -> None:
    """Write images with the detail, and so about the file size, of photographs, and their lists."""
    cv2 = opencv()
    random = np.random.default_rng(1)
    lines = []
    for i in range(IMAGES):
        coarse = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        image = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        noisy = image + random.normal(0, 12, image.shape)
        name = f"{i:04}.jpg"
        (folder / name).write_bytes(encode(noisy.clip(0, 255).astype(np.uint8), "jpg"))
        lines.append(f"{name} {i % 10}\n")
    (folder / "list.txt").write_text("".join(lines))
    (folder / "short.txt").write_text("".join(lines[: IMAGES // 10]))


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and CPU time of a call, including its child processes."""
    before, start = cpu_seconds(), time.perf_counter()
    call()
    return time.perf_counter() - start, cpu_seconds() - before


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def convert_imageset(tool: Path) -> None:
    flags = [f"-resize_width={SIZE}", f"-resize_height={SIZE}"]
    subprocess.run([tool, *flags, "./", "list.txt", "theirs"], check=True, capture_output=True)


def ours() -> None:
    build("list.txt", "ours", RecordOptions(size=(SIZE, SIZE)))


def one_round(tool: Path, *, ours_first: bool) -> tuple[tuple[float, float], ...]:
    """The times of convert_imageset and of `ssdh data build`, measured in either order."""
    for name in ("theirs", "ours"):
        shutil.rmtree(name, ignore_errors=True)
    os.sync()  # neither waits for the other's unwritten pages
    if ours_first:
        build_times = seconds(ours)
        os.sync()
        return seconds(lambda: convert_imageset(tool)), build_times
    caffe_times = seconds(lambda: convert_imageset(tool))
    os.sync()
    return caffe_times, seconds(ours)


def peak(source: str) -> float:
    """The peak memory in MB of a build in a process of its own."""
    command = [sys.executable, "-c", MEASURE, source, f"{source}.lmdb"]
    return int(subprocess.run(command, check=True, capture_output=True).stdout) / 1024


def main(rounds: int) -> None:
    caffe = built_caffe()
    if caffe is None:
        sys.exit("run `make caffe` first")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_images(Path(folder))
        tool = caffe.with_name("convert_imageset")
        # Measured first: the reported peak of a child starts at its parent's size.
        peaks = [peak(source) for source in ("short.txt", "list.txt")]
        pairs = [one_round(tool, ours_first=i % 2 == 1) for i in range(rounds)]
        with LmdbStore("ours") as a, LmdbStore("theirs") as b:
            equal = all(x == y for x, y in zip(a.items(), b.items(), strict=True))
        os.chdir("/")
    print(
        f"{IMAGES} JPEGs of {WIDTH} x {HEIGHT} to {SIZE} x {SIZE}, {default_threads()} threads, "
        f"{rounds} rounds, medians"
    )
    for name, times in zip(
        ("convert_imageset", "data build"), zip(*pairs, strict=True), strict=True
    ):
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{name:18}{wall:6.2f} s {IMAGES / wall:7.0f} images/s {cpu:6.2f} s of CPU time")
    ratios = [theirs[0] / our_times[0] for theirs, our_times in pairs]
    print(
        f"median ratio {statistics.median(ratios):.2f}, {min(ratios):.2f} to "
        f"{max(ratios):.2f} (target: at least 2)"
    )
    print(f"records {'equal' if equal else 'DIFFER'} byte for byte")
    print(f"peak memory {peaks[0]:.0f} MB for {IMAGES // 10}, {peaks[1]:.0f} MB for {IMAGES}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
