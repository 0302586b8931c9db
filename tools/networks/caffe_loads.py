"""Load nets in the built Caffe, each in a fork of one process: their shapes, or Caffe's refusal.

Caffe ends its process when it refuses a net, and importing it takes longer than loading most nets.
`python caffe_loads.py PYCAFFE` imports it once, reads lines of JSON `[PROTOTXT, PHASE]`, and
answers each with a line of JSON: `{"blobs": {NAME: SHAPE}, "params": {LAYER: [SHAPE]}}`, or
`{"refused": CAFFE'S MESSAGE}`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

_FATAL = re.compile(r"^F\d+ .*?\] (.*)", re.MULTILINE | re.DOTALL)


class CaffeLoads:
    """The process that loads one net after another."""

    def __init__(self, pycaffe: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(pycaffe)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "GLOG_minloglevel": "2", "OMP_NUM_THREADS": "1"},
        )

    def load(self, prototxt: Path, phase: str = "TEST") -> dict[str, Any]:
        """The answer for one file."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(prototxt.absolute()), phase]) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def _answer(caffe: Any, prototxt: str, phase: str) -> dict[str, Any]:
    """Load a net in a fork of this process."""
    with tempfile.TemporaryFile() as stderr, tempfile.TemporaryFile("w+") as result:
        child = os.fork()
        if not child:
            os.dup2(stderr.fileno(), sys.stderr.fileno())
            net = caffe.Net(prototxt, getattr(caffe, phase))
            json.dump(_shapes(net), result)
            result.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        result.seek(0)
        stderr.seek(0)
        if status == 0:
            answer: dict[str, Any] = json.load(result)
            return answer
        text = stderr.read().decode(errors="replace")
        fatal = _FATAL.search(text)
        return {"refused": fatal[1].partition("\n")[0] if fatal else text.strip()}


def _shapes(net: Any) -> dict[str, Any]:
    return {
        "blobs": {name: list(blob.shape) for name, blob in net.blobs.items()},
        "params": {
            name: [list(blob.shape) for blob in blobs] for name, blobs in net.params.items()
        },
    }


def main() -> None:
    """Answer each line of stdin until it ends."""
    sys.path.insert(0, sys.argv[1])
    import caffe

    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(caffe, *json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
