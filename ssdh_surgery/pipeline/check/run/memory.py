"""SSDH512: the memory that a run needs against what the machine, or the GPU, has free."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes.memory import FLOAT_BYTES, net_memory
from ssdh_surgery.caffe.training.solver_types import SOLVER_TYPES, solver_type
from ssdh_surgery.engines.gpus import visible_gpus
from ssdh_surgery.findings import NOT_ENOUGH_MEMORY, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.names import bytes_text
from ssdh_surgery.pipeline.check.run.free_memory import free_memory
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.surgery.verbs.data_layers import SOURCES


@dataclass(frozen=True)
class RunMemory:
    """The bytes that a run needs.

    Attributes:
        train: what grows with the batch of the train net.
        test: what grows with the batches of the test nets.
        params: params with their diffs, the solver's history, and the copy that a snapshot makes.
        buffers: what convolutions keep for a single image.
    """

    train: int
    test: int
    params: int
    buffers: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.train + self.test + self.params + self.buffers

    def share_within(self, free: int) -> float:
        """The part of their batches with which the nets fit into some memory."""
        return (free - self.params - self.buffers) / max(1, self.train + self.test)


def findings(subject: Subject) -> Iterator[Finding]:
    """A run that needs more memory than is free."""
    free, owner = _free(subject)
    need = None if free is None else run_memory(subject)
    if free is None or need is None or need.total <= free:
        return
    layers = [layer for net, state in subject.nets[:1] for layer in _batch_layers(net, state)]
    yield NOT_ENOUGH_MEMORY.at(
        _batch_place(layers[0]) if layers else Location(subject.nets[0][0].file),
        f"training needs about {bytes_text(need.total)}, and {owner} {bytes_text(free)} free: "
        f"{bytes_text(need.train)} for the train batch, {bytes_text(need.test)} for test batches, "
        f"{bytes_text(need.params + need.buffers)} for params, gradients, history and buffers",
        _hint(subject, need.share_within(free)),
    )


def run_memory(subject: Subject) -> RunMemory | None:
    """The memory of a run; None where a shape is unknown."""
    param = subject.message
    if param is None or not subject.nets:
        return None
    rules = SOLVER_TYPES.get(solver_type(param))
    count = subject.shapes[0].param_count
    nets = [
        net_memory(net, shapes, is_trained=index == 0)
        for index, ((net, _), shapes) in enumerate(zip(subject.nets, subject.shapes, strict=True))
    ]
    train, *tests = (each for each in nets if each is not None) if all(nets) else (None,)
    if rules is None or count is None or train is None:
        return None
    times = 2 + rules.history
    if not subject.asks_for_gpu:
        # Kernels of GPUs need no scratch, and a snapshot is made in the machine's memory.
        needs_scratch = param.weight_decay and param.regularization_type == "L1"
        times += max(rules.scratch, int(bool(needs_scratch))) + subject.solver.writes_snapshots
    return RunMemory(
        train.batch,
        sum(test.batch for test in tests),
        times * count * FLOAT_BYTES,
        train.columns + sum(test.columns for test in tests),
    )


def _free(subject: Subject) -> tuple[int | None, str]:
    """The memory that is free for the run, and in words whose it is."""
    if not subject.asks_for_gpu:
        return free_memory(), "this machine has"
    gpus, numbers = visible_gpus() or (), subject.gpus
    present = [number for number in numbers if number < len(gpus) and gpus[number].free is not None]
    if not present:
        return None, ""
    number = min(present, key=lambda each: gpus[each].free or 0)
    return gpus[number].free, f"GPU {number} ({gpus[number].name}) has"


def _batch_layers(net: Net, state: State) -> list[Layer]:
    """The data layers that state a batch size."""
    layers = (layer for layer in net.layers_in(state) if layer.type in SOURCES)
    return [layer for layer in layers if layer.setting(SOURCES[layer.type], "batch_size").isdigit()]


def _batch(layer: Layer) -> int:
    return int(layer.setting(SOURCES[layer.type], "batch_size"))


def _batch_place(layer: Layer) -> Location:
    return layer.settings(SOURCES[layer.type], "batch_size")[0].location


def _hint(subject: Subject, share: float) -> str:
    """The batch sizes that fit, with what keeps the batch of an iteration."""
    sizes = [{_batch(layer) for layer in _batch_layers(*run)} for run in subject.nets]
    texts = []
    for (_, state), batches in zip(subject.nets, sizes, strict=True):
        texts += [f"{int(batch * share)} in {state.phase}" for batch in sorted(batches)]
    smallest = min((min(batches) for batches in sizes if batches), default=0)
    if smallest * share < 1:
        return "not even batches of one image fit: free memory, or train a smaller net"
    hint = f"these batch_size fit: {', '.join(dict.fromkeys(texts))}"
    if len(sizes[0]) != 1:
        return hint
    # The largest batch that fits and divides the old one.
    batch = next(iter(sizes[0]))
    times = next(each for each in range(1, batch + 1) if batch % each == 0 and share * each >= 1)
    iterations = (subject.solver.integer("iter_size", 1) or 1) * times
    return f"{hint}; batch_size: {batch // times} with iter_size: {iterations} trains as before"
