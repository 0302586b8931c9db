"""`ssdh show` of files other than nets: by content, whatever their names, against other readers."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import lmdb
import numpy as np
import onnx
import pytest

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.weights.solverstate import read_solver_state, write_solver_state
from ssdh_surgery.caffe.weights.weights import read_any_weights, write_any_weights
from ssdh_surgery.cli import run
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.data.mean_file import write_mean_file
from ssdh_surgery.pipeline.summary.file_kind import FileKind, kind_of_file
from ssdh_surgery.retrieval.codes.code_file import write_codes
from support import caffe_runs
from support.command_line import Ssdh
from support.paths import GOLDEN
from support.small_codes import random_codes

TRAIN = GOLDEN / "train"
WEIGHTS = TRAIN / "snap_sgd_step_ssdh_iter_20.caffemodel"
STATE = TRAIN / "snap_sgd_step_ssdh_iter_20.solverstate"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shape_of(blob: Any) -> list[int]:
    """The shape of a BlobProto in either form."""
    legacy = [blob.num, blob.channels, blob.height, blob.width]
    return list(blob.shape.dim) if blob.HasField("shape") else legacy


def test_weights_as_protobuf_reads_them(ssdh: Ssdh) -> None:
    shutil.copy(WEIGHTS, "x")
    answer = ssdh("show", "x", "--json").json
    net = schema.NetParameter.FromString(WEIGHTS.read_bytes())
    layers = [each for each in net.layer if each.blobs]
    assert answer == {
        "content": "weights",
        "file": "x",
        "layers": [
            {"name": each.name, "type": each.type, "shapes": [shape_of(b) for b in each.blobs]}
            for each in layers
        ],
        "values": sum(len(blob.data) for each in layers for blob in each.blobs),
    }
    shown = ssdh("show", "x")
    assert f"x: weights of {len(layers)} layers with " in shown.out
    assert "`ssdh weights x` shows more" in shown.out


def test_a_solvers_state_as_protobuf_reads_it(ssdh: Ssdh) -> None:
    shutil.copy(STATE, "x")
    answer = ssdh("show", "x", "--json").json
    state = schema.SolverState.FromString(STATE.read_bytes())
    assert answer == {
        "content": "solverstate",
        "file": "x",
        "iteration": 20,
        "step": state.current_step,
        "learned_net": state.learned_net,
        "history": [shape_of(blob) for blob in state.history],
    }
    assert ssdh("show", "x").out.startswith("x: solver's state at iteration 20\n")


def test_hdf5_forms_hold_the_same(ssdh: Ssdh) -> None:
    write_any_weights("w.h5", read_any_weights(WEIGHTS).layers)
    write_solver_state("s.h5", read_solver_state(STATE))
    shutil.copy(WEIGHTS, "w")
    shutil.copy(STATE, "s")
    for name in "ws":
        shutil.copy(f"{name}.h5", f"{name}2")
        binary, other = (ssdh("show", each, "--json").json for each in (name, f"{name}2"))
        for key in set(binary) - {"file", "layers"}:
            assert binary[key] == other[key], key
    shapes = [{each["name"]: each["shapes"] for each in answer["layers"]} for answer in (
        ssdh("show", "w", "--json").json, ssdh("show", "w2", "--json").json)]  # fmt: skip
    assert shapes[0] == shapes[1]


@pytest.mark.caffe
def test_what_the_real_caffe_writes_is_shown(ssdh: Ssdh, folder: Path) -> None:
    # Its HDF5 snapshots, and the log of its run.
    changes = [("snapshot_after_train: false", "snapshot_format: HDF5")]
    process = caffe_runs.train(folder, solver=changes)
    assert process.returncode == 0, process.stderr[-600:]
    (folder / "output").write_text(process.stderr)
    log = ssdh("show", "output", "--json").json
    assert (log["content"], log["runs"][0]["end"]) == ("log", "done")
    last = log["snapshots"][-1]
    assert ssdh("show", last["weights"], "--json").json["content"] == "weights"
    state = ssdh("show", last["state"], "--json").json
    assert (state["content"], state["iteration"]) == ("solverstate", last["iteration"])
    assert state["learned_net"] == last["weights"]


def test_means(ssdh: Ssdh) -> None:
    image = np.random.default_rng(0).uniform(0, 255, (3, 4, 5)).astype(np.float32)
    write_mean_file("a", image)
    np.save("b.npy", image)
    np.savez("c", mean=image)
    answers = [ssdh("show", name, "--json").json for name in ("a", "b.npy", "c.npz")]
    for answer in answers:
        assert (answer["content"], answer["shape"]) == ("mean", [3, 4, 5])
        assert answer["channels"] == pytest.approx(image.mean((1, 2), dtype=np.float64))
        assert (answer["least"], answer["most"]) == (image.min(), image.max())


def test_an_lmdb_as_data_show_shows_it(ssdh: Ssdh) -> None:
    with LmdbWriter("lmdb") as writer:
        for label in range(3):
            writer.put(b"%08d" % label, write_raw(np.full((3, 2, 2), label, np.uint8), label))
    answer = ssdh("show", "lmdb", "--json").json
    assert (answer.pop("content"), answer.pop("file")) == ("records", "lmdb")
    assert answer == ssdh("data", "show", "lmdb", "--json").json
    assert ssdh("data", "show", "lmdb").out in ssdh("show", "lmdb").out


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".parquet"])
def test_codes(ssdh: Ssdh, suffix: str) -> None:
    codes = random_codes(40, 24, 5, 0)
    write_codes(f"codes{suffix}", codes)
    Path(f"codes{suffix}").rename("x")
    answer = ssdh("show", "x", "--json").json
    assert (answer["content"], answer["items"], answer["bits"]) == ("codes", 40, 24)
    assert answer["distinct"] == len({row.tobytes() for row in codes.packed})
    assert answer["labels"] == {
        str(label): count for label, count in Counter(codes.labels.tolist()).items()
    }
    assert ssdh("show", "x").out.startswith("x: 40 codes of 24 bits\n")


def test_an_index_as_index_info_tells(ssdh: Ssdh) -> None:
    write_codes("codes.npz", random_codes(40, 24, 5, 0))
    ssdh("index", "build", "codes.npz", "-o", "x")
    answer = ssdh("show", "x", "--json").json
    assert (answer.pop("content"), answer.pop("file")) == ("index", "x")
    assert answer == ssdh("index", "info", "x", "--json").json
    assert ssdh("show", "x").out.startswith("x: index of 40 codes of 24 bits: flat\n")


def test_data_in_hdf5(ssdh: Ssdh) -> None:
    with h5py.File("x", "w") as file:
        file["data"] = np.zeros((4, 3, 2, 2), np.float32)
        file["group/label"] = np.zeros(4)
    answer = ssdh("show", "x", "--json").json
    assert answer == {
        "content": "hdf5",
        "file": "x",
        "datasets": [
            {"name": "data", "shape": [4, 3, 2, 2], "type": "float32"},
            {"name": "group/label", "shape": [4], "type": "float64"},
        ],
    }


def test_an_onnx_model(ssdh: Ssdh) -> None:
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node(kind, [f"x{i}"], [f"x{i + 1}"])
            for i, kind in enumerate(["Relu"] * 2)
        ],
        "net",
        [tensor("x0", onnx.TensorProto.FLOAT, ["N", 3, None])],
        [tensor("x2", onnx.TensorProto.FLOAT, [1, 3, 4])],
    )
    onnx.save(onnx.helper.make_model(graph, producer_name="hand"), "x")
    answer = ssdh("show", "x", "--json").json
    assert (answer["content"], answer["producer"], answer["nodes"]) == ("onnx", "hand", {"Relu": 2})
    assert (answer["inputs"], answer["outputs"]) == ({"x0": ["N", 3, None]}, {"x2": [1, 3, 4]})
    assert "inputs: x0 Nx3x?\n" in ssdh("show", "x").out


def test_a_solver(ssdh: Ssdh) -> None:
    text = 'net: "a.prototxt"\nbase_lr: 0.01\nstepvalue: 5\nstepvalue: 9\neval_type: "x"\n'
    Path("x").write_text(text)
    answer = ssdh("show", "x", "--json").json
    assert answer == {
        "content": "solver",
        "file": "x",
        "nets": [{"field": "net", "file": "a.prototxt"}],
        "inner_nets": [],
        "fields": {"net": "a.prototxt", "base_lr": 0.01, "stepvalue": [5, 9], "eval_type": "x"},
    }
    assert ssdh("show", "-", "--json", stdin=text.encode()).json["fields"] == answer["fields"]
    assert "stepvalue  5, 9\n" in ssdh("show", "x").out


@pytest.mark.parametrize("log", sorted((GOLDEN / "logs").glob("*.log")), ids=lambda path: path.stem)
def test_every_recorded_log_is_told_how_it_ended(ssdh: Ssdh, log: Path) -> None:
    shutil.copy(log, "x")
    text = log.read_text(errors="replace")
    answer = ssdh("show", "x", "--json").json
    has_failed = any(line.startswith("F") and "] " in line for line in text.splitlines())
    marks = {"stopped early": "stopped", "Optimization Done": "done", "*** SIG": "failed"}
    ends = [end for mark, end in marks.items() if mark in text]
    end = "failed" if has_failed else ends[0] if ends else "open"
    [run] = answer["runs"]
    assert (answer["content"], run["end"]) == ("log", end)
    assert bool(run["message"]) == has_failed
    assert len(answer["snapshots"]) == text.count("Snapshotting solver state")
    if run["last"] is not None:
        assert f"Iteration {run['last']}" in text


def test_a_log_of_several_runs_in_the_encoding_of_windows(ssdh: Ssdh) -> None:
    texts = [
        (GOLDEN / "logs" / f"{name}.log").read_text() for name in ("finetune_ok", "sigint_stop")
    ]
    Path("x").write_text("".join(texts), encoding="utf-16")
    answer = ssdh("show", "x", "--json").json
    assert [run["end"] for run in answer["runs"]] == ["done", "stopped"]
    assert ssdh("show", "x").out.startswith("x: log of 2 runs, the last of which was stopped\n")


def test_a_list_of_images(ssdh: Ssdh) -> None:
    for name in "ab":
        Path(f"{name}.png").write_bytes(b"any")
    Path("x").write_text("a.png 3\nb.png 1\nno such.png 3\n\n")
    answer = ssdh("show", "x", "--json").json
    assert (answer["content"], answer["images"]) == ("list", 2)
    assert answer["labels"] == {"1": 1, "3": 1}
    assert "missing-picture" in [each["name"] for each in answer["findings"]]
    assert ssdh("show", "x").out.startswith("x: list of 2 images\nlabels: 2 labels from 1 to 3\n")


@pytest.mark.parametrize("text", ["base_lr: 1\nmax_iter: 2\n", "layer { name: 'a 1'\n}\n", "# 1\n"])
def test_a_prototxt_is_no_list(ssdh: Ssdh, text: str) -> None:
    Path("x").write_text(text)
    assert kind_of_file(Path("x")) is FileKind.PROTOTXT


def test_a_net_that_quotes_a_log_is_a_net(ssdh: Ssdh) -> None:
    line = (GOLDEN / "logs/finetune_ok.log").read_text().splitlines()[1]
    Path("x").write_text(f"# {line}\nbase_lr: 0.1\nnet: 'a'\n")
    assert ssdh("show", "x", "--json").json["content"] == "solver"


def test_a_run_and_its_workspace(ssdh: Ssdh, folder: Path) -> None:
    ssdh("patch", "zoo:lenet", "--bits", "12")
    answer = ssdh("show", "ssdh.toml", "--json").json
    assert answer["content"] == "workspace"
    assert answer["nets"]["lenet"]["bits"] == 12
    (folder / "run").mkdir()
    (folder / "run/run.json").write_text('{"engine": "torch", "command": ["ssdh", "train"]}')
    shutil.copy(GOLDEN / "logs/sigint_stop.log", "run/train.log")
    run = ssdh("show", "run", "--json").json
    assert (run["content"], run["engine"]) == ("run", "torch")
    assert run["log"]["runs"][0]["end"] == "stopped"
    assert ssdh("show", "run").out.startswith("run: run that was stopped\nengine: torch\n")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x00\x01\x02\x03 nothing known", "a binary file of an unknown kind"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a binary file of an unknown kind"),
        (b"PK\x03\x04 and no more", "is truncated or damaged: File is not a zip file"),
        (b"\x89HDF\r\n\x1a\n and no more", "is truncated or damaged"),
        (b"MATLAB 5.0 MAT-file", "a mean of MATLAB, which is not read"),
    ],
)
def test_other_files_are_refused(ssdh: Ssdh, data: bytes, message: str) -> None:
    Path("x").write_bytes(data)
    error = ssdh("show", "x", "--json", code=3).error
    assert message in error["message"]
    if "unknown" in message:
        assert "nets, solvers, weights, solverstates" in error["hint"]


def test_other_folders_and_archives_are_refused(ssdh: Ssdh, folder: Path) -> None:
    assert "is a folder, not a file" in ssdh("show", ".", code=3).err
    np.savez("x.npz", a=np.zeros(3), b=np.zeros(3))
    assert "an archive that has neither codes nor an index" in ssdh("show", "x.npz", code=3).err
    with lmdb.open("empty"):
        pass
    assert ssdh("show", "empty", code=3).err == ssdh("data", "show", "empty", code=3).err


def test_no_damage_is_a_bug(capsys: pytest.CaptureFixture[str]) -> None:
    write_codes("codes.npz", random_codes(20, 16, 5, 0))
    assert run(["index", "build", "codes.npz", "-o", "index"]) == 0
    write_mean_file("mean", np.ones((3, 4, 5), np.float32))
    shutil.copy(WEIGHTS, "weights")
    shutil.copy(STATE, "state")
    random = np.random.default_rng(0)
    for name in ("codes.npz", "index", "mean", "weights", "state"):
        whole = Path(name).read_bytes()
        for _ in range(12):
            damaged = bytearray(whole[: random.integers(1, len(whole))])
            damaged[random.integers(len(damaged))] ^= 1 << random.integers(8)
            Path("x").write_bytes(damaged)
            # It may be readable all the same.
            capsys.readouterr()
            assert run(["show", "x"]) in (0, 3)
            assert "a bug in ssdh-surgery" not in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--phase", "TEST"], ["--svg", "a.svg"], ["--level", "1"]])
def test_options_of_nets_are_refused(ssdh: Ssdh, options: list[str]) -> None:
    shutil.copy(WEIGHTS, "x")
    assert f"{options[0]} is for nets, and x is none" in ssdh("show", "x", *options, code=2).err
