"""Nets and solvers that trained well have no finding, or those that are true of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery import parse, zoo
from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.kind import Kind, kind_of
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.data.datum import write_encoded, write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.data.mean_file import write_mean_file
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.check import check_net, check_solver, net_subject
from ssdh_surgery.pipeline.files.sources import NETS
from support.paths import CORPUS

# The sizes that the records of a network are resized to before the crop.
SIDES = {"lenet": 28, "cifar10-quick": 32, "inception-v3": 320}
# Families about the machine, not about the files.
OF_THE_MACHINE = ("SSDH5",)
# Corpus files have neither their data nor folders for snapshots, and start from no weights.
NOT_AT_HAND = ("SSDH1", "SSDH307", "SSDH4", *OF_THE_MACHINE)


def alarms(findings: list[Finding], without: tuple[str, ...]) -> list[str]:
    """The errors and warnings, except those of some codes."""
    return [
        str(finding)
        for finding in findings
        if finding.severity != "info" and not finding.code.startswith(without)
    ]


def records(net: Net, side: int, first: int) -> list[tuple[bytes, bytes]]:
    """A record of each class in an order that is not theirs, each image unlike any other."""
    (head, *_) = (head for head in heads(net) if head.classes)
    random = np.random.default_rng(first)
    shape = (1 if side == SIDES["lenet"] else 3, side, side)
    image = cv2.imencode(".jpg", np.full((side, side, 3), 120, np.uint8))[1].tobytes()
    result = []
    for place, label in enumerate(map(int, random.permutation(head.classes))):
        if side > max(SIDES["lenet"], SIDES["cifar10-quick"]):
            # What follows the end of a JPEG is ignored.
            record = write_encoded(image + f"{first + label}".encode(), label)
        else:
            record = write_raw(random.integers(0, 255, shape, np.uint8), label)
        result.append((f"{place:08d}_{first + label}".encode(), record))
    return result


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, str], Path]:
    """The databases that were made, by side and phase."""
    return {}


def provide_data(net: Net, folder: Path, side: int, made: dict[tuple[int, str], Path]) -> None:
    """Make the databases and means that a net names, as far as another has not made them."""
    for layer in net.layers:
        if layer.type != "Data":
            continue
        source = folder / layer.setting("data_param", "source")
        phase = net.phase_of(layer) or "both"
        source.parent.mkdir(parents=True, exist_ok=True)
        if (side, phase) not in made:
            with LmdbWriter(source) as writer:
                for key, record in records(net, side, 0 if phase == "TRAIN" else 2000):
                    writer.put(key, record)
            made[side, phase] = source
        elif not source.exists():
            source.symlink_to(made[side, phase])
        if mean := layer.setting("transform_param", "mean_file"):
            (folder / mean).parent.mkdir(parents=True, exist_ok=True)
            write_mean_file(folder / mean, np.full((3, side, side), 120, np.float32))


@pytest.mark.parametrize("name", zoo.names())
def test_a_network_of_the_zoo_with_its_data_is_fine(
    name: str,
    tmp_path: Path,
    databases: dict[tuple[int, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in ("train_val", "solver"):
        Path(zoo.catalogue.FILE_NAMES[kind]).write_text(zoo.text(name, kind))
    net = net_of(parse(zoo.text(name, "train_val").encode(), "train_val.prototxt"))
    provide_data(net, tmp_path, SIDES.get(name, 256), databases)
    solver = Solver(parse(zoo.text(name, "solver").encode(), "solver.prototxt"))
    found = check_solver(solver, tmp_path, tmp_path / name)
    assert alarms(found, OF_THE_MACHINE) == []


# What is true of published solvers: the code, and why.
GAMMA = "its gamma is 1: the policy 'step' never lowers the rate"
TRUE = {
    "bvlc/examples/cifar10/cifar10_full_sigmoid_solver.prototxt": {"SSDH312": GAMMA},
    "bvlc/examples/cifar10/cifar10_full_sigmoid_solver_bn.prototxt": {"SSDH312": GAMMA},
    "bvlc-2013-11/examples/imagenet_solver.prototxt": {
        "SSDH311": "its rate falls to a ten-thousandth after a ninth of its iterations",
    },
}


@pytest.mark.corpus
def test_a_published_file_has_no_finding_but_true_ones(
    corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = str(corpus_file.relative_to(CORPUS))
    folder = CORPUS / name.split("/")[0]
    monkeypatch.chdir(folder)
    document = parse(corpus_file.read_bytes(), str(corpus_file.relative_to(folder)))
    kind = kind_of(document)
    if kind in NETS:
        shown = alarms(check_net(net_subject(net_of(document), corpus_file)), NOT_AT_HAND)
    else:  # beside nets and solvers, the corpus has a list of class names
        shown = solver_alarms(Solver(document), folder) if kind is Kind.SOLVER else []
    assert [text for text in shown if not any(code in text for code in TRUE.get(name, {}))] == []
    assert all(any(code in text for text in shown) for code in TRUE.get(name, {})), shown


def solver_alarms(solver: Solver, folder: Path) -> list[str]:
    """The alarms about a solver; where its net is not in the corpus, that is the only one."""
    found = check_solver(solver, folder, folder / "snapshot")
    if all((folder / each.path).is_file() for each in solver.nets):
        return alarms(found, NOT_AT_HAND)
    assert [each.code for each in found] == ["SSDH200"]
    return []
