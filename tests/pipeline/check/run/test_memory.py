"""Memory that a run needs against what is free: the machine's, or a GPU's."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.engines.gpus import Gpu
from ssdh_surgery.pipeline.check.target import Target
from support.checked_run import findings

MIB = 1 << 20
TESTED = "solver_mode: CPU test_iter: 1 test_interval: 10"
# 1000 outputs: 193,000 params, and 1,000 activations an image.
SIZES = {"batch": 1000, "width": 1000}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def has_free(monkeypatch: pytest.MonkeyPatch, megabytes: int) -> None:
    monkeypatch.setattr(
        "ssdh_surgery.pipeline.check.run.memory.free_memory", lambda: megabytes * MIB
    )


def test_memory_that_does_not_suffice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train: 4 batches of 193 values an image, 1,000 x (data, diff, prob); test: without diffs."""
    has_free(monkeypatch, 16)
    found = findings(folder, TESTED, **SIZES)
    assert str(found["not-enough-memory"]).splitlines() == [
        "net.prototxt:3:43: warning SSDH512 not-enough-memory: training needs about 28 MiB, and "
        "this machine has 16 MiB free: 14 MiB for the train batch, 11 MiB for test batches, "
        "2.9 MiB for params, gradients, history and buffers",
        '  3 |   data_param { source: "lmdb" batch_size: 1000 backend: LMDB } }',
        "    |                                           ^^^^",
        "hint: these batch_size fit: 522 in TRAIN, 522 in TEST; batch_size: 500 with iter_size: 2 "
        "trains as before",
    ]
    has_free(monkeypatch, 29)
    assert not findings(folder, TESTED, **SIZES)


def test_the_batches_of_the_hint_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has_free(monkeypatch, 16)
    assert not findings(folder, TESTED, batch=522, width=1000)
    assert findings(folder, TESTED, batch=540, width=1000)


def test_the_history_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has_free(monkeypatch, 29)
    assert findings(folder, TESTED + ' type: "Adam" momentum: 0.9', **SIZES)


def test_not_even_one_image(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has_free(monkeypatch, 2)
    found = findings(folder, TESTED, **SIZES)
    assert found["not-enough-memory"].hint == (
        "not even batches of one image fit: free memory, or train a smaller net"
    )


def test_the_memory_of_a_gpu(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = (Gpu(0, "Large", 1 << 34, 1 << 30), Gpu(1, "Small", 1 << 34, 16 * MIB))
    monkeypatch.setattr("ssdh_surgery.engines.gpus.find_gpus", lambda: gpus)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    has_free(monkeypatch, 1)
    target = Target(gpu="1", is_launch=True)
    found = findings(folder, TESTED, target=target, **SIZES)
    assert "GPU 1 (Small) has 16 MiB free" in found["not-enough-memory"].message
    assert not findings(folder, TESTED, target=Target(gpu="0", is_launch=True), **SIZES)
    # The least of several counts.
    assert "not-enough-memory" in findings(
        folder, TESTED, target=Target(gpu="0,1", is_launch=True), **SIZES
    )


def test_what_nobody_says_is_not_judged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssdh_surgery.pipeline.check.run.memory.free_memory", lambda: None)
    assert not findings(folder, TESTED, **SIZES)
    unified = (Gpu(0, "Unified", None, None),)
    monkeypatch.setattr("ssdh_surgery.engines.gpus.find_gpus", lambda: unified)
    assert not findings(folder, TESTED, target=Target(gpu="0", is_launch=True), **SIZES)
