"""What the outputs of a run say about it, each thing once."""

from __future__ import annotations

import math

import pytest

from ssdh_surgery.engines import events
from ssdh_surgery.pipeline.train.run_watch import RunWatch


def feed(watch: RunWatch, *happenings: events.Event) -> list[str]:
    """The messages of the alarms of some events, and of the end that follows them."""
    fed = (*happenings, events.TrainingEnd())
    return [alarm.message for event in fed for alarm in watch.feed(event)]


def display(iteration: int, total: float, **terms: float) -> list[events.Event]:
    """A display of Caffe's: the total, then each loss."""
    return [
        events.Iteration(iteration, total),
        *(
            events.TrainOutput(iteration, index, name, value, 1.0, value)
            for index, (name, value) in enumerate(terms.items())
        ),
        events.LearningRate(iteration, 0.1),
    ]


def test_a_loss_that_became_nan_is_named_with_its_iteration() -> None:
    watch = RunWatch(100)
    warnings = feed(
        watch,
        *display(0, 2, a=1, b=1),
        *display(10, math.nan, a=1, b=math.nan),
        *display(20, math.nan, a=math.nan, b=math.nan),
    )
    assert warnings == [
        "the loss 'b' became nan by iteration 10: nothing is learned from here on; Ctrl-C stops "
        "the run"
    ]
    assert watch.bad_loss is not None
    assert (watch.bad_loss.iteration, watch.bad_loss.output) == (10, "b")
    assert watch.bad_loss.displays == 2


def test_a_total_that_became_infinite_without_outputs() -> None:
    watch = RunWatch()
    warnings = feed(watch, events.Iteration(5, math.inf))
    assert warnings == [
        "the loss became inf by iteration 5: nothing is learned from here on; Ctrl-C stops the run"
    ]


def test_a_loss_that_recovers_is_not_bad_at_the_end() -> None:
    watch = RunWatch()
    feed(watch, *display(0, math.nan, a=math.nan), *display(10, 1, a=1))
    assert watch.bad_loss is None


@pytest.mark.parametrize(
    ("value", "is_dead"), [(87.3365, True), (87.3351, True), (87.33, False), (87.34, False)]
)
def test_any_loss_of_a_probability_of_0(value: float, is_dead: bool) -> None:
    warnings = feed(RunWatch(), *display(20, 100, a=1, b=value), *display(40, 100, a=1, b=value))
    assert [warning[:53] for warning in warnings] == (
        ["iteration 20: the loss 'b' is stuck at 87.3365: the t"] if is_dead else []
    )


def test_an_output_that_is_no_loss_is_not_judged() -> None:
    rate = events.TrainOutput(0, 0, "rate", 87.3365)
    assert feed(RunWatch(), events.Iteration(0, 1), rate) == []


def test_a_loss_that_is_only_displayed_and_one_of_a_test() -> None:
    watch = RunWatch(100, {"a": 4, "b": 4})
    shown = events.TrainOutput(20, 0, "a", 87.3365)
    assert [message[:39] for message in feed(watch, events.Iteration(20, 1), shown)] == [
        "iteration 20: the loss 'a' is stuck at "
    ]
    tested = events.TestOutput(40, 0, "b", 87.3365, 1.0, 87.3365)
    assert [message[:44] for message in feed(watch, tested)] == [
        "iteration 40: the test loss 'b' is stuck at "
    ]


class TestChance:
    LEVEL = math.log(4)

    def warnings(self, losses: list[float], first: int = 20) -> list[str]:
        watch = RunWatch(100, {"a": 4})
        shown = [display(first + 10 * i, value, a=value) for i, value in enumerate(losses)]
        return feed(watch, *(event for each in shown for event in each))

    def test_five_displays_at_chance(self) -> None:
        assert self.warnings([self.LEVEL * 1.01] * 7) == [
            "iteration 60: the loss 'a' has stayed at 1.4, which is chance for 4 classes: the net "
            "learns nothing. Likely causes, in this order: the learning rate (try base_lr ten "
            "times lower, then higher), inputs without a mean and a scale, wrong labels, records "
            "that come class by class (ssdh data build --shuffle), layers without a weight_filler"
        ]

    def test_four_are_not_enough(self) -> None:
        assert self.warnings([self.LEVEL] * 4 + [1.2] + [self.LEVEL] * 4) == []

    def test_a_loss_near_chance(self) -> None:
        assert self.warnings([self.LEVEL * 0.97] * 8) == []

    def test_of_small_batches_the_mean_counts(self) -> None:
        noise = [1.04, 0.96, 1.03, 0.98, 1.0, 0.97]
        assert len(self.warnings([self.LEVEL * each for each in noise])) == 1
        assert self.warnings([self.LEVEL * (each - 0.03) for each in noise]) == []

    def test_the_first_tenth_does_not_count(self) -> None:
        assert self.warnings([self.LEVEL] * 5, first=0) == []

    def test_of_a_head_of_weight_0_nothing_is_expected(self) -> None:
        watch = RunWatch(100, {"a": 4})
        rows = [
            each
            for i in range(20, 40)
            for each in (events.Iteration(i, 1), events.TrainOutput(i, 0, "a", self.LEVEL))
        ]
        assert feed(watch, *rows) == []

    def test_the_total_of_several_heads_is_not_judged(self) -> None:
        watch = RunWatch(100, {"a": 4, "b": 4})
        shown = [display(20 + i, self.LEVEL, a=0.3, b=0.9) for i in range(9)]
        assert feed(watch, *(event for each in shown for event in each)) == []


class TestAccuracy:
    def warnings(self, values: list[float], classes: int = 4) -> list[str]:
        watch = RunWatch(100, {}, {"accuracy": classes})
        return feed(
            watch,
            *(
                events.TestOutput(10 * i, 0, "accuracy", value, net=0)
                for i, value in enumerate(values, 1)
            ),
        )

    def test_three_equal_ones_near_chance(self) -> None:
        assert self.warnings([0.5, 0.25, 0.25, 0.25, 0.25]) == [
            "iteration 40: the test output 'accuracy' was 0.25 in 3 tests: every test image seems "
            "to get the same class. Check the learning rate, the mean and the scale of the test "
            "data, and the statistics of BatchNorm"
        ]

    @pytest.mark.parametrize("values", [[1.0] * 5, [0.25, 0.25, 0.3, 0.25, 0.25], [0.5] * 4])
    def test_others(self, values: list[float]) -> None:
        assert self.warnings(values) == []


def test_a_test_output_of_nan() -> None:
    warnings = feed(RunWatch(), events.TestOutput(20, 1, "loss", math.nan, 1.0, math.nan, net=0))
    assert warnings == ["iteration 20: the test output 'loss' is nan"]
