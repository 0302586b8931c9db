"""How much work a command does for a result: proofs, and readings of the same text."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.shapes import walk
from ssdh_surgery.pipeline.files import sources
from ssdh_surgery.prototxt import parser
from ssdh_surgery.surgery.core import gate, judge
from ssdh_surgery.surgery.hashing.recipe import Recipe
from support.command_line import Ssdh

OPTIONS = ("--bits", "64", "--classes", "20", "--aux", "retarget", "--objective", "ssdh")


@pytest.fixture
def work(ssdh: Ssdh, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts from now on, with nothing remembered from commands before."""
    # All modules are imported before what they use is replaced.
    ssdh("patch", "zoo:googlenet", *OPTIONS, "--dry-run")
    ssdh("deploy", "zoo:googlenet/deploy", "--dry-run")
    # Everything else that is remembered belongs to a document.
    sources._parse.cache_clear()
    counts: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            counts[name] += 1
            return function(*args, **kwargs)

        return call

    classes = {
        "parses": parser._Parser,
        "blob graphs": BlobGraph,
        "shape walks": walk._Walk,
        "recipes": Recipe,
    }
    for name, cls in classes.items():
        monkeypatch.setattr(cls, "__init__", counting(name, cls.__init__))
    functions = {"proofs": gate.prove, "judged": judge.protobuf_message}
    modules = [each for name, each in sys.modules.items() if name.startswith("ssdh_surgery")]
    for module in modules:
        for attribute, value in list(vars(module).items()):
            for name, function in functions.items():
                if value is function:
                    monkeypatch.setattr(module, attribute, counting(name, function))
    return counts


@pytest.mark.parametrize(
    ("options", "most"),
    [
        pytest.param(
            (),
            {
                "proofs": 2,
                "judged": 6,
                "parses": 6,
                "blob graphs": 4,
                # Both states before and after; the note on the features shares one.
                "shape walks": 4,
                "recipes": 1,
            },
            id="plain",
        ),
        pytest.param(
            OPTIONS,
            {
                "proofs": 5,
                "judged": 12,
                "parses": 12,
                "blob graphs": 10,
                # Both states before and after; the note on the features shares one.
                "shape walks": 4,
                "recipes": 1,
            },
            id="options",
        ),
    ],
)
def test_patch(
    ssdh: Ssdh, work: Counter[str], options: tuple[str, ...], most: dict[str, int]
) -> None:
    ssdh("patch", "zoo:googlenet", *options)
    assert work.keys() == most.keys()
    assert work <= Counter(most), work


def test_deploy(ssdh: Ssdh, request: pytest.FixtureRequest) -> None:
    ssdh("patch", "zoo:googlenet")
    work: Counter[str] = request.getfixturevalue("work")
    ssdh("deploy")
    most = {
        "proofs": 1,
        "judged": 3,
        "parses": 5,
        "blob graphs": 4,
        "shape walks": 4,
        "recipes": 1,
    }
    assert work.keys() == most.keys()
    assert work <= Counter(most), work
