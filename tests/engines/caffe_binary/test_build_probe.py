"""What a caffe was built with: of the real one, and of stand-ins for its forks."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.engines.caffe_binary import build_probe
from ssdh_surgery.engines.caffe_binary.build_probe import CaffeBuild, probe_build
from support import caffe_runs
from support.stand_in_forks import stand_in_fork


@pytest.mark.caffe
def test_the_real_caffe_is_what_it_was_built_as(caffe: Path, tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    build = probe_build(caffe, tmp_path / "build")
    types = caffe_runs.pycaffe(tmp_path, "found = list(caffe.layer_type_list())").found
    assert sorted(build.types) == sorted(types)
    assert build.has_python == ("Python" in types)
    assert (build.version, build.fork, build.gpu, build.has_nccl) == (
        "1.0.0",
        None,
        "cpu-only",
        False,
    )
    assert (build.has_lmdb, build.has_leveldb, build.has_images, build.has_hdf5) == (True,) * 4


_DETECTION = ["Data", "ImageData", "MultiBoxLoss", "PriorBox"]


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        ({"fields": ["rampup_interval", "eval_type"], "types": _DETECTION}, "NVCaffe"),
        ({"fields": ["max_epoch"]}, "NVCaffe"),
        ({"fields": ["warmup_iter", "eval_type"], "types": _DETECTION}, "IntelCaffe"),
        ({"fields": ["eval_type"], "types": _DETECTION}, "the Caffe of SSD"),
        ({"types": ["Data", "K1_EuclideanLoss"]}, "the Caffe of the SSDH authors"),
        ({"fields": ["eval_type"]}, None),
        ({}, None),
    ],
    ids=["nv-0.17", "nv-0.15", "intel", "ssd", "ssdh", "one-field", "bvlc"],
)
def test_a_fork_is_known_by_its_fields_and_types(
    tmp_path: Path, traits: dict[str, object], expected: str | None
) -> None:
    build = probe_build(stand_in_fork(tmp_path, **traits), tmp_path)
    assert build.fork == expected
    assert build.fork_fields == tuple(
        each
        for each in build_probe.SOLVER_FIELDS
        if each in traits.get("fields", [])  # type: ignore[operator]
    )


def test_a_fork_is_known_by_its_log(tmp_path: Path) -> None:
    log = "I1201 14:00:00.000000  1 caffe.cpp:703] This is NVCaffe 0.17.4 started at Tue Dec  1"
    assert probe_build(stand_in_fork(tmp_path), tmp_path, log).fork == "NVCaffe"


def test_a_small_build_lacks_what_it_was_built_without(tmp_path: Path) -> None:
    program = stand_in_fork(
        tmp_path, types=["Data", "InnerProduct"], backends=["LMDB"], hdf5=False, version="1.0.0-rc3"
    )
    build = probe_build(program, tmp_path)
    assert build.version == "1.0.0-rc3"
    assert (build.has_lmdb, build.has_leveldb) == (True, False)
    assert (build.has_images, build.has_hdf5, build.has_python) == (False, False, False)


@pytest.mark.parametrize("gpu", ["usable", "none", "cpu-only"])
def test_gpus(tmp_path: Path, gpu: str) -> None:
    assert probe_build(stand_in_fork(tmp_path, gpu=gpu), tmp_path).gpu == gpu


def test_a_caffe_that_hangs_is_ended_and_nothing_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_probe, "_SECONDS", 0.3)
    build = probe_build(stand_in_fork(tmp_path, hangs=True), tmp_path)
    assert build == CaffeBuild()


def test_a_program_that_is_no_caffe_claims_nothing(tmp_path: Path) -> None:
    program = tmp_path / "caffe"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    assert probe_build(program, tmp_path) == CaffeBuild()
