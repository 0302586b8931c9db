"""The source of an ImageData layer: the pictures of a list, in its order or shuffled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.data.image import planar, read_image
from ssdh_surgery.data.image_list import ImageList, ListEntry, read_list
from ssdh_surgery.data.transform import Chance, Transformer
from ssdh_surgery.engines.torch.layers.blob import Shape
from ssdh_surgery.engines.torch.sources.chance import CountedChance
from ssdh_surgery.engines.torch.sources.fitting import refuse_other_shape
from ssdh_surgery.engines.torch.sources.prefetch import Reading, Record
from ssdh_surgery.errors import DataError, SchemaError
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import ImageDataParameter
    from ssdh_surgery.data.image import Image
    from ssdh_surgery.engines.torch.sources.prefetch import Array


class PictureReader:
    """Reads the pictures of a list, and labels; shuffled anew for each pass where asked.

    `folder` is what the list, and the pictures in it, are looked up from.

    Raises:
        FileError: the list cannot be read, or the first picture.
        DataError: lines of the list are wrong, or the first picture is.
        SchemaError: only one of new_height and new_width is set.
    """

    def __init__(
        self,
        param: ImageDataParameter,
        transformer: Transformer,
        chance: CountedChance,
        folder: Path,
    ) -> None:
        self._param = param
        self._transformer = transformer
        self._chance = chance
        self._folder = folder
        if bool(param.new_height) != bool(param.new_width):
            raise SchemaError("new_height and new_width must be set at the same time")
        self._list = read_list(folder / param.source, check_files=False)
        _refuse_errors(self._list)
        self.count = len(self._list.entries)
        # The order of a pass, and which pass of which seed it is of.
        self._order: tuple[tuple[int, int], NDArray[np.intp]] | None = None
        self.shapes: Sequence[Shape] = (self._shape(self._entry(0)), ())

    def read(self, numbers: range) -> Reading:
        """Some pictures; the first one's shape is that of all."""
        entries = [self._entry(number) for number in numbers]
        # A crop gives its shape to whatever is read; else the first picture is looked at.
        fixed = self._transformer.crop or self._param.new_height
        shape = self.shapes[0] if fixed else self._shape(entries[0])
        records = [
            Record(
                f"'{printable(entry.path)}' of {self._list.source}:{entry.line_id + 1}",
                entry.label,
                partial(self._fill, entry, self._chance.record(number)),
            )
            for number, entry in zip(numbers, entries, strict=True)
        ]
        return Reading((shape, ()), records)

    def close(self) -> None:
        """Nothing is held open."""

    def _entry(self, number: int) -> ListEntry:
        # As in Caffe, some pictures are skipped once, at the start.
        skipped = self._chance.start(self._param.rand_skip) if self._param.rand_skip else 0
        which, place = divmod(number + skipped, self.count)
        if self._param.shuffle:
            key = (self._chance.seed, which)
            if self._order is None or self._order[0] != key:
                self._order = key, self._chance.order(self.count, which)
            place = int(self._order[1][place])
        return self._list.entries[place]

    def _picture(self, entry: ListEntry) -> Image:
        param = self._param
        size = (param.new_width, param.new_height) if param.new_width else None
        path = self._folder / f"{param.root_folder}{entry.path}"
        return planar(read_image(path, size=size, gray=not param.is_color))

    def _shape(self, entry: ListEntry) -> Shape:
        channels, height, width = self._picture(entry).shape
        try:
            return self._transformer.shape((channels, height, width))
        except DataError as error:
            raise self._of_line(entry, error) from error

    def _fill(self, entry: ListEntry, chance: Chance, arrays: Sequence[Array]) -> None:
        pictures, labels = arrays
        pixels = self._picture(entry)
        try:
            refuse_other_shape(self._transformer, pixels.shape, pictures[0].shape)
            self._transformer(pixels, chance, out=pictures[0])
        except DataError as error:
            raise self._of_line(entry, error) from error
        labels[0] = entry.label

    def _of_line(self, entry: ListEntry, error: DataError) -> DataError:
        return DataError(
            f"'{printable(entry.path)}': {error.message}",
            location=Location(self._list.source, entry.line_id + 1),
            hint=error.hint,
        )


def _refuse_errors(pictures: ImageList) -> None:
    if pictures.errors:
        errors = [finding for finding in pictures.findings if finding.is_error]
        raise DataError(
            "the list has lines that Caffe would read wrongly",
            location=Location(pictures.source),
            findings=errors,
        )
