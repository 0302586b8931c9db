"""The Caffe that `make caffe` builds, held against BVLC Caffe 1.0's records.

What differs is excused by tests/caffe_differences.toml alone; that each difference is real is
shown here for what is missing, and in test_differences.py for what behaves otherwise.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.engines.caffe_binary.executable import built_caffe, built_pycaffe
from support.paths import CAFFE_DIFFERENCES, GOLDEN, REPLAY_RECORDS

DIFFERENCES = tomllib.loads(CAFFE_DIFFERENCES.read_text())["difference"]
LAYERS = sorted(file.stem for file in (GOLDEN / "layers").glob("*.npz"))
RUNS = sorted(f.stem.removeprefix("golden_") for f in (GOLDEN / "train").glob("golden_*.npz"))


def listed(key):
    """All items of one key over all differences."""
    return {item for difference in DIFFERENCES for item in difference.get(key, [])}


def test_nothing_is_found_where_nothing_was_built(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert (built_caffe(), built_pycaffe()) == (None, None)


def test_the_current_build_is_found_and_followed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    builds = tmp_path / "ssdh-surgery" / "caffe"
    (builds / "1234" / "bin").mkdir(parents=True)
    (builds / "1234" / "python" / "caffe").mkdir(parents=True)
    (builds / "1234" / "python" / "caffe" / "_caffe.so").touch()
    (builds / "1234" / "bin" / "caffe").touch(mode=0o755)
    (builds / "current").symlink_to("1234")

    assert built_caffe() == builds / "1234" / "bin" / "caffe"
    assert built_pycaffe() == builds / "1234" / "python"


def test_the_cache_is_in_the_home_folder_unless_xdg_says_otherwise(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".cache" / "ssdh-surgery" / "caffe" / "current" / "bin"
    folder.mkdir(parents=True)
    (folder / "caffe").touch(mode=0o755)

    assert built_caffe() == folder / "caffe"


def test_what_cannot_be_executed_is_not_a_caffe(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "ssdh-surgery" / "caffe" / "current" / "bin"
    folder.mkdir(parents=True)
    (folder / "caffe").touch(mode=0o644)

    assert built_caffe() is None


@pytest.fixture(scope="session")
def replayed(tmp_path_factory):
    """The folder in which every record has been run once."""
    out = tmp_path_factory.mktemp("replayed")
    train = shutil.copytree(GOLDEN / "train", out / "train")  # LMDB puts its lock files there
    records = [GOLDEN / "layers" / f"{name}.npz" for name in LAYERS]
    records += [train / f"golden_{name}.npz" for name in RUNS]
    subprocess.run(
        [sys.executable, REPLAY_RECORDS, built_pycaffe(), out, *records],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        check=True,
    )
    return out


def why(log):
    """What Caffe died of."""
    return re.findall(r"^F.*?\] (.*)", log.read_text(), re.MULTILINE)


@pytest.mark.caffe
@pytest.mark.parametrize("name", sorted(set(LAYERS) - listed("records")))
def test_layer_computes_what_bvlc_recorded(name, replayed):
    record = np.load(GOLDEN / "layers" / f"{name}.npz")
    ours = np.load(replayed / f"{name}.npz")
    inputs = {key for key in record.files if re.match(r"(bottom|param|top_diff)\d", key)}

    assert set(ours.files) == set(record.files) - inputs
    for key in ours.files:
        np.testing.assert_allclose(ours[key], record[key], rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.mark.caffe
@pytest.mark.parametrize("name", sorted(set(RUNS) - listed("trajectories")))
def test_training_goes_where_bvlc_went(name, replayed):
    record = np.load(GOLDEN / "train" / f"golden_{name}.npz")
    ours = np.load(replayed / f"golden_{name}.npz")

    assert set(ours.files) == set(record.files)
    for key in ("last_micro_batch_loss", "test_loss", "test_accuracy"):
        np.testing.assert_allclose(ours[key], record[key], rtol=1e-3, err_msg=key)
    for key in (key for key in ours.files if "/" in key):
        distance = np.linalg.norm(ours[key] - record[key])
        assert distance <= 2e-3 * np.linalg.norm(record[key]), key


@pytest.mark.caffe
@pytest.mark.parametrize("name", sorted(listed("records")))
def test_excused_record_is_refused(name, replayed):
    assert name in LAYERS
    assert not (replayed / f"{name}.npz").exists()
    assert len(why(replayed / f"{name}.log")) == 1


@pytest.mark.caffe
@pytest.mark.parametrize("name", sorted(listed("trajectories")))
def test_excused_training_is_refused(name, replayed):
    assert name in RUNS
    assert not (replayed / f"golden_{name}.npz").exists()
    assert "Unknown layer type: K1_EuclideanLoss" in why(replayed / f"golden_{name}.log")[0]


@pytest.fixture(scope="session")
def inventory():
    """The layer types, and the fields with their defaults, that the built Caffe knows."""
    script = """if True:
        import json, sys
        sys.path.insert(0, sys.argv[1])
        import caffe
        from caffe.proto import caffe_pb2
        found = {}
        for message in caffe_pb2.DESCRIPTOR.message_types_by_name.values():
            found[message.name] = {f.name: repr(f.default_value) for f in message.fields}
        json.dump([list(caffe.layer_type_list()), found], sys.stdout)
    """
    run = subprocess.run(
        [sys.executable, "-c", script, built_pycaffe()], stdout=subprocess.PIPE, check=True
    )
    return json.loads(run.stdout)


@pytest.mark.caffe
def test_exactly_the_listed_layers_are_missing(inventory):
    log = (GOLDEN / "logs" / "unknown_layer_type.log").read_text()
    of_bvlc = set(re.search(r"known types: ([\w, ]+)\)", log)[1].split(", "))
    of_ssdh = {"K1_EuclideanLoss", "K2_EuclideanLoss"}

    assert set(inventory[0]) == (of_bvlc | of_ssdh) - listed("layers")


@pytest.mark.caffe
def test_exactly_the_listed_messages_and_fields_are_missing(inventory):
    theirs = inventory[1]
    fields = {
        f"{message}.{field.name}"
        for message in set(schema.messages()) & set(theirs)
        for field in schema.descriptor(message).fields
        if field.name not in theirs[message]
    }

    assert set(schema.messages()) - set(theirs) == listed("messages")
    assert fields == listed("fields")


@pytest.mark.caffe
def test_exactly_the_listed_fields_have_another_default(inventory):
    theirs = inventory[1]
    others = {
        f"{message}.{field.name}"
        for message in set(schema.messages()) & set(theirs)
        for field in schema.descriptor(message).fields
        if theirs[message].get(field.name, repr(field.default_value)) != repr(field.default_value)
    }

    assert others == listed("defaults")


def skeleton(log):
    """The messages of a log without their numbers, and their numbers.

    Left out: times, process ids, lines of the source, and what a reading thread says when it
    comes to it.
    """
    whose = r"Opened lmdb|Restarting data|Waiting for data|Data layer prefetch queue empty"
    lines = [re.sub(r"^([IWEF])\d{8} \S+ +\d+ \S+\] ", r"\1 ", line) for line in log.splitlines()]
    lines = [re.sub(r" \(\S+ iter/s, [^)]*\)", "", line) for line in lines]
    text = "\n".join(line for line in lines if not re.match(rf"I ({whose})", line))
    number = r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])"
    return re.sub(number, "#", text), [float(n) for n in re.findall(number, text)]


@pytest.mark.caffe
def test_finetuning_is_logged_as_bvlc_logs_it(tmp_path, caffe):
    folder = shutil.copytree(GOLDEN / "train", tmp_path / "train")
    (folder / "snapshots").mkdir()
    solver = (folder / "solver_sgd_step_ssdh.prototxt").read_text()
    for old, new in [
        (
            "test_interval: 1000\ntest_initialization: false\ndisplay: 1",
            "test_interval: 10 display: 5",
        ),
        ("snapshot: 0\nsnapshot_after_train: false", "snapshot: 10"),
        ('"snap_sgd_step_ssdh"', '"snapshots/ssdh_step_ssdh"'),
    ]:
        assert old in solver
        solver = solver.replace(old, new)
    (folder / "solver.prototxt").write_text(solver)

    run = subprocess.run(
        [caffe, "train", "--solver=solver.prototxt", "-weights", "init.caffemodel"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    words, numbers = skeleton(run.stderr)
    their_words, their_numbers = skeleton((GOLDEN / "logs" / "finetune_ok.log").read_text())

    assert run.stdout == ""
    assert words == their_words
    np.testing.assert_allclose(numbers, their_numbers, rtol=1e-3, atol=1e-6)
