"""Paths as `ssdh.toml` holds them, and as messages show them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from ssdh_surgery import location

NAME = "ssdh.toml"


def relative(path: Path, folder: Path) -> str:
    """A path as the workspace in a folder writes it: relative, with slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


def relative_to_cwd(path: Path) -> Path:
    """A path as a user in the current directory would write it: relative, unless far away."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.path.join("..", "..", "..")) else Path(relative)


def command_in_shell(words: Sequence[str]) -> str:
    """An `ssdh` command as the user's shell takes it, without the word `ssdh` in `words`."""
    folder = location.shell_folder()
    moves = [] if folder is None else ["-C", os.path.relpath(Path.cwd(), folder)]
    return shlex.join(["ssdh", *moves, *words])
