"""The records that a train net reads, their transform, and its data layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.prototxt.render import NewFields, Word


@dataclass(frozen=True)
class Transform:
    """What Caffe does to the pixels of a record; None and False mean nothing.

    `mean` is a file, or one value per channel in the order of the records (blue, green, red).
    """

    crop: int | None = None
    mean: str | Sequence[Decimal] | None = None
    scale: Decimal | None = None
    mirror: bool = False

    def fields(self, phase: Phase) -> NewFields:
        """The fields of the transform in a phase: mirroring is for training only."""
        new: list[tuple[str, object]] = []
        if self.mirror:
            new.append(("mirror", phase == "TRAIN"))
        if self.crop:
            new.append(("crop_size", self.crop))
        if isinstance(self.mean, str):
            new.append(("mean_file", self.mean))
        elif self.mean is not None:
            new += [("mean_value", value) for value in self.mean]
        if self.scale is not None:
            new.append(("scale", self.scale))
        return new


@dataclass(frozen=True)
class Records:
    """The LMDB of one phase, and the batch size in records."""

    source: str
    batch: int


def data_layers(
    blob: str, label: str, data: tuple[Records, Records], transform: Transform
) -> list[NewFields]:
    """The data layers of a train net, for TRAIN and TEST.

    Args:
        blob: the blob of the images.
        label: the blob of the labels.
        data: the records of TRAIN and TEST.
        transform: the transform of their pixels.
    """
    phases: tuple[Phase, Phase] = ("TRAIN", "TEST")
    return [
        [
            ("name", blob),
            ("type", "Data"),
            ("top", blob),
            ("top", label),
            ("include", [("phase", Word(phase))]),
            *([("transform_param", message)] if (message := transform.fields(phase)) else []),
            (
                "data_param",
                [
                    ("source", records.source),
                    ("batch_size", records.batch),
                    ("backend", Word("LMDB")),
                ],
            ),
        ]
        for phase, records in zip(phases, data, strict=True)
    ]
