"""The embedded engine as a trainer: its log, tests, signals, and what it refuses."""

from __future__ import annotations

import dataclasses
import math
import os
import re
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.engines import events
from ssdh_surgery.engines.torch.run.devices import devices
from ssdh_surgery.engines.torch.run.torch_trainer import TorchTrainer
from ssdh_surgery.errors import DataError, EngineError, FileError, SsdhError, UsageError
from support.training import (
    Run,
    Runner,
    difference,
    write_all,
    write_net,
    write_records,
    write_solver,
)

pytestmark = pytest.mark.usefixtures("default_signals")


def losses(run: Run) -> list[float]:
    return [event.loss for event in run.all(events.Iteration)]


def refusal(runner: Runner, solver: Path, **fields: str) -> str:
    with pytest.raises(SsdhError) as caught:
        runner.run(solver, **fields)
    assert (runner.folder / f"{runner.count}.log").read_text().splitlines()[-1].startswith("F") or (
        "\nF" in (runner.folder / f"{runner.count}.log").read_text()
    )
    return str(caught.value).replace(f"{runner.folder}/", "")


# What a run is.


def test_a_run_begins_and_ends_with_what_it_is(tmp_path: Path) -> None:
    solver = write_all(tmp_path, max_iter=1, display=0)
    run = Runner(tmp_path).run(solver)
    kinds = [type(event).__name__ for event in run.events]
    assert kinds == ["RunStart", "Device", "TrainingStart", "TrainingEnd", "RunExit"]
    started, device = run.events[:2]
    assert started.command == ("ssdh", "train", "--engine", "torch", "--solver", str(solver))
    assert (started.cwd, started.pid) == (tmp_path, os.getpid())
    assert device.gpus == ()
    times = [event.elapsed for event in run.events]
    assert times == sorted(times)
    assert times[-1] > 0


