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
from queue import SimpleQueue

from process import Server
from stock import write_stock
from syscalls import Fault
from trial import Bench, Missed
from writers import WRITERS, Writer

# Faults of one writer in a run of limited time.
_SAMPLE = 4
_KINDS = ("lost", "half", "bug", "signal", "exit", "hang", "stuck", "litter")


@dataclass
class Row:
    """What happened to a writer."""

    writer: Writer
    faults: int = 0
    missed: int = 0
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
    writers = [each for each in WRITERS if not options.writers or each.name in options.writers]
    if options.seconds:
        print(f"seed {options.seed}")
        random.Random(options.seed).shuffle(writers)
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ssdh-faults-") as folder:
        stock = Path(folder, "stock")
        stock.mkdir()
        write_stock(stock)
        rows = _rows(writers, stock, options)
    _print_table([row for row in rows if row.faults])
    if any(row.kinds for row in rows):
        raise SystemExit(1)


def _rows(writers: Sequence[Writer], stock: Path, options: argparse.Namespace) -> list[Row]:
    """Judge the writers, each server taking the next one when it is free."""
    deadline = time.monotonic() + (options.seconds or float("inf"))
    sample = random.Random(options.seed) if options.seconds else None
    servers: SimpleQueue[Server] = SimpleQueue()
    for number in range(options.jobs):
        place = stock.with_name(f"server{number}")
        place.mkdir()
        servers.put(Server(place))

    def judge(numbered: tuple[int, Writer]) -> Row:
        row = Row(numbered[1])
        place = stock.with_name(str(numbered[0]))
        place.mkdir()
        server = servers.get()
        try:
            if time.monotonic() < deadline:
                _judge(row, Bench(row.writer, stock, place, server), deadline, sample)
        except RuntimeError as error:
            row.add("no fault", [f"stuck: {error}"])
        finally:
            servers.put(server)
        return row

    with ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(judge, enumerate(writers)))
    while not servers.empty():
        servers.get().close()
    return rows


def _judge(row: Row, bench: Bench, deadline: float, sample: random.Random | None) -> None:
    faults = bench.faults
    if sample is not None:
        faults = sample.sample(faults, min(_SAMPLE, len(faults)))
    start = time.monotonic()
    for fault in faults:
        if time.monotonic() > deadline:
            break
        try:
            row.add(fault, bench.problems(fault))
        except Missed:
            row.missed += 1
    seconds = time.monotonic() - start
    print(
        f"# {row.writer.name}: {row.faults} faults, {row.missed} missed, {seconds:.0f} s",
        flush=True,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("writers", nargs="*", help="try only these writers (default: all)")
    parser.add_argument("--seconds", type=float, help="try a random sample for so long")
    parser.add_argument("--seed", type=int, default=1, help="draw with this seed (default: 1)")
    parser.add_argument("--jobs", type=int, default=2, help="run so many at a time (default: 2)")
    return parser.parse_args()


def _print_table(rows: Sequence[Row]) -> None:
    print(f"\n{datetime.datetime.now(datetime.UTC).date()}\n")
    print(f"| writer | faults | missed | {' | '.join(_KINDS)} |")
    print("| --- " * (len(_KINDS) + 3) + "|")
    total = Row(Writer("all", ""))
    for row in rows:
        total.faults += row.faults
        total.missed += row.missed
        total.kinds += row.kinds
    for row in (*rows, total):
        counts = " | ".join(str(row.kinds[kind]) for kind in _KINDS)
        print(f"| {row.writer.name} | {row.faults} | {row.missed} | {counts} |")


if __name__ == "__main__":
    main()
