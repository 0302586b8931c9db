"""Event files as TensorBoard reads them."""

from __future__ import annotations

import warnings
from pathlib import Path


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The steps and values of each tag in a folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorBoard's own
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(folder))
        events.Reload()
    return {
        tag: [(each.step, each.value) for each in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }
