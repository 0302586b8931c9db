"""The health of the codes that a snapshot makes, measured on a sample of the test data."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.errors import EngineError, require_extra
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.train.sample_health import SampleHealth, sample_health, sampled_blobs

# Enough for a quick mAP, and bounded where a batch takes a second.
_RECORDS = 1000
_SECONDS = 5.0


def snapshot_health(subject: Subject, weights: Path, records: int | None = None) -> SampleHealth:
    """The health of the codes, on the first records of the first test net, else of the train net.

    Args:
        subject: the solver with its nets, one of which has a hash layer.
        weights: the weights of the snapshot.
        records: the number of records that there are, None if it is unknown.

    Raises:
        MissingExtra: PyTorch is not installed.
        SsdhError: the embedded engine cannot run the net, or cannot read its data.
    """
    require_extra("train", "measuring the health of the codes", "torch")
    hash_layer = subject.hash_layer
    assert hash_layer is not None, "only a net with a hash layer makes codes"
    code = hash_layer.code.tops[0]
    runs = [run for run in subject.nets if sampled_blobs(run, code)]
    if not runs:
        raise EngineError(f"no net computes the blob '{code}'", blob=code)
    net, state = next((run for run in runs if run[1].phase == "TEST"), runs[0])
    from ssdh_surgery.engines.torch.run.blob_sample import sample_blobs

    code, *label = sampled_blobs((net, state), code)
    values = sample_blobs(
        net,
        state,
        subject.folder,
        weights,
        (code, *label),
        count=min(_RECORDS, records or _RECORDS),
        seconds=_SECONDS,
    )
    return sample_health(hash_layer, values[code], values[label[0]] if label else None)
