"""The user's caffe executable: where it is, and which GPUs it can use."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.errors import EngineError

# What `caffe train` says without NCCL is in the file only when it was built without.
_WITHOUT_NCCL = b"Multi-GPU execution not available"
_QUERY_SECONDS = 60


@dataclass(frozen=True)
class Executable:
    """A caffe executable (an absolute path) and what named it: `--caffe`, `$SSDH_CAFFE` ..."""

    path: Path
    origin: str


def find_caffe(
    given: str | None = None, environ: Mapping[str, str] = os.environ
) -> Executable | None:
    """The executable to train with, or None when there is none.

    In this order: `given` (from `--caffe`), `$SSDH_CAFFE`, `$CAFFE_ROOT/build/tools/caffe`,
    `PATH`, the one that `make caffe` built.

    Raises:
        EngineError: `--caffe` or `$SSDH_CAFFE` names something that is no executable.
    """
    for name, origin in ((given, "--caffe"), (environ.get("SSDH_CAFFE"), "$SSDH_CAFFE")):
        if name:
            return Executable(_named(name, origin, environ), origin)
    if root := environ.get("CAFFE_ROOT"):
        path = Path(root) / "build" / "tools" / "caffe"
        if _is_executable(path):
            return Executable(path.absolute(), "$CAFFE_ROOT")
    if found := on_path(environ):
        return Executable(found, "PATH")
    built = built_caffe()
    return Executable(built, "make caffe") if built else None


def missing_caffe() -> EngineError:
    """The error for `find_caffe` giving None."""
    return EngineError(
        "no caffe executable: neither --caffe nor $SSDH_CAFFE is given, and there is none at "
        "$CAFFE_ROOT/build/tools/caffe, on PATH, or built by make caffe",
        hint="name yours with --caffe, or run: make caffe",
    )


def on_path(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The `caffe` that a shell would run."""
    found = shutil.which("caffe", path=environ.get("PATH", os.defpath))
    return Path(found).absolute() if found else None


def _named(name: str, origin: str, environ: Mapping[str, str]) -> Path:
    found = shutil.which(name, path=environ.get("PATH", os.defpath))
    path = Path(found or name).absolute()
    if _is_executable(path):
        return path
    if path.is_dir():
        reason, hint = "is a folder", f"the executable may be {path / 'build/tools/caffe'}"
    elif path.exists():
        reason, hint = "may not be executed", f"chmod +x {path}"
    else:
        reason, hint = "does not exist", "give the path of your caffe executable"
    raise EngineError(f"the caffe executable '{name}' ({origin}) {reason}", hint=hint)


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def can_use_gpu(executable: Path, gpu: str) -> bool:
    """Whether `caffe device_query` succeeds for `gpu`: numbers, or `all`."""
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


def can_use_several_gpus(executable: Path) -> bool:
    """Whether it was built with NCCL (or is old enough to do without).

    Told from the file itself: for a script that starts the real one the answer is yes, and
    the run would say otherwise.
    """
    try:
        return _WITHOUT_NCCL not in executable.read_bytes()
    except OSError:
        return False


def caffe_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment that caffe runs in: GPUs in nvidia-smi's order, and a whole log."""
    # Scripts that use pycaffe silence glog with these; a run is followed through its log.
    silencing = ("GLOG_minloglevel", "GLOG_log_prefix", "GLOG_logtostdout")
    kept = {key: value for key, value in environ.items() if key not in silencing}
    return kept | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def built_caffe() -> Path | None:
    """The `caffe` executable that `make caffe` built, or None if it has not been run.

    Caffe's other tools (`convert_imageset`, `compute_image_mean`, `extract_features`,
    `upgrade_net_proto_text`, ...) lie beside it.
    """
    path = _current() / "bin" / "caffe"
    return path if os.access(path, os.X_OK) else None


def built_pycaffe() -> Path | None:
    """The folder to put on `sys.path` for `import caffe`, or None if nothing is built."""
    path = _current() / "python"
    return path if (path / "caffe" / "_caffe.so").is_file() else None


def _current() -> Path:
    """The latest build, resolved: a build made meanwhile does not move it under a reader."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.path.realpath(os.path.join(cache, "ssdh-surgery", "caffe", "current")))
