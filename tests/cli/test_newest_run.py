"""The weights that commands take by themselves, after several runs of the embedded engine."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from support.command_line import Ssdh
from support.hashed_run import write_hashed

RUN = ("train", "--engine", "torch", "--weights", "start.caffemodel", "--force", "--iterations")


@pytest.fixture
def here(ssdh: Ssdh, tmp_path: Path) -> Path:
    """After a run of 6 iterations and one of 4."""
    write_hashed(ssdh, tmp_path)
    ssdh(*RUN, "6")
    ssdh(*RUN, "4")
    return tmp_path


def test_encode_export_deploy_and_search_take_the_last_run(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("encode", "records", "-o", "codes.npz")
    assert "deploy_ssdh.prototxt with snap_ssdh_iter_4.caffemodel: " in ran.err
    assert "with snap_ssdh_iter_4.caffemodel\n" in ssdh("export", "-o", "net.onnx").err
    ssdh("index", "build", "codes.npz", "-o", "codes.index")
    cv2.imwrite("picture.png", np.zeros((5, 5, 3), np.uint8))
    words = ("search", "codes.index", "--image", "picture.png")
    assert "deploy_ssdh.prototxt with snap_ssdh_iter_4.caffemodel" in ssdh(*words).err
    Path("deploy_ssdh.prototxt").unlink()
    ran = ssdh("deploy")
    assert "note: its weights are snap_ssdh_iter_4.caffemodel, the newest that fit\n" in ran.err
    assert ran.out.endswith("next: ssdh encode IMAGES -o codes.npz\n")


def test_a_snapshot_of_another_width_is_passed_over(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "net.prototxt", "--bits", "16", "--force")
    ssdh("deploy", "--force")
    ssdh(*RUN, "2")
    ssdh("patch", "net.prototxt", "--bits", "8", "--force")
    ssdh("deploy", "--force")
    passed_over = (
        "warning: snap_ssdh_iter_2.caffemodel is passed over: layer 'latent_SSDH' has 16 outputs "
        "there, but 8 in deploy_ssdh.prototxt\n"
    )
    for words in (("encode", "records", "-o", "codes.npz"), ("export", "-o", "net.onnx")):
        ran = ssdh(*words)
        assert passed_over in ran.err
        assert "with snap_ssdh_iter_4.caffemodel" in ran.err


def test_a_run_on_top_of_another_is_refused(ssdh: Ssdh, here: Path) -> None:
    words = ("train", "--engine", "torch", "--weights", "start.caffemodel")
    ran = ssdh(*words, code=3)
    assert ran.err == (
        "snap_ssdh_iter_4.caffemodel: an earlier run left this snapshot: a run that starts anew "
        "would replace its snapshots, or leave them among its own\n"
        "hint: --resume goes on from it; --force starts anew\n"
    )
    assert "an earlier run left this snapshot" in ssdh(*words, "--dry-run").err
    ssdh("patch", "net.prototxt", "--bits", "16", "--force")
    assert ssdh(*words, code=3).err.endswith("hint: --force starts anew\n")
    ssdh("patch", "net.prototxt", "--bits", "8", "--force")
    ssdh("train", "--engine", "torch", "--resume", "--iterations", "5")
    assert (here / "snap_ssdh_iter_5.caffemodel").is_file()


def test_a_finished_run_is_not_run_again(ssdh: Ssdh, here: Path) -> None:
    before = sorted((here / "runs").iterdir())
    ran = ssdh("train", "--resume", "--iterations", "4", "--engine", "torch")
    assert ran.out == (
        "snap_ssdh_iter_4.solverstate is at iteration 4 of 4: nothing is left to train; "
        "--iterations 8 goes on\n"
    )
    assert ran.err == ""
    ran = ssdh("train", "--resume", "--iterations", "3", "--engine", "torch")
    assert ran.out == (
        "snap_ssdh_iter_4.solverstate is at iteration 4 of 3: nothing is left to train; "
        "--iterations 7 goes on\n"
    )
    assert sorted((here / "runs").iterdir()) == before


def test_the_health_of_the_codes_comes_from_the_snapshot(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh(*RUN, "2")
    assert re.search(
        r"^iteration 2: codes: \d+ distinct of 10(, mAP about \d\.\d\d)?, \d of 8 bits dead, ",
        ran.err,
        re.MULTILINE,
    )
    assert "not measur" not in ran.err


def test_a_hash_layer_without_weights_below_is_warned_of(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("train", "--engine", "torch", "--force", "--iterations", "1")
    assert (
        "train_val_ssdh" not in ran.err
        and "net_ssdh.prototxt: warning SSDH405 from-fillers: there are no weights to start from: "
        "everything starts from its fillers, the whole net (3 layers) and not only the hash layer "
        "'latent_SSDH'\n"
        "hint: start from the trained classifier: --weights FILE (here: start.caffemodel)\n"
    ) in ran.err


def test_from_a_folder_below_and_with_another_folder_paths_are_the_shells(
    ssdh: Ssdh, here: Path
) -> None:
    (here / "below").mkdir()
    ran = ssdh("-C", "below", "train", "--engine", "torch", "--resume", "--iterations", "5")
    assert ran.out == (
        "weights: snap_ssdh_iter_5.caffemodel\nnext: ssdh -C below encode IMAGES -o codes.npz\n"
    )
    assert "\nlog: runs/solver_ssdh-3/train.log\n" in ran.err
    assert "\nsnapshot snap_ssdh_iter_5.caffemodel\n" in ran.err


def test_next_names_the_weights_that_are_there(ssdh: Ssdh, here: Path) -> None:
    words = ("patch", "net.prototxt", "--bits", "12", "--force")
    assert ssdh(*words).out.endswith("next: ssdh train --weights start.caffemodel\n")
    (here / "other.caffemodel").touch()
    assert ssdh("patch", "net.prototxt", "--bits", "24", "--force").out.endswith(
        "next: ssdh train --weights WEIGHTS.caffemodel  # one of: other.caffemodel, "
        "start.caffemodel\n"
    )


@pytest.mark.caffe
def test_of_runs_of_caffe_itself(ssdh: Ssdh, here: Path) -> None:
    words = ("train", "--engine", "binary", "--weights", "start.caffemodel", "--force")
    ran = ssdh(*words, "--iterations", "3")
    assert re.search(
        r"^iteration 3: codes: \d+ distinct of 10(, mAP about \d\.\d\d)?, ", ran.err, re.MULTILINE
    )
    assert re.search(r"^iteration 3 of 3, loss [\d.]+( at iteration \d)?, ", ran.err, re.MULTILINE)
    assert ran.out.startswith("weights: snap_ssdh_iter_3.caffemodel\n")
    assert "with snap_ssdh_iter_3.caffemodel" in ssdh("export", "-o", "net.onnx").err
    ran = ssdh("train", "--engine", "binary", "--resume", "--iterations", "3")
    assert ran.out == (
        "snap_ssdh_iter_3.solverstate is at iteration 3 of 3: nothing is left to train; "
        "--iterations 6 goes on\n"
    )
