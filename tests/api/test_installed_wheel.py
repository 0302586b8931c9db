"""The types of the package reach a program that uses an installed wheel, checked strictly."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.paths import ROOT

GOOD = """\
from pathlib import Path
from typing import assert_type

import ssdh_surgery
from ssdh_surgery import Difference, EditedFile, EditResult, Hit, SsdhError, Transformer, open_net

result = ssdh_surgery.patch("net.prototxt", bits=48, lr_mult=(1, 2), set={"max_iter": 9})
assert_type(result, EditResult)
assert_type(result.files, tuple[EditedFile, ...])
assert_type(result.files[0].changes, tuple[Difference, ...])
assert_type(result.written, tuple[Path, ...])
assert_type(ssdh_surgery.deploy(origin="train", batch=1, write=False), EditResult)
assert_type(ssdh_surgery.upgrade("old.prototxt", in_place=True), EditResult)
assert_type(ssdh_surgery.encode(["a.png"], "codes.npz", resize=(256, 256)).count, int)
assert_type(ssdh_surgery.build_index("codes.npz", "x.index").warnings, tuple[str, ...])
assert_type(ssdh_surgery.search("x.index", ids="a").answers[0].hits, tuple[Hit, ...])
assert_type(ssdh_surgery.evaluate("q.npz", "d.npz", map=["all", 9]).warnings(), list[str])
assert_type(ssdh_surgery.read_codes("q.npz").bits, int)
net = open_net("deploy.prototxt", "w.caffemodel", engine="torch")
Transformer({"data": net.blobs["data"].data.shape}).set_raw_scale("data", 255)
net.forward_all(data=[[1.0]])
try:
    ssdh_surgery.parse(b"name: 1")
except SsdhError as error:
    assert_type(error.hint, str | None)
"""
# Each line is an error.
BAD = """\
import ssdh_surgery
ssdh_surgery.patch("net.prototxt", bits="48")
ssdh_surgery.patch("net.prototxt", bit=48)
ssdh_surgery.patch("net.prototxt", aux="some")
ssdh_surgery.encode("photos", "codes.npz", engine="caffe")
ssdh_surgery.search("x.index", k="5")
ssdh_surgery.no_such_function()
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that has nothing but the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    # Building leaves files next to the sources, so a copy is built.
    shutil.copytree(ROOT / "ssdh_surgery", folder / "source" / "ssdh_surgery")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*pip, "wheel", *options, str(folder / "source")], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    python = folder / "env" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "--python", str(python), "install", "--no-deps", wheel], check=True)
    return python


def other_files(package: Path) -> set[Path]:
    """The files of a package that are no modules."""
    return {
        path.relative_to(package)
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".py" and path.parent.name != "__pycache__"
    }


def test_files_that_are_no_modules_are_in_it(python: Path) -> None:
    package = next((python.parents[1] / "lib").glob("*/site-packages/ssdh_surgery"))
    assert other_files(package) == other_files(ROOT / "ssdh_surgery")


def checked(python: Path, program: str, folder: Path) -> str:
    """What mypy says about a program outside of the project."""
    (folder / "program.py").write_text(program)
    command = ["mypy", "--strict", "--python-executable", str(python), "program.py"]
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    ).stdout


def test_a_right_program(python: Path, tmp_path: Path) -> None:
    assert checked(python, GOOD, tmp_path) == "Success: no issues found in 1 source file\n"


def test_a_wrong_program(python: Path, tmp_path: Path) -> None:
    out = checked(python, BAD, tmp_path)
    lines = {int(line) for line in re.findall(r"^program\.py:(\d+): error", out, re.M)}
    assert lines == set(range(2, len(BAD.splitlines()) + 1)), out
