"""The help of long commands, and the option that an error about a missing file names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support import lenet
from support.command_line import Ssdh

LONG = ("patch", "deploy", "train", "encode", "evaluate", "data build", "search", "index build")
PATCH_SECTIONS = [
    "What is hashed", "Layers", "Objective", "Data", "Solver", "Writing", "Workspace", "Options",
]  # fmt: skip


def flags(help_text: str) -> list[str]:
    """The options that a help lists, in its order."""
    return re.findall(r"^  (?:-\w, )?(--?[\w-]+)", help_text, re.MULTILINE)


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("name", LONG)
def test_the_short_help_is_one_screen_and_names_the_long_one(ssdh: Ssdh, name: str) -> None:
    short, full = ssdh(*name.split(), "-h").out, ssdh(*name.split(), "--help").out
    assert short.count("\n") <= 40
    assert short.endswith(f"\nssdh {name} --help lists all options.\n")
    assert "\n  Example:\n    ssdh " in short
    common = flags(short)
    assert common
    assert set(common) < set(flags(full))


@pytest.mark.parametrize("name", LONG)
def test_a_section_begins_with_the_common_options(ssdh: Ssdh, name: str) -> None:
    common = set(flags(ssdh(*name.split(), "-h").out))
    help_text = ssdh(*name.split(), "--help").out
    for section in re.split(r"^\w[\w ]*:\n", help_text, flags=re.MULTILINE)[1:]:
        are_common = [flag in common for flag in flags(section)]
        assert are_common == sorted(are_common, reverse=True), section


def test_the_sections_of_patch_follow_the_work(ssdh: Ssdh) -> None:
    help_text = ssdh("patch", "--help").out
    assert re.findall(r"^(\w[\w ]*):$", help_text, re.MULTILINE) == PATCH_SECTIONS


def test_a_short_command_has_one_help(ssdh: Ssdh) -> None:
    assert ssdh("diff", "-h").out == ssdh("diff", "--help").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "encode pictures -o x.npz --deploy deplo.prototxt --weights w",
            "deplo.prototxt: cannot read: no such file (--deploy)\n"
            "hint: did you mean 'deploy.prototxt'?\n",
        ),
        (
            "patch train_val.prototxt --solver sub/solvr.prototxt",
            "sub/solvr.prototxt: cannot read: no such file (--solver)\n"
            "hint: did you mean 'sub/solver.prototxt'?\n",
        ),
        (
            "encode pictures -o x.npz --deploy deploi.prototxt",
            "deploi.prototxt: cannot read: no such file (--deploy)\n"
            "hint: did you mean 'deploy.prototxt'?\n",
        ),
        (
            "export deploi.prototxt -o x.onnx",
            "deploi.prototxt: cannot read: no such file\nhint: did you mean 'deploy.prototxt'?\n",
        ),
        (
            "deploy deploi.prototxt",
            "deploi.prototxt: cannot read: no such file\nhint: did you mean 'deploy.prototxt'?\n",
        ),
        (
            "patch trainval.prototxt",
            "trainval.prototxt: cannot read: no such file\n"
            "hint: did you mean 'train_val.prototxt'?\n",
        ),
        ("show other.prototxt", "other.prototxt: cannot read: no such file\n"),
        # Only a file of that kind, or one with the same name but for its kind, may be meant.
        ("show sub.npz", "sub.npz: cannot read: no such file\n"),
        ("show deployed.npz", "deployed.npz: cannot read: no such file\n"),
        (
            "show deploy.txt",
            "deploy.txt: cannot read: no such file\nhint: did you mean 'deploy.prototxt'?\n",
        ),
    ],
)
def test_a_missing_file_is_named_with_its_option(ssdh: Ssdh, words: str, message: str) -> None:
    lenet.write(Path.cwd())
    Path("deploy.prototxt").write_text(Path("train_val.prototxt").read_text())
    Path("sub").mkdir()
    Path("sub/solver.prototxt").write_bytes(Path("solver.prototxt").read_bytes())
    assert ssdh(*words.split(), code=3).err == message


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("patch train_val.prototxt --preset blogg", "blog"),
        ("patch train_val.prototxt --objective ssdhh", "ssdh"),
        ("encode pictures -o x.npz --engine torhc", "torch"),
        ("index build c.npz -o x.index --kind hsnw", "hnsw"),
        ("zoo show googlenet --kind depoy", "deploy"),
    ],
)
def test_a_word_that_is_nearly_right(ssdh: Ssdh, words: str, near: str) -> None:
    assert f"; did you mean '{near}'?\n" in ssdh(*words.split(), code=2).err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("--at IP2", "did you mean 'ip2'?"),
        ("--head los", "did you mean 'loss'?"),
        ("--at nothing", "ssdh show train_val.prototxt lists its layers and blobs"),
        ("--head nothing", "ssdh show train_val.prototxt lists its layers and blobs"),
    ],
)
def test_a_layer_or_blob_that_does_not_exist(ssdh: Ssdh, words: str, hint: str) -> None:
    lenet.write(Path.cwd())
    err = ssdh("patch", "train_val.prototxt", *words.split(), code=3).err
    assert err.endswith(f"\nhint: {hint}\n")


@pytest.mark.parametrize("name", ["net.prototxt", "mean.txt", "a/b.caffemodel"])
def test_a_folder_is_not_named_like_a_file(ssdh: Ssdh, name: str) -> None:
    lenet.write(Path.cwd())
    err = ssdh("patch", "train_val.prototxt", "--out", name, code=2).err
    assert f"'{name}' is the name of a file, not of a folder" in err
    assert not Path(name).exists()
