"""The command line in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import Ssdh


@pytest.fixture
def ssdh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Ssdh:
    """`ssdh(*words, stdin=None, code=0)` in a new folder, its exit code asserted."""
    monkeypatch.chdir(tmp_path)
    return Ssdh(monkeypatch, capfdbinary)
