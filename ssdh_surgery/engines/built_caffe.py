"""Where `make caffe` put the Caffe that it built."""

from __future__ import annotations

import os
from pathlib import Path


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
