"""Start-up: `ssdh --version` and `ssdh patch --diff` beside the imports that they cannot avoid.

Whole processes in turn, A B A B; the ratio is that of the medians. Modules are compiled once,
as they are where a package is installed.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 15
SSDH = [sys.executable, "-c", "from ssdh_surgery.cli import main; main()"]
PAIRS = {
    "ssdh --version": (
        [*SSDH, "--version"],
        [sys.executable, "-c", "import click"],
        1.6,
    ),
    "ssdh patch --diff on GoogLeNet": (
        [*SSDH, "patch", "train_val.prototxt", "--diff"],
        [sys.executable, "-c", "import click; from google.protobuf import text_format"],
        2.5,
    ),
}
# With it the modules of this checkout, and of nothing else, would be compiled in each run.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def seconds(command: list[str], cwd: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([*SSDH, "-q", "zoo", "write", "googlenet"], cwd=folder, check=True)
        for title, (ours, theirs, bound) in PAIRS.items():
            seconds(ours, folder)
            pairs = [(seconds(ours, folder), seconds(theirs, folder)) for _ in range(RUNS)]
            one, other = (statistics.median(column) for column in zip(*pairs, strict=True))
            print(
                f"{title}: {one * 1e3:.0f} ms beside {other * 1e3:.0f} ms, "
                f"{one / other:.2f}x (wanted: {bound}x)"
            )


if __name__ == "__main__":
    main()
