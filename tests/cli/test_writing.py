"""What is written, where, and what never is."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import lenet
from support.command_line import Ssdh, snapshot
from support.small_disk import small_disk

WRITTEN = {"train_val_ssdh.prototxt", "solver_ssdh.prototxt", "ssdh.toml"}
NOBODY = 65534

SOLVER_DIFF = """\
--- solver.prototxt
+++ solver_ssdh.prototxt
@@ -1,16 +1,16 @@
 # solver of LeNet
-net: "train_val.prototxt"
+net: "train_val_ssdh.prototxt"
 test_iter: 100
 test_interval: 500
-test_initialization: false
-base_lr: 0.01
+# test_initialization: false
+base_lr: 0.001
 momentum: 0.9
-weight_decay: 0.002
+weight_decay: 0.0005
 lr_policy: "step"
-gamma: 0.96
+gamma: 0.1
 stepsize: 5000
 display: 100
 max_iter: 10000
 snapshot: 5000
-snapshot_prefix: "lenet"
+snapshot_prefix: "lenet_ssdh"
 solver_mode: GPU
"""
NET_DIFF = """\
--- train_val.prototxt
+++ train_val_ssdh.prototxt
@@ -42,14 +42,33 @@
   }
 }
 layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
+layer {
+  name: "latent_SSDH"
+  type: "InnerProduct"
+  bottom: "ip1"
+  top: "latent_SSDH"
+  param { lr_mult: 1 decay_mult: 1 }
+  param { lr_mult: 2 decay_mult: 0 }
+  inner_product_param {
+    num_output: 128
+    weight_filler { type: "gaussian" std: 0.005 }
+    bias_filler { type: "constant" value: 1 }
+  }
+}
+layer {
+  name: "latent_SSDH_encode"
+  type: "Sigmoid"
+  bottom: "latent_SSDH"
+  top: "latent_SSDH_encode"
+}
 # the classifier
 layer {
-  name: "ip2"
+  name: "ip2_change"
   type: "InnerProduct"
-  bottom: "ip1"
-  top: "ip2"
-  param { lr_mult: 1 }
-  param { lr_mult: 2 }
+  bottom: "latent_SSDH_encode"
+  top: "ip2_change"
+  param { lr_mult: 10 }
+  param { lr_mult: 20 }
   inner_product_param {
     num_output: 10  # digits
     weight_filler { type: "xavier" }
@@ -58,9 +77,9 @@
 layer {
   name: "accuracy"
   type: "Accuracy"
-  bottom: "ip2"
+  bottom: "ip2_change"
   bottom: "label"
   top: "accuracy"
   include { phase: TEST }
 }
-layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
+layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2_change" bottom: "label" top: "loss" }
"""


@pytest.fixture
def here(ssdh: Ssdh) -> Path:
    """The current directory, with the three files in it."""
    lenet.write(Path.cwd())
    return Path.cwd()


def test_a_second_run_is_one_line(ssdh: Ssdh, here: Path) -> None:
    first = ssdh("patch", "train_val.prototxt").out
    assert first.count("\n") > 10
    line = (
        "train_val.prototxt (train net): train_val_ssdh.prototxt is up to date; "
        "solver.prototxt (solver): solver_ssdh.prototxt is up to date\n"
    )
    assert ssdh("patch", "train_val.prototxt").out == line
    assert ssdh("patch", "train_val.prototxt", "--check").out == line
    # Details, where they are asked for.
    changes = [each for each in first.splitlines() if each.startswith("   ")]
    for words in (
        ["-v", "patch", "train_val.prototxt"],
        ["patch", "train_val.prototxt", "--dry-run"],
    ):
        assert [each for each in ssdh(*words).out.splitlines() if each in changes] == changes


def test_quiet_is_the_answer_alone(ssdh: Ssdh, here: Path) -> None:
    loud = ssdh("patch", "train_val.prototxt", "--dry-run")
    quiet = ssdh("-q", "patch", "train_val.prototxt", "--dry-run")
    assert quiet.err == ""
    explanations = ("  note: ", "  cost: ", "  code: ", "      the net has ", "next: ")
    answer = [each for each in loud.out.splitlines() if not each.startswith(explanations)]
    assert quiet.out.splitlines() == answer
    assert "note:" in loud.out
    assert ssdh("-q", "patch", "train_val.prototxt").out.startswith(
        "train_val.prototxt (train net): wrote train_val_ssdh.prototxt\n"
    )


def test_the_results_stand_beside_their_sources(ssdh: Ssdh, here: Path) -> None:
    before = snapshot(here)
    ssdh("patch", "train_val.prototxt")
    after = snapshot(here)
    assert set(after) == set(before) | WRITTEN
    assert {name: after[name] for name in before} == before


def test_the_diff_is_the_whole_difference(ssdh: Ssdh, here: Path) -> None:
    before = snapshot(here)
    ran = ssdh("patch", "train_val.prototxt", "--diff")
    assert ran.out == NET_DIFF + SOLVER_DIFF
    assert ran.err == ""
    assert snapshot(here) == before


def test_what_is_written_is_what_the_diff_says(ssdh: Ssdh, here: Path) -> None:
    diff, _ = ssdh.raw("patch", "train_val.prototxt", "--diff")
    ssdh("patch", "train_val.prototxt")
    for old in ("train_val", "solver"):
        shutil.copy(f"{old}.prototxt", f"{old}.copy")
        new = f"{old}_ssdh.prototxt"
        part = b"--- " + next(each for each in diff.split(b"--- ") if each.startswith(old.encode()))
        subprocess.run(["patch", "-s", f"{old}.copy"], input=part, check=True)
        assert (here / f"{old}.copy").read_bytes() == (here / new).read_bytes()


@pytest.mark.parametrize("how", ["--dry-run", "--diff", "--check"])
def test_asking_writes_nothing(ssdh: Ssdh, here: Path, how: str) -> None:
    before = snapshot(here)
    ssdh("patch", "train_val.prototxt", how, code=1 if how == "--check" else 0)
    ssdh("deploy", "deploy.prototxt", how, code=1 if how == "--check" else 0)
    ssdh("patch", "train_val.prototxt", how, "--json", code=1 if how == "--check" else 0)
    ran = ssdh("patch", "train_val.prototxt", how, "--in-place", code=1 if how == "--check" else 0)
    assert "warning" not in ran.err
    ssdh("patch", "train_val.prototxt", how, "--out", "new", code=1 if how == "--check" else 0)
    assert snapshot(here) == before
    assert not (here / "new").exists()


def test_a_dry_run_says_what_would_be_written(ssdh: Ssdh, here: Path) -> None:
    out = ssdh("patch", "train_val.prototxt", "--dry-run").out
    assert "train_val.prototxt (train net): would write train_val_ssdh.prototxt\n" in out
    assert "solver.prototxt (solver): would write solver_ssdh.prototxt\n" in out
    assert "next:" not in out


def test_a_dry_run_says_what_stands_in_the_way(ssdh: Ssdh, here: Path) -> None:
    (here / "solver_ssdh.prototxt").write_text("mine")
    out = ssdh("patch", "train_val.prototxt", "--dry-run").out
    assert (
        "solver.prototxt (solver): would write solver_ssdh.prototxt, but it exists and holds "
        "something else: --force replaces it\n"
    ) in out
    out = ssdh("patch", "train_val.prototxt", "--dry-run", "--force").out
    assert "solver.prototxt (solver): would write solver_ssdh.prototxt\n" in out


def test_check_answers_no_until_it_is_done(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--check", code=1)
    ssdh("patch", "train_val.prototxt")
    ssdh("patch", "train_val.prototxt", "--check")
    (here / "ssdh.toml").unlink()
    ssdh("patch", "train_val.prototxt", "--check")
    assert not (here / "ssdh.toml").exists()
    (here / "solver_ssdh.prototxt").unlink()
    ssdh("patch", "train_val.prototxt", "--check", code=1)


def test_a_file_that_is_there_is_not_replaced(ssdh: Ssdh, here: Path) -> None:
    (here / "solver_ssdh.prototxt").write_text("mine")
    before = snapshot(here)
    ran = ssdh("patch", "train_val.prototxt", code=3)
    assert ran.err == (
        "solver_ssdh.prototxt: the file exists and holds something else; nothing was written\n"
        "hint: --force replaces it, --suffix or --out choose another place\n"
    )
    assert snapshot(here) == before
    ssdh("patch", "train_val.prototxt", "--force")
    assert (here / "solver_ssdh.prototxt").read_text().startswith("# solver of LeNet")


def test_the_very_bytes_need_no_force(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    (here / "solver_ssdh.prototxt").unlink()
    (here / "ssdh.toml").unlink()
    kept = (here / "train_val_ssdh.prototxt").stat()
    out = ssdh("patch", "train_val.prototxt").out
    assert "train_val.prototxt (train net): train_val_ssdh.prototxt is up to date\n" in out
    assert "solver.prototxt (solver): wrote solver_ssdh.prototxt\n" in out
    found = (here / "train_val_ssdh.prototxt").stat()
    assert (found.st_ino, found.st_mtime_ns) == (kept.st_ino, kept.st_mtime_ns)
    assert set(snapshot(here)) >= WRITTEN


def test_out_makes_its_folder(ssdh: Ssdh, here: Path) -> None:
    before = snapshot(here)
    ssdh("patch", "train_val.prototxt", "--out", "a/b")
    assert set(snapshot(here)) == set(before) | {f"a/b/{name}" for name in WRITTEN}


def test_out_is_taken_back_where_nothing_can_be_written(ssdh: Ssdh, here: Path) -> None:
    (here / "solver.prototxt").rename(here / ("s" * 244 + ".prototxt"))
    before = snapshot(here)
    ran = ssdh("patch", "train_val.prototxt", "--out", "a/b", code=3)
    name = "s" * 244 + "_ssdh.prototxt"
    assert ran.err == f"a/b/{name}: cannot write: the name is too long\n"
    assert snapshot(here) == before
    assert not (here / "a").exists()


def test_out_that_is_a_file(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("patch", "train_val.prototxt", "--out", "deploy.prototxt", code=3)
    assert ran.err == "deploy.prototxt: cannot make the folder: a file of that name exists\n"


def test_in_place(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--out", "there")
    new = (here / "there" / "train_val_ssdh.prototxt").read_bytes()
    shutil.rmtree("there")
    before = set(snapshot(here))
    out = ssdh("patch", "train_val.prototxt", "--in-place").out
    assert "train_val.prototxt (train net): wrote train_val.prototxt\n" in out
    assert set(snapshot(here)) == before | {"ssdh.toml"}
    assert (here / "train_val.prototxt").read_bytes() == new
    assert 'net: "train_val.prototxt"' in (here / "solver.prototxt").read_text()


def test_modes_are_kept_and_links_stay(ssdh: Ssdh, here: Path) -> None:
    (here / "far").mkdir()
    (here / "train_val.prototxt").rename(here / "far" / "net.prototxt")
    (here / "far" / "net.prototxt").chmod(0o600)
    (here / "train_val.prototxt").symlink_to("far/net.prototxt")
    ssdh("patch", "train_val.prototxt", "--in-place")
    assert os.readlink("train_val.prototxt") == "far/net.prototxt"
    assert "latent_SSDH" in (here / "far" / "net.prototxt").read_text()
    assert stat.S_IMODE((here / "far" / "net.prototxt").stat().st_mode) == 0o600


def test_an_output_that_is_a_link_is_followed(ssdh: Ssdh, here: Path) -> None:
    (here / "far").mkdir()
    (here / "far" / "net").write_text("old")
    (here / "train_val_ssdh.prototxt").symlink_to("far/net")
    ssdh("patch", "train_val.prototxt", code=3)
    ssdh("patch", "train_val.prototxt", "--force")
    assert os.readlink("train_val_ssdh.prototxt") == "far/net"
    assert "latent_SSDH" in (here / "far" / "net").read_text()


def test_a_folder_in_the_way_is_never_replaced(ssdh: Ssdh, here: Path) -> None:
    (here / "solver_ssdh.prototxt").mkdir()
    before = snapshot(here)
    ran = ssdh("patch", "train_val.prototxt", "--force", code=3)
    assert ran.err == "solver_ssdh.prototxt: cannot write: is a folder, not a file\n"
    assert snapshot(here) == before


def test_two_results_with_one_place(ssdh: Ssdh, here: Path) -> None:
    lenet.write(here / "other", train=lenet.TRAIN.replace("500", "300"), solver=None)
    before = snapshot(here)
    ran = ssdh(
        *("patch", "train_val.prototxt", "other/train_val.prototxt"),
        *("--solver", "none", "--out", "new"),
        code=3,
    )
    assert ran.err == (
        "new/train_val_ssdh.prototxt: the results of train_val.prototxt and "
        "other/train_val.prototxt would both go here; nothing was written\n"
        "hint: patch them one by one, with another --out or --suffix\n"
    )
    assert snapshot(here) == before


def test_one_file_named_twice_is_one_file(ssdh: Ssdh, here: Path) -> None:
    twice = ssdh("patch", "train_val.prototxt", "./train_val.prototxt", "--json", "--dry-run").json
    once = ssdh("patch", "train_val.prototxt", "--json", "--dry-run").json
    assert twice == once


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dry-run", "--diff"], "--dry-run, --diff and --check exclude each other"),
        (["--suffix", ""], "an empty --suffix needs --out or --in-place"),
        (["--suffix", "a/b"], "Invalid value for '--suffix': 'a/b' is not part of a file name"),
    ],
)
def test_options_that_contradict(ssdh: Ssdh, here: Path, words: list[str], message: str) -> None:
    ran = ssdh("patch", "train_val.prototxt", *words, code=2)
    assert ran.err == f"error: {message}\nhint: ssdh patch --help\n"


def test_in_place_excludes_another_folder(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("patch", "train_val.prototxt", "--in-place", "--out", "x", code=2)
    assert ran.err == "error: --in-place and --out exclude each other\n"


def test_an_empty_suffix_with_out(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--suffix", "", "--out", "new")
    assert set(snapshot(here / "new")) == {"train_val.prototxt", "solver.prototxt", "ssdh.toml"}
    solver = (here / "new" / "solver.prototxt").read_text()
    assert 'net: "new/train_val.prototxt"' in solver
    assert 'snapshot_prefix: "new/lenet"' in solver


def test_the_suffix_is_never_there_twice(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    ran = ssdh("patch", "train_val_ssdh.prototxt", "--bits", "64", code=3)
    assert ran.err.startswith("train_val_ssdh.prototxt: the file exists and holds something else")
    ssdh("patch", "train_val_ssdh.prototxt", "--bits", "64", "--in-place")
    assert "num_output: 64" in (here / "train_val_ssdh.prototxt").read_text()
    assert set(snapshot(here)) == WRITTEN | {
        "train_val.prototxt",
        "solver.prototxt",
        "deploy.prototxt",
    }


# ---------------------------------------------------------------- disks and rights


@pytest.fixture
def disk(here: Path) -> Iterator[Path]:
    """A file system that has room for the net and not for the solver."""
    with small_disk(here, "8k") as folder:
        yield folder


def test_a_full_disk(ssdh: Ssdh, disk: Path) -> None:
    ran = ssdh("patch", "train_val.prototxt", "--out", "disk", code=3)
    # The net has gone to its temporary name by then: it is taken back.
    assert ran.err == "disk/ssdh.toml: cannot write: no space left on the disk\n"
    assert list(disk.iterdir()) == []


def test_a_read_only_disk(ssdh: Ssdh, disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    ran = ssdh("patch", "train_val.prototxt", "--out", "disk", code=3)
    assert ran.err == ("disk/train_val_ssdh.prototxt: cannot write: the file system is read-only\n")


@pytest.fixture
def locked(ssdh: Ssdh, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the three files that may be read and not written, whoever runs the test."""
    folder = Path(tempfile.mkdtemp())
    lenet.write(folder)
    is_root = os.geteuid() == 0
    folder.chmod(0o555)
    if is_root:
        os.seteuid(NOBODY)
    monkeypatch.chdir(folder)
    yield folder
    if is_root:
        os.seteuid(0)
    folder.chmod(0o700)
    shutil.rmtree(folder)


@pytest.mark.parametrize("how", [(), ("--in-place",)], ids=["beside", "in-place"])
def test_a_read_only_folder(ssdh: Ssdh, locked: Path, how: tuple[str, ...]) -> None:
    before = snapshot(locked)
    ran = ssdh("patch", "train_val.prototxt", *how, code=3)
    name = "train_val.prototxt" if how else "train_val_ssdh.prototxt"
    assert ran.err == f"{name}: cannot write: permission denied\n"
    assert snapshot(locked) == before


def test_a_folder_that_may_not_be_read(ssdh: Ssdh, locked: Path) -> None:
    ran = ssdh("patch", "train_val.prototxt", "--out", "new", code=3)
    assert ran.err == "new: cannot make the folder: permission denied\n"
