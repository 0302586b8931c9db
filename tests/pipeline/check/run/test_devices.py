"""A GPU that the solver asks for, the caffe that would use it, and the GPUs that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.engines.caffe_binary.executable import built_caffe
from ssdh_surgery.engines.gpus import Gpu
from ssdh_surgery.pipeline.check.target import Target
from support.caffe_runs import fatal, train
from support.checked_run import findings

TWO = (Gpu(0, "A", 1 << 34, 1 << 33), Gpu(1, "B", 1 << 34, 1 << 33))
GPU = "solver_mode: GPU"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


def with_gpus(monkeypatch: pytest.MonkeyPatch, *gpus: Gpu) -> None:
    monkeypatch.setattr("ssdh_surgery.engines.gpus.find_gpus", lambda: gpus)


def caffe(folder: Path, words: bytes = b"") -> Path:
    path = folder / "caffe"
    path.write_bytes(b"\x7fELF" + bytes(3 << 20) + words)
    return path


WITHOUT_CUDA = b"\0Cannot use GPU in CPU-only Caffe: check mode.\0"


def test_a_cpu_only_caffe_that_was_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, *TWO)
    path = caffe(folder, WITHOUT_CUDA)
    (finding,) = findings(folder, GPU, target=Target("binary", caffe=path)).values()
    assert finding.code == "SSDH501"
    assert str(finding).splitlines() == [
        "solver.prototxt:2:14: error SSDH501 cpu-only-caffe: the solver asks for a GPU, but "
        f"{path} was built for the CPU only",
        "  2 | solver_mode: GPU",
        "    |              ^^^",
        "hint: ssdh train --gpu none trains on the CPU",
    ]
    # --gpu asks for one, too, and --gpu none for none.
    (finding,) = findings(folder, target=Target("binary", "0", path)).values()
    assert str(finding).startswith(
        "solver.prototxt: error SSDH501 cpu-only-caffe: --gpu 0 asks for a GPU, but"
    )
    assert not findings(folder, GPU, target=Target("binary", "none", path))
    # Caffe 1.0 trains on the CPU where the solver does not say.
    assert not findings(folder, target=Target("binary", caffe=path))


def test_without_a_choice_the_embedded_engine_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, *TWO)
    path = caffe(folder, WITHOUT_CUDA)
    (finding,) = findings(folder, GPU, target=Target(caffe=path)).values()
    assert (finding.code, finding.severity) == ("SSDH502", "info")
    assert finding.message.endswith("ssdh train trains with the embedded engine")
    # A launch says itself which engine it takes.
    assert not findings(folder, GPU, target=Target(caffe=path, is_launch=True))
    # Without PyTorch there is no other engine.
    monkeypatch.setattr("ssdh_surgery.pipeline.check.run.devices.is_installed", lambda _: False)
    assert "cpu-only-caffe" in findings(folder, GPU, target=Target(caffe=path))


def test_a_machine_without_a_gpu(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch)
    target = Target(caffe=caffe(folder))
    (finding,) = findings(folder, GPU, target=target).values()
    assert (finding.code, finding.severity) == ("SSDH502", "info")
    assert "NVIDIA's driver finds none" in finding.message
    assert not findings(folder, "solver_mode: CPU", target=target)


def test_a_number_that_no_gpu_has(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, *TWO)
    target = Target(caffe=caffe(folder))
    (finding,) = findings(folder, GPU + "\ndevice_id: 2", target=target).values()
    assert str(finding).splitlines()[0] == (
        "solver.prototxt:3:12: warning SSDH503 no-such-gpu: the solver asks for GPU 2, but there "
        "are 2 GPUs, numbered from 0"
    )
    assert not findings(folder, GPU + "\ndevice_id: 1", target=target)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert "no-such-gpu" in findings(folder, GPU + "\ndevice_id: 1", target=target)
    # Only CUDA knows which these are.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-f3a1")
    assert not findings(folder, GPU + "\ndevice_id: 1", target=target)


@pytest.mark.caffe
def test_what_caffe_says(folder: Path) -> None:
    """The built Caffe is for the CPU only: it stops at the mode, and not where there is none."""
    target = Target("binary", caffe=built_caffe())
    assert "cpu-only-caffe" in findings(folder, GPU, target=target)
    process = train(folder / "gpu", solver=[("solver_mode: CPU", GPU)])
    assert fatal(process) == ["Cannot use GPU in CPU-only Caffe: check mode."]
    assert not train(folder / "unset", solver=[("solver_mode: CPU", "")]).returncode
