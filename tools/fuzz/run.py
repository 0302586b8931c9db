"""Fuzz every reader: `run.py [--seconds N] [READER...]`; the time is divided between them.

A finding is an exception that is not one of ssdh's, a hang of more than 10 seconds, more than 2 GB
of memory, or a crash. Its input and traceback go to the folder of `--findings`. It needs Atheris:
`pip install '.[soak]'`.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import BYTES, SECONDS
from readers import READERS, Reader
from seeds import write_seeds

_HARNESS = Path(__file__).parent / "harness.py"
_COUNT = re.compile(r"stat::number_of_executed_units: (\d+)|^#(\d+)\s", re.MULTILINE)


def main() -> None:
    """Fuzz, and print the table."""
    options = _options()
    readers = [each for each in READERS if not options.readers or each.name in options.readers]
    seconds = options.seconds * options.jobs / len(readers)
    findings = Path(options.findings).resolve()
    findings.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ssdh-fuzz-") as folder,
        ThreadPoolExecutor(options.jobs) as pool,
    ):
        stock = Path(folder, "stock")
        stock.mkdir()
        write_seeds(stock)

        def fuzz(numbered: tuple[int, Reader]) -> int:
            place = Path(folder, str(numbered[0]))
            shutil.copytree(stock, place)
            return _fuzz(numbered[1], place, findings, seconds, options.seed)

        inputs = list(pool.map(fuzz, enumerate(readers)))
    files = [each for each in findings.iterdir() if each.suffix != ".txt"]
    _print_table(readers, inputs, files)
    if files:
        raise SystemExit(1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("readers", nargs="*", help="fuzz only these readers (default: all)")
    parser.add_argument("--seconds", type=float, default=60, help="fuzz for so long (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="draw with this seed (default: any)")
    parser.add_argument("--jobs", type=int, default=2, help="run so many at a time (default: 2)")
    parser.add_argument("--findings", default="fuzz-findings", help="write findings to this folder")
    return parser.parse_args()


def _fuzz(reader: Reader, place: Path, findings: Path, seconds: float, seed: int) -> int:
    """Fuzz a reader; a crash ends libFuzzer, which then starts again. The number of inputs."""
    corpus = place / "corpus"
    corpus.mkdir()
    shutil.copy(place / reader.file, corpus)
    end = time.monotonic() + seconds
    prefix = f"{findings}/{_file_name(reader)}-"
    inputs = 0
    while (left := round(end - time.monotonic())) > 0:
        command = [
            *(sys.executable, str(_HARNESS), reader.name, str(findings), "corpus"),
            *(f"-max_total_time={left}", f"-timeout={SECONDS}", f"-rss_limit_mb={BYTES >> 20}"),
            *(f"-artifact_prefix={prefix}", f"-seed={seed}", "-print_final_stats=1"),
        ]
        done = subprocess.run(
            command,
            cwd=place,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        counts = [int(one or two) for one, two in _COUNT.findall(done.stderr)]
        if not counts:
            raise SystemExit(f"{reader.name}: {done.stderr}")
        inputs += max(counts)
    print(f"# {reader.name}: {inputs} inputs", flush=True)
    return inputs


def _file_name(reader: Reader) -> str:
    return reader.name.replace(": ", "-").replace(" ", "-")


def _print_table(readers: Sequence[Reader], inputs: Sequence[int], files: Sequence[Path]) -> None:
    print(f"\n{datetime.datetime.now(datetime.UTC).date()}\n")
    print("| reader | inputs | findings |\n| --- | --- | --- |")
    for reader, count in zip(readers, inputs, strict=True):
        own = [
            each for each in files if each.name.rpartition("-")[0].startswith(_file_name(reader))
        ]
        print(f"| {reader.name} | {count} | {len(own)} |")
    print(f"| all | {sum(inputs)} | {len(files)} |")


if __name__ == "__main__":
    main()
