"""What a person sees of long work, in a real terminal and in a pipe."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

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


def in_a_terminal(program: str) -> bytes:
    """All that a program writes to a terminal."""
    ours, its = pty.openpty()
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its) as process:
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
