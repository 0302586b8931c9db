"""The feed of a net: opens the sources of its data layers, and keeps their positions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ssdh_surgery.data.transform import DataTransformer, Phase
from ssdh_surgery.engines.torch.sources.counted_chance import CountedChance
from ssdh_surgery.engines.torch.sources.hdf5_reader import Hdf5Reader
from ssdh_surgery.engines.torch.sources.image_reader import ImageReader
from ssdh_surgery.engines.torch.sources.lmdb_reader import LmdbReader
from ssdh_surgery.engines.torch.sources.prefetch import (
    BatchRecord,
    PrefetchedSource,
    ProcessShare,
    RecordReader,
)
from ssdh_surgery.errors import DataError, EngineError, SchemaError

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter
    from ssdh_surgery.engines.torch.layers.layer_context import LayerContext

_SEED_LIMIT = 1 << 62


@dataclass(frozen=True)
class SourcePosition:
    """The position of a source: its seed, its next record, and the number of records in a pass."""

    seed: int
    position: int
    count: int


@dataclass
class Feed:
    """The sources of one net; a call opens that of a layer (the `open_source` of a `GraphNet`).

    Args:
        folder: the folder that paths are relative to: caffe's working directory.
        share: the records of this process, if several train one net.
        threads: the number of threads per source that decode and transform.
    """

    folder: Path = Path()
    share: ProcessShare = field(default_factory=ProcessShare)
    threads: int = 1
    sources: dict[str, PrefetchedSource] = field(default_factory=dict)

    def __call__(self, param: LayerParameter, context: LayerContext) -> PrefetchedSource:
        """Open the source of a layer.

        Raises:
            EngineError: a type of data layer that this engine does not support.
            SchemaError: a field that Caffe refuses.
            DataError, FileError: the data cannot be read.
        """
        generator = context.generator
        seed = torch.randint(_SEED_LIMIT, (), generator=generator, device=generator.device)
        chance = CountedChance(int(seed))
        with _named_layer(param.name):
            reader, batch_size = _open(param, context.phase, chance, self.folder)
            if batch_size <= 0:
                raise SchemaError(f"batch_size must be above 0, not {batch_size}")
        source = PrefetchedSource(
            reader, batch_size, chance, share=self.share, threads=self.threads
        )
        self.sources[param.name] = source
        return source

    @property
    def wait_seconds(self) -> float:
        """The seconds that the net has spent waiting for data."""
        return sum(source.wait_seconds for source in self.sources.values())

    def positions(self) -> dict[str, SourcePosition]:
        """The position of each source, by its layer's name."""
        return {
            name: SourcePosition(source.chance.seed, source.position, source.reader.count)
            for name, source in self.sources.items()
        }

    def restore(self, positions: dict[str, SourcePosition]) -> list[str]:
        """Resume from positions; returns the layers whose sources start over instead.

        These have no position, or a different number of records than before.
        """
        layers = []
        for name, source in self.sources.items():
            position = positions.get(name)
            if position is None or position.count != source.reader.count:
                layers.append(name)
            else:
                source.chance.seed = position.seed
                source.seek(position.position)
        return layers

    def step_back(self) -> None:
        """Repeat the last batch of each source."""
        for source in self.sources.values():
            source.seek(max(0, source.position - source.step))

    def records(self, label: float) -> list[BatchRecord]:
        """The records of the last batches with a label."""
        last = (record for source in self.sources.values() for record in source.records)
        return [record for record in last if record.label == label]

    def close(self) -> None:
        """Stop all threads and close all files."""
        for source in self.sources.values():
            source.close()


def _open(
    param: LayerParameter, phase: str, chance: CountedChance, folder: Path
) -> tuple[RecordReader, int]:
    """The reader of a data layer, and its batch size."""
    if param.type == "HDF5Data":
        hdf5 = param.hdf5_data_param
        if param.HasField("transform_param"):
            raise SchemaError("HDF5Data does not support transform_param")
        order = chance if hdf5.shuffle else None
        return Hdf5Reader(hdf5.source, param.top, order, folder), hdf5.batch_size
    if param.type not in ("Data", "ImageData"):
        raise EngineError(
            f"the embedded engine does not read {param.type}", hint="use --engine binary"
        )
    transform_phase: Phase = "TRAIN" if phase == "TRAIN" else "TEST"
    transformer = DataTransformer(param.transform_param, transform_phase, folder=folder)
    if param.type == "Data":
        data = param.data_param
        return LmdbReader(folder / data.source, transformer, chance), data.batch_size
    image = param.image_data_param
    return ImageReader(image, transformer, chance, folder), image.batch_size


@contextmanager
def _named_layer(layer: str) -> Iterator[None]:
    """Name the layer in errors without a place."""
    try:
        yield
    except (DataError, EngineError, SchemaError) as error:
        if error.location is not None:
            raise
        message = f"layer '{layer}': {error.message}"
        raise type(error)(message, hint=error.hint, layer=layer) from error
