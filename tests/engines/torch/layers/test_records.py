"""The layers against what BVLC Caffe 1.0 computes: every record, through `open_net`."""

import numpy as np
import pytest

from ssdh_surgery.engines.open_net import open_net
from support.paths import GOLDEN

RECORDS = GOLDEN / "layers"
NAMES = sorted(path.stem for path in RECORDS.glob("*.npz"))


def numbered(record, kind):
    """The arrays of one kind in order: `param` gives `param0`, `param1`, ..."""
    count = 0
    while f"{kind}{count}" in record:
        yield record[f"{kind}{count}"]
        count += 1


def assert_close(ours, recorded, what):
    ours = np.asarray(ours)
    assert ours.dtype == np.float32
    assert ours.shape == recorded.shape, what
    excess = np.abs(ours - recorded) - (1e-5 + 1e-4 * np.abs(recorded))
    assert not (excess > 0).any(), f"{what}: {excess.max():g} beyond the bound"


def test_all_records_are_here():
    assert len(NAMES) == 64


@pytest.mark.parametrize("name", NAMES)
def test_record(name):
    record = np.load(RECORDS / f"{name}.npz")
    net = open_net(RECORDS / f"{name}.prototxt", phase="TRAIN")
    bottoms = [blob for key, blob in net.blobs.items() if key.startswith("in")]
    tops = [blob for key, blob in net.blobs.items() if key.startswith("out")]
    params = net.params.get("it", [])
    for blob, value in zip(bottoms, numbered(record, "bottom"), strict=True):
        blob.data[...] = value
    for param, value in zip(params, numbered(record, "param"), strict=True):
        param.data[...] = value

    net.forward()
    for index, value in enumerate(numbered(record, "top")):
        assert_close(tops[index].data, value, f"top {index}")
    for index, value in enumerate(numbered(record, "param_after")):
        assert_close(params[index].data, value, f"param {index} afterwards")

    for blob, value in zip(tops, numbered(record, "top_diff"), strict=False):
        blob.diff[...] = value
    if "bottom_diff0" in record:
        net.clear_param_diffs()
        net.backward()
    for index, value in enumerate(numbered(record, "bottom_diff")):
        assert_close(bottoms[index].diff, value, f"bottom diff {index}")
    for index, value in enumerate(numbered(record, "param_diff")):
        assert_close(params[index].diff, value, f"param diff {index}")
