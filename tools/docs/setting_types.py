"""Write the keyword arguments of `patch` and `deploy` from the table of options.

`setting_types.py [--check]`: with --check, nothing is written, and the exit code is 1 if
`ssdh_surgery/api/setting_types.py` would change.
"""

from __future__ import annotations

import sys

from generated_page import write_or_check

from ssdh_surgery.api.keywords import keyword
from ssdh_surgery.pipeline.settings.options import OPTIONS, Command, Option
from ssdh_surgery.pipeline.settings.value_types import (
    Assignments,
    Choice,
    FileNamePart,
    FillerText,
    Flag,
    Integer,
    NonEmptyText,
    Number,
    Numbers,
    ValueType,
)

HEAD = '''\
"""The options of `ssdh patch` and `ssdh deploy` as keyword arguments, for type checkers.

Written by tools/docs/setting_types.py from the table of options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict

FieldValue = str | int | float
'''
CLASSES: dict[str, Command] = {"PatchSettings": "patch", "DeploySettings": "deploy"}


def module() -> str:
    """The text of the module."""
    return HEAD + "".join(_class(name, command) for name, command in CLASSES.items())


def _class(name: str, command: Command) -> str:
    options = [option for option in OPTIONS.values() if command in option.commands]
    fields = "".join(f"    {keyword(each)}: {_type(each)} | None\n" for each in options)
    title = f'"""The options of `ssdh {command}`; None leaves one open."""'
    return f"\n\nclass {name}(TypedDict, total=False):\n    {title}\n\n{fields}"


def _type(option: Option) -> str:
    """The type of the values of an option."""
    return _PATH if option.metavar in ("PATH", "FILE") else _type_of(option.type)


_PATH = "str | Path"


def _type_of(value_type: ValueType) -> str:
    match value_type:
        case Integer():
            return "int"
        case Flag():
            return "bool"
        case Choice(words):
            quoted = ", ".join(f'"{word}"' for word in words)
            return f"Literal[{quoted}]"
        case Number():
            return "float"
        case Numbers():
            return "Sequence[float]"
        case Assignments():
            return "Mapping[str, FieldValue | Sequence[FieldValue]]"
        case NonEmptyText() | FileNamePart() | FillerText():
            return "str"
    raise TypeError(f"no Python type for {value_type}")


if __name__ == "__main__":
    name = "ssdh_surgery/api/setting_types.py"
    sys.exit(write_or_check(name, module(), "tools/docs/setting_types.py"))
