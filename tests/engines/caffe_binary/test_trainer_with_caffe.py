"""The real executable, trained on the small net of the records, interrupted and misled."""

import contextlib
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.engines import events
from ssdh_surgery.engines.caffe_binary.binary_trainer import BinaryTrainer
from ssdh_surgery.engines.trainer import TrainJob
from ssdh_surgery.errors import EngineError
from support.engine_logs import parse_log

pytestmark = [pytest.mark.caffe, pytest.mark.usefixtures("default_signals")]

NET = "net_ssdh.prototxt"
SOLVER = "solver_sgd_step_ssdh.prototxt"


@pytest.fixture
def folder(tmp_path, monkeypatch, golden):
    """A folder that holds data, mean, weights, net and solver, and is the current one."""
    names = ("train_lmdb", "test_lmdb", "mean.binaryproto", "init.caffemodel", NET, SOLVER)
    for name in names:
        source = golden / "train" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(file, **fields):
    """Set fields of a text by name, adding those that it lacks at its end."""
    text = Path(file).read_text()
    for old, new in fields.pop("texts", {}).items():
        assert old in text
        text = text.replace(old, new)
    for name, value in fields.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"{name}:")]
        text = "\n".join([*lines, f"{name}: {value}", ""])
    Path(file).write_text(text)


def train(caffe, act=lambda event: None, **fields):
    job = TrainJob(**{"solver": SOLVER, "cwd": Path(), "log": Path("c.log"), **fields})
    seen = []
    with contextlib.closing(BinaryTrainer(caffe).run(job)) as found:
        for event in found:
            seen.append(event)
            act(event)
    return seen


def names(found):
    # Whether the net waits for its data depends on the machine.
    return [type(event).__name__ for event in found if not isinstance(event, events.DataWait)]


def of(found, kind):
    return [event for event in found if isinstance(event, kind)]


def interrupt_at_start():
    done = []

    def act(event):
        if isinstance(event, events.Iteration) and not done:
            done.append(event)
            os.kill(os.getpid(), signal.SIGINT)

    return act


def test_training(folder, caffe, golden):
    change(SOLVER, snapshot=10, test_interval=10)
    seen = train(caffe, weights="init.caffemodel")
    record = np.load(golden / "train" / "golden_sgd_step_ssdh.npz")
    losses = [event.loss for event in of(seen, events.Iteration)]
    assert losses[:20] == pytest.approx(record["last_micro_batch_loss"], rel=1e-3)
    finished, last = seen[-2:]
    assert not finished.is_early
    assert last.code == 0
    outputs = [(o.name, o.loss_weight) for o in of(seen, events.TrainOutput)[:3]]
    assert outputs == [("fire_rate", 0.5), ("forcing_binary", -0.5), ("loss", 1.0)]
    tests = {o.name: o.value for o in of(seen, events.TestOutput) if o.iteration == 20}
    assert tests["accuracy"] == pytest.approx(record["test_accuracy"])
    assert [s.state for s in of(seen, events.Snapshot)] == [
        f"snap_sgd_step_ssdh_iter_{i}.solverstate" for i in (10, 20)
    ]
    assert {event.weights for event in of(seen, events.WeightsLoad)} == {"init.caffemodel"}
    # The log is caffe's own, and says the same when it is read afterwards.
    assert list(parse_log(Path("c.log").read_text().splitlines())) == seen[1:-1]


def test_an_interrupt_and_a_resumed_run(folder, caffe):
    change(SOLVER, max_iter=10**7, snapshot_after_train="true", display=1000)
    seen = train(caffe, act=interrupt_at_start())
    assert names(seen)[-3:] == ["Snapshot", "TrainingEnd", "RunExit"]
    assert (seen[-1].code, seen[-1].is_interrupted) == (0, True)
    snapshot = seen[-3]
    assert Path(snapshot.weights).exists()
    assert Path(snapshot.state).exists()

    reached = int(snapshot.state.split("_iter_")[1].removesuffix(".solverstate"))
    change(SOLVER, max_iter=reached + 5, display=1)
    seen = train(caffe, snapshot=snapshot.state, log=Path("d.log"))
    assert of(seen, events.SnapshotLoad)[0].snapshot == snapshot.state
    assert [event.iteration for event in of(seen, events.Iteration)] == list(
        range(reached, reached + 6)
    )


