"""SSDH504 to 506: what several GPUs make of the batch, and of a LevelDB."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.engines.caffe_binary.executable import is_nvcaffe
from ssdh_surgery.findings import EFFECTIVE_BATCH, INDIVISIBLE_BATCH, SHARED_LEVELDB, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.surgery.verbs.data_layers import SOURCES


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about a run on several GPUs."""
    count = len(subject.gpus)
    if count < 2 or not subject.nets:
        return
    target = subject.target
    caffe = None if target.engine == "torch" else target.caffe
    is_divided = caffe is not None and is_nvcaffe(caffe)
    net, state = subject.nets[0]
    for layer in net.layers_in(state):
        batch = _batch(layer)
        if batch is None:
            continue
        if is_divided:
            yield from _divided(layer, batch, count)
        else:
            yield _multiplied(subject, layer, batch, count)
        if caffe is not None and not is_divided:
            yield from _leveldb(subject, layer, count)


def _batch(layer: Layer) -> int | None:
    """The batch size of a data layer; None where it states none."""
    message = SOURCES.get(layer.type)
    text = layer.setting(message, "batch_size") if message else ""
    return int(text) if text.isdigit() and int(text) else None


def _batch_place(layer: Layer) -> Location:
    return layer.settings(SOURCES[layer.type], "batch_size")[0].location


def _multiplied(subject: Subject, layer: Layer, batch: int, count: int) -> Finding:
    rate = subject.solver.decimal("base_lr")
    share = f"batch_size: {batch // count} keeps it at {batch}" if batch % count == 0 else ""
    rule = f"base_lr {float(rate * count):g} for {batch * count} is the usual rule" if rate else ""
    fork = "" if subject.target.engine == "torch" else "; NVCaffe would divide the batch instead"
    return EFFECTIVE_BATCH.at(
        _batch_place(layer),
        f"{count} GPUs read {batch} each: an iteration learns from {batch * count}, not "
        f"{batch}{fork}",
        ", or ".join(filter(None, (share, rule))) or None,
    )


def _divided(layer: Layer, batch: int, count: int) -> Iterator[Finding]:
    share = -(-batch // count)
    if batch % count:
        yield INDIVISIBLE_BATCH.at(
            _batch_place(layer),
            f"a batch of {batch} cannot be divided among {count} GPUs: NVCaffe raises it to "
            f"{share * count}",
            f"batch_size: {share * count}",
        )
    yield EFFECTIVE_BATCH.at(
        _batch_place(layer),
        f"NVCaffe divides the batch among {count} GPUs: {share} each, {share * count} together; "
        f"BVLC Caffe would give {batch} to each",
    )


def _leveldb(subject: Subject, layer: Layer, count: int) -> Iterator[Finding]:
    source = layer.setting("data_param", "source") if layer.type == "Data" else ""
    if source and (subject.folder / source / "CURRENT").is_file():
        yield SHARED_LEVELDB.at(
            layer.settings("data_param", "source")[0].location,
            f"{count} GPUs cannot read this LevelDB at once: it can be open only once",
            "make an LMDB of it: ssdh data build LIST LMDB",
        )
