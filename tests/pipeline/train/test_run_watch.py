"""What is judged besides losses and accuracies: learning rate, waiting, codes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssdh_surgery.engines import events
from ssdh_surgery.engines.log_parser import LogParser
from ssdh_surgery.pipeline.train.run_watch import RunWatch
from ssdh_surgery.pipeline.train.sample_health import SampleHealth
from ssdh_surgery.retrieval.codes.codes import pack
from ssdh_surgery.retrieval.codes.health import health_of


def alarms(watch: RunWatch, *happenings: events.Event) -> list[tuple[str, str]]:
    fed = [alarm for event in happenings for alarm in watch.feed(event)]
    return [(alarm.kind, alarm.message) for alarm in fed]


class TestTheLearningRate:
    def alarms(self, *rates: float, max_iter: int | None = 100) -> list[str]:
        rows = [events.LearningRate(10 * number, rate) for number, rate in enumerate(rates)]
        return [message for _, message in alarms(RunWatch(max_iter), *rows)]

    def test_of_0_since_an_iteration(self) -> None:
        assert self.alarms(0.1, 0, 0, 0) == [
            "the learning rate is 0 since iteration 10: the weights no longer change. Check gamma, "
            "power and stepsize of the solver"
        ]

    def test_of_nan(self) -> None:
        (message,) = self.alarms(0.1, math.nan)
        assert message.startswith("the learning rate is nan at iteration 10: ")

    @pytest.mark.parametrize("rates", [(0, 0.1, 0, 0.1), (0.1, 1e-30, 1e-30)])
    def test_others(self, rates: tuple[float, ...]) -> None:
        assert self.alarms(*rates) == []

    def test_at_the_end(self) -> None:
        assert self.alarms(0.1, 0, 0, max_iter=10) == []


class TestWaiting:
    """Caffe logs the first wait for data, and then one in a thousand."""

    @staticmethod
    def log(iterations_a_line: int, seconds_a_line: int, lines: int = 4) -> list[events.Event]:
        parser, told = LogParser(), []
        for number in range(lines):
            second = number * seconds_a_line
            prefix = f"I0102 10:{second // 60:02d}:{second % 60:02d}.000000 7"
            at = number * iterations_a_line
            told += parser.feed(f"{prefix} solver.cpp:218] Iteration {at}, loss = 0.5")
            told += parser.feed(f"{prefix} blocking_queue.cpp:49] Waiting for data")
        return told

    def test_in_every_iteration(self) -> None:
        ((kind, message),) = alarms(RunWatch(10000), *self.log(1000, 100))
        assert kind == "waiting"
        assert message.startswith(
            "iteration 1000: the net waited for its data about 1,001 times in 1,000 iterations: "
        )

    def test_in_few_iterations(self) -> None:
        assert alarms(RunWatch(10000), *self.log(20000, 100)) == []

    def test_in_a_short_run(self) -> None:
        assert alarms(RunWatch(10000), *self.log(1000, 1)) == []

    @pytest.mark.parametrize(
        "message", ["Waiting for data", "Data layer prefetch queue empty"], ids=["reader", "layer"]
    )
    def test_both_of_caffes_messages(self, message: str) -> None:
        parser = LogParser()
        line = f"I0102 10:00:00.000000 7 blocking_queue.cpp:49] {message}"
        told = [*parser.feed(line), *parser.feed(line)]
        assert [event.batches for event in told if isinstance(event, events.DataWait)] == [1, 1000]

    def test_on_the_embedded_engine(self) -> None:
        waits = [events.DataWait(share=0.8, elapsed=30.0 * number) for number in range(4)]
        ((_, message),) = alarms(RunWatch(100), *waits)
        assert "waited for its data 80% of the time since the last display: " in message


def test_one_alarm_for_each_output_and_kind() -> None:
    watch = RunWatch(100, {"a": 2, "b": 2})
    happenings: list[events.Event] = []
    for iteration in range(20, 90, 10):
        happenings.append(events.Iteration(iteration, 2 * math.log(2)))
        happenings += [
            events.TrainOutput(iteration, 0, name, math.log(2), 1.0, math.log(2)) for name in "ab"
        ]
    fed = [alarm for event in happenings for alarm in watch.feed(event)]
    assert [(alarm.kind, alarm.output) for alarm in fed] == [("chance", "a"), ("chance", "b")]


class TestMeasuredCodes:
    def collapses(self, *samples: tuple[int, np.ndarray], **settings: object) -> list[int]:
        watch = RunWatch(1000)
        healths = [
            (SampleHealth(health_of(pack(codes), codes.shape[1]), **settings), iteration)
            for iteration, codes in samples
        ]
        found = [alarm for each in healths for alarm in watch.judge_codes(*each)]
        assert {alarm.kind for alarm in found} <= {"collapse"}
        return [alarm.iteration for alarm in found]

    ONE = np.tile([0.9, 0.1, 0.2, 0.1], (50, 1))
    ONES = np.full((50, 4), 0.9)
    ALL = np.random.default_rng(0).random((50, 4))

    def test_that_are_the_same_twice(self) -> None:
        assert self.collapses((200, self.ONE), (300, self.ONE), (400, self.ONE)) == [300]

    def test_that_differ_in_between(self) -> None:
        assert self.collapses((200, self.ONE), (300, self.ALL), (400, self.ONE)) == []

    def test_early_in_the_run(self) -> None:
        assert self.collapses((0, self.ONE), (50, self.ONE), (99, self.ONE)) == []

    def test_that_are_all_ones_as_the_first_bias_makes_them(self) -> None:
        assert self.collapses((200, self.ONES), (300, self.ONES), (400, self.ONES)) == []
        assert self.collapses((600, self.ONES), (700, self.ONES)) == [700]

    def test_of_data_of_one_class(self) -> None:
        assert self.collapses((200, self.ONE), (300, self.ONE), classes=1) == []


class TestTheTermsOfTheObjective:
    """The term of decided bits is near -0.125; at ln(classes) all images have one code then."""

    def alarms(self, binary: float, loss: float) -> list[str]:
        rows: list[events.Event] = []
        for iteration in (40, 60, 80):
            rows.append(events.Iteration(iteration, loss))
            rows.append(events.TrainOutput(iteration, 0, "binary", binary * 8, 0.125, binary))
            rows.append(events.TrainOutput(iteration, 1, "loss", loss, 1.0, loss))
        return [kind for kind, _ in alarms(RunWatch(100, classes=4), *rows)]

    def test_decided_bits_at_chance(self) -> None:
        assert self.alarms(-0.1249, math.log(4)) == ["collapse"]

    def test_others(self) -> None:
        assert self.alarms(-0.1249, 0.7) == []
        assert self.alarms(-0.08, math.log(4)) == []
