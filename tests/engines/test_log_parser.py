import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery.engines import events
from ssdh_surgery.engines.log_parser import LogParser
from ssdh_surgery.engines.log_prefix import read_line
from ssdh_surgery.engines.log_writer import LogWriter
from support.engine_logs import parse_log
from support.paths import GOLDEN

LOGS = sorted((GOLDEN / "logs").glob("*.log"))
BY_NAME = {path.stem: path for path in LOGS}
PREFIX = "I20261123 20:50:26.734620 15616 solver.cpp:239] "


def lines_of(name):
    return BY_NAME[name].read_text().splitlines()


def without_time(found):
    """The fields of events, `elapsed` left out."""
    return [
        (type(event).__name__, {k: v for k, v in vars(event).items() if k != "elapsed"})
        for event in found
    ]


def parse(*messages):
    return without_time(parse_log(PREFIX + message for message in messages))


def test_there_are_logs():
    assert len(LOGS) == 19


def test_prefix():
    line = read_line("W20261123 20:50:26.734620  1566 net.cpp:53] a message ")
    assert vars(line) == {
        "severity": "W",
        "time": datetime(2026, 11, 23, 20, 50, 26, 734620),
        "thread": 1566,
        "source": "net.cpp:53",
        "message": "a message ",
    }


def test_prefix_without_a_year():
    line = read_line("I0229 23:59:59.999999 15616 net.cpp:53] x")
    assert line.time == datetime(2000, 2, 29, 23, 59, 59, 999999)


@pytest.mark.parametrize("text", ["", "layer {", "I am text", "    @ 0x7f net", "I20261123 20:50"])
def test_no_prefix(text):
    assert read_line(text) is None


@pytest.mark.parametrize(
    "stamp",
    [
        *("20261123 20:50:26.734620", "20261123 20:50:6.7346", "20240229 00:00:00.0"),
        *("20230229 20:50:26.734620", "20261123 24:50:26.734620", "20261123 20:60:26.734620"),
        *("20261123 20:50:61.734620", "20261123 20:50:026.73462", "20261123 20:50:26.7346201"),
        *("20261323 20:50:26.734620", "20261100 20:50:26.734620", "00001123 20:50:26.734620"),
    ],
)
def test_times_are_those_of_strptime(stamp):
    try:
        expected = datetime.strptime(stamp, "%Y%m%d %H:%M:%S.%f")
    except ValueError:
        expected = None
    assert read_line(f"I{stamp} 15616 net.cpp:53] x").time == expected


def test_elapsed_time_is_that_of_every_line():
    stamps = ("26.734620", "26.9", "26.900001", "27.000000", "26.999999", "7.0", "28.734620")
    parser, elapsed = LogParser(), []
    for stamp in stamps:
        parser.feed(f"I1123 20:50:{stamp} 15616 net.cpp:53] x\n")
        elapsed.append(parser.elapsed)
    assert elapsed == [0, 0.16538, 0.165381, 0.26538, 0.26538, 0.26538, 2]


