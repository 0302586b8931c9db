"""The command line, run in this process: what it was told, what it left."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ssdh_surgery.cli import run


@dataclass(frozen=True)
class Ran:
    """What a command line left: its exit code and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The object that is the last line of stderr under --json."""
        return json.loads(self.err.splitlines()[-1])["error"]


class Ssdh:
    """`ssdh(*words)` runs a command line in the current directory and asserts its exit code."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[bytes]
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capture = capture

    def raw(
        self, *words: str | Path, stdin: bytes | None = None, code: int = 0
    ) -> tuple[bytes, str]:
        """The bytes of stdout and the text of stderr."""
        if stdin is not None:
            self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self._capture.readouterr()
        here = Path.cwd()
        found = run([str(word) for word in words])
        os.chdir(here)  # -C stays in a process.
        out, raw_err = self._capture.readouterr()
        err = raw_err.decode()
        assert "Traceback" not in err
        assert "a bug in ssdh-surgery" not in err, err
        assert found == code, f"{words}: {found}\n{out.decode(errors='replace')}\n{err}"
        return out, err

    def __call__(self, *words: str | Path, stdin: bytes | None = None, code: int = 0) -> Ran:
        out, err = self.raw(*words, stdin=stdin, code=code)
        return Ran(code, out.decode(), err)


def snapshot(folder: Path) -> dict[str, bytes | str]:
    """All that is in a folder: the bytes of its files, where its links lead."""
    return {
        str(path.relative_to(folder)): (
            f"-> {path.readlink()}" if path.is_symlink() else path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
