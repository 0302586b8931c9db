"""The source of an ImageData layer: the images of a list, in order or shuffled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.data import list_problems
from ssdh_surgery.data.image import planar, read_image
from ssdh_surgery.data.image_data_list import ImageDataList, ImageFiles, ListedImage
from ssdh_surgery.data.transform import Chance, DataTransformer
from ssdh_surgery.engines.torch.sources.counted_chance import CountedChance
from ssdh_surgery.engines.torch.sources.image_batch import write_image
from ssdh_surgery.engines.torch.sources.prefetch import BatchRecord, Reading
from ssdh_surgery.errors import DataError, SchemaError
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import ImageDataParameter
    from ssdh_surgery.data.image import Image
    from ssdh_surgery.engines.torch.sources.prefetch import Array


class ImageReader:
    """Reads the images and labels of a list; with `shuffle`, in a new order in each pass.

    `folder` is the folder that the list, and the images in it, are relative to.

    Raises:
        FileError: the list or the first image cannot be read.
        DataError: invalid lines in the list, or the first image is invalid.
        SchemaError: only one of new_height and new_width is set.
    """

    def __init__(
        self,
        param: ImageDataParameter,
        transformer: DataTransformer,
        chance: CountedChance,
        folder: Path,
    ) -> None:
        self._param = param
        self._transformer = transformer
        self._chance = chance
        if bool(param.new_height) != bool(param.new_width):
            raise SchemaError("new_height and new_width must be set at the same time")
        images = ImageDataList(folder / param.source)
        _refuse_errors(images)
        self._files = ImageFiles(images, param.root_folder, folder)
        self.count = len(images)
        # The order of a pass, keyed by (seed, pass).
        self._order: tuple[tuple[int, int], NDArray[np.intp]] | None = None
        self.shapes: Sequence[Shape] = (self._shape(self._listed(0)), ())

    def read(self, numbers: range) -> Reading:
        """Read images; the first one determines the shape of all."""
        images = [self._listed(number) for number in numbers]
        # With a crop or a fixed size the shape is known; otherwise the first image determines it.
        is_fixed = self._transformer.crop or self._param.new_height
        shape = self.shapes[0] if is_fixed else self._shape(images[0])
        records = [
            BatchRecord(
                f"'{printable(image.path)}' of {self._files.images.source}:{image.line}",
                image.label,
                partial(self._fill, image, self._chance.record(number)),
            )
            for number, image in zip(numbers, images, strict=True)
        ]
        return Reading((shape, ()), records)

    def close(self) -> None:
        """Nothing is held open."""

    def _listed(self, number: int) -> ListedImage:
        # As in Caffe, some images are skipped once, at the start.
        skip = self._chance.start(self._param.rand_skip) if self._param.rand_skip else 0
        pass_number, index = divmod(number + skip, self.count)
        if self._param.shuffle:
            key = (self._chance.seed, pass_number)
            if self._order is None or self._order[0] != key:
                self._order = key, self._chance.order(self.count, pass_number)
            index = int(self._order[1][index])
        return self._files.images.image(index)

    def _pixels(self, image: ListedImage) -> Image:
        param = self._param
        size = (param.new_width, param.new_height) if param.new_width else None
        path = self._files.path(image.line - 1)
        return planar(read_image(path, size=size, gray=not param.is_color))

    def _shape(self, image: ListedImage) -> Shape:
        channels, height, width = self._pixels(image).shape
        try:
            return self._transformer.shape((channels, height, width))
        except DataError as error:
            raise self._of_line(image, error) from error

    def _fill(self, image: ListedImage, chance: Chance, arrays: Sequence[Array]) -> None:
        batch, labels = arrays
        pixels = self._pixels(image)
        try:
            write_image(self._transformer, pixels, chance, batch[0])
        except DataError as error:
            raise self._of_line(image, error) from error
        labels[0] = image.label

    def _of_line(self, image: ListedImage, error: DataError) -> DataError:
        return DataError(
            f"'{printable(image.path)}': {error.message}",
            location=Location(self._files.images.source, image.line),
            hint=error.hint,
        )


def _refuse_errors(images: ImageDataList) -> None:
    if problems := images.problems():
        raise DataError(
            "the list has lines that Caffe would misread",
            location=Location(images.source),
            findings=list_problems.findings(problems, images.source),
        )
