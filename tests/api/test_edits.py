"""patch, deploy and upgrade as functions: the files of the commands, and the results as values."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ssdh_surgery
from ssdh_surgery import FileError, ParseError, SsdhError, SurgeryError, UsageError
from support import lenet
from support.command_line import Ssdh, snapshot

V1 = """\
input: "x"
input_dim: 1 input_dim: 1 input_dim: 1 input_dim: 1
layers { name: "r" type: RELU bottom: "x" top: "y" }  # kept
"""


def files_of(folder: Path) -> dict[str, bytes | str]:
    return snapshot(folder)


@pytest.mark.parametrize(
    ("words", "keywords"),
    [
        (["--bits", "48"], {"bits": 48}),
        (
            ["--at", "ip1", "--lr-mult", "1,2.5", "--mark", "--filler", "xavier:fan_in"],
            {"at": "ip1", "lr_mult": (1, 2.5), "mark": True, "filler": "xavier:fan_in"},
        ),
        (
            ["--set", "max_iter=9", "--set", "test_iter=3", "--set", "test_initialization=true"],
            {"set": {"max_iter": 9, "test_iter": [3], "test_initialization": True}},
        ),
        (["--preset", "ssdh", "--bits", "8"], {"preset": "ssdh", "bits": 8}),
        (
            ["--train-data", "a/b", "--mean-value", "1,2,3", "--train-batch", "4"],
            {
                "train_data": Path("a/b"),
                "mean_value": np.array([1, 2, 3]),
                "train_batch": np.int64(4),
            },
        ),
        (["--solver", "none", "--suffix", "_x"], {"solver": "none", "suffix": "_x", "at": None}),
        (["--out", "made"], {"out": Path("made")}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_patch_writes_what_the_command_writes(
    words: list[str], keywords: Any, nets: Path, ssdh: Ssdh, tmp_path_factory: Any, monkeypatch: Any
) -> None:
    ssdh("patch", "train_val.prototxt", *words)
    other = tmp_path_factory.mktemp("other")
    lenet.write(other)
    monkeypatch.chdir(other)
    ssdh_surgery.patch("train_val.prototxt", **keywords)
    assert files_of(other) == files_of(nets)


def test_the_result_of_patch(nets: Path, ssdh: Ssdh) -> None:
    told = ssdh("patch", "train_val.prototxt", "--bits", "48", "--dry-run", "--json").json
    result = ssdh_surgery.patch(nets / "train_val.prototxt", bits=48)
    train, solver = result.files
    assert (train.kind, solver.kind) == ("train net", "solver")
    assert train.path == nets / "train_val_ssdh.prototxt"
    assert train.data == train.path.read_bytes()
    assert result.written == (train.path, solver.path)
    assert result.workspace == nets / "ssdh.toml"
    assert result.is_changed
    assert [dataclasses.asdict(change) for change in train.changes] == told["files"][0]["changes"]
    assert any(note.startswith("data kept") for note in train.notes)
    assert result.next_command is not None
    assert result.next_command.startswith("ssdh train ")
    assert pickle.loads(pickle.dumps(result)) == result
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.notes = ()  # type: ignore[misc]


def test_nothing_is_written_on_request(nets: Path) -> None:
    before = files_of(nets)
    result = ssdh_surgery.patch("train_val.prototxt", write=False)
    assert files_of(nets) == before
    assert result.written == ()
    assert result.is_changed
    assert result.files[0].data != before["train_val.prototxt"]
    assert '+  name: "latent_SSDH"' in result.files[0].diff


def test_a_second_run_has_nothing_to_do(nets: Path) -> None:
    ssdh_surgery.patch("train_val.prototxt")
    again = ssdh_surgery.patch("train_val_ssdh.prototxt")
    assert not again.is_changed
    assert again.written == ()
    assert [(file.changes, file.diff) for file in again.files] == [((), "")] * len(again.files)


def test_a_built_in_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = ssdh_surgery.patch("zoo:lenet", "zoo:lenet/solver")
    assert [path.name for path in result.written] == [
        "lenet_ssdh.prototxt",
        "lenet_solver_ssdh.prototxt",
    ]


def test_deploy_writes_what_the_command_writes(
    nets: Path, ssdh: Ssdh, tmp_path_factory: Any, monkeypatch: Any
) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "48")
    ssdh("deploy", "--binary", "--batch", "3")
    other = tmp_path_factory.mktemp("other")
    lenet.write(other)
    monkeypatch.chdir(other)
    ssdh_surgery.patch("train_val.prototxt", bits=48)
    result = ssdh_surgery.deploy(binary=True, batch=3)
    assert files_of(other) == files_of(nets)
    assert [file.kind for file in result.files] == ["deploy net"]


def test_deploy_from_the_train_net(nets: Path) -> None:
    ssdh_surgery.patch("train_val.prototxt", bits=48)
    result = ssdh_surgery.deploy(origin="train", input_shape={"data": (1, 1, 28, 28)}, out="made")
    assert result.written == (Path("made/deploy_ssdh.prototxt"),)
    assert b"dim: 28" in result.files[0].data


def test_upgrade_writes_what_the_command_writes(
    tmp_path: Path, ssdh: Ssdh, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.prototxt").write_text(V1)
    ssdh("upgrade", "a.prototxt")
    expected = Path("a_upgraded.prototxt").read_bytes()
    assert ssdh_surgery.upgrade("a.prototxt", write=False).files[0].data == expected
    result = ssdh_surgery.upgrade("a.prototxt", in_place=True)
    assert Path("a.prototxt").read_bytes() == expected
    assert result.written == (Path("a.prototxt"),)


def test_nothing_is_printed(nets: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ssdh_surgery.patch("train_val.prototxt")
    ssdh_surgery.deploy()
    ssdh_surgery.upgrade("train_val.prototxt", write=False)
    with pytest.raises(FileError):
        ssdh_surgery.patch("missing.prototxt")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: ssdh_surgery.patch("no.prototxt"),
            FileError,
            "no.prototxt: cannot read: no such file",
        ),
        (lambda: ssdh_surgery.patch(), UsageError, "patch needs a file"),
        (lambda: ssdh_surgery.upgrade(), UsageError, "upgrade needs a file"),
        (
            lambda: ssdh_surgery.patch("train_val.prototxt", bits=0),
            UsageError,
            "bits must be an integer from 1 to 65536, not 0",
        ),
        (
            lambda: ssdh_surgery.patch("train_val.prototxt", lr_mult=(1, 2, 3)),
            UsageError,
            "lr_mult must be a list of 2 numbers, each at least 0, not (1, 2, 3)",
        ),
        (
            lambda: ssdh_surgery.patch("train_val.prototxt", aux="some"),  # type: ignore[arg-type]
            UsageError,
            "aux must be 'keep' or 'drop' or 'retarget', not 'some'",
        ),
        (
            lambda: ssdh_surgery.patch("train_val.prototxt", preset="cvpr15"),
            UsageError,
            "preset must be 'blog' or 'ssdh' or 'cvprw15', not 'cvpr15'\n"
            "hint: did you mean 'cvprw15'?",
        ),
        (
            lambda: ssdh_surgery.patch("train_val.prototxt", mean_file="a", mean_value=[1]),
            UsageError,
            "mean_file and mean_value exclude each other",
        ),
        (
            lambda: ssdh_surgery.patch("train_val.prototxt", out="x", in_place=True),
            UsageError,
            "--in-place and --out exclude each other",
        ),
        (
            lambda: ssdh_surgery.deploy(batch=0),
            UsageError,
            "batch must be an integer of at least 1, not 0",
        ),
        (
            lambda: ssdh_surgery.deploy(input_shape={"data": (0, 1)}),
            UsageError,
            "input_shape['data'] must be an integer of at least 1, not 0",
        ),
        (
            lambda: ssdh_surgery.upgrade("train_val.prototxt", suffix="a/b"),
            UsageError,
            "suffix must be part of a file name, not 'a/b'",
        ),
    ],
)
def test_refusals(
    call: Callable[[], Any], error: type[SsdhError], message: str, nets: Path
) -> None:
    before = files_of(nets)
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
    assert files_of(nets) == before


def test_an_unknown_keyword() -> None:
    with pytest.raises(TypeError) as caught:
        ssdh_surgery.patch("train_val.prototxt", bit=48)  # type: ignore[call-arg]
    assert str(caught.value) == (
        "patch() got an unexpected keyword argument 'bit'; did you mean 'bits'?"
    )


def test_errors_keep_their_place(nets: Path) -> None:
    Path("bad.prototxt").write_text("name: 'x'\nlayer {\n")
    with pytest.raises(ParseError) as parse_error:
        ssdh_surgery.patch("bad.prototxt")
    assert parse_error.value.location is not None
    assert parse_error.value.location.file == "bad.prototxt"
    with pytest.raises(SurgeryError) as surgery_error:
        ssdh_surgery.patch("train_val.prototxt", at="ip9")
    assert surgery_error.value.hint is not None


def test_an_existing_file_stays_without_force(nets: Path) -> None:
    Path("train_val_ssdh.prototxt").write_text("mine")
    with pytest.raises(FileError, match="the file exists and holds something else"):
        ssdh_surgery.patch("train_val.prototxt")
    assert Path("train_val_ssdh.prototxt").read_text() == "mine"
    assert ssdh_surgery.patch("train_val.prototxt", force=True).written


def test_the_diff_is_that_of_the_command(nets: Path, ssdh: Ssdh) -> None:
    told = ssdh("patch", "train_val.prototxt", "--diff").out
    result = ssdh_surgery.patch("train_val.prototxt", write=False)
    assert "".join(file.diff for file in result.files) == told
