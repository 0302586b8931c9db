"""What the built Caffe makes of nets, asked about one after the other: shapes, codes, last words.

`python live_nets.py PYCAFFE` reads a JSON list `[QUESTION, ...]` a line, and answers each with one.
Every question has a process of its own, made by a fork: Caffe ends it when it refuses a net.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Sizes = tuple[int, ...]


class Refused(Exception):
    """Caffe ended its process; the message is what it died of."""


@dataclass(frozen=True)
class SetUp:
    """The shapes of a net's blobs and params, Caffe's own splits left out."""

    blobs: dict[str, Sizes]
    params: dict[str, tuple[Sizes, ...]]


class Caffe:
    """The built Caffe, asked about one net after the other."""

    def __init__(self, pycaffe: Path, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(pycaffe)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def set_up(self, text: str, phase: str) -> SetUp:
        """Set up a net for a phase.

        Raises:
            Refused: Caffe refuses it.
        """
        blobs, params = self._ask("shapes", text, phase)
        return SetUp(
            {name: tuple(shape) for name, shape in blobs},
            {name: tuple(map(tuple, shapes)) for name, shapes in params},
        )

    def codes(self, train: str, deploy: str, code: str) -> tuple[list[float], list[float]]:
        """The code of the first item by a train net in TEST, and by its deploy net.

        Both have the same random weights, and the deploy net is given the train net's data.

        Raises:
            Refused: Caffe refuses one of them.
        """
        ours, theirs = self._ask("codes", train, deploy, code)
        return ours, theirs

    def _ask(self, *question: str) -> Any:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        if isinstance(answer, str):
            fatal = re.findall(r"^F\d{8} .*?\] (.*)", answer, re.MULTILINE)
            raise Refused(fatal[0] if fatal else answer)
        return answer

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()


def _net(caffe: Any, text: str, phase: str) -> Any:
    Path("net.prototxt").write_text(text, errors="surrogateescape", newline="")
    return caffe.Net("net.prototxt", getattr(caffe, phase))


def _shapes(caffe: Any, text: str, phase: str) -> list[Any]:
    net = _net(caffe, text, phase)
    blobs = [[name, list(blob.shape)] for name, blob in net.blobs.items()]
    params = [[name, [list(each.shape) for each in blobs]] for name, blobs in net.params.items()]
    return [[each for each in blobs if "_split_" not in each[0]], params]


def _codes(caffe: Any, train: str, deploy: str, code: str) -> list[Any]:
    import numpy as np

    learned, deployed = _net(caffe, train, "TEST"), _net(caffe, deploy, "TEST")
    random = np.random.default_rng(len(train))
    for name, params in learned.params.items():
        for index, param in enumerate(params):
            param.data[...] = random.normal(0, 0.3, param.shape)
            if name in deployed.params:
                deployed.params[name][index].data[...] = param.data
    learned.forward()
    for name in deployed.inputs:
        deployed.blobs[name].data[...] = learned.blobs[name].data[:1]
    deployed.forward()
    return [net.blobs[code].data[0].ravel().tolist() for net in (learned, deployed)]


def _answer(answer: Callable[..., Any], *question: Any) -> Any:
    child = os.fork()
    if not child:
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 2)
        Path("answer.json").write_text(json.dumps(answer(*question)))
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        return Path("log").read_text(errors="replace")
    return json.loads(Path("answer.json").read_text())


def main(pycaffe: str) -> None:
    """Answer line by line."""
    sys.path.insert(0, pycaffe)
    import caffe

    answers = {"shapes": _shapes, "codes": _codes}
    for line in sys.stdin:
        kind, *question = json.loads(line)
        print(json.dumps(_answer(answers[kind], caffe, *question)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
