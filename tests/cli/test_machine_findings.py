"""What the machine cannot do, as `ssdh check` and `ssdh train` say it before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import Ssdh
from support.small_disk import small_disk
from support.training import write_all, write_solver


@pytest.fixture(autouse=True)
def run(ssdh: Ssdh, monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that asks for a GPU, its net and its records, and a caffe without CUDA."""
    write_all(Path(), snapshot_after_train=None, solver_mode="GPU")
    Path("caffe").write_text("#!/bin/sh\n# Cannot use GPU in CPU-only Caffe: check mode.\nexit 1\n")
    Path("caffe").chmod(0o755)
    monkeypatch.setenv("SSDH_CAFFE", str(Path("caffe").absolute()))
    monkeypatch.setattr("ssdh_surgery.engines.gpus.find_gpus", lambda: ())


def test_a_check_names_the_caffe_that_has_no_gpu(ssdh: Ssdh) -> None:
    ran = ssdh("check", "solver.prototxt")
    assert "info SSDH502 no-gpu: the solver asks for a GPU, but " in ran.out
    assert f"{Path('caffe').absolute()} was built for the CPU only" in ran.out


def test_train_refuses_a_caffe_that_was_asked_for(ssdh: Ssdh) -> None:
    for words in (("--engine", "binary"), ("--caffe", "./caffe")):
        error = ssdh("train", "solver.prototxt", *words, code=3).err
        assert "error SSDH501 cpu-only-caffe: the solver asks for a GPU, but " in error
        assert not Path("runs").exists()


def test_a_dry_run_says_it_once(ssdh: Ssdh) -> None:
    ran = ssdh("train", "solver.prototxt", "--engine", "binary", "--dry-run")
    assert ran.err.count("CPU only") == 1


def test_train_names_the_batch_of_several_gpus(ssdh: Ssdh) -> None:
    error = ssdh("train", "solver.prototxt", "--engine", "torch", "--gpu", "0,1", code=3).err
    assert "info SSDH504 effective-batch: 2 GPUs read 4 each: an iteration learns from 8" in error


def test_a_disk_without_room_for_a_snapshot(ssdh: Ssdh) -> None:
    with small_disk(Path(), "4k"):
        write_solver(Path(), snapshot_after_train=None, snapshot_prefix='"disk/run"')
        Path("disk/full").write_bytes(bytes(4096))
        words = "error SSDH507 snapshot-too-large: a snapshot takes 1.7 KiB"
        assert words in ssdh("check", "solver.prototxt", code=1).out
        for engine in ("binary", "torch"):
            assert words in ssdh("train", "solver.prototxt", "--engine", engine, code=3).err
        assert not Path("runs").exists()
