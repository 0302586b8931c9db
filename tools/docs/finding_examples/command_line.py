"""Command lines of ssdh, run in this process, and the findings that they print."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.cli import run
from ssdh_surgery.findings import FindingRule


@dataclass(frozen=True)
class Ran:
    """The exit code of a command line and all that it printed."""

    code: int
    output: str

    def findings(self, rule: FindingRule) -> list[str]:
        """The findings of a rule, each with its excerpt and its hint."""
        label = re.compile(rf"^(.*: )?{rule.severity} {rule.code} {rule.name}: ")
        blocks: list[list[str]] = []
        is_inside = False
        for line in self.output.splitlines():
            if label.match(line):
                blocks.append([line])
                is_inside = True
            elif is_inside and line.startswith(("  ", "hint: ")):
                blocks[-1].append(line)
            else:
                is_inside = False
        return ["\n".join(block) for block in blocks]

    @property
    def codes(self) -> set[str]:
        """The codes of all findings."""
        return set(re.findall(r"\b(?:error|warning|info) (SSDH\d+) [\w-]+: ", self.output))


def run_ssdh(line: str, folder: Path) -> Ran:
    """Run a command line of ssdh in a folder."""
    program, *arguments = shlex.split(line)
    assert program == "ssdh"
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    cwd = Path.cwd()
    try:
        os.chdir(folder)
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            code = run(arguments)
    finally:
        os.chdir(cwd)
    return Ran(code, output.buffer.getvalue().decode())