def test_an_interrupt_without_snapshot_after_train(folder, caffe):
    change(SOLVER, max_iter=10**7, display=1000)
    assert "snapshot_after_train: false" in Path(SOLVER).read_text()
    seen = train(caffe, act=interrupt_at_start(), snapshot_after_train=False)
    assert len(of(seen, events.Snapshot)) == 1
    assert names(seen)[-2:] == ["TrainingEnd", "RunExit"]
    assert seen[-2].is_early
    assert (seen[-1].code, seen[-1].is_interrupted) == (0, True)
    assert len(list(folder.glob("*.solverstate"))) == 1


def test_an_interrupt_during_a_test_pass(folder, caffe):
    change(
        SOLVER,
        test_iter=10**7,
        test_initialization="true",
        test_interval=10,
        snapshot_after_train="true",
    )

    def act(event):
        if isinstance(event, events.TestStart):
            os.kill(os.getpid(), signal.SIGINT)

    seen = train(caffe, act=act)
    assert names(seen)[-6:] == [
        "TestStart",
        "StopRequest",
        "TestEnd",
        "Snapshot",
        "TrainingEnd",
        "RunExit",
    ]
    assert seen[-4].is_interrupted


def test_two_interrupts(folder, caffe):
    change(SOLVER, test_iter=10**9, test_initialization="true", test_interval=10)

    def act(event):
        if isinstance(event, events.TestStart):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    last = train(caffe, act=act)[-1]
    assert (last.code, last.is_interrupted, last.is_killed) == (137, True, True)


def test_layers_that_the_net_lacks(folder, caffe):
    change(NET, texts={'name: "classifier_change"': 'name: "another"'})
    change(NET, texts={'name: "a"': 'name: "b2"'})
    seen = train(caffe, weights="init.caffemodel")
    ignored = {event.layer for event in of(seen, events.SurplusLayer)}
    assert {"classifier_change", "a"} <= ignored


def fail(caffe, **fields):
    with pytest.raises(EngineError) as caught:
        train(caffe, **fields)
    return caught.value


def ended(message, code=134, name=" (SIGABRT)"):
    return f"{message}; caffe ended with exit code {code}{name}"


def test_missing_files(folder, caffe):
    here = f"relative paths start at {folder}, the folder that caffe runs in"
    error = fail(caffe, solver="absent.prototxt")
    assert error.message == ended("the solver 'absent.prototxt' does not exist")
    assert error.hint == here
    error = fail(caffe, weights="absent.caffemodel", log=Path("2.log"))
    assert error.message == ended("the weights file 'absent.caffemodel' does not exist")
    error = fail(caffe, snapshot="absent.solverstate", log=Path("3.log"))
    assert error.message == ended("the snapshot 'absent.solverstate' does not exist")
    (folder / "train_lmdb").rename("elsewhere")
    error = fail(caffe, log=Path("4.log"))
    assert error.message == ended("the LMDB 'train_lmdb' does not exist (layer 'data')")
    assert error.hint == here
    (folder / "elsewhere").rename("train_lmdb")
    (folder / "mean.binaryproto").unlink()
    error = fail(caffe, log=Path("5.log"))
    assert error.message == ended("the mean file 'mean.binaryproto' does not exist")
    (folder / NET).unlink()
    error = fail(caffe, log=Path("6.log"))
    assert error.message == ended(f"the net '{NET}' does not exist")


def test_weights_that_are_cut_short(folder, caffe):
    Path("cut.caffemodel").write_bytes(Path("init.caffemodel").read_bytes()[:5000])
    error = fail(caffe, weights="cut.caffemodel")
    assert error.message == ended("the weights file 'cut.caffemodel' cannot be read")


def test_weights_of_another_shape(folder, caffe):
    change(NET, texts={"num_output: 16": "num_output: 24"})
    error = fail(caffe, weights="init.caffemodel")
    assert error.message == ended(
        "param 0 of layer 'latent_SSDH' has the shape (16 128) in the weights, but (24 128) in "
        "the net"
    )
    assert error.layer == "latent_SSDH"


def test_an_unknown_field(folder, caffe):
    text = Path(NET).read_text()
    change(NET, texts={"num_output: 16": "num_outptu: 16"})
    line = text[: text.index("num_output: 16")].count("\n") + 1
    error = fail(caffe)
    assert str(error.location).startswith(f"{NET}:{line}:")
    start = error.location.column - 1
    assert error.location.text[start:].startswith("num_outptu: 16")
    assert error.message == ended(
        'caffe cannot parse this net: Message type "caffe.InnerProductParameter" has no field '
        'named "num_outptu"'
    )


