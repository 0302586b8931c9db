"""The health of the codes that a snapshot makes, measured on a sample of the test data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.errors import EngineError, require_extra
from ssdh_surgery.pipeline.check.subject import Subject

if TYPE_CHECKING:
    from ssdh_surgery.retrieval.codes.health import Health

# Enough to see constant bits and equal codes, and soon done even without a GPU.
_RECORDS = 200
_SECONDS = 20.0


def snapshot_health(subject: Subject, weights: Path) -> Health:
    """The health of the codes, on the first records of the first test net, else of the train net.

    Args:
        subject: the solver with its nets, one of which has a hash layer.
        weights: the weights of the snapshot.

    Raises:
        MissingExtra: PyTorch is not installed.
        SsdhError: the embedded engine cannot run the net, or cannot read its data.
    """
    require_extra("train", "measuring the health of the codes", "torch")
    hash_layer = subject.hash_layer
    assert hash_layer is not None, "only a net with a hash layer makes codes"
    code = hash_layer.code.tops[0]
    runs = [run for run in subject.nets if run[0].graph(run[1]).last(code) is not None]
    if not runs:
        raise EngineError(f"no net computes the blob '{code}'", blob=code)
    net, state = next((run for run in runs if run[1].phase == "TEST"), runs[0])
    from ssdh_surgery.engines.torch.run.blob_sample import sample_blob
    from ssdh_surgery.retrieval.codes.codes import pack
    from ssdh_surgery.retrieval.codes.health import health_of

    values = sample_blob(
        net, state, subject.folder, weights, code, count=_RECORDS, seconds=_SECONDS
    )
    return health_of(pack(values), values.shape[1])
