"""Paths as `ssdh.toml` holds them, and as messages show them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

NAME = "ssdh.toml"
# The folder of the user's shell, where `ssdh -C DIR` left it; None where ssdh stayed in it.
_shell_folder: Path | None = None


def relative(path: Path, folder: Path) -> str:
    """A path as the workspace in a folder writes it: relative, with slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


def relative_to_cwd(path: Path) -> Path:
    """A path as a user in the current directory would write it: relative, unless far away."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.path.join("..", "..", "..")) else Path(relative)


def set_shell_folder(folder: Path | None) -> None:
    """Note the folder that the user's shell is in; None for the current directory."""
    global _shell_folder
    _shell_folder = folder


def is_in_shell_folder() -> bool:
    """Whether the current directory is that of the user's shell."""
    return _shell_folder is None


def path_in_shell(path: Path) -> Path:
    """A path as the user's shell takes it, which may be in another folder (`ssdh -C DIR`)."""
    if _shell_folder is None or path.is_absolute():
        return path
    return Path(os.path.relpath(path, _shell_folder))


def command_in_shell(words: Sequence[str]) -> str:
    """An `ssdh` command as the user's shell takes it, without the word `ssdh` in `words`."""
    moves = [] if _shell_folder is None else ["-C", os.path.relpath(Path.cwd(), _shell_folder)]
    return shlex.join(["ssdh", *moves, *words])
