"""What is told before the first iteration, and what is rightly not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.caffe.weights.weights import LayerWeights, write_weights
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.check import check, check_solver
from ssdh_surgery.pipeline.check.subject import subject_of
from ssdh_surgery.prototxt.parser import parse

NET = """
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN RULE }
  data_param { source: "lmdb" batch_size: 2 backend: LMDB } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" LOSS }
"""
SOLVER = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 9 '


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, labels: list[int], rule: str = "", loss: str = "") -> None:
    net = NET.replace("RULE", rule).replace("LOSS", loss)
    (folder / "net.prototxt").write_text(net)
    with LmdbWriter(folder / "lmdb") as writer:
        for number, label in enumerate(labels):
            writer.put(f"{number:08d}".encode(), write_raw(np.zeros((1, 2, 2), np.uint8), label))


def told(folder: Path, solver: str) -> list[Finding]:
    view = Solver(parse(solver.encode(), "solver.prototxt"))
    return check(subject_of(view, folder, folder / "run"))


def codes(folder: Path, solver: str = SOLVER) -> list[str]:
    return [finding.code for finding in told(folder, solver)]


def test_a_good_net_has_no_findings(folder: Path) -> None:
    write(folder, [0, 1, 2])
    assert codes(folder) == []


def test_a_net_that_is_never_tested_needs_no_test_phase(folder: Path) -> None:
    write(folder, [0, 1, 2])
    assert codes(folder) == []
    assert "SSDH201" in codes(folder, SOLVER + "test_iter: 1 test_interval: 5")


def test_the_stages_that_a_solver_asks_for_count(folder: Path) -> None:
    write(folder, [0, 1, 2], 'stage: "mine"')
    assert "SSDH201" in codes(folder)
    assert codes(folder, SOLVER + 'train_state { stage: "mine" }') == []


@pytest.mark.parametrize(
    ("old", "new", "code", "name"),
    [
        ("  data_param", "\u00a0 data_param", "SSDH204", "foreign-syntax"),
        ('name: "fc"', 'name: "fc" blobs_lr: 1', "SSDH205", "other-dialect"),
    ],
)
def test_text_that_caffe_cannot_read(
    folder: Path, old: str, new: str, code: str, name: str
) -> None:
    write(folder, [0, 1, 2])
    net = folder / "net.prototxt"
    net.write_text(net.read_text().replace(old, new, 1), "utf-8")
    (finding,) = told(folder, SOLVER)
    assert (finding.code, finding.name) == (code, name)
    assert finding.message.startswith("Caffe cannot read this ")
    # The solver's own text counts as well, once.
    assert codes(folder, SOLVER + "random_seed: +1") == ["SSDH204", code]


def test_labels_out_of_range(folder: Path) -> None:
    write(folder, [0, 3, 9, 1])
    (finding,) = told(folder, SOLVER)
    assert str(finding).splitlines()[0] == (
        "net.prototxt:3:24: error SSDH101 labels-out-of-range: 2 of 4 records of lmdb have labels "
        "from 3 to 9 (first: key '00000001'), but the classifier has 3 outputs (0 to 2)"
    )


def test_an_ignored_label_is_legal(folder: Path) -> None:
    write(folder, [0, 255, 1, 2], loss="loss_param { ignore_label: 255 }")
    assert codes(folder) == []


def test_another_label_beside_the_ignored_one(folder: Path) -> None:
    write(folder, [0, 255, 7, 1, 2], loss="loss_param { ignore_label: 255 }")
    assert codes(folder) == ["SSDH101"]


def test_a_run_without_snapshots_needs_no_folder_for_them(folder: Path) -> None:
    write(folder, [0, 1, 2])
    view = Solver(parse((SOLVER + 'snapshot_prefix: "no/run"').encode()))
    none = Solver(
        parse((SOLVER + 'snapshot_prefix: "no/run" snapshot_after_train: false').encode())
    )
    prefix = folder / "no" / "run"
    assert [f.code for f in check(subject_of(view, folder, prefix))] == ["SSDH307"]
    assert [f.code for f in check(subject_of(none, folder, prefix))] == ["SSDH309"]


def texts(folder: Path, solver: str = SOLVER) -> list[str]:
    """The findings without the excerpts of their files."""
    return [
        "\n".join(line for line in str(finding).splitlines() if not line.startswith("  "))
        for finding in told(folder, solver)
    ]


def replace(folder: Path, old: str, new: str) -> None:
    net = folder / "net.prototxt"
    assert old in net.read_text()
    net.write_text(net.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (
            'type: "Data" top: "data" top: "label" transform_param { mean_file: "mean" } ',
            "net.prototxt:2:89: error SSDH102 no-mean-file: the mean file does not exist: mean",
        ),
        (
            'type: "ImageData" top: "data" top: "label" image_data_param { source: "list" } ',
            "net.prototxt:2:92: error SSDH103 no-source: the source does not exist: list",
        ),
        (
            'type: "Data" top: "data" top: "label" ',
            "net.prototxt:3:24: error SSDH104 no-database: the database does not exist: lmdb",
        ),
    ],
    ids=["SSDH102", "SSDH103", "SSDH104"],
)
def test_data_that_is_not_there(folder: Path, field: str, message: str) -> None:
    write(folder, [0, 1, 2])
    shutil.rmtree(folder / "lmdb")
    replace(folder, 'type: "Data" top: "data" top: "label" ', field)
    assert texts(folder)[0] == (
        f"{message}\nhint: paths in a net start at caffe's working directory: {folder}"
    )


@pytest.mark.parametrize(
    ("place", "from_caffe"),
    [("models/lmdb", "models/lmdb"), ("../lmdb", "../lmdb")],
    ids=["below", "above"],
)
def test_a_database_that_is_elsewhere(folder: Path, place: str, from_caffe: str) -> None:
    """The hint is what `source` must say."""
    root = folder / "root"
    root.mkdir()
    os.chdir(root)
    write(root, [0])
    (root / place).parent.mkdir(exist_ok=True)
    (root / "lmdb").rename(root / place)
    assert texts(root)[0].splitlines()[1] == (
        f"hint: paths in a net start at caffe's working directory: {root}; there is one at "
        f"{place}: write '{from_caffe}'"
    )


def test_an_absolute_path_of_another_machine(folder: Path) -> None:
    write(folder, [0, 1, 2])
    replace(folder, '"lmdb"', '"/home/jane/data/lmdb"')
    assert texts(folder)[0].splitlines()[1] == ("hint: there is one at lmdb: write 'lmdb'")


def test_an_lmdb_that_is_read_as_a_leveldb(folder: Path) -> None:
    write(folder, [0, 1, 2])
    replace(folder, " backend: LMDB", "")
    assert texts(folder) == [
        "net.prototxt:3:24: error SSDH105 wrong-backend: lmdb is an LMDB, but layer 'data' reads "
        "it as LEVELDB, Caffe's default\nhint: write backend: LMDB in its data_param"
    ]


def test_a_leveldb_that_is_read_as_an_lmdb(folder: Path) -> None:
    write(folder, [0, 1, 2])
    (folder / "level").mkdir()
    (folder / "level" / "CURRENT").touch()
    replace(folder, '"lmdb"', '"level"')
    assert texts(folder) == [
        "net.prototxt:3:55: error SSDH105 wrong-backend: level is a LevelDB, but layer 'data' "
        "reads it as LMDB\nhint: write backend: LEVELDB in its data_param"
    ]


def test_a_damaged_database(folder: Path) -> None:
    write(folder, [0, 1, 2])
    (folder / "lmdb" / "data.mdb").write_bytes(b"no lmdb" * 2000)
    (finding,) = told(folder, SOLVER)
    assert finding.code == "SSDH106"
    assert str(finding).startswith("lmdb")


def test_a_net_that_cannot_be_read_is_a_finding_of_the_solver(folder: Path) -> None:
    (folder / "net.prototxt").write_text("layer {")
    view = Solver(parse(SOLVER.encode(), "solver.prototxt"))
    (finding,) = check_solver(view, folder, folder / "run")
    assert (finding.code, finding.location and finding.location.file) == ("SSDH200", "net.prototxt")


def test_a_net_without_layers_in_a_phase(folder: Path) -> None:
    (folder / "net.prototxt").write_text('name: "none"')
    assert texts(folder) == [
        "net.prototxt: error SSDH203 no-layers: the net has no layers in phase TRAIN"
    ]


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        (
            'base_lr: 0.1 max_iter: 9 lr_policy: "fixed"',
            "solver.prototxt: error SSDH301 no-net: the solver names no net to train\n"
            "hint: add net: with the path of the train net",
        ),
        (
            'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed"',
            "solver.prototxt: error SSDH302 no-max-iter: max_iter is not set, or 0: Caffe would "
            "not train at all\nhint: set max_iter",
        ),
        (
            'net: "net.prototxt" max_iter: 9 lr_policy: "fixed"',
            "solver.prototxt: error SSDH303 no-base-lr: base_lr is not set: nothing would be "
            "learned\nhint: set base_lr",
        ),
        (
            SOLVER + "max_iter: 10",
            "solver.prototxt:1:75: error SSDH304 unreadable-solver: Caffe cannot read this solver: "
            'Message type "SolverParameter" should not have multiple "max_iter" fields',
        ),
        (
            SOLVER + "momentun: 0.9",
            "solver.prototxt:1:75: warning SSDH313 foreign-solver-field: BVLC Caffe has no field "
            "'momentun' in a solver; the caffe at hand may\nhint: did you mean 'momentum'?",
        ),
        (
            SOLVER.replace("net:", "train_net:") + "test_iter: 3 test_interval: 5",
            "solver.prototxt:1:82: error SSDH305 test-iter-count: test_iter must be set once "
            "per test net: 1 for 0\nhint: repeat test_iter, in the order of the test nets",
        ),
        (
            SOLVER + 'test_net: "net.prototxt"',
            "solver.prototxt: error SSDH305 test-iter-count: test_iter must be set once "
            "per test net: 0 for 1\nhint: repeat test_iter, in the order of the test nets",
        ),
        (
            SOLVER + "test_iter: 3",
            "solver.prototxt:1:76: error SSDH306 no-test-interval: test_interval must be "
            "above 0 if there are test nets\n"
            "hint: set test_interval, or remove test_iter to train without tests",
        ),
    ],
    ids=[
        "SSDH301",
        "SSDH302",
        "SSDH303",
        "SSDH304",
        "SSDH313",
        "SSDH305",
        "SSDH305-none",
        "SSDH306",
    ],
)
def test_a_solver_that_trains_nothing_or_is_refused(
    folder: Path, solver: str, message: str
) -> None:
    write(folder, [0, 1, 2])
    replace(folder, "include { phase: TRAIN  }", "")
    assert texts(folder, solver)[0] == message


def test_a_folder_for_snapshots_that_is_read_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, [0, 1, 2])
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert texts(folder) == [
        "solver.prototxt: error SSDH308 snapshot-folder-read-only: the folder for the snapshots is "
        "not writable: .\n"
        "hint: change its permissions, or set snapshot_prefix to another folder"
    ]


def test_a_run_that_writes_no_weights(folder: Path) -> None:
    write(folder, [0, 1, 2])
    assert texts(folder, f"{SOLVER}snapshot_after_train: false snapshot: 0") == [
        "solver.prototxt:1:87: warning SSDH309 no-snapshots: no snapshot is written, not even at "
        "the end: what the net learns is lost\n"
        "hint: remove snapshot_after_train: false, or set snapshot to a number of iterations"
    ]
    assert texts(folder, f"{SOLVER}snapshot_after_train: false snapshot: 5") == []
    assert texts(folder, SOLVER) == []


def weighed(folder: Path, name: str) -> list[str]:
    view = Solver(parse(SOLVER.encode(), "solver.prototxt"))
    found = check(subject_of(view, folder, folder / "run", (name,)))
    return [str(finding).splitlines()[0] for finding in found]


def test_weights_that_are_not_there_or_not_weights(folder: Path) -> None:
    write(folder, [0, 1, 2])
    assert weighed(folder, "w") == ["w: error SSDH401 no-weights: no such weights file"]
    (folder / "w").write_bytes(b"\0\1\2")
    (message,) = weighed(folder, "w")
    assert message.startswith("w: error SSDH402 unreadable-weights: ")


def test_weights_of_another_net(folder: Path) -> None:
    write(folder, [0, 1, 2])
    blobs = (np.zeros((3, 5), np.float32), np.zeros(3, np.float32))
    for layer, message in (
        (
            "fc",
            "net.prototxt:4:15: error SSDH404 shape-clash: layer 'fc' has blobs 3x4, 3, but w "
            "holds 3x5, 3 for it, and Caffe stops at that: 'data' has 4 values here, and 5 there: "
            "another net",
        ),
        (
            "other",
            "w: error SSDH403 nothing-copied: no layer of w has the name of a layer of "
            "net.prototxt: nothing would be copied",
        ),
    ):
        write_weights(folder / "w", [LayerWeights(layer, "InnerProduct", blobs)])
        assert weighed(folder, "w") == [message]


def test_records_of_one_label(folder: Path) -> None:
    write(folder, [2, 2, 2])
    (text,) = texts(folder)
    assert text == (
        "net.prototxt:3:24: warning SSDH107 one-label: all 3 records of lmdb have the label 2, but "
        "the classifier has 3 outputs\n"
        "hint: are the labels set? 'ssdh data build' makes them of folders or of a list"
    )


def test_classes_without_records(folder: Path) -> None:
    write(folder, [0, 1, 0])
    (text,) = texts(folder)
    assert text == (
        "net.prototxt:3:24: warning SSDH108 classes-without-records: 1 class of 3 without a record "
        "in lmdb: 2\nhint: labels up to 1 need --classes 2"
    )


def test_a_class_without_records_below_others(folder: Path) -> None:
    write(folder, [1, 2, 1])
    (text,) = texts(folder)
    assert text.endswith("1 class of 3 without a record in lmdb: 0")


@pytest.mark.parametrize(
    ("test_iter", "message"),
    [
        (1, "a test reads 1 x 2 = 2 of the 3 records of lmdb"),
        (5, "a test reads 5 x 2 = 10 of the 3 records of lmdb, some of them twice"),
        (2, None),
    ],
)
def test_a_test_that_does_not_read_each_record_once(
    folder: Path, test_iter: int, message: str | None
) -> None:
    write(folder, [0, 1, 2])
    replace(folder, "include { phase: TRAIN  }", "")
    finding = f"solver.prototxt:1:76: info SSDH109 test-coverage: {message}"
    expected = [f"{finding}\nhint: test_iter: 2 reads all"] if message else []
    assert texts(folder, f"{SOLVER}test_iter: {test_iter} test_interval: 5") == expected
