"""What the tests of a run say: one class for all, or test data that the net knows nothing of."""

from __future__ import annotations

import math

import pytest

from ssdh_surgery.engines import events
from ssdh_surgery.pipeline.train.accuracy_watch import AccuracyWatch


def accuracies(*values: float, net: int = 0) -> list[events.Event]:
    return [
        events.TestOutput(100 * number, 0, "accuracy", value, net=net)
        for number, value in enumerate(values, 1)
    ]


def messages(watch: AccuracyWatch, *happenings: events.Event) -> list[str]:
    return [alarm.message for event in happenings for alarm in watch.feed(event)]


class TestTheShareOfAClass:
    def watch(self) -> AccuracyWatch:
        return AccuracyWatch(1000, {"accuracy": 4}, shares=[0.7, 0.1, 0.1, 0.1])

    def test_an_accuracy_that_is_one_twice(self) -> None:
        assert messages(self.watch(), *accuracies(0.7, 0.7))[0].startswith(
            "iteration 200: the test output 'accuracy' was 0.7 in 2 tests, the share of one class "
            "of the test data: every test image seems to get the same class. "
        )

    @pytest.mark.parametrize("values", [(0.7, 0.8, 0.7), (0.71, 0.71, 0.71), (0.7,)])
    def test_others(self, values: tuple[float, ...]) -> None:
        assert messages(self.watch(), *accuracies(*values)) == []

    def test_data_of_one_class_are_no_reason(self) -> None:
        watch = AccuracyWatch(1000, {"accuracy": 4}, shares=[1.0])
        assert messages(watch, *accuracies(1.0, 1.0, 1.0)) == []


def test_the_accuracies_of_two_test_nets_are_not_compared() -> None:
    both = [
        event
        for pair in zip(accuracies(0.25), accuracies(0.25, net=1), strict=True)
        for event in pair
    ]
    assert messages(AccuracyWatch(1000, {"accuracy": 4}), *both, *both[:1]) == []


class TestTestDataOfAnotherKind:
    """Training goes well, and the tests are at chance."""

    def warnings(self, loss: float, accuracy: float, classes: int = 10) -> list[str]:
        watch = AccuracyWatch(1000, {"accuracy": classes}, {"loss": classes})
        happenings: list[events.Event] = []
        for number in range(1, 6):
            happenings += [
                events.TrainOutput(100 * number + step, 0, "loss", loss, 1.0, loss)
                for step in (20, 40, 60)
            ]
            # Not equal, which would be another alarm.
            value = accuracy + 0.001 * (number % 2)
            happenings.append(events.TestOutput(100 * number, 0, "accuracy", value))
        return messages(watch, *happenings)

    def test_the_loss_fell_and_the_accuracy_is_at_chance(self) -> None:
        (message,) = self.warnings(0.05, 0.1)
        assert message.startswith(
            "iteration 300: the loss 'loss' fell to 0.05, but the test output 'accuracy' is 0.101, "
            "no better than chance for 10 classes: the net knows nothing of the test data. "
        )

    @pytest.mark.parametrize(
        ("loss", "accuracy", "classes"),
        [(2.3, 0.1, 10), (0.05, 0.3, 10), (1.2, 0.1, 10), (0.05, 0.7, 2)],
    )
    def test_others(self, loss: float, accuracy: float, classes: int) -> None:
        assert self.warnings(loss, accuracy, classes) == []


def test_equal_accuracies_of_a_net_that_learns_are_no_second_alarm() -> None:
    watch = AccuracyWatch(1000, {"accuracy": 10}, {"loss": 10})
    learned = [events.TrainOutput(step, 0, "loss", 0.05, 1.0, 0.05) for step in (20, 40, 60)]
    told = messages(watch, *learned, *accuracies(0.01, 0.01, 0.01, 0.01))
    assert [message.count("no better than chance") for message in told] == [1]


def test_a_test_output_of_nan() -> None:
    (message,) = messages(AccuracyWatch(), events.TestOutput(20, 1, "loss", math.nan))
    assert message == "iteration 20: the test output 'loss' is nan"
