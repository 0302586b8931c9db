"""Paths as `ssdh.toml` holds them and as messages show them."""

from __future__ import annotations

import os
from pathlib import Path


def relative(path: Path, folder: Path) -> str:
    """A path as the workspace of a folder writes it."""
    return Path(os.path.relpath(path, folder)).as_posix()


def seen_from_here(path: Path) -> Path:
    """A path as a user in the current directory would write it."""
    relative = os.path.relpath(path)
    return Path(relative) if not relative.startswith(os.path.join("..", "..", "..")) else path


NAME = "ssdh.toml"
