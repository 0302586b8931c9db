"""Why a path that a user wrote names nothing, where its spelling shows it."""

from __future__ import annotations

import os
import re
from pathlib import Path

_VARIABLE = re.compile(r"\$(\w+|\{\w+\})")


def path_hint(name: str, folder: Path) -> str | None:
    """What to write instead of a path that does not exist; None if its spelling is not to blame.

    `folder` is the folder that it is relative to: caffe's working directory, or the current one.
    """
    if name.startswith("~"):
        path = os.path.expanduser(name)
        return f"'~' is not expanded here: write '{path}'" if path != name else None
    if variable := _VARIABLE.search(name):
        return f"'{variable[0]}' is not expanded here: write what it stands for"
    spellings = {
        "there is a blank at the end or the start": name.strip(),
        "the first slash is missing": f"/{name}",
        "a path has slashes, not backslashes": name.replace("\\", "/"),
        "the path is quoted twice": name.strip("'\""),
    }
    for reason, other in spellings.items():
        if other not in (name, "") and (folder / other).exists():
            return f"{reason}: write '{other}'"
    return None
