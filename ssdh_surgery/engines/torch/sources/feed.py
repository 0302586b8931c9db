"""Opens the sources of a net's data layers, and says where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ssdh_surgery.data.transform import Phase, Transformer
from ssdh_surgery.engines.torch.sources.chance import CountedChance
from ssdh_surgery.engines.torch.sources.hdf5 import Hdf5Reader
from ssdh_surgery.engines.torch.sources.lmdb import LmdbReader
from ssdh_surgery.engines.torch.sources.pictures import PictureReader
from ssdh_surgery.engines.torch.sources.prefetch import PrefetchedSource, Reader, Record, Share
from ssdh_surgery.errors import DataError, EngineError, SchemaError

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter
    from ssdh_surgery.engines.torch.layers.base import Setting

_SEEDS = 1 << 62


@dataclass(frozen=True)
class Place:
    """Where a source stands: its seed, its next record, and the records in a pass."""

    seed: int
    position: int
    count: int


@dataclass
class Feed:
    """The sources of one net; called to open that of a layer (a `GraphNet`'s `open_source`).

    Args:
        folder: what paths are looked up from: caffe's working directory.
        share: which records this process takes, where several train one net.
        threads: how many decode and transform, for each source.
    """

    folder: Path = Path()
    share: Share = field(default_factory=Share)
    threads: int = 1
    sources: dict[str, PrefetchedSource] = field(default_factory=dict)

    def __call__(self, param: LayerParameter, setting: Setting) -> PrefetchedSource:
        """Open the source of a layer.

        Raises:
            EngineError: this engine does not read what the layer reads.
            SchemaError: a setting that Caffe refuses.
            DataError, FileError: the data cannot be read.
        """
        generator = setting.generator
        seed = torch.randint(_SEEDS, (), generator=generator, device=generator.device)
        chance = CountedChance(int(seed))
        with _named(param.name):
            reader, batch_size = _open(param, setting.phase, chance, self.folder)
            if batch_size <= 0:
                raise SchemaError(f"batch_size must be above 0, not {batch_size}")
        source = PrefetchedSource(
            reader, batch_size, chance, share=self.share, threads=self.threads
        )
        self.sources[param.name] = source
        return source

    @property
    def waited(self) -> float:
        """The seconds that the net has waited for data."""
        return sum(source.waited for source in self.sources.values())

    def places(self) -> dict[str, Place]:
        """Where each source stands, by its layer's name."""
        return {
            name: Place(source.chance.seed, source.position, source.reader.count)
            for name, source in self.sources.items()
        }

    def restore(self, places: dict[str, Place]) -> list[str]:
        """Go on from places; the names of the sources that cannot, and begin anew.

        These have no place, or another number of records than they had.
        """
        left = []
        for name, source in self.sources.items():
            place = places.get(name)
            if place is None or place.count != source.reader.count:
                left.append(name)
            else:
                source.chance.seed = place.seed
                source.seek(place.position)
        return left

    def step_back(self) -> None:
        """Give the last batch of each source once more."""
        for source in self.sources.values():
            source.seek(max(0, source.position - source.step))

    def records(self, label: float) -> list[Record]:
        """The records of the last batches that have a label."""
        last = (record for source in self.sources.values() for record in source.records)
        return [record for record in last if record.label == label]

    def close(self) -> None:
        """Stop all threads and close all files."""
        for source in self.sources.values():
            source.close()


def _open(
    param: LayerParameter, phase: str, chance: CountedChance, folder: Path
) -> tuple[Reader, int]:
    """The reader of a data layer, and its batch size."""
    if param.type == "HDF5Data":
        hdf5 = param.hdf5_data_param
        if param.HasField("transform_param"):
            raise SchemaError("HDF5Data does not transform data")
        shuffled = chance if hdf5.shuffle else None
        return Hdf5Reader(hdf5.source, param.top, shuffled, folder), hdf5.batch_size
    if param.type not in ("Data", "ImageData"):
        raise EngineError(f"this engine does not read {param.type}", hint="use --engine binary")
    known: Phase = "TRAIN" if phase == "TRAIN" else "TEST"
    transformer = Transformer(param.transform_param, known, folder=folder)
    if param.type == "Data":
        data = param.data_param
        return LmdbReader(folder / data.source, transformer, chance), data.batch_size
    image = param.image_data_param
    return PictureReader(image, transformer, chance, folder), image.batch_size


@contextmanager
def _named(layer: str) -> Iterator[None]:
    """Name the layer in errors that have no place of their own."""
    try:
        yield
    except (DataError, EngineError, SchemaError) as error:
        if error.location is not None:
            raise
        message = f"layer '{layer}': {error.message}"
        raise type(error)(message, hint=error.hint, layer=layer) from error
