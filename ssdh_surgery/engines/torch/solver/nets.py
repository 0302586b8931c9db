"""The nets of a run: built with their data, weights copied, params shared with the test nets."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ssdh_surgery.caffe.weights.copy_table import CopyRow
from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.torch.net.graph_net import GraphNet, Pass
from ssdh_surgery.engines.torch.net.weights import copy_weights
from ssdh_surgery.engines.torch.passes import speed_up
from ssdh_surgery.engines.torch.solver.setup import NetSource, SolverSetup
from ssdh_surgery.engines.torch.sources.feed import Feed
from ssdh_surgery.engines.torch.sources.prefetch import Share
from ssdh_surgery.errors import DataError, EngineError


@dataclass(frozen=True)
class FedNet:
    """A net and the sources of its data."""

    net: GraphNet
    feed: Feed

    def run(self, precision: str = "float32") -> Pass:
        """One forward pass; see `GraphNet.run`. `precision` is float32, tf32 or bf16.

        Raises:
            DataError: a record is no good, or its label is not one of the classes.
            EngineError: whatever a layer refuses.
        """
        try:
            with torch.autocast(self.net.device.type, torch.bfloat16, enabled=precision == "bf16"):
                return self.net.run()
        except EngineError as error:
            raise self._named(error) from error

    def _named(self, error: EngineError) -> EngineError | DataError:
        """The error with the record whose label is wrong, if it is about one."""
        label = error.data.get("label")
        records = self.feed.records(label) if label is not None else []
        if not records:
            return error
        name = records[0].name
        return DataError(
            f"{name}: {error.message}",
            location=error.location,
            hint=error.hint,
            layer=error.layer,
            label=label,
            record=name,
        )


@dataclass(frozen=True)
class TrainingNets:
    """The train net and the test nets, which use its params."""

    train: FedNet
    tests: tuple[FedNet, ...]

    @property
    def all(self) -> tuple[FedNet, ...]:
        """The train net, then the test nets."""
        return (self.train, *self.tests)

    @property
    def waited(self) -> float:
        """The seconds that all nets have waited for data."""
        return sum(each.feed.waited for each in self.all)

    def close(self) -> None:
        """Stop reading data."""
        for each in self.all:
            each.feed.close()


@dataclass(frozen=True)
class BuildOptions:
    """How nets are built.

    `device` is torch's name of it, `threads` decode for each data layer, and `weights` are
    files to copy params from, one after the other.
    """

    device: str
    seed: int
    threads: int = 1
    share: Share = field(default_factory=Share)
    weights: Sequence[Path | str] = ()


Say = Callable[[str, str], None]


def build_nets(
    setup: SolverSetup, options: BuildOptions, say: Say
) -> Generator[Event, None, TrainingNets]:
    """Build the nets of a solver and report it; only the train net for all ranks but the first.

    `say` writes a line to the log: its place in Caffe's source, and the message.

    Raises:
        SsdhError: whatever is wrong with the nets, their data, or the weights.
    """
    sources = [setup.train, *(setup.tests if options.share.rank == 0 else ())]
    built: list[FedNet] = []
    try:
        for number, source in enumerate(sources):
            kind = "training net" if number == 0 else f"test net (#{number - 1})"
            by = "from" if number == 0 else "specified by"
            place = "solver.cpp:102" if number == 0 else "solver.cpp:190"
            say(place, f"Creating {kind} {by} {source.origin}")
            built.append(_build(setup.folder, source, options, number))
            for path in options.weights:
                yield events.Finetuning(str(path))
                yield from _report(copy_weights(built[-1].net.layers, path), say)
        for test in built[1:]:
            test.net.share_with(built[0].net)
        return TrainingNets(built[0], tuple(built[1:]))
    except BaseException:
        for each in built:
            each.feed.close()
        raise


def _build(folder: Path, source: NetSource, options: BuildOptions, number: int) -> FedNet:
    # Only records to train on are shared out: the first process alone tests.
    share = options.share if number == 0 else Share()
    feed = Feed(folder, share, options.threads)
    try:
        net = GraphNet(
            source.view,
            source.state,
            device=options.device,
            seed=options.seed + number,
            open_source=feed,
        )
    except BaseException:
        feed.close()
        raise
    speed_up(net)
    return FedNet(net, feed)


def _report(rows: Sequence[CopyRow], say: Say) -> Generator[Event]:
    """Tell what a net took from a weights file, as a debug build of Caffe does."""
    for row in rows:
        if row.status == "unused":
            yield events.LayerIgnored(row.layer)
        elif row.status == "copied":
            say("net.cpp:750", f"Copying source layer {row.layer}")
        else:
            say("net.cpp:750", f"Layer {row.layer} is not in the weights: its fillers stay")
