"""Fail every file operation of every writer in turn: `run.py [--seconds N] [WRITER...]`.

Each call of strace's that changes a file in the working folder (write, rename, unlink, fsync, ...)
is killed before it happens, or made to fail with an error. After that every file must be the old
one or the new one, the message must be one of ssdh's, and the next run of the command must succeed
and clean up. It needs strace (a package of Debian: `apt-get install strace`) and the folder
/dev/shm, which is in memory.
"""

from __future__ import annotations

import argparse
import datetime
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from stock import write_stock
from syscalls import Fault
from trial import Bench
from writers import WRITERS, Writer

# Faults of one writer in a run of limited time.
_SAMPLE = 4
_KINDS = ("lost", "half", "bug", "signal", "exit", "hang", "stuck", "litter")


@dataclass
class Row:
    """What happened to a writer."""

    writer: Writer
    faults: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, fault: Fault | str, problems: Sequence[str]) -> None:
        """Count the problems of a fault, and print them."""
        self.faults += 1
        self.kinds.update({problem.partition(":")[0] for problem in problems})
        for problem in problems:
            print(f"{self.writer.name}: {fault}: {problem}", flush=True)


def main() -> None:
    """Run the trials and print the table."""
    options = _options()
    deadline = time.monotonic() + (options.seconds or 1e9)
    writers = [each for each in WRITERS if not options.writers or each.name in options.writers]
    seed = options.seed if options.seed is not None else int(time.time())
    if options.seconds:
        print(f"seed {seed}")
        random.Random(seed).shuffle(writers)
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ssdh-faults-") as folder,
        ThreadPoolExecutor(options.jobs) as pool,
    ):
        stock = Path(folder, "stock")
        stock.mkdir()
        write_stock(stock)

        def judge(numbered: tuple[int, Writer]) -> Row:
            place = Path(folder, str(numbered[0]))
            place.mkdir()
            return _row(numbered[1], stock, place, deadline, seed if options.seconds else None)

        rows = list(pool.map(judge, enumerate(writers)))
    _print_table([row for row in rows if row.faults])
    if any(row.kinds for row in rows):
        raise SystemExit(1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("writers", nargs="*", help="try only these writers (default: all)")
    parser.add_argument("--seconds", type=float, help="try a random sample for so long")
    parser.add_argument("--seed", type=int, help="draw the sample with this seed")
    parser.add_argument("--jobs", type=int, default=2, help="run so many at a time (default: 2)")
    return parser.parse_args()


def _row(writer: Writer, stock: Path, place: Path, deadline: float, seed: int | None) -> Row:
    row = Row(writer)
    if time.monotonic() > deadline:
        return row
    try:
        bench = Bench(writer, stock, place)
    except RuntimeError as error:
        row.add("without a fault", [f"stuck: {error}"])
        return row
    faults = bench.faults
    if seed is not None:
        faults = random.Random(seed).sample(faults, min(_SAMPLE, len(faults)))
    start = time.monotonic()
    for fault in faults:
        if time.monotonic() > deadline:
            break
        row.add(fault, bench.problems(fault))
    print(f"# {writer.name}: {row.faults} faults, {time.monotonic() - start:.0f} s", flush=True)
    return row


def _print_table(rows: Sequence[Row]) -> None:
    print(f"\n{datetime.datetime.now(datetime.UTC).date()}\n")
    print(f"| writer | faults | {' | '.join(_KINDS)} |")
    print("| --- " * (len(_KINDS) + 2) + "|")
    total = Row(Writer("all", ""))
    for row in rows:
        total.faults += row.faults
        total.kinds += row.kinds
    for row in (*rows, total):
        counts = " | ".join(str(row.kinds[kind]) for kind in _KINDS)
        print(f"| {row.writer.name} | {row.faults} | {counts} |")


if __name__ == "__main__":
    main()
