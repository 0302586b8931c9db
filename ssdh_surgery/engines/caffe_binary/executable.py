"""The user's caffe executable: where it is, how it was built, and which GPUs it can use."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.errors import EngineError

# The error message of `caffe train` without NCCL; only builds without NCCL contain it.
_WITHOUT_NCCL = b"Multi-GPU execution not available"
# The message of every function that needs a GPU in a build without CUDA; others do not contain it.
_WITHOUT_CUDA = b"Cannot use GPU in CPU-only Caffe"
# The first words of the log of NVIDIA's fork.
_NVCAFFE = b"This is NVCaffe"
_QUERY_SECONDS = 60
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Executable:
    """A caffe executable (absolute path) and where it was named: `--caffe`, `$SSDH_CAFFE` ..."""

    path: Path
    origin: str


def find_caffe(
    explicit: str | None = None, environ: Mapping[str, str] = os.environ
) -> Executable | None:
    """The executable to train with; None if there is none.

    It looks in this order: `explicit` (the value of `--caffe`), `$SSDH_CAFFE`,
    `$CAFFE_ROOT/build/tools/caffe`, `PATH`, and the Caffe that `make caffe` built.

    Raises:
        EngineError: `--caffe` or `$SSDH_CAFFE` names something that is not an executable.
    """
    for name, origin in ((explicit, "--caffe"), (environ.get("SSDH_CAFFE"), "$SSDH_CAFFE")):
        if name:
            return Executable(_executable_path(name, origin, environ), origin)
    if root := environ.get("CAFFE_ROOT"):
        tool = Path(root) / "build" / "tools" / "caffe"
        if _is_executable(tool):
            return Executable(tool.absolute(), "$CAFFE_ROOT")
    if path := on_path(environ):
        return Executable(path, "PATH")
    if path := built_caffe():
        return Executable(path, "make caffe")
    return None


def missing_caffe() -> EngineError:
    """The error for when `find_caffe` returns None."""
    return EngineError(
        "no caffe executable found: neither --caffe nor $SSDH_CAFFE is set, and there is none at "
        "$CAFFE_ROOT/build/tools/caffe, on PATH, or built by make caffe",
        hint="give the path of yours with --caffe, or run: make caffe",
        is_missing=True,
    )


def on_path(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The `caffe` that a shell would run."""
    path = shutil.which("caffe", path=environ.get("PATH", os.defpath))
    return Path(path).absolute() if path else None


def _executable_path(name: str, origin: str, environ: Mapping[str, str]) -> Path:
    path = Path(shutil.which(name, path=environ.get("PATH", os.defpath)) or name).absolute()
    if _is_executable(path):
        return path
    if path.is_dir():
        reason, hint = "is a folder", f"the executable may be {path / 'build/tools/caffe'}"
    elif path.exists():
        reason, hint = "is not executable", f"chmod +x {path}"
    else:
        reason, hint = "does not exist", "give the path of your caffe executable"
    raise EngineError(f"the caffe executable '{name}' ({origin}) {reason}", hint=hint)


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def can_use_gpu(executable: Path, gpu: str) -> bool:
    """Whether `caffe device_query` succeeds for `gpu` (numbers, or `all`)."""
    try:
        query = subprocess.run(
            [str(executable), "device_query", "-gpu", gpu],
            env=caffe_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_QUERY_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return query.returncode == 0


def is_cpu_only(executable: Path) -> bool:
    """Whether it was built without CUDA, by its contents; no process is started.

    For a script that starts the real executable the answer is always no.
    """
    return _contains(executable, _WITHOUT_CUDA)


def is_nvcaffe(executable: Path) -> bool:
    """Whether it is NVIDIA's fork, by its contents."""
    return _contains(executable, _NVCAFFE)


def can_use_several_gpus(executable: Path) -> bool:
    """Whether it was built with NCCL (or is old enough not to need it).

    Detected from the contents of the file. For a script that starts the real executable the
    answer is always yes; the run itself then reports the failure.
    """
    return executable.is_file() and not _contains(executable, _WITHOUT_NCCL)


def _contains(executable: Path, words: bytes) -> bool:
    end = b""
    try:
        with open(executable, "rb") as file:
            while block := file.read(_BLOCK_BYTES):
                if words in end + block:
                    return True
                end = block[-len(words) :]
    except OSError:
        pass
    return False


def caffe_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for caffe: GPUs numbered as in nvidia-smi, and a complete log."""
    # Scripts that use pycaffe set these to silence glog, but we follow a run through its log.
    silencers = ("GLOG_minloglevel", "GLOG_log_prefix", "GLOG_logtostdout")
    others = {key: value for key, value in environ.items() if key not in silencers}
    return others | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def built_caffe() -> Path | None:
    """The `caffe` executable that `make caffe` built; None if it has not been run.

    Caffe's other tools (`convert_imageset`, `compute_image_mean`, `extract_features`,
    `upgrade_net_proto_text`, ...) are next to it.
    """
    path = _current() / "bin" / "caffe"
    return path if os.access(path, os.X_OK) else None


def built_pycaffe() -> Path | None:
    """The folder to put on `sys.path` for `import caffe`; None if nothing has been built."""
    path = _current() / "python"
    return path if (path / "caffe" / "_caffe.so").is_file() else None


def _current() -> Path:
    """The latest build, with links resolved: a new build does not change it for a reader."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.path.realpath(os.path.join(cache, "ssdh-surgery", "caffe", "current")))
