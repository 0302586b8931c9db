"""Commands that change the same files at once, or that are killed: nothing is lost or mixed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.cli import run
from ssdh_surgery.retrieval.codes.code_file import write_codes
from ssdh_surgery.retrieval.codes.codes import Codes, pack
from ssdh_surgery.retrieval.index.places import open_index
from ssdh_surgery.staging.folder_lock import folder_lock
from support import lenet
from support.command_line import Ssdh, snapshot
from support.killed import killed_at_lines
from support.processes import at_once, running

pytestmark = pytest.mark.usefixtures("default_signals", "ssdh")
PAIRS = 10
# Where a kill makes a difference.
MODULES = ("staging/renames.py", "staging/exchange.py")


def command(*words: str) -> Callable[[], int]:
    """A command line, to be run in another process."""
    return lambda: run(list(words))


def write(name: str, *, class_name: str = "") -> None:
    """Four codes, with ids that begin with the name of the file."""
    packed = pack(np.random.default_rng(0).random((4, 16)))
    ids = np.array([f"{name}{number}" for number in range(4)])
    names = (class_name,) if class_name else ()
    write_codes(f"{name}.npz", Codes(packed, 16, ids, np.zeros(4, np.int64), {}, class_names=names))


# ---------------------------------------------------------------- indexes


def test_pairs_of_index_adds_lose_no_code() -> None:
    write("a")
    assert run(["index", "build", "a.npz", "-o", "x.index"]) == 0
    for pair in range(PAIRS):
        names = [f"{side}{pair}" for side in "bc"]
        for name in names:
            write(name)
        codes = at_once(*(command("index", "add", "x.index", f"{name}.npz") for name in names))
        assert codes == [0, 0]
    with open_index("x.index") as index:
        assert len(index) == 4 + 8 * PAIRS


def test_an_add_beside_a_remove() -> None:
    for name in "ab":
        write(name)
    assert run(["index", "build", "a.npz", "-o", "x.index"]) == 0
    adding, removing = (["index", "add", "x.index", "b.npz"], ["index", "remove", "x.index", "a1"])
    assert at_once(command(*adding), command(*removing)) == [0, 0]
    with open_index("x.index") as index:
        ids = {item.id for item in index.items(np.arange(len(index)))}
    assert ids == {"a0", "a2", "a3", "b0", "b1", "b2", "b3"}


def test_pairs_of_adds_to_a_table_lose_no_class(database: str) -> None:
    write("a", class_name="first")
    place = f"{database}#photos"
    assert run(["index", "build", "a.npz", "-o", place]) == 0
    for pair in range(3):
        names = [f"{side}{pair}" for side in "bc"]
        for name in names:
            write(name, class_name=f"class {name}")
        codes = at_once(*(command("index", "add", place, f"{name}.npz") for name in names))
        assert codes == [0, 0]
    with open_index(place) as index:
        assert len(index) == 4 + 8 * 3
        items = index.items(index.rows([f"{side}{pair}0" for side in "bc" for pair in range(3)]))
        assert [item.label_name for item in items] == [f"class {item.id[:-1]}" for item in items]


def test_two_builds_of_one_index(ssdh: Ssdh) -> None:
    for name in "ab":
        write(name)
    codes = at_once(*(command("index", "build", f"{name}.npz", "-o", "x.index") for name in "ab"))
    assert sorted(codes) == [0, 3]
    with open_index("x.index") as index:
        assert len(index) == 4


def test_an_index_that_is_read_only(ssdh: Ssdh, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a")
    write("b")
    ssdh("index", "build", "a.npz", "-o", "x.index")
    Path("x.index").chmod(0o444)
    before = snapshot(Path())
    # Root may write any file.
    monkeypatch.setattr(os, "access", lambda path, mode, **_: not str(path).endswith("x.index"))
    for words in (["add", "x.index", "b.npz"], ["remove", "x.index", "a1"]):
        ran = ssdh("index", *words, code=3)
        assert ran.err == "x.index: cannot write: permission denied\n"
    assert snapshot(Path()) == before


def test_a_table_whose_name_the_server_would_truncate(ssdh: Ssdh) -> None:
    write("a")
    name = "p" * 64
    ran = ssdh("index", "build", "a.npz", "-o", f"postgresql://nowhere/x#{name}", code=2)
    assert f"the table '{name}' has 64 bytes, and PostgreSQL truncates names to 63\n" in ran.err


# ---------------------------------------------------------------- nets and ssdh.toml


def nets() -> list[str]:
    return sorted(tomllib.loads(Path("ssdh.toml").read_text())["nets"])


def test_pairs_of_patches_are_both_recorded() -> None:
    lenet.write(Path())
    for pair in range(3):
        stems = [f"{side}{pair}" for side in "ab"]
        for stem in stems:
            shutil.copy("train_val.prototxt", f"{stem}.prototxt")
        words = [["patch", f"{stem}.prototxt", "--solver", "none"] for stem in stems]
        assert at_once(*(command(*each) for each in words)) == [0, 0]
    assert nets() == ["a0", "a1", "a2", "b0", "b1", "b2"]


def test_patches_in_place_that_follow_each_other() -> None:
    lenet.write(Path())
    words = ["patch", "train_val.prototxt", "--in-place"]
    assert at_once(command(*words), command(*words)) == [0, 0]
    assert base_lr() == 0.001


def test_a_patch_beside_a_deploy() -> None:
    lenet.write(Path())
    assert run(["patch", "train_val.prototxt"]) == 0
    shutil.copy("train_val.prototxt", "other.prototxt")
    patching = ["patch", "other.prototxt", "--solver", "none"]
    assert at_once(command(*patching), command("deploy", "--net", "train_val")) == [0, 0]
    records = tomllib.loads(Path("ssdh.toml").read_text())["nets"]
    assert sorted(records) == ["other", "train_val"]
    assert records["train_val"]["deploy"] == "deploy_ssdh.prototxt"


def test_a_run_that_writes_nothing_waits_for_nobody() -> None:
    lenet.write(Path())
    with locked_by_another(Path()):
        for words in (["--dry-run"], ["--diff"], ["--check"]):
            run(["patch", "train_val.prototxt", *words])


def base_lr() -> float:
    match = re.search(r"^base_lr: (.*)$", Path("solver.prototxt").read_text(), re.MULTILINE)
    assert match
    return float(match[1])


def test_a_killed_patch_in_place_leaves_net_and_solver_old_or_new(
    ssdh: Ssdh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    here = Path()
    words = ("patch", "train_val.prototxt", "--in-place", "--set", "max_iter=7")

    def prepare() -> None:
        for path in here.iterdir():
            path.unlink()
        lenet.write(here)

    def state() -> dict[str, bytes | str]:
        return {name: data for name, data in snapshot(here).items() if not name.startswith(".")}

    prepare()
    old = state()
    ssdh(*words)
    new = state()
    outcomes = []
    for _ in killed_at_lines(MODULES, prepare, lambda: os.dup2(2, 1) and run([*words])):
        ssdh("show", "train_val.prototxt")  # a command that only reads
        outcomes.append(state() == new)
        assert state() in (old, new)
        assert base_lr() == (0.001 if outcomes[-1] else 0.01)
        ssdh(*words)
        assert base_lr() == 0.001
    assert {*outcomes} == {False, True}


# ---------------------------------------------------------------- waiting


@contextlib.contextmanager
def locked_by_another(folder: Path) -> Iterator[None]:
    """Keep a folder locked by another process during the block."""
    read, ready = os.pipe()
    child = os.fork()
    if child == 0:
        with folder_lock(folder):
            os.write(ready, b"x")
            time.sleep(240)
        os._exit(0)
    os.read(read, 1)
    os.close(read)
    os.close(ready)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_wait_is_reported_and_ends_with_ctrl_c() -> None:
    lenet.write(Path())
    words = [sys.executable, "-m", "ssdh_surgery", "patch", "train_val.prototxt"]
    with (
        locked_by_another(Path()),
        running(words, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert line == f"waiting for another ssdh process that is writing in {Path.cwd()}\n"
    assert not Path("ssdh.toml").exists()
