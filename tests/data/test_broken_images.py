"""Broken pictures of every kind: each is an error, none becomes zeros."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ssdh_surgery.data.build import build
from ssdh_surgery.data.image_list import read_list
from ssdh_surgery.errors import DataError
from support.broken_images import BROKEN, Good, good_images


@pytest.fixture(scope="module")
def good(picture: Callable[..., NDArray[np.uint8]]) -> Good:
    return good_images(picture(4, 48, 64))


def test_the_kinds_differ(good: Good) -> None:
    files = {spoil(good) for spoil in BROKEN.values()}
    assert len(files) == len(BROKEN) >= 30
    assert not files & set(good.values())


def test_all_are_told_and_only_the_good_ones_are_written(good: Good, tmp_path: Path) -> None:
    lines = []
    for i, (name, spoil) in enumerate(BROKEN.items()):
        (tmp_path / f"{name}.jpg").write_bytes(spoil(good))
        lines.append(f"{name}.jpg {i}\n")
    for kind, data in good.items():
        (tmp_path / f"good.{kind}").write_bytes(data)
        lines.append(f"good.{kind} 0\n")
    (tmp_path / "list.txt").write_text("".join(lines))
    assert read_list(tmp_path / "list.txt", tmp_path).problems == []
    with pytest.raises(DataError) as caught:
        build(tmp_path / "list.txt", tmp_path / "out", root=tmp_path)
    (finding,) = caught.value.findings
    assert finding.message.startswith(f"{len(BROKEN)} lines with images that cannot be read\n")
    assert not (tmp_path / "out").exists()
    summary = build(tmp_path / "list.txt", tmp_path / "out", root=tmp_path, skip_bad=True)
    assert summary.records == {tmp_path / "out": len(good)}
    assert summary.skipped == len(BROKEN)