def test_finetuning_log():
    found = without_time(parse_log(lines_of("finetune_ok")))
    assert found[:4] == [
        ("Device", {"gpus": ()}),
        ("WeightsLoad", {"weights": "init.caffemodel"}),
        ("WeightsLoad", {"weights": "init.caffemodel"}),  # for the test net
        ("TrainingStart", {"net": "golden_ssdh"}),
    ]
    output = {"iteration": 0, "net": 0}
    fire = {"name": "fire_rate", "value": 6.00354e-05, "loss_weight": 0.5, "weighted": 3.00177e-05}
    loss = {"name": "loss", "value": 2.45075, "loss_weight": 1.0, "weighted": 2.45075}
    binary = {
        "name": "forcing_binary",
        "value": 0.00185394,
        "loss_weight": -0.5,
        "weighted": -0.000926968,
    }
    accuracy = {"name": "accuracy", "value": 0.046875, "loss_weight": None, "weighted": None}
    assert found[4:10] == [
        ("TestStart", {"iteration": 0, "net": 0}),
        ("TestEnd", {"iteration": 0, "net": 0, "is_interrupted": False, "loss": None}),
        ("TestOutput", {"index": 0, **accuracy, **output}),
        ("TestOutput", {"index": 1, **fire, **output}),
        ("TestOutput", {"index": 2, **binary, **output}),
        ("TestOutput", {"index": 3, **loss, **output}),
    ]
    # The first rate is -2.66247e-41 in the log: an uninitialised number.
    first = {"iteration": 0, "loss": 2.20516, "rate": None, "seconds": 0.006, "display": 5}
    assert found[10] == ("Iteration", first)
    assert [name for name, _ in found[11:15]] == ["TrainOutput"] * 3 + ["LearningRate"]
    assert found[14] == ("LearningRate", {"iteration": 0, "rate": 0.05})
    second = {"iteration": 5, "loss": 2.39472, "rate": 625.0, "seconds": 0.008, "display": 5}
    assert found[15] == ("Iteration", second)
    stem = "snapshots/ssdh_step_ssdh_iter_10"
    snapshot = {"weights": f"{stem}.caffemodel", "state": f"{stem}.solverstate"}
    assert found[20] == ("Snapshot", snapshot)
    last = {"iteration": 20, "loss": 3.10712, "rate": None, "seconds": None, "display": None}
    assert ("Iteration", last) in found
    assert found[-1] == ("TrainingEnd", {"is_early": False})


def test_elapsed_is_the_time_since_the_first_line():
    found = list(parse_log(lines_of("finetune_ok")))
    assert found[0].elapsed == 0
    assert found[-1].elapsed == pytest.approx(0.065502)
    assert [event.elapsed for event in found] == sorted(event.elapsed for event in found)


def test_older_caffe_has_no_rate():
    found = list(parse_log(lines_of("finetune_ok_older_caffe")))
    iterations = [event for event in found if isinstance(event, events.Iteration)]
    assert [(i.iteration, i.loss) for i in iterations] == [
        (0, 2.16029),
        (5, 2.52612),
        (10, 2.2633),
        (15, 3.24186),
        (20, 3.34248),
    ]
    assert {(i.rate, i.seconds, i.display) for i in iterations} == {(None, None, None)}
    tests = [event for event in found if isinstance(event, events.TestEnd)]
    assert [test.iteration for test in tests] == [0, 10, 20]


def test_resumed_log():
    found = without_time(parse_log(lines_of("resume_ok")))
    state = "snapshots/ssdh_step_ssdh_iter_10.solverstate"
    assert ("SnapshotLoad", {"snapshot": state}) in found
    iterations = [fields["iteration"] for name, fields in found if name == "Iteration"]
    assert iterations == [10, 15, 20]


def test_stopped_log():
    parser = LogParser()
    found = [event for line in lines_of("sigint_stop") for event in parser.feed(line)]
    assert parser.is_finished
    assert parser.is_early
    assert without_time(found)[-2:] == [
        (
            "Snapshot",
            {
                "weights": "snapshots/ssdh_step_ssdh_iter_1830.caffemodel",
                "state": "snapshots/ssdh_step_ssdh_iter_1830.solverstate",
            },
        ),
        ("TrainingEnd", {"is_early": True}),
    ]


def test_diverged_log():
    found = list(parse_log(lines_of("diverged")))
    losses = [event.loss for event in found if isinstance(event, events.Iteration)]
    assert losses[:2] == [2.59044, 81.7612]
    assert all(loss != loss for loss in losses[2:])


def test_fatal_and_protobuf_lines():
    assert without_time(parse_log(lines_of("unknown_field")))[1:] == [
        (
            "LogWarning",
            {
                "message": "Error parsing text-format caffe.NetParameter: 13:187: Message type "
                '"caffe.InnerProductParameter" has no field named "num_outptu".',
                "source": "google/protobuf/text_format.cc:337",
                "severity": "error",
            },
        ),
        (
            "Fatal",
            {
                "message": "Check failed: ReadProtoFromTextFile(param_file, param) Failed to "
                "parse NetParameter file: n_tmp.prototxt",
                "source": "upgrade_proto.cpp:90",
            },
        ),
    ]


