"""Lines as each lineage of Caffe logs them, read off the source of the program that prints them."""

from __future__ import annotations

import math

import pytest

from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from support.engine_logs import parse_log

GLOG = "I0410 10:00:00.000001   100 solver.cpp:1] "


def numbers(found: list[Event]) -> list[tuple[str, object]]:
    """What the events say, in short."""
    said: list[tuple[str, object]] = []
    for event in found:
        match event:
            case events.Iteration():
                said.append((f"{event.iteration} loss", event.loss))
            case events.LearningRate():
                said.append((f"{event.iteration} lr", event.rate))
            case events.TestOutput():
                said.append((f"{event.iteration} test {event.net} {event.name}", event.value))
            case events.TrainOutput():
                said.append((f"{event.iteration} {event.name}", event.value))
            case events.Snapshot():
                said.append((event.weights, event.state))
            case events.TrainingEnd():
                said.append(("end", event.is_early))
            case events.LogWarning():
                said.append((event.severity, event.message))
            case _:
                pass
    return said


# Messages of a lineage, and what they say.
LINEAGES = {
    "BVLC 2013": (
        (
            "E1105 10:00:05.000001  100 solver.cpp:138] Iteration 20, lr = 0.01",
            "E1105 10:00:05.000002  100 solver.cpp:45] Iteration 20, loss = 2.3",
            "I1105 10:00:10.000003  100 solver.cpp:61] Snapshotting to a_iter_20",
            "I1105 10:00:10.000004  100 solver.cpp:68] Snapshotting solver state to "
            "a_iter_20.solverstate",
        ),
        [("20 lr", 0.01), ("20 loss", 2.3), ("a_iter_20", "a_iter_20.solverstate")],
    ),
    "BVLC 0.9": (
        (GLOG + "Iteration 4, Testing net", GLOG + "Test score #1: 0.25"),
        [("4 test 0 score 1", 0.25)],
    ),
    "BVLC summer 2015, the SSDH authors": (
        (
            GLOG + "Snapshotting to binary proto file a_iter_4.caffemodel",
            GLOG + "Snapshotting solver state to binary proto filea_iter_4.solverstate",
        ),
        [("a_iter_4.caffemodel", "a_iter_4.solverstate")],
    ),
    "NVCaffe 0.12": (
        (GLOG + "Iteration 56 (241.076/s), lr = 0.001",),
        [("56 lr", 0.001)],
    ),
    "NVCaffe 0.16": (
        (
            GLOG + "Iteration 0 (3.8 s), loss = 2.5",
            GLOG + "Iteration 48 (2.2 iter/s, 21s/48 iter), 1.2/90ep, loss = 1.5",
            GLOG + "Iteration 48, lr = 0.0001, m = 0.9, wd = 0.0004, gs = 1",
            GLOG + "Optimization Done in 24s",
        ),
        [("0 loss", 2.5), ("48 loss", 1.5), ("48 lr", 0.0001), ("end", False)],
    ),
    "NVCaffe 0.17": (
        (
            GLOG + "    [0] Iteration 7 (24 iter/s, 2.0s/7 iter), 5.1/10.2ep, loss = 1.5",
            GLOG + "    [0]     Train net output #0: loss = 1.4 (* 1 = 1.4 loss)",
            GLOG + "[1.0] Iteration 7, lr = 0.01, m = 0.9, lrm = 0.1, wd = 0.0005, gs = 1",
            GLOG + "Iteration 7, Testing net (#0)",
            GLOG + "    (1)    Test net output #0: accuracy = 0.5",
            GLOG + "[0] Optimization stopped early.",
        ),
        [
            ("7 loss", 1.5),
            ("7 loss", 1.4),
            ("7 lr", 0.01),
            ("7 test 1 accuracy", 0.5),
            ("end", True),
        ],
    ),
    "IntelCaffe under mpirun": (
        ("[0] " + GLOG + "Iteration 5, loss = 2.5", "[0] " + GLOG + "Snapshot begin"),
        [("5 loss", 2.5)],
    ),
    "IntelCaffe with timers": (
        tuple(
            f"W1026 10:00:04.000001   101 net.cpp:2119] {text}"
            for text in (
                "",
                "####",
                "DELTA FORWARD TIME: 4 ms",
                "LAYER-0 Data: 1.6 ms",
                "slow disk",
            )
        ),
        [("warning", "slow disk")],
    ),
    "DIGITS": (
        ("Iteration 39 (2.87 iter/s, 13.5s/39 iter), loss = 0.12", "Iteration 39, lr = 0.003"),
        [("39 loss", 0.12), ("39 lr", 0.003)],
    ),
    "a logger of Windows": (
        ("1508138445  INFO: src/caffe/solver.cpp : line 218 : Iteration 8, loss = 0.5\r\n",),
        [("8 loss", 0.5)],
    ),
    "glog without a folder": (
        ("COULD NOT CREATE A LOGGINGFILE 20190410-023032.341!" + GLOG + "Iteration 3, loss = 1",),
        [("3 loss", 1.0)],
    ),
    "journald": (
        ("Apr 10 10:00:00 gpu1 caffe[341]: " + GLOG + "Iteration 3, loss = 1",),
        [("3 loss", 1.0)],
    ),
    "debug_info": (
        ("E0101 10:00:01.000004   100 net.cpp:708]     [Backward] All net params (data, diff)",),
        [],
    ),
}


@pytest.mark.parametrize("lineage", LINEAGES)
def test_a_lineage(lineage: str) -> None:
    lines, expected = LINEAGES[lineage]
    assert numbers(list(parse_log(lines))) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.#QNAN", math.nan),
        ("-1.#IND", math.nan),
        ("-nan(ind)", math.nan),
        ("nan(snan)", math.nan),
        ("1.#INF", math.inf),
        ("-1.#INF00", -math.inf),
        ("1e-004", 1e-4),
    ],
)
def test_numbers_of_windows(text: str, value: float) -> None:
    ((_, loss),) = numbers(list(parse_log([f"{GLOG}Iteration 1, loss = {text}"])))
    assert loss == value or (math.isnan(value) and math.isnan(loss))  # type: ignore[arg-type]


def test_bare_lines_are_nothing_among_lines_with_a_prefix() -> None:
    lines = [GLOG + "Iteration 1, loss = 2", "Iteration 1, loss = 3"]
    assert numbers(list(parse_log(lines))) == [("1 loss", 2.0)]
