"""The nets of a run: built with their data and weights; test nets share the train net's params."""

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
from ssdh_surgery.engines.torch.passes.speed_up import speed_up
from ssdh_surgery.engines.torch.solver.setup import NetSource, SolverSetup
from ssdh_surgery.engines.torch.sources.feed import Feed
from ssdh_surgery.engines.torch.sources.prefetch import ProcessShare
from ssdh_surgery.errors import DataError, EngineError


@dataclass(frozen=True)
class SolverNet:
    """A net of a solver, and the feed of its data layers."""

    net: GraphNet
    feed: Feed

    def run(self, precision: str = "float32", blobs: Sequence[str] = ()) -> Pass:
        """Run one forward pass; see `GraphNet.run`. `precision` is float32, tf32 or bf16.

        Raises:
            DataError: a bad record, or a label out of range.
            EngineError: an error of a layer.
        """
        try:
            with torch.autocast(self.net.device.type, torch.bfloat16, enabled=precision == "bf16"):
                return self.net.run(blobs)
        except EngineError as error:
            raise self._with_record(error) from error

    def _with_record(self, error: EngineError) -> EngineError | DataError:
        """The error, with the record whose label is wrong if it is about a label."""
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
class SolverNets:
    """The train net, and the test nets, which share its params."""

    train: SolverNet
    tests: tuple[SolverNet, ...]

    @property
    def all(self) -> tuple[SolverNet, ...]:
        """The train net, then the test nets."""
        return (self.train, *self.tests)

    @property
    def wait_seconds(self) -> float:
        """The seconds that all nets have spent waiting for data."""
        return sum(solver_net.feed.wait_seconds for solver_net in self.all)

    def close(self) -> None:
        """Stop reading data."""
        for solver_net in self.all:
            solver_net.feed.close()


@dataclass(frozen=True)
class BuildOptions:
    """How nets are built.

    `device` is torch's name for the device, `threads` the number of decoding threads per data
    layer, and `weights` are files to copy params from, one after the other.
    """

    device: str
    seed: int
    threads: int = 1
    share: ProcessShare = field(default_factory=ProcessShare)
    weights: Sequence[Path | str] = ()


Say = Callable[[str, str], None]


def build_nets(
    setup: SolverSetup, options: BuildOptions, say: Say
) -> Generator[Event, None, SolverNets]:
    """Build the nets of a solver and report progress; ranks above 0 build the train net only.

    `say` writes a line to the log, given its place in Caffe's source and its message.

    Raises:
        SsdhError: any problem with the nets, their data, or the weights.
    """
    sources = [setup.train, *(setup.tests if options.share.rank == 0 else ())]
    nets: list[SolverNet] = []
    try:
        for number, source in enumerate(sources):
            kind = "training net" if number == 0 else f"test net (#{number - 1})"
            by = "from" if number == 0 else "specified by"
            place = "solver.cpp:102" if number == 0 else "solver.cpp:190"
            say(place, f"Creating {kind} {by} {source.origin}")
            nets.append(_build(setup.folder, source, options, number))
            for path in options.weights:
                yield events.WeightsLoad(str(path))
                yield from _report(copy_weights(nets[-1].net.layers, path), say)
        for test in nets[1:]:
            test.net.share_with(nets[0].net)
        return SolverNets(nets[0], tuple(nets[1:]))
    except BaseException:
        for solver_net in nets:
            solver_net.feed.close()
        raise


def _build(folder: Path, source: NetSource, options: BuildOptions, number: int) -> SolverNet:
    # Only training records are divided among processes: the first one tests alone.
    share = options.share if number == 0 else ProcessShare()
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
    return SolverNet(net, feed)


def _report(rows: Sequence[CopyRow], say: Say) -> Generator[Event]:
    """Report what a net copied from a weights file, as a debug build of Caffe does."""
    for row in rows:
        if row.status == "unused":
            yield events.SurplusLayer(row.layer)
        elif row.status == "copied":
            say("net.cpp:750", f"Copying source layer {row.layer}")
        else:
            say("net.cpp:750", f"Layer {row.layer} is not in the weights: its fillers stay")
