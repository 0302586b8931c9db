"""What a person sees of long work, in a real terminal and in a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

WORK = """
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.live_line import LiveLine

with LiveLine() as line:
    line.show("one [of] three")
    terminal.warn("'cat.jpg' is left out")
    line.show("two of three")
    line.show("three of three")
terminal.say("done")
"""


TRAINING = """
import time
from pathlib import Path
from ssdh_surgery.cli.progress import TrainingView
from ssdh_surgery.engines import events

with TrainingView(folder=Path(), max_iter=40000, display=20, test_batches=[50]) as view:
    for second, iteration in enumerate((0, 20, 40)):
        view.show(events.Iteration(iteration, 0.123456, elapsed=float(second)))
        view.show(events.LearningRate(iteration, 0.001, elapsed=float(second)))
        view.show(events.TestStart(iteration, elapsed=float(second)))
        time.sleep(0.3)
        view.show(events.TestEnd(iteration, elapsed=second + 0.5))
        view.show(events.TestOutput(iteration, 0, "accuracy", 0.75, elapsed=second + 0.5))
    view.show(events.TrainingEnd())
    time.sleep(0.5)
"""


def in_a_terminal(program: str, columns: int = 80) -> bytes:
    """All that a program writes to a terminal."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-c", program]
    environ = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environ) as process:
        os.close(its)
        written = bytearray()
        try:
            while part := os.read(ours, 4096):
                written += part
        except OSError:  # its end is closed
            pass
        assert process.wait() == 0
    os.close(ours)
    return bytes(written)


def left_on(written: bytes) -> list[str]:
    """The lines that stay: the cursor goes back and up, lines are erased and written over."""
    lines, row = [""], 0
    moves = re.split(r"(\r|\n|\x1b\[[?\d;]*[A-Za-z])", written.decode())
    for move in moves:
        if move == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif move == "\x1b[2K":
            lines[row] = ""
        elif move.endswith("A") and move.startswith("\x1b"):
            row -= int(move[2:-1] or 1)
        elif move and not move.startswith(("\r", "\x1b")):
            lines[row] += move
    return [line for line in lines if line]


def test_in_a_terminal_words_stand_above_a_line_that_goes_away() -> None:
    written = in_a_terminal(WORK)
    assert b"one [of] three" in written
    assert b"three of three" in written
    assert left_on(written) == ["warning: 'cat.jpg' is left out", "done"]


def test_in_a_pipe_lines_are_few_and_plain() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WORK.replace("line.show", "line.is_due and line.show")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == "one [of] three\nwarning: 'cat.jpg' is left out\ndone\n"


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_training_has_one_row_that_fits_any_terminal_and_moves(columns: int) -> None:
    written = in_a_terminal(TRAINING, columns)
    assert left_on(written) == [f"iteration {n}: test accuracy = 0.75" for n in (0, 20, 40)]
    rows = re.findall(r"\S (?:[█░]+ )?[\d,]+/40,000, [^\r\n\x1b]*", written.decode())
    assert max(map(len, rows)) < columns
    assert all(re.search(r"\d s", row) for row in rows)
    assert any("testing, 50 batches" in row for row in rows)
    # At twenty iterations a second it counts on after the last display.
    numbers = [int(re.search(r"([\d,]+)/", row)[1].replace(",", "")) for row in rows]
    assert 40 < numbers[-1] < 60
