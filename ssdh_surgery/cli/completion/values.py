"""The table of completions: what completes the value of which option or argument.

Options that are not in it are completed by their types: words of a choice, any file for a path.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

import click
from click.shell_completion import CompletionItem

from ssdh_surgery.cli.completion import candidates, net_names

OfWord = Callable[[str], list[str]]
OfNet = Callable[[click.Context], list[str]]

_CODES = partial(candidates.files, endings=candidates.CODES)
_SNAPSHOTS = partial(candidates.files, endings=(*candidates.WEIGHTS, *candidates.STATES))
_SOLVERS = partial(candidates.files, endings=candidates.PROTOTXTS)

# What completes a word, by the flag of an option or the name of an argument. A command's own
# entry has its name in front.
OF_WORD: dict[str, OfWord] = {
    "files": candidates.net_files,
    "net_file": candidates.net_files,
    "file": candidates.net_files,
    "old": candidates.net_files,
    "new": candidates.net_files,
    "deploy": candidates.net_files,
    "weights file": _SNAPSHOTS,
    "weights --net": candidates.net_files,
    "--compare": partial(candidates.files, endings=candidates.WEIGHTS),
    "upgrade files": partial(
        candidates.net_files, endings=(*candidates.PROTOTXTS, *candidates.WEIGHTS)
    ),
    "--deploy": candidates.net_files,
    "--solver": _SOLVERS,
    "patch --solver": lambda word: [*_SOLVERS(word), "none"],
    "--weights": partial(candidates.snapshots, kind="caffemodel"),
    "--snapshot": partial(candidates.snapshots, kind="solverstate"),
    "--net": candidates.stems,
    "--queries": _CODES,
    "--database": _CODES,
    "--scores": _CODES,
    "--features": _CODES,
    "codes": _CODES,
    "index": partial(candidates.files, endings=candidates.INDEXES),
    "--mean-file": partial(candidates.files, endings=candidates.MEANS),
    "mean source": candidates.files,
    "show file": partial(candidates.net_files, endings=()),
    "--train-data": candidates.folders,
    "--test-data": candidates.folders,
    "lmdb": candidates.folders,
    "--out": candidates.folders,
    "--root": candidates.folders,
    "--caffe": candidates.files,
    "-C": candidates.folders,
    "name": candidates.network_names,
    "run": candidates.run_names,
    "log": candidates.files,
    "code": candidates.finding_codes,
}
# What completes a word from the nets at hand.
OF_NET: dict[str, OfNet] = {
    "--at": net_names.blobs,
    "--blob": net_names.blobs,
    "--head": net_names.classifiers,
    "--freeze": net_names.layers_and_blobs,
}


class CompletedType(click.ParamType[Any]):
    """A type of values that the table completes."""

    def __init__(self, value_type: click.ParamType[Any], source: OfWord | OfNet) -> None:
        self.value_type = value_type
        self.name = value_type.name
        self._source = source

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as its own type reads it."""
        return self.value_type.convert(value, param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        """The values that begin with a word, seen from the folder of `-C`."""
        argument: Any = ctx if self._source in OF_NET.values() else incomplete
        with contextlib.chdir(ctx.find_root().params.get("folder") or "."):
            values = self._source(argument)
        return [CompletionItem(each) for each in values if each.startswith(incomplete)]


def add_completions(command: click.Command) -> None:
    """Let the options and arguments of a command complete their values, and its commands too."""
    for param in command.params:
        key = param.opts[0] if isinstance(param, click.Option) else param.name or ""
        sources: dict[str, OfWord | OfNet] = {**OF_WORD, **OF_NET}
        source = sources.get(f"{command.name} {key}") or sources.get(key)
        if source is None and isinstance(param.type, click.Path):
            source = candidates.files
        if source is not None:
            param.type = CompletedType(param.type, source)
    if isinstance(command, click.Group):
        for each in command.commands.values():
            add_completions(each)