def test_a_seed_makes_runs_equal(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    solver = write_all(tmp_path, snapshot=6)
    first = losses(runner.run(solver))
    assert losses(runner.run(solver)) == first
    assert losses(runner.run(write_solver(tmp_path, random_seed=8))) != first
    unseeded = write_solver(tmp_path, random_seed=None)
    assert losses(runner.run(unseeded)) != losses(runner.run(unseeded))


def test_threads_change_nothing_but_speed(tmp_path: Path) -> None:
    solver = write_all(tmp_path)
    one = losses(Runner(tmp_path).run(solver))
    before = torch.get_num_threads()
    many = Runner(tmp_path, {"readers": 3, "threads": 2}, count=10).run(solver)
    assert losses(many) == pytest.approx(one, rel=1e-6)
    assert torch.get_num_threads() == before


def test_paths_are_looked_up_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths in the solver from `cwd`; those of the job from the current directory."""
    inner = tmp_path / "inner"
    inner.mkdir()
    write_all(inner, snapshot=6, max_iter=6)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    runner = Runner(inner)
    run = runner.run(Path("../inner/solver.prototxt"))
    assert (inner / "snap_iter_6.caffemodel").exists()
    assert run.all(events.Snapshot)[0].weights == "snap_iter_6.caffemodel"
    fine = runner.run(Path("../inner/solver.prototxt"), weights="../inner/snap_iter_6.caffemodel")
    assert fine.all(events.WeightsLoad)[0].weights == "../inner/snap_iter_6.caffemodel"
    assert losses(fine)[0] != losses(run)[0]


def test_weights_are_copied_and_told(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.run(write_all(tmp_path, snapshot=6))
    net = tmp_path / "net.prototxt"
    net.write_text(net.read_text().replace('"ip2"', '"new"'))
    run = runner.run(write_solver(tmp_path), weights=str(tmp_path / "snap_iter_6.caffemodel"))
    assert [event.layer for event in run.all(events.SurplusLayer)] == ["ip2"]
    assert "] Copying source layer ip1\n" in run.text
    assert "] Layer new is not in the weights: its fillers stay\n" in run.text


def test_a_solver_names_its_weights(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.run(write_all(tmp_path, snapshot=6))
    solver = write_solver(tmp_path, weights='"snap_iter_6.caffemodel"')
    run = runner.run(solver)
    named = str(tmp_path / "snap_iter_6.caffemodel")
    assert [event.weights for event in run.all(events.WeightsLoad)] == [named]
    # A snapshot takes their place.
    resumed = runner.run(solver, snapshot=str(tmp_path / "snap_iter_6.solverstate"))
    assert resumed.all(events.WeightsLoad) == []


# Display and tests.


def test_losses_are_averaged_over_iterations(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    single = losses(runner.run(write_all(tmp_path, max_iter=8)))
    smooth = losses(runner.run(write_solver(tmp_path, max_iter=8, average_loss=3)))
    for place, value in enumerate(smooth):
        last = single[max(0, place - 2) : place + 1]
        assert value == pytest.approx(np.mean(last), rel=1e-6)


def test_lines_come_at_their_intervals(tmp_path: Path) -> None:
    run = Runner(tmp_path).run(write_all(tmp_path, max_iter=7, display=3))
    shown = run.all(events.Iteration)
    assert [event.iteration for event in shown] == [0, 3, 6]
    assert [event.rate is None for event in shown] == [True, False, False]
    assert [event.iteration for event in run.all(events.LearningRate)] == [0, 3, 6]


def passes(run: Run) -> list[tuple[int, int]]:
    return [(event.iteration, event.net) for event in run.all(events.TestEnd)]


def test_several_test_nets(tmp_path: Path) -> None:
    write_all(tmp_path)
    write_records(tmp_path, 8, "others")
    other = tmp_path / "other.prototxt"
    other.write_text((tmp_path / "net.prototxt").read_text().replace('"records"', '"others"'))
    fields = {"test_iter": [1, 2, 3], "test_interval": 3, "test_net": '"other.prototxt"'}
    run = Runner(tmp_path).run(write_solver(tmp_path, **fields))
    assert passes(run) == [(i, net) for i in (0, 3, 6) for net in (0, 1, 2)]
    assert "Creating test net (#0) specified by test_net file: other.prototxt\n" in run.text
    assert "Creating test net (#1) specified by net file: net.prototxt\n" in run.text
    names = {(event.net, event.index, event.name) for event in run.all(events.TestOutput)}
    assert names == {(n, i, name) for n in (0, 1, 2) for i, name in enumerate(["accuracy", "loss"])}


def test_a_test_is_the_average_of_its_batches(tmp_path: Path) -> None:
    """Of nets that share the trained params: each sees the same records."""
    write_records(tmp_path, 8)
    write_net(tmp_path)
    fields = {"test_iter": [1, 2], "test_interval": 1, "base_lr": 0, "max_iter": 1}
    run = Runner(tmp_path).run(write_solver(tmp_path, **fields, test_compute_loss="true"))
    first, second = (
        [
            event.value
            for event in run.all(events.TestOutput)
            if event.net == net and event.name == "loss"
        ]
        for net in (0, 1)
    )
    # Two batches are a pass over the eight records; one batch alternates between their halves.
    assert second[0] == pytest.approx((first[0] + first[1]) / 2)
    assert second[0] == pytest.approx(second[1])
    assert f"] Test loss: {second[0]:g}\n" in run.text


def test_a_test_of_no_batches_says_nothing(tmp_path: Path) -> None:
    """As people switch tests off."""
    fields = {"test_iter": 0, "test_interval": 1, "max_iter": 2}
    run = Runner(tmp_path).run(write_all(tmp_path, **fields, test_compute_loss="true"))
    assert len(run.all(events.TestEnd)) == 3
    assert not run.all(events.TestOutput)
    assert "] Test loss: nan\n" in run.text


@pytest.mark.parametrize(("initial", "expected"), [("true", [0, 2]), ("false", [2])])
def test_the_first_test_may_be_left_out(tmp_path: Path, initial: str, expected: list[int]) -> None:
    fields = {"test_iter": 1, "test_interval": 2, "max_iter": 3, "test_initialization": initial}
    run = Runner(tmp_path).run(write_all(tmp_path, **fields))
    assert [iteration for iteration, _ in passes(run)] == expected


def test_states_choose_layers(tmp_path: Path) -> None:
    write_all(tmp_path)
    net = tmp_path / "net.prototxt"
    net.write_text(
        net.read_text()
        + 'layer { name: "x" type: "Accuracy" bottom: "ip2" bottom: "label" top: "x" '
        'include { phase: TEST stage: "more" } }\n'
    )
    fields = {
        "test_iter": [1, 1],
        "test_interval": 9,
        "test_state": ['{ stage: "more" }', "{ }"],
        "max_iter": 1,
    }
    solver = write_solver(tmp_path, **fields)
    solver.write_text(solver.read_text().replace("test_state:", "test_state"))
    run = Runner(tmp_path).run(solver)
    names = [(event.net, event.name) for event in run.all(events.TestOutput)]
    assert names == [(0, "accuracy"), (0, "loss"), (0, "x"), (1, "accuracy"), (1, "loss")]


def test_nets_within_the_solver(tmp_path: Path) -> None:
    write_all(tmp_path)
    text = (tmp_path / "net.prototxt").read_text()
    runner = Runner(tmp_path)
    outside = losses(runner.run(write_solver(tmp_path)))
    solver = write_solver(tmp_path, net=None)
    solver.write_text(f"{solver.read_text()}net_param {{ {text} }}\n")
    assert losses(runner.run(solver)) == outside


def test_gradients_are_averaged_over_iter_size(tmp_path: Path) -> None:
    """Two batches of four are one of eight."""
    write_records(tmp_path, 8)
    write_net(tmp_path, batch=8)
    runner = Runner(tmp_path)
    runner.run(write_solver(tmp_path, snapshot=6, snapshot_prefix='"large"'))
    write_net(tmp_path, batch=4)
    runner.run(write_solver(tmp_path, snapshot=6, iter_size=2, snapshot_prefix='"small"'))
    ours, theirs = tmp_path / "large_iter_6.caffemodel", tmp_path / "small_iter_6.caffemodel"
    assert 0 < difference(ours, theirs) < 1e-5


def test_debug_info_shows_blobs_and_params(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    plain = losses(runner.run(write_all(tmp_path)))
    run = runner.run(write_solver(tmp_path, debug_info="true", display=5))
    assert losses(run) == pytest.approx(plain[::5], rel=1e-5)
    for line in (
        r"    \[Forward\] Layer ip1, top blob ip1 data: [0-9.]+",
        r"    \[Backward\] Layer ip2, bottom blob ip1 diff: [0-9.e-]+",
        r"    \[Update\] Layer ip2, param 1 data: [0-9.e-]+; diff: [0-9.e-]+",
        r"    \[Backward\] All net params \(data, diff\): L1 norm = \([0-9.]+, [0-9.]+\); "
        r"L2 norm = \([0-9.]+, [0-9.]+\)",
    ):
        assert len(re.findall(rf"\] {line}\n", run.text)) == 2, line


def test_clipping_and_steps_are_logged(tmp_path: Path) -> None:
    fields = {"clip_gradients": 0.01, "lr_policy": '"multistep"', "gamma": 0.1, "stepvalue": 2}
    run = Runner(tmp_path).run(write_all(tmp_path, **fields))
    assert re.search(
        r"Gradient clipping: scaling down gradients \(L2 norm [0-9.]+ > 0\.01\) by scale factor "
        r"[0-9.e-]+\n",
        run.text,
    )
    assert "MultiStep Status: Iteration 2, step = 1\n" in run.text
    rates = [event.rate for event in run.all(events.LearningRate)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.01, 0.01])


def test_the_log_says_how_long_data_were_waited_for(tmp_path: Path) -> None:
    run = Runner(tmp_path).run(write_all(tmp_path))
    assert re.search(r"Waiting for data took [0-9.]+% of the time\.\n", run.text)


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_less_precision_is_near(tmp_path: Path, precision: str) -> None:
    solver = write_all(tmp_path, base_lr=0.01)
    exact = losses(Runner(tmp_path).run(solver))
    before = torch.backends.cuda.matmul.allow_tf32
    near = losses(Runner(tmp_path, {"precision": precision}, count=10).run(solver))
    assert near == pytest.approx(exact, rel=0.02)
    assert (near == exact) == (precision == "tf32")  # which a CPU does not know
    assert torch.backends.cuda.matmul.allow_tf32 == before


# Being asked to stop.


def follow(steps: Any, at: int, act: Any) -> list[Any]:
    """The events of a run during which something is done once."""
    found = []
    for event in steps:
        found.append(event)
        if isinstance(event, events.LearningRate) and event.iteration == at:
            act()
    return found


def test_hangup_makes_a_snapshot(tmp_path: Path) -> None:
    _, steps, log = Runner(tmp_path).start(write_all(tmp_path))
    run = Run(follow(steps, 2, lambda: os.kill(os.getpid(), signal.SIGHUP)), log)
    assert [event.state for event in run.all(events.Snapshot)] == ["snap_iter_3.solverstate"]
    assert (
        losses(run)[-1] == losses(Runner(tmp_path, count=5).run(tmp_path / "solver.prototxt"))[-1]
    )
    assert run.events[-1].is_interrupted is False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after_train", ["true", "false"])
def test_an_interrupt_makes_a_snapshot_and_stops(
    tmp_path: Path, number: int, after_train: str
) -> None:
    solver = write_all(tmp_path, snapshot_after_train=after_train)
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    _, steps, log = Runner(tmp_path).start(solver)
    run = Run(follow(steps, 2, lambda: os.kill(os.getpid(), number)), log)
    kinds = [type(event).__name__ for event in run.events[-5:]]
    assert kinds == ["LearningRate", "StopRequest", "Snapshot", "TrainingEnd", "RunExit"]
    assert run.events[-3].state == "snap_iter_3.solverstate"
    assert (tmp_path / "snap_iter_3.solverstate").exists()
    assert run.events[-2].is_early
    assert (run.events[-1].code, run.events[-1].is_interrupted) == (0, True)
    assert "] Optimization stopped early.\n" in run.text
    assert handlers == [
        signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ]


def test_a_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    """Here in an iteration of so many batches that its end will not be seen."""
    _, steps, _ = Runner(tmp_path).start(write_all(tmp_path, iter_size=1_000_000))
    before = signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, 0.3, 0.1)
    try:
        found = list(steps)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    stopping, ended = found[-2:]
    assert isinstance(stopping, events.StopRequest)
    assert stopping.is_killed
    assert isinstance(ended, events.RunExit)
    assert (ended.code, ended.is_interrupted, ended.is_killed) == (130, True, True)
    assert not list(tmp_path.glob("snap_*"))


def test_a_test_pass_is_interrupted(tmp_path: Path) -> None:
    solver = write_all(tmp_path, test_iter=100000, test_interval=2, test_initialization="false")
    trainer, steps, log = Runner(tmp_path).start(solver)
    found = []
    for event in steps:
        found.append(event)
        if isinstance(event, events.TestStart):
            trainer.stop()
    run = Run(found, log)
    (ended,) = run.all(events.TestEnd)
    assert (ended.iteration, ended.is_interrupted) == (2, True)
    assert run.all(events.TestOutput) == []
    assert [event.state for event in run.all(events.Snapshot)] == ["snap_iter_2.solverstate"]
    assert "] Test interrupted.\n" in run.text


def test_a_stop_before_anything_is_learned_writes_nothing(tmp_path: Path) -> None:
    solver = write_all(tmp_path, test_iter=100000, test_interval=2)
    trainer, steps, _ = Runner(tmp_path).start(solver)
    for event in steps:
        if isinstance(event, events.TestStart):
            trainer.stop()
    assert not list(tmp_path.glob("snap_*"))


def test_whoever_leaves_a_run_ends_it_with_a_snapshot(tmp_path: Path) -> None:
    _, steps, log = Runner(tmp_path).start(write_all(tmp_path, max_iter=1000000))
    for event in steps:
        if isinstance(event, events.LearningRate) and event.iteration == 3:
            break
    steps.close()  # type: ignore[attr-defined]
    assert (tmp_path / "snap_iter_4.solverstate").exists()
    assert "] Optimization stopped early.\n" in log.read_text()


def test_what_is_ignored_stays_ignored(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        _, steps, log = Runner(tmp_path).start(write_all(tmp_path))
        run = Run(follow(steps, 2, lambda: os.kill(os.getpid(), signal.SIGHUP)), log)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert run.all(events.Snapshot) == []


# What goes wrong.


def test_a_log_is_never_written_over(tmp_path: Path) -> None:
    solver = write_all(tmp_path)
    (tmp_path / "1.log").write_text("mine")
    with pytest.raises(FileError, match="cannot write the log"):
        Runner(tmp_path).run(solver)
    assert (tmp_path / "1.log").read_text() == "mine"


def test_labels_outside_the_classes_name_their_record(tmp_path: Path) -> None:
    solver = write_all(tmp_path)
    net = tmp_path / "net.prototxt"
    net.write_text(net.read_text().replace("num_output: 3", "num_output: 2"))
    runner = Runner(tmp_path)
    with pytest.raises(DataError) as caught:
        runner.run(solver)
    assert caught.value.message == (
        f"record '00000002' of {tmp_path}/records: layer 'loss' (SoftmaxWithLoss): label 2 is not "
        "one of the 2 classes (0 to 1)"
    )
    assert caught.value.location is not None
    assert caught.value.location.line == 13
    assert re.search(r"\nF.*record '00000002' of .*label 2 is not one of the 2 classes",
                     (tmp_path / "1.log").read_text())  # fmt: skip


def test_a_loss_that_explodes_names_the_param(tmp_path: Path) -> None:
    solver = write_all(tmp_path, base_lr=1e38)
    net = tmp_path / "net.prototxt"
    net.write_text(net.read_text().replace('top: "ip2"', 'top: "ip2" param { lr_mult: 1000 }'))
    assert refusal(Runner(tmp_path), solver).startswith(
        "net.prototxt:9:15: the loss of iteration 1 is nan: param 0 of layer 'ip2' became nan in "
        "the update of iteration 0\n"
    )


def test_a_blob_that_is_no_number_is_named(tmp_path: Path) -> None:
    """The first one: here a picture of floats has an inf, and a layer makes nan of it."""
    record = schema.Datum(channels=2, height=5, width=5, label=1)
    record.float_data.extend([math.inf] * 50)
    with LmdbWriter(tmp_path / "records") as writer:
        for number in range(6):
            plain = write_raw(np.ones((2, 5, 5), np.uint8), 0)
            data = record.SerializeToString() if number == 5 else plain
            writer.put(f"{number}".encode(), data)
    write_net(tmp_path)
    said = refusal(Runner(tmp_path), write_solver(tmp_path))
    assert re.match(
        r"net\.prototxt:2:15: the loss of iteration 1 is (nan|inf): blob 'data', a top of layer "
        r"'data' \(Data\), is the first to contain inf\n",
        said,
    )


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A gigabyte more than the process has now."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (1 << 30), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


# Nearly as many values as a blob can have: eight gigabytes.
HUGE = {
    "setup": '"InnerProduct" inner_product_param { num_output: 300000000 }',
    "pass": '"Tile" tile_param { tiles: 80000000 }',
}


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("where", HUGE)
def test_out_of_memory_says_what_to_change(tmp_path: Path, where: str) -> None:
    write_records(tmp_path)
    huge = f'layer {{ name: "t" type: {HUGE[where]} bottom: "ip1" top: "t" }}'
    write_net(tmp_path, more=huge)
    assert refusal(Runner(tmp_path), write_solver(tmp_path)) == (
        "out of memory (batch_size 4 of layer 'data')\n"
        "hint: lower batch_size, and raise iter_size by the same factor: the updates stay the same"
    )


def test_bad_data_end_a_run_with_their_own_words(tmp_path: Path) -> None:
    solver = write_all(tmp_path)
    (tmp_path / "records" / "data.mdb").rename(tmp_path / "data.mdb")
    assert refusal(Runner(tmp_path), solver) == ("records: not an LMDB: the folder has no data.mdb")
    assert refusal(Runner(tmp_path, count=1), write_solver(tmp_path, net='"x"')).startswith(
        "solver.prototxt:1:6: net 'x': cannot read: no such file\n"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lr_policy": '"stpe"'}, "unknown learning rate policy 'stpe'"),
        ({"type": '"Adma"'}, "unknown solver type 'Adma'"),
        ({"iter_size": 0}, "iter_size must be at least 1, not 0"),
        ({"average_loss": 0}, "average_loss must be at least 1, not 0"),
        ({"test_iter": 1}, "test_interval must be above 0 if there are test nets"),
        ({"test_net": '"net.prototxt"'}, "test_iter must be set once per test net: 0 for 1"),
        (
            {"train_net": '"net.prototxt"'},
            "the train net must be set by one field, not by net and train_net",
        ),
        ({"net": None}, "the solver names no net to train"),
    ],
)
def test_solvers_that_caffe_refuses(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    solver = write_all(tmp_path, **fields)
    runner = Runner(tmp_path)
    with pytest.raises(EngineError) as caught:
        runner.run(solver)
    assert caught.value.message == message
    assert caught.value.location is not None
    assert caught.value.location.file == str(solver)


def test_a_field_that_caffe_does_not_have_changes_nothing(tmp_path: Path) -> None:
    """A fork may have it; the checks warn of it."""
    found = []
    for name, fields in (("with", {"stepsise": 3}), ("without", {})):
        folder = tmp_path / name
        folder.mkdir()
        found.append(losses(Runner(folder).run(write_all(folder, **fields))))
    assert found[0] == found[1]


def test_arguments_for_a_command_line_are_refused(tmp_path: Path) -> None:
    solver = write_all(tmp_path)
    with pytest.raises(UsageError, match="the embedded engine does not accept -sigint_effect stop"):
        Runner(tmp_path).run(solver, extra=("-sigint_effect", "stop"))


def test_a_working_directory_that_is_not_there(tmp_path: Path) -> None:
    solver = write_all(tmp_path)
    runner = Runner(tmp_path)
    job = dataclasses.replace(runner.job(solver), cwd=tmp_path / "gone")
    with pytest.raises(FileError) as caught:
        list(TorchTrainer().run(job))
    assert caught.value.message == "net 'net.prototxt': cannot read: no such file"
    assert caught.value.hint == f"relative paths start at {tmp_path / 'gone'}"


def test_gradients_are_not_in_snapshots(tmp_path: Path) -> None:
    run = Runner(tmp_path).run(write_all(tmp_path, max_iter=1, snapshot_diff="true"))
    assert [warning.message for warning in run.all(events.LogWarning)] == [
        "snapshot_diff: snapshots do not contain gradients"
    ]


# Devices.


def solver_message(text: str) -> Any:
    return schema.parse_text(text, "SolverParameter")


def test_the_cpu_is_taken_where_nothing_else_is_asked_for() -> None:
    for text in ("", "solver_mode: CPU"):
        assert devices(None, solver_message(text)) == (["cpu"], None)
    assert devices("none", solver_message("solver_mode: GPU")) == (["cpu"], None)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu() -> None:
    names, warning = devices(None, solver_message("solver_mode: GPU"))
    assert names == ["cpu"]
    assert warning == ("solver_mode is GPU, but PyTorch finds no usable GPU: training on the CPU")
    for gpu, message in (
        ("0", "there is no GPU 0: PyTorch finds no GPU"),
        ("all", "PyTorch finds no usable GPU"),
    ):
        with pytest.raises(EngineError) as caught:
            devices(gpu, solver_message(""))
        assert str(caught.value) == f"{message}\nhint: --gpu none trains on the CPU"


@pytest.mark.parametrize("gpu", ["x", "0,", "0,0", "-1"])
def test_gpus_are_numbers(gpu: str) -> None:
    with pytest.raises(UsageError) as caught:
        devices(gpu, solver_message(""))
    assert str(caught.value) == (
        f"--gpu takes numbers separated by commas, 'all' or 'none', not '{gpu}'"
    )


def test_a_solver_for_a_gpu_warns_and_runs(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    run = Runner(tmp_path).run(write_all(tmp_path, solver_mode="GPU"))
    assert [warning.message for warning in run.all(events.LogWarning)] == [
        "solver_mode is GPU, but PyTorch finds no usable GPU: training on the CPU"
    ]
    assert len(losses(run)) == 7