def test_abseils_prefix():
    text = "E0000 00:00:1795467029.123456   15645 text_format.cc:337] Error parsing"
    ((name, fields),) = without_time(parse_log([text]))
    assert (name, fields["message"], fields["severity"]) == ("LogWarning", "Error parsing", "error")


def test_warning():
    found = without_time(parse_log(["W1123 20:50:26.734620 15616 net.cpp:969] Unknown blob"]))
    fields = {"message": "Unknown blob", "source": "net.cpp:969", "severity": "warning"}
    assert found == [("LogWarning", fields)]


@pytest.mark.parametrize(
    ("message", "gpus"),
    [
        ("Use CPU.", ()),
        ("Using GPUs 1", (1,)),
        ("Using GPUs 0, 3", (0, 3)),
        ("Use GPU with device ID 2", (2,)),
    ],
)
def test_devices(message, gpus):
    assert parse(message) == [("Device", {"gpus": gpus})]


def test_ignored_layer():
    assert parse("Ignoring source layer loss3/classifier") == [
        ("SurplusLayer", {"layer": "loss3/classifier"})
    ]


def test_net_without_a_name():
    assert parse("Solving ") == [("TrainingStart", {"net": ""})]


def test_hdf5_snapshot():
    found = parse(
        "Snapshotting to HDF5 file a_iter_5.caffemodel.h5",
        "Snapshotting solver state to HDF5 file a_iter_5.solverstate.h5",
    )
    fields = {"weights": "a_iter_5.caffemodel.h5", "state": "a_iter_5.solverstate.h5"}
    assert found == [("Snapshot", fields)]


def test_output_names_may_hold_spaces_and_colons():
    ((_, fields),) = parse("    Train net output #1: loss: forcing-binary = -0.1 (* 1 = -0.1 loss)")
    assert fields["name"] == "loss: forcing-binary"
    assert (fields["value"], fields["loss_weight"], fields["weighted"]) == (-0.1, 1.0, -0.1)


def test_an_output_of_several_numbers():
    found = parse("    Test net output #0: prob = 0.25", "    Test net output #1: prob = 0.75")
    assert [(f["index"], f["name"], f["value"]) for _, f in found] == [
        (0, "prob", 0.25),
        (1, "prob", 0.75),
    ]


def test_interrupted_test_pass():
    found = parse("Iteration 40, Testing net (#1)", "Test interrupted.")
    assert found == [
        ("TestStart", {"iteration": 40, "net": 1}),
        ("TestEnd", {"iteration": 40, "net": 1, "is_interrupted": True, "loss": None}),
    ]


def test_test_pass_with_its_loss():
    found = parse(
        "Iteration 4, Testing net (#0)", "Test loss: 2.5", "    Test net output #0: a = 1"
    )
    assert [name for name, _ in found] == ["TestStart", "TestEnd", "TestOutput"]


def test_test_pass_without_outputs_ends_with_the_next_step():
    found = parse(
        "Iteration 0, Testing net (#0)", "Iteration 0, Testing net (#1)", "Iteration 0, loss = 1"
    )
    assert [(name, fields.get("net")) for name, fields in found] == [
        ("TestStart", 0),
        ("TestEnd", 0),
        ("TestStart", 1),
        ("TestEnd", 1),
        ("Iteration", None),
    ]


def test_rate_of_a_fork_with_more_words():
    found = parse(
        "Iteration 0 (0 iter/s, 0.5s/100 iter), loss = 2",
        "Iteration 100 (8 iter/s, 12.5s/100 iter), 1.2/30ep, loss = 1.5",
    )
    assert [fields["rate"] for _, fields in found] == [None, 8.0]
    assert found[1][1]["loss"] == 1.5


