"""Trials of engines: those at hand work; broken, crashing and hanging ones are told apart."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ssdh_surgery.pipeline.doctor.trials import Task, Trial, run_trial
from support.stand_in_forks import stand_in_fork


def shadow(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, text: str) -> None:
    """Put a module of a name before the installed one."""
    (folder / "modules").mkdir()
    (folder / "modules" / f"{module}.py").write_text(text)
    monkeypatch.setattr(sys, "path", [str(folder / "modules"), *sys.path])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "trial"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("task", "engine"), [("train", "torch"), ("encode", "torch"), ("encode", "onnx")]
)
def test_an_engine_at_hand_works(place: Path, task: Task, engine: str) -> None:
    trial = run_trial(task, engine, place)
    assert trial.works, trial
    assert trial.seconds


@pytest.mark.caffe
@pytest.mark.parametrize(
    ("task", "engine"), [("train", "binary"), ("encode", "pycaffe"), ("encode", "binary")]
)
def test_the_real_caffe_works(place: Path, caffe: Path, task: Task, engine: str) -> None:
    trial = run_trial(task, engine, place, str(caffe))
    assert trial.works, trial
    assert trial.device == "CPU"


def test_a_package_that_cannot_be_imported_is_broken(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = "libcudart.so.12: cannot open shared object file"
    shadow(tmp_path, monkeypatch, "onnxruntime", f"raise ImportError({library!r})")
    trial = run_trial("encode", "onnx", place)
    assert not trial.works
    assert not trial.is_missing
    assert trial.error == (
        "the ONNX engine needs the extra 'onnx', which is installed, but cannot be imported: "
        f"{library}"
    )
    assert trial.hint == "pip install --force-reinstall 'ssdh-surgery[onnx]'"


def test_a_package_of_another_version_fails_with_its_own_words(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadow(tmp_path, monkeypatch, "onnxruntime", "InferenceSession = None")
    trial = run_trial("encode", "onnx", place)
    assert not trial.works
    assert trial.error == "AttributeError: module 'onnxruntime' has no attribute 'SessionOptions'"


def test_a_crash_names_the_signal(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadow(
        tmp_path,
        monkeypatch,
        "onnxruntime",
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    )
    trial = run_trial("encode", "onnx", place)
    assert trial == Trial("encode", "onnx", error="it crashes (SIGSEGV)")


def test_a_missing_caffe_is_missing(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSDH_CAFFE", "CAFFE_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for task, engine in (("train", "binary"), ("encode", "binary"), ("encode", "pycaffe")):
        trial = run_trial(task, engine, place)  # type: ignore[arg-type]
        assert trial.is_missing, trial
        assert trial.hint is not None


def test_a_caffe_that_hangs_is_ended_with_its_trial(place: Path, tmp_path: Path) -> None:
    trial = run_trial("train", "binary", place, str(stand_in_fork(tmp_path, hangs=True)), seconds=6)
    assert trial == Trial("train", "binary", error="it did not end within 6 s")
    running = [
        each.read_bytes() for each in Path("/proc").glob("[0-9]*/cmdline") if is_readable(each)
    ]
    assert not [each for each in running if str(tmp_path).encode() in each]


def is_readable(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def test_a_caffe_that_fails_is_explained(place: Path, tmp_path: Path) -> None:
    words = (
        "error while loading shared libraries: libcudart.so.8.0: cannot open shared object file: "
        "No such file or directory"
    )
    program = stand_in_fork(tmp_path)
    program.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 127\n")
    trial = run_trial("train", "binary", place, str(program))
    assert not trial.works
    assert trial.error
    assert "libcudart.so.8.0" in trial.error


def test_a_caffe_that_writes_no_weights_does_not_work(place: Path, tmp_path: Path) -> None:
    program = stand_in_fork(tmp_path)
    program.write_text(program.read_text().replace("_iter_2.caffemodel", "_somewhere"))
    trial = run_trial("train", "binary", place, str(program))
    assert trial.error == "it ends without an error, but writes no weights"


def test_a_stand_in_that_trains_works(place: Path, tmp_path: Path) -> None:
    assert run_trial("train", "binary", place, str(stand_in_fork(tmp_path))).works
    (place / "train.log").unlink()
    trial = run_trial("train", "binary", place, str(stand_in_fork(tmp_path, gpu="usable")))
    assert (trial.works, trial.device) == (True, "GPU 0")
