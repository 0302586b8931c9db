"""The row of one net: for each command that is tried on it, `yes` or the reason why not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from caffe_loads import CaffeLoads
from net_inputs import computed_shapes, data_shapes, text_with_inputs

from ssdh_surgery import open_net
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.data.datum import blank_raw
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
# By how much the images of an LMDB are larger than the input that crops them.
_MARGIN = 4


class Failure(Exception):
    """The reason for a cell that is not `yes`."""


class Judge:
    """Tries every command on one net after another, in a folder of its own.

    Caffe sets up the nets in its own process while the engine runs them in this one.
    """

    def __init__(self, loads: CaffeLoads, folder: Path) -> None:
        self._loads = loads
        self._folder = folder
        self._caffe_thread = ThreadPoolExecutor(1)
        self._count = 0

    def cells(self, name: str) -> dict[str, str]:
        """The cells of a net, by column."""
        source = read_source(name)
        net = Net(source.document)
        phases = PHASES if source.kind is Kind.TRAIN else PHASES[1:]
        trials: dict[str, Callable[[], str]] = {
            "show": lambda: _show(source),
            "upgrade": lambda: self._upgrade(source),
            "patch": lambda: self._set_up(self._patch(source)),
            "deploy": lambda: self._set_up(_deploy(source)),
            "engine": lambda: self._run(net, phases[0]),
        }
        answers = [self._load(net, phase) for phase in phases]
        cells = {column: _cell(trial) for column, trial in trials.items()}
        cells["Caffe"] = _cell(lambda: _accept(answer() for answer in answers))
        cells["shapes"] = _cell(lambda: _compare(net, phases, [answer() for answer in answers]))
        return cells

    def _load(self, net: Net, phase: Phase) -> Callable[[], dict[str, Any]]:
        # The built Caffe spells it differently: no_round_mode in tests/caffe_differences.toml.
        text = text_with_inputs(net, phase).replace("round_mode: FLOOR", "ceil_mode: false")
        path = self._write(text)
        return self._caffe_thread.submit(self._loads.load, path, phase).result

    def _write(self, text: str) -> Path:
        self._count += 1
        path = self._folder / f"{self._count}.prototxt"
        path.write_text(text)
        return path

    def _run(self, net: Net, phase: Phase) -> str:
        """Run a forward pass on the embedded engine."""
        path = self._write(text_with_inputs(net, phase))
        for name, values in open_net(path, phase=phase, engine="torch").forward().items():
            if not np.isfinite(values).all():
                raise Failure(f"'{name}' is not finite")
        return YES

    def _set_up(self, result: Results) -> str:
        """Let Caffe set up a net that a command wrote, and compare the shapes."""
        net = Net(result.files[0].after)
        phases = PHASES if result.files[0].output.path.stem.startswith("train") else PHASES[1:]
        answers = [self._load(net, phase) for phase in phases]
        return _compare(net, phases, [answer() for answer in answers])

    def _upgrade(self, source: SourceFile) -> str:
        """Compare the upgraded net with the one of Caffe's own tool."""
        (result,) = upgrade([source], _DRY).files
        if not result.is_changed:
            return CURRENT
        caffe = built_caffe()
        assert caffe is not None
        old, new = self._write(source.document.text), self._folder / "upgraded.prototxt"
        tool = caffe.with_name("upgrade_net_proto_text")
        subprocess.run([tool, old, new], check=True, capture_output=True)
        expected = schema.parse_text(new.read_text(), "NetParameter")
        if schema.parse_text(result.after.text, "NetParameter") != expected:
            raise Failure("differs from the net that Caffe's own tool writes")
        return YES

    def _patch(self, source: SourceFile) -> Results:
        """The train net with a hash layer; for a deploy net, with data layers that read an LMDB."""
        values = {}
        if source.kind is Kind.DEPLOY:
            values = dict.fromkeys(("train_data", "test_data"), self._lmdb(source))
        return patch([source], PatchOptions(Settings(values), solver="none"), _DRY)

    def _lmdb(self, source: SourceFile) -> str:
        """The path of an LMDB whose records fit the input of a deploy net."""
        net = Net(source.document)
        shape = next(iter(shapes(net, "TEST").blobs.values())) or ()
        size = shape[1:] if len(shape) == 4 else (1, 1, 1)
        path = self._folder / "x".join(map(str, size))
        if not path.exists():
            channels, height, width = size
            side = (channels, height + _MARGIN, width + _MARGIN)
            with LmdbWriter(path) as writer:
                writer.put(b"0", bytes(blank_raw(side, 0)[0]))
        return str(path)


def _cell(trial: Callable[[], str]) -> str:
    try:
        return trial()
    except Failure as failure:
        return str(failure)
    except SsdhError as error:
        return error.message.partition("\n")[0].rstrip(":")


def _show(source: SourceFile) -> str:
    """Show and draw the net; a warning or an error is a failure."""
    shown = net_table(source)
    for finding in shown.findings:
        if finding.severity != "info":
            raise Failure(finding.message)
    return YES if Drawing(shown.net, shown.shapes, shown.heads, shown.hashing).dot else ""


def _deploy(source: SourceFile) -> Results:
    """The deploy net with a hash layer; for a train net, the one that is derived from it."""
    net = Net(source.document)
    if source.kind is Kind.DEPLOY:
        return deploy(source.name, DeployOptions(), _DRY)
    tops = {**data_shapes(net, "TRAIN"), **data_shapes(net, "TEST")}
    # A deploy net has no labels.
    images = {name: shape for name, shape in tops.items() if len(shape) > 1}
    return deploy(source.name, DeployOptions(origin="train", shapes=images), _DRY)


def _accept(answers: Iterator[dict[str, Any]]) -> str:
    for answer in answers:
        if refusal := answer.get("refused"):
            raise Failure(f"Caffe: {refusal}")
    return YES


def _compare(net: Net, phases: tuple[Phase, ...], answers: list[dict[str, Any]]) -> str:
    """Compare Caffe's shapes with the computed ones, but for Caffe's splits and the data's tops."""
    _accept(iter(answers))
    data_tops = {top for layer in net.layers if layer.is_data for top in layer.tops}
    for phase, answer in zip(phases, answers, strict=True):
        ours = computed_shapes(net, phase)
        theirs = {name: shape for name, shape in answer["blobs"].items() if "_split_" not in name}
        wrong = [
            name
            for name in ours["blobs"].keys() | theirs.keys()
            if name not in data_tops and ours["blobs"].get(name) != theirs.get(name)
        ]
        if wrong or ours["params"] != answer["params"]:
            raise Failure(f"shapes differ from Caffe's: {', '.join(sorted(wrong)) or 'params'}")
    return YES