@pytest.mark.parametrize(
    "message",
    [
        "Iteration 5, loss = 2.3e",
        "Iteration 5, loss = ",
        "Iteration 5, lr = 0.0x",
        "    Train net output #0: loss = 2. (* 1 = 2 loss)",
        "    Train net output #0: loss = 2.5 (* 1 = 2.",
        "Iteration",
        "Using GPUs ",
        "Snapshotting to",
        "Optimization",
        "MultiStep Status: Iteration 100, step = 2",
    ],
)
def test_a_line_cut_short_or_of_no_meaning(message):
    assert parse(message) == []


def test_new_year_passes_in_a_log_without_years():
    found = parse_log(
        [
            "I1231 23:59:50.000000 1 solver.cpp:1] Solving x",
            "I0101 00:00:10.000000 1 solver.cpp:1] Iteration 1, loss = 2",
        ]
    )
    assert [event.elapsed for event in found] == [0, 20]


def test_a_clock_that_is_set_back():
    found = parse_log(
        [
            "I20261123 10:00:00.000000 1 solver.cpp:1] Solving x",
            "I20261123 10:00:09.000000 1 solver.cpp:1] Iteration 1, loss = 2",
            "I20261123 10:00:05.000000 1 solver.cpp:1] Iteration 2, loss = 2",
        ]
    )
    assert [event.elapsed for event in found] == [0, 9, 9]


MEANT = re.compile(
    r"\] (?:Us|Finetuning|Resuming|Solving|Iteration|    Tr|    Te|Snapshotting|Optimization)"
)


@pytest.mark.parametrize("name", ["finetune_ok", "resume_ok", "sigint_stop", "label_out_of_range"])
def test_written_lines_are_caffes_own(name):
    """The events of BVLC 1.0's log give its lines back, byte for byte."""
    meant = [text for text in lines_of(name) if MEANT.search(text)]
    times = iter([read_line(text).time for text in meant])
    writer = LogWriter(lambda: next(times), read_line(meant[0]).thread)
    written = [line for event in parse_log(meant) for line in writer.lines(event)]
    # The first rate of a run is not Caffe's to know.
    first = next(i for i, text in enumerate(meant) if "iter/s" in text)
    assert re.sub(r"\(\S+ iter/s", "(0 iter/s", meant[first]) == written[first]
    del meant[first], written[first]
    assert len(meant) > 20
    assert written == meant


def test_a_whole_end_is_written():
    writer = LogWriter(lambda: datetime(2026, 11, 23, 20, 50, 26, 800122), 16)
    assert writer.lines(events.TrainingEnd()) == [
        "I20261123 20:50:26.800122    16 solver.cpp:332] Optimization Done.",
        "I20261123 20:50:26.800122    16 caffe.cpp:250] Optimization Done.",
    ]


def test_nan_keeps_its_sign():
    writer = LogWriter(lambda: datetime(2026, 11, 23), 15616)
    (line,) = writer.lines(events.Iteration(5, float("-nan")))
    assert line == "I20261123 00:00:00.000000 15616 solver.cpp:327] Iteration 5, loss = -nan"
    (line,) = writer.lines(events.Iteration(5, float("inf")))
    assert line.endswith("loss = inf")


# Six significant digits, as Caffe prints them.
FLOATS = st.floats(allow_nan=False).map(lambda value: float(f"{value:g}"))
COUNTS = st.integers(0, 10**7)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), min_size=1)
PATHS = NAMES.map(lambda name: f"{name.strip()}x")


def outputs(kind, **more):
    plain = st.builds(kind, COUNTS, COUNTS, PATHS, FLOATS, **more)
    return plain | st.builds(kind, COUNTS, COUNTS, PATHS, FLOATS, FLOATS, FLOATS, **more)


EVENTS = st.one_of(
    st.builds(events.Device, st.lists(COUNTS).map(tuple)),
    st.builds(events.WeightsLoad, PATHS),
    st.builds(events.SurplusLayer, PATHS),
    st.builds(events.SnapshotLoad, PATHS),
    st.builds(events.TrainingStart, PATHS),
    st.builds(events.Iteration, COUNTS, FLOATS),
    st.builds(events.Iteration, COUNTS, FLOATS, st.none(), FLOATS, COUNTS),
    st.builds(events.LearningRate, COUNTS, FLOATS),
    st.builds(events.TestStart, COUNTS, COUNTS),
    st.builds(events.Snapshot, PATHS, PATHS),
    st.builds(
        events.LogWarning, PATHS, st.just("net.cpp:5"), st.sampled_from(["warning", "error"])
    ),
    st.builds(events.Fatal, PATHS, st.just("net.cpp:5")),
    st.builds(events.TrainingEnd, st.booleans()),
)


