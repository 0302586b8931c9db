"""What becomes of one net: for each thing that can be done with it, `yes` or the reason."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from caffe_loads import CaffeLoads
from fed import fed, our_shapes

from ssdh_surgery import open_net
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.engines.caffe_binary.executable import built_caffe
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.pipeline.deploy.deploy import DeployOptions, deploy
from ssdh_surgery.pipeline.edit.result import Results
from ssdh_surgery.pipeline.files.outputs import Mode, WritePlan
from ssdh_surgery.pipeline.files.sources import SourceFile, read_source
from ssdh_surgery.pipeline.inspect.show import net_table
from ssdh_surgery.pipeline.patch.patch import PatchOptions, patch
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.upgrade import upgrade
from ssdh_surgery.report.drawing import Drawing

YES, CURRENT = "yes", "current"
COLUMNS = ("show", "shapes", "upgrade", "patch", "deploy", "Caffe", "engine")

_DRY = WritePlan(mode=Mode.DRY_RUN)
# What an LMDB for an input of any size that the nets have is made of.
_MARGIN = 4


class No(Exception):
    """The reason for a cell that is not a yes."""


class Judge:
    """Tries everything with one net after another, in a folder of its own.

    The nets are set up in Caffe while the engine runs them here.
    """

    def __init__(self, loads: CaffeLoads, folder: Path) -> None:
        self._loads = loads
        self._folder = folder
        self._beside = ThreadPoolExecutor(1)
        self._count = 0

    def cells(self, name: str) -> dict[str, str]:
        """The cells of a net, by column."""
        source = read_source(name)
        net = Net(source.document)
        phases = PHASES if source.kind is Kind.TRAIN else PHASES[1:]
        ways: dict[str, Callable[[], str]] = {
            "show": lambda: _show(source),
            "upgrade": lambda: self._upgrade(source),
            "patch": lambda: self._made(self._patched(source)),
            "deploy": lambda: self._made(_deployed(source)),
            "engine": lambda: self._runs(net, phases[0]),
        }
        loaded = [self._load(net, phase) for phase in phases]
        found = {column: _asked(way) for column, way in ways.items()}
        found["Caffe"] = _asked(lambda: _accepted(answer() for answer in loaded))
        found["shapes"] = _asked(lambda: _compared(net, phases, [each() for each in loaded]))
        return found

    def _load(self, net: Net, phase: Phase) -> Callable[[], dict[str, Any]]:
        # The built Caffe has another word for it: no_round_mode in tests/caffe_differences.toml.
        path = self._write(fed(net, phase).replace("round_mode: FLOOR", "ceil_mode: false"))
        return self._beside.submit(self._loads.load, path, phase).result

    def _write(self, text: str) -> Path:
        self._count += 1
        path = self._folder / f"{self._count}.prototxt"
        path.write_text(text)
        return path

    def _runs(self, net: Net, phase: Phase) -> str:
        """One pass forward on the embedded engine."""
        made = open_net(self._write(fed(net, phase)), phase=phase, engine="torch")
        for name, values in made.forward().items():
            if not np.isfinite(values).all():
                raise No(f"'{name}' is not finite")
        return YES

    def _made(self, result: Results) -> str:
        """A result that Caffe sets up with the shapes that we expect."""
        net = Net(result.files[0].after)
        phases = PHASES if result.files[0].output.path.stem.startswith("train") else PHASES[1:]
        loaded = [self._load(net, phase) for phase in phases]
        return _compared(net, phases, [answer() for answer in loaded])

    def _upgrade(self, source: SourceFile) -> str:
        """The net as Caffe's own tool upgrades it."""
        (result,) = upgrade([source], _DRY).files
        if not result.is_changed:
            return CURRENT
        caffe = built_caffe()
        assert caffe is not None
        old, new = self._write(source.document.text), self._folder / "upgraded.prototxt"
        tool = caffe.with_name("upgrade_net_proto_text")
        subprocess.run([tool, old, new], check=True, capture_output=True)
        wanted = schema.parse_text(new.read_text(), "NetParameter")
        if schema.parse_text(result.after.text, "NetParameter") != wanted:
            raise No("another net than Caffe's own tool makes")
        return YES

    def _patched(self, source: SourceFile) -> Results:
        """The train net with a hash layer; of a deploy net, with data layers for an LMDB."""
        given = {}
        if source.kind is Kind.DEPLOY:
            given = dict.fromkeys(("train_data", "test_data"), self._records(source))
        return patch([source], PatchOptions(Settings(given), solver="none"), _DRY)

    def _records(self, source: SourceFile) -> str:
        """An LMDB whose records fit the input of a deploy net."""
        net = Net(source.document)
        shape = next(iter(shapes(net, "TEST").blobs.values())) or ()
        size = shape[1:] if len(shape) == 4 else (1, 1, 1)
        path = self._folder / "x".join(map(str, size))
        if not path.exists():
            channels, height, width = size
            side = (channels, height + _MARGIN, width + _MARGIN)
            with LmdbWriter(path) as writer:
                writer.put(b"0", write_raw(np.zeros(side, np.uint8), 0))
        return str(path)


def _asked(way: Callable[[], str]) -> str:
    try:
        return way()
    except No as no:
        return str(no)
    except SsdhError as error:
        return error.message.partition("\n")[0].rstrip(":")


def _show(source: SourceFile) -> str:
    """The table and the picture, without a word of what is not known or wrong."""
    shown = net_table(source)
    for finding in shown.findings:
        if finding.severity != "info":
            raise No(finding.message)
    return YES if Drawing(shown.net, shown.shapes, shown.heads, shown.hashing).dot else ""


def _deployed(source: SourceFile) -> Results:
    net = Net(source.document)
    if source.kind is Kind.DEPLOY:
        return deploy(source.name, DeployOptions(), _DRY)
    from fed import read_shapes

    both = {**read_shapes(net, "TRAIN"), **read_shapes(net, "TEST")}
    # A deploy net has no labels.
    pictures = {name: shape for name, shape in both.items() if len(shape) > 1}
    return deploy(source.name, DeployOptions(origin="train", shapes=pictures), _DRY)


def _accepted(answers: Iterator[dict[str, Any]]) -> str:
    for answer in answers:
        if refused := answer.get("refused"):
            raise No(f"Caffe: {refused}")
    return YES


def _compared(net: Net, phases: tuple[Phase, ...], answers: list[dict[str, Any]]) -> str:
    """Whether Caffe's shapes are ours; its splits are its own, and what was fed was given."""
    _accepted(iter(answers))
    given = {top for layer in net.layers if layer.is_data for top in layer.tops}
    for phase, answer in zip(phases, answers, strict=True):
        ours = our_shapes(net, phase)
        theirs = {name: shape for name, shape in answer["blobs"].items() if "_split_" not in name}
        wrong = [
            name
            for name in ours["blobs"].keys() | theirs.keys()
            if name not in given and ours["blobs"].get(name) != theirs.get(name)
        ]
        if wrong or ours["params"] != answer["params"]:
            raise No(f"other shapes than Caffe's: {', '.join(sorted(wrong)) or 'params'}")
    return YES
