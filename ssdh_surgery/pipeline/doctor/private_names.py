"""Text for a bug report: without the names of the user, of the machine and of the home folder."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Mapping
from typing import Any

_USERS = ("USER", "LOGNAME", "USERNAME")


def without_private_names(
    value: Any, environ: Mapping[str, str] = os.environ, node: str | None = None
) -> Any:
    """A JSON value in whose texts the home folder is `~`, and the names of user and host are gone.

    A user's name counts where it is a folder of a path: as a word it may be any other.

    >>> without_private_names(["/home/ann/caffe: no"], {"HOME": "/home/ann", "USER": "ann"})
    ['~/caffe: no']
    """
    return _mapped(value, _replacer(environ, platform.node() if node is None else node))


def _replacer(environ: Mapping[str, str], node: str) -> Callable[[str], str]:
    home = environ.get("HOME") or os.path.expanduser("~")
    homes = {each for each in (home.rstrip("/"), os.path.realpath(home)) if len(each) > 1}
    rules = [(rf"{re.escape(each)}(?=/|\W|$)", "~") for each in sorted(homes, key=len)[::-1]]
    users = {environ[each] for each in _USERS if environ.get(each)}
    rules += [(rf"(?<=/){re.escape(each)}(?=/|\W|$)", "USER") for each in sorted(users)]
    if node and node != "localhost":
        rules.append((rf"(?<![\w.-]){re.escape(node)}(?![\w-])", "HOST"))
    compiled = [(re.compile(pattern), word) for pattern, word in rules]

    def replace(text: str) -> str:
        for pattern, word in compiled:
            text = pattern.sub(word, text)
        return text

    return replace


def _mapped(value: Any, replace: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, Mapping):
        return {key: _mapped(each, replace) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(each, replace) for each in value]
    return value