@given(EVENTS)
def test_what_is_written_is_read_back(event):
    writer = LogWriter(lambda: datetime(2026, 11, 23), 15616)
    assert list(parse_log(writer.lines(event))) == [event]


@given(outputs(events.TrainOutput))
def test_train_outputs_are_read_back(output):
    writer = LogWriter(lambda: datetime(2026, 11, 23), 15616)
    before = events.Iteration(output.iteration, 1.0)
    lines = [line for event in (before, output) for line in writer.lines(event)]
    assert list(parse_log(lines)) == [before, output]


@given(outputs(events.TestOutput, net=COUNTS))
def test_test_outputs_are_read_back(output):
    writer = LogWriter(lambda: datetime(2026, 11, 23), 15616)
    started = events.TestStart(output.iteration, output.net)
    finished = events.TestEnd(output.iteration, output.net)
    lines = [line for event in (started, finished, output) for line in writer.lines(event)]
    assert list(parse_log(lines)) == [started, finished, output]


@given(st.text())
def test_any_text_is_survived(text):
    parser = LogParser()
    parser.feed(text)
    parser.feed(PREFIX + text)


def test_nvcaffe():
    """Lines of NVCaffe 0.17: the device before the message, epochs, the time at the end."""
    found = parse(
        "[0] Solving Tiny Learning Rate Policy: step",
        "    [0] Iteration 0 (1.5 s), 0/10.2ep, loss = 1.4",
        "    [0]     Train net output #0: loss = 1.4 (* 1 = 1.4 loss)",
        "[0] Iteration 0, lr = 0.01, m = 0.9, lrm = 0.1, wd = 0.0005, gs = 1",
        "Iteration 20, Testing net (#0)",
        "    (0)    Test net output #0: accuracy = 0.5",
        "    [1.0] Iteration 40 (24 iter/s, 2s/48 iter), 5.1/10.2ep, loss = 0.5",
        "[1.0] Optimization stopped early.",
        "Optimization Done in 1h 20m 7s",
    )
    assert [name for name, _ in found] == [
        *("TrainingStart", "Iteration", "TrainOutput", "LearningRate"),
        *("TestStart", "TestEnd", "TestOutput", "Iteration", "TrainingEnd"),
    ]
    assert found[0][1] == {"net": "Tiny"}
    assert (found[1][1]["loss"], found[1][1]["rate"]) == (1.4, None)
    assert found[3][1] == {"iteration": 0, "rate": 0.01}
    assert (found[7][1]["iteration"], found[7][1]["rate"]) == (40, 24.0)
    assert found[8][1] == {"is_early": True}


@pytest.mark.parametrize("words", ["Optimization Done.", "Optimization Done in 7s"])
def test_the_end_in_any_words(words):
    assert parse(words) == [("TrainingEnd", {"is_early": False})]


@pytest.mark.parametrize(
    ("weights", "state"),
    [
        ("to binary proto file ", "to binary proto file "),
        ("to HDF5 file ", "to HDF5 file "),
        ("to binary proto file ", "to binary proto file"),  # BVLC in summer 2015, SSDH's authors
        ("to HDF5 file ", "to HDF5 file"),
        ("to ", "to "),  # BVLC until 2015, NVCaffe to 0.13
    ],
)
def test_snapshots_in_any_words(weights, state):
    found = parse(
        f"Snapshotting {weights}a b/x_iter_5.caffemodel",
        f"Snapshotting solver state {state}a b/x_iter_5.solverstate",
    )
    files = {"weights": "a b/x_iter_5.caffemodel", "state": "a b/x_iter_5.solverstate"}
    assert found == [("Snapshot", files)]
