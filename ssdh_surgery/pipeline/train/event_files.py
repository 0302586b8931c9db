"""The numbers of a run as event files for TensorBoard."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Self

from ssdh_surgery.engines import events
from ssdh_surgery.errors import file_errors, of_extra, require_extra
from ssdh_surgery.pipeline.train.sample_health import SampleHealth

_PURPOSE = "writing event files for TensorBoard"
# The longest that numbers wait before they are written.
_SECONDS = 5


class EventFiles:
    """A new event file in a folder; a context manager.

    Tags are `train/OUTPUT`, `test/OUTPUT` (`test1/OUTPUT` for the second test net) and
    `codes/MEASURE`; the total loss is `train/total_loss`.

    Args:
        folder: the folder, which TensorBoard shows as one run; it is made if it is missing.
        resumed_at: the iteration that a resumed run starts at: TensorBoard drops later numbers of
            an earlier file in the folder.

    Raises:
        MissingExtra: tensorboardX is not installed.
        FileError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path, resumed_at: int | None = None) -> None:
        require_extra("tensorboard", _PURPOSE, "tensorboardX")
        with of_extra("tensorboard", _PURPOSE):
            from tensorboardX import SummaryWriter
        with file_errors(folder, "write event files"):
            folder.mkdir(parents=True, exist_ok=True)
            self._writer = SummaryWriter(
                str(folder),
                purge_step=resumed_at,
                flush_secs=_SECONDS,
                filename_suffix=f".{os.getpid()}",  # another run may begin in the same second
            )
        # It logs each nan, and each name with a blank, which becomes an underscore.
        logging.getLogger("tensorboardX").addHandler(logging.NullHandler())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def show(self, event: events.Event) -> None:
        """Write the numbers of an event, if it has any."""
        match event:
            case events.Iteration():
                self._add("train/total_loss", event.loss, event.iteration)
                if event.rate is not None:
                    self._add("train/iterations_per_second", event.rate, event.iteration)
            case events.TrainOutput():
                self._add(f"train/{event.name}", event.value, event.iteration)
            case events.LearningRate():
                self._add("train/learning_rate", event.rate, event.iteration)
            case events.TestOutput():
                self._add(f"{_test(event.net)}/{event.name}", event.value, event.iteration)
            case events.TestEnd(loss=float(loss)):
                self._add(f"{_test(event.net)}/total_loss", loss, event.iteration)
            case _:
                pass

    def show_codes(self, health: SampleHealth, iteration: int) -> None:
        """Write the health of the codes."""
        values = health.as_json()
        self._writer.add_histogram("codes/fire_rates", health.health.fire_rates, iteration)
        for key, value in values.items():
            if isinstance(value, int | float):
                self._add(f"codes/{key}", value, iteration)

    def _add(self, tag: str, value: float, iteration: int) -> None:
        self._writer.add_scalar(tag, value, iteration)


def _test(net: int) -> str:
    return f"test{net}" if net else "test"
