"""Print the lowest versions that pyproject.toml declares, as exact requirements: `lowest.py`.

Each of the project's own dependencies, without extras: `click>=8.4` becomes `click==8.4`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent / "pyproject.toml"


def lowest(requirements: list[str]) -> list[str]:
    """Exact requirements for the lowest versions of `NAME>=VERSION`."""
    pinned = []
    for requirement in requirements:
        match = re.fullmatch(r"([\w.-]+)>=([\w.]+)", requirement)
        if match is None:
            raise SystemExit(f"{PROJECT.name}: '{requirement}' is not NAME>=VERSION")
        pinned.append(f"{match[1]}=={match[2]}")
    return pinned


if __name__ == "__main__":
    print("\n".join(lowest(tomllib.loads(PROJECT.read_text())["project"]["dependencies"])))  # noqa: T201
