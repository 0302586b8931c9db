"""The example of a finding: what causes it, the command that reports it, and what mends it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Protocol

from finding_examples.command_line import Ran, run_ssdh
from finding_examples.job import write_job
from ssdh_surgery.findings import FindingRule

CHECK = "ssdh check solver.prototxt"
TRAIN = "caffe train --solver=solver.prototxt"
# How the log of a run ends.
END = "Optimization Done."


class Step(Protocol):
    """A change of the job."""

    def do(self, folder: Path) -> str:
        """Make the change in a folder; what is done, in Markdown."""


@dataclass(frozen=True)
class Replace:
    """Replace a text that a file has once."""

    file: str
    old: str
    new: str

    def do(self, folder: Path) -> str:
        """The lines that change."""
        before = (folder / self.file).read_text(encoding="utf-8")
        count = before.count(self.old)
        assert count == 1, f"{self.file} has {self.old!r} {count} times"
        return _rewrite(folder, self.file, before, before.replace(self.old, self.new))


@dataclass(frozen=True)
class Append:
    """Append lines to a file."""

    file: str
    lines: str

    def do(self, folder: Path) -> str:
        """The new lines."""
        before = (folder / self.file).read_text(encoding="utf-8")
        return _rewrite(folder, self.file, before, before + self.lines)


@dataclass(frozen=True)
class Edits:
    """Several edits of one file, shown as one."""

    edits: tuple[Replace | Append, ...]

    def do(self, folder: Path) -> str:
        """The lines that change."""
        (name,) = {edit.file for edit in self.edits}
        before = (folder / name).read_text(encoding="utf-8")
        for edit in self.edits:
            edit.do(folder)
        return _diff(name, before, (folder / name).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Write:
    """Write a small file."""

    file: str
    text: str

    def do(self, folder: Path) -> str:
        """The text of the file."""
        (folder / self.file).write_text(self.text, encoding="utf-8")
        return _block("console", f"$ cat {self.file}\n{self.text}".rstrip("\n"))


@dataclass(frozen=True)
class Shell:
    """Run a command line, of ssdh or of the shell, that must succeed."""

    line: str

    def do(self, folder: Path) -> str:
        """The line."""
        if self.line.startswith("ssdh "):
            ran = run_ssdh(self.line, folder)
            assert ran.code == 0, f"{self.line}: {ran.output}"
        else:
            subprocess.run(self.line, shell=True, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return _block("console", f"$ {self.line}")


@dataclass(frozen=True)
class Data:
    """Change data by a function, and say in a sentence what is different."""

    sentence: str
    change: Callable[[Path], None]

    def do(self, folder: Path) -> str:
        """The sentence."""
        self.change(folder)
        return self.sentence


@dataclass(frozen=True)
class Stops:
    """Caffe stops, with these words at the end of its log."""

    words: str
    command: str = TRAIN


@dataclass(frozen=True)
class Runs:
    """Caffe goes on to the end and exits with 0; these words are in its log."""

    words: str = END
    command: str = TRAIN


@dataclass(frozen=True)
class NotRun:
    """Caffe is not run, for this reason."""

    reason: str


@dataclass(frozen=True)
class Machine:
    """What a machine is like while a command runs.

    Attributes:
        sentence: what the page says of it.
        context: what makes it so.
        mended: the same for the command after the mending.
    """

    sentence: str
    context: Callable[[], AbstractContextManager[object]]
    mended: Callable[[], AbstractContextManager[object]] = nullcontext


@dataclass(frozen=True)
class Example:
    """An example of a finding.

    Attributes:
        rule: the rule that it is an example of.
        steps: what causes the finding in the job.
        caffe: what BVLC Caffe does with the job then.
        mending: the steps after which the finding is gone.
        command: the command line that reports it.
        mended_command: the command line that does not report it, where the mending is in it.
        machine: what the machine is like; None where it does not matter.
    """

    rule: FindingRule
    steps: tuple[Step, ...]
    caffe: Stops | Runs | NotRun
    mending: tuple[Step, ...] = ()
    command: str = CHECK
    mended_command: str | None = None
    machine: Machine | None = None


def cause(example: Example, folder: Path) -> list[str]:
    """Write the job with the finding into a folder; how it differs, in Markdown."""
    write_job(folder)
    return [step.do(folder) for step in example.steps]


def report(example: Example, folder: Path, line: str = "") -> Ran:
    """Run the command that reports the finding, or another one, in the folder of its job."""
    with example.machine.context() if example.machine else nullcontext():
        return run_ssdh(line or example.command, folder)


def report_mended(example: Example, folder: Path) -> Ran:
    """Run the command that does not report it any more, in the folder of the mended job."""
    with example.machine.mended() if example.machine else nullcontext():
        return run_ssdh(example.mended_command or example.command, folder)


def mend(example: Example, folder: Path) -> list[str]:
    """Mend a job that has the finding; what changes, in Markdown."""
    return [step.do(folder) for step in example.mending]


def _rewrite(folder: Path, name: str, before: str, after: str) -> str:
    (folder / name).write_text(after, encoding="utf-8")
    return _diff(name, before, after)


def _diff(name: str, before: str, after: str) -> str:
    """The lines of a file that change."""
    lines = list(unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[3:]
    rows = ["..." if line.startswith("@@") else f"{line[0]} {line[1:]}" for line in lines]
    return _block("diff", "\n".join([f"--- {name}", *rows]))


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"
