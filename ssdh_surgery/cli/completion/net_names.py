"""Names of blobs and layers of the nets on a command line, else of those of the workspace."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from ssdh_surgery.cli.completion.candidates import records
from ssdh_surgery.cli.completion.command_line import CommandLine
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.zoo.catalogue import is_zoo_name

if TYPE_CHECKING:
    from ssdh_surgery.caffe.net.net import Net
    from ssdh_surgery.pipeline.files.sources import SourceFile

# A larger file is no prototxt.
_MAX_SIZE = 8_000_000


def blobs(ctx: click.Context) -> list[str]:
    """The names of blobs, in the order of the net."""
    return _distinct(name for net in _nets(ctx) for name in net.blob_names)


def layers(ctx: click.Context) -> list[str]:
    """The names of layers, in the order of the net."""
    return _distinct(layer.name for net in _nets(ctx) for layer in net.layers)


def layers_and_blobs(ctx: click.Context) -> list[str]:
    """Both."""
    return _distinct([*layers(ctx), *blobs(ctx)])


def classifiers(ctx: click.Context) -> list[str]:
    """The names of classifiers; all layers of a net where none is found."""
    from ssdh_surgery.caffe.net.heads import heads

    names = (head.classifier.name for net in _nets(ctx) for head in heads(net))
    return _distinct(names) or layers(ctx)


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _nets(ctx: click.Context) -> list[Net]:
    """The nets that the command line names; without any, those of the workspace."""
    line: CommandLine = ctx.obj
    return list(_read(line.finished)) or list(_read(_recorded(ctx)))


def _recorded(ctx: click.Context) -> Iterator[str]:
    """The nets of the workspace: deploy nets for commands that run one, else train nets."""
    stem = ctx.obj.value_of("--net")
    is_run = any(param.name == "weights" for param in ctx.command.params)
    for record in records():
        if stem in (None, record.stem):
            source = str(record.get("train_source", ""))
            path = record.path("deploy" if is_run else "train_source")
            yield source if is_zoo_name(source) and not is_run else str(path or "")


def _read(names: Iterable[str]) -> Iterator[Net]:
    """The nets among some names; the nets of a solver, too."""
    from ssdh_surgery.pipeline.files.sources import read_source

    for name in dict.fromkeys(names):
        with contextlib.suppress(SsdhError, OSError, ValueError):
            is_file = os.path.isfile(name) and os.path.getsize(name) < _MAX_SIZE
            if is_file or is_zoo_name(name):
                yield from _of_source(read_source(name))


def _of_source(source: SourceFile) -> Iterator[Net]:
    from ssdh_surgery.caffe.net.kind import Kind
    from ssdh_surgery.caffe.net.net import net_of
    from ssdh_surgery.pipeline.files.file_group import file_groups
    from ssdh_surgery.pipeline.files.sources import NETS

    if source.kind in NETS:
        yield net_of(source.document)
    elif source.kind is Kind.SOLVER:
        for group in file_groups([source], None):
            if group.train is not None:
                yield group.train_net
