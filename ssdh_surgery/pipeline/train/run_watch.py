"""Everything that is judged while a net trains, each thing reported once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.engines import events
from ssdh_surgery.pipeline.check.data.labelled_layers import labelled_layers
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.train.accuracy_watch import AccuracyWatch
from ssdh_surgery.pipeline.train.alarm import Alarm, AlarmKind
from ssdh_surgery.pipeline.train.code_collapse import CollapseWatch
from ssdh_surgery.pipeline.train.loss_watch import GRACE, BadLoss, LossWatch
from ssdh_surgery.pipeline.train.rate_watch import RateWatch
from ssdh_surgery.pipeline.train.sample_health import SampleHealth
from ssdh_surgery.pipeline.train.wait_watch import WaitWatch

# Once one output is nan, soon all are.
_OF_THE_RUN: frozenset[AlarmKind] = frozenset(["collapse", "nan"])
# The hash layer's first bias makes all bits 1, for so much of a run at most.
_LATE = 0.5


class RunWatch:
    """Judges the events of a run.

    Args:
        max_iter: the iteration at which it ends, None if it is unknown.
        losses: the number of classes of each output that is a softmax loss.
        accuracies: the number of classes of each output that is an accuracy.
        shares: the shares of the classes in the data of the test nets, if they are known.
        classes: the number of classes of the classifier on the codes.
    """

    def __init__(
        self,
        max_iter: int | None = None,
        losses: Mapping[str, int] | None = None,
        accuracies: Mapping[str, int] | None = None,
        shares: Sequence[float] = (),
        classes: int | None = None,
    ) -> None:
        self._grace = (max_iter or 0) * GRACE
        self._late = (max_iter or 0) * _LATE
        self._distinct: int | None = None
        self._losses = LossWatch(max_iter, losses)
        self._watches = (
            self._losses,
            AccuracyWatch(max_iter, accuracies, losses, shares),
            RateWatch(max_iter),
            WaitWatch(),
            CollapseWatch(classes),
        )
        self._reported: set[tuple[AlarmKind, str | None]] = set()

    @property
    def bad_loss(self) -> BadLoss | None:
        """The loss that is nan or infinite at the last display."""
        return self._losses.bad_loss

    def feed(self, event: events.Event) -> Iterator[Alarm]:
        """The alarms that an event gives rise to, without those that were reported before."""
        for watch in self._watches:
            for alarm in watch.feed(event):
                yield from self._once(alarm)

    def judge_codes(self, health: SampleHealth, iteration: int) -> Iterator[Alarm]:
        """The alarm that measured codes give rise to.

        Bits of a net that learns differ later than its loss falls: codes have collapsed if they
        are the same twice, and no more of them are distinct the second time.
        """
        is_early = iteration < (self._late if health.health.is_at_start else self._grace)
        collapse = None if is_early or not iteration else health.collapse
        earlier, self._distinct = self._distinct, health.health.distinct if collapse else None
        if collapse is not None and earlier is not None and health.health.distinct <= earlier:
            words = f"iteration {iteration}: {collapse.message}"
            yield from self._once(Alarm("collapse", words, iteration))

    def _once(self, alarm: Alarm) -> Iterator[Alarm]:
        key = alarm.kind, None if alarm.kind in _OF_THE_RUN else alarm.output
        if key not in self._reported:
            self._reported.add(key)
            yield alarm


def watch_of(
    subject: Subject, max_iter: int | None, classes: int | None, *, has_counts: bool
) -> RunWatch:
    """What judges a run, with the classes of each head.

    Args:
        subject: the nets that run.
        max_iter: the iteration at which the run ends.
        classes: the number of classes of the classifier on the codes.
        has_counts: whether the labels of its data were counted before.
    """
    judges = [
        (judge, head.classes, name)
        for net, _ in subject.nets
        for head in heads(net)
        if head.classes
        for judge in (*head.losses, *head.accuracies)
        for name in (judge.tops or ["(automatic)"])[:1]
    ]
    return RunWatch(
        max_iter,
        {name: count for judge, count, name in judges if judge.type == "SoftmaxWithLoss"},
        {name: count for judge, count, name in judges if judge.type == "Accuracy"},
        _class_shares(subject) if has_counts else (),
        classes,
    )


def _class_shares(subject: Subject) -> list[float]:
    """The shares of the classes in the data of the test nets."""
    return [
        count / sum(layer.labels.counts.values())
        for layer in labelled_layers(subject)
        if layer.phase == "TEST" and layer.labels.is_complete
        for count in layer.labels.counts.values()
    ]