def test_wrong_nets(folder, caffe):
    def of_change(old, new, log):
        text = Path(NET).read_text()
        change(NET, texts={old: new})
        try:
            return fail(caffe, log=Path(log)).message
        finally:
            Path(NET).write_text(text)

    assert of_change('"Sigmoid"', '"K1_EuclideanLoss"', "1.log") == ended(
        "this Caffe has no layer type 'K1_EuclideanLoss' (layer 'latent_SSDH_encode'): only the "
        "SSDH authors' Caffe has it"
    )
    assert of_change('bottom: "pool5"', 'bottom: "pool55"', "2.log") == ended(
        "layer 'latent_SSDH' reads the blob 'pool55' (bottom index 0), which no layer above "
        "writes in this phase"
    )
    assert of_change('top: "loss"', 'top: "fire_rate"', "3.log") == ended(
        "two layers write the blob 'fire_rate' in the same phase"
    )
    assert of_change('mean_file: "mean', 'crop_size: 40 mean_file: "mean', "4.log") == ended(
        "crop_size is 40, but the height of the images of 'train_lmdb' is 28 (layer 'data')"
    )
    assert of_change("backend: LMDB", "", "5.log") == ended(
        "'train_lmdb' is an LMDB, but read as a LevelDB (layer 'data')"
    )
    assert of_change('"xavier"', '"xaver"', "6.log") == ended(
        "Caffe has no filler 'xaver' (layer 'conv1')"
    )
    assert of_change('source: "train_lmdb"', 'source: "."', "7.log") == ended(
        "'.' is not an LMDB: it contains no data.mdb (layer 'data')"
    )


def test_mixed_dialects(folder, caffe):
    change(NET, name='"x" layers { name: "old" type: RELU bottom: "a" top: "a" }')
    assert fail(caffe).message == ended(
        "the net mixes 'layer' and 'layers' entries, which Caffe does not accept"
    )


def test_wrong_solvers(folder, caffe):
    change(SOLVER, lr_policy='"setp"')
    change(SOLVER, texts={'lr_policy: "step"': ""})
    assert fail(caffe).message == ended("Caffe has no lr_policy 'setp'")
    change(SOLVER, lr_policy='"step"', type='"SDG"')
    error = fail(caffe, log=Path("2.log"))
    assert error.message == ended("this Caffe has no solver type 'SDG'")
    assert error.hint == "did you mean 'SGD'?"
    change(SOLVER, type='"SGD"', snapshot=5, snapshot_prefix='"absent/x"')
    error = fail(caffe, log=Path("3.log"))
    assert error.message == ended("snapshots cannot be written to 'absent/x'")


def test_a_gpu_for_a_cpu_only_caffe(folder, caffe):
    error = fail(caffe, gpu="1")
    assert error.message == ended("a GPU was requested, but this Caffe was built for the CPU only")
    assert error.hint == "train with --gpu none, or choose a Caffe with CUDA: --caffe"


def test_wrong_command_lines(folder, caffe):
    error = fail(caffe, extra=("--iteration=5",))
    assert error.message == ended("caffe has no flag 'iteration'", 1, "")
    error = fail(caffe, extra=("again",), log=Path("2.log"))
    assert error.message == ended("caffe printed its usage message and did not train", 0, "")
    error = fail(caffe, gpu="first", log=Path("3.log"))
    assert error.message == ended("caffe cannot parse the GPU numbers passed with -gpu")
    error = fail(caffe, weights="init.caffemodel", snapshot="s", log=Path("4.log"))
    assert error.message == ended("caffe takes -snapshot or -weights, not both")


def test_solverstates_that_do_not_fit(folder, caffe, golden):
    stem = "snap_sgd_step_ssdh_iter_20"
    shutil.copy(golden / "train" / f"{stem}.solverstate", folder)
    assert fail(caffe, snapshot=f"{stem}.solverstate").message == ended(
        f"the weights file '{stem}.caffemodel', named by the snapshot, does not exist"
    )
    shutil.copy(golden / "train" / f"{stem}.caffemodel", folder)
    change(SOLVER, type='"Adam"')
    error = fail(caffe, snapshot=f"{stem}.solverstate", log=Path("2.log"))
    assert error.message == ended("the solverstate belongs to another net or another solver type")


def test_a_loss_of_nan(folder, caffe):
    # With nan for every score, the layer Accuracy writes where it must not, and caffe crashes.
    change(SOLVER, texts={"base_lr: 0.05": "base_lr: 1e30"})
    assert fail(caffe).message.startswith("the loss became nan by iteration 1; caffe ended with")
