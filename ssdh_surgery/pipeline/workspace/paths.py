"""Paths as `ssdh.toml` holds them, and as messages show them."""

from __future__ import annotations

import os
from pathlib import Path

NAME = "ssdh.toml"


def relative(path: Path, folder: Path) -> str:
    """A path as the workspace in a folder writes it: relative, with slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


def relative_to_cwd(path: Path) -> Path:
    """A path as a user in the current directory would write it: relative, unless far away."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.path.join("..", "..", "..")) else Path(relative)
