"""How an image becomes input of the net: resize, crop, mean, scale, channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.data.mean_file import mean_digest, read_mean_file
from ssdh_surgery.data.transform import DataTransformer, ten_crops
from ssdh_surgery.errors import DataError, SsdhError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.names import size_text
from ssdh_surgery.pipeline.nets.trained_files import locate_file, train_sources
from ssdh_surgery.pipeline.workspace.net_record import NetRecord

Channels = Literal["BGR", "RGB", "gray"]
Size = tuple[int, int]
_Number = TypeVar("_Number", bound=np.generic)
# Records in which a common size is looked for.
_RECORDS = 100
_RESIZE_HINT = (
    "give the size of the training records: --resize 256x256 (--resize none keeps the size of "
    "images)"
)


@dataclass(frozen=True)
class TransformOptions:
    """The options of a command line; None takes the value of the workspace.

    `resize` is (width, height), or `none` to keep the size; `mean_value` is in the order of the
    channels that the net takes.

    Raises:
        UsageError: two of them exclude each other.
    """

    resize: Size | Literal["none"] | None = None
    crop: int | None = None
    mean_value: Sequence[float] | None = None
    mean_file: Path | None = None
    scale: float | None = None
    channels: Channels | None = None
    crops: int = 1

    def __post_init__(self) -> None:
        if self.mean_value is not None and self.mean_file is not None:
            raise UsageError("--mean-value and --mean-file exclude each other")


class InputTransform:
    """Pixels to inputs of the net, as Caffe's data layers compute them in phase TEST.

    `values` has the crop, mean, scale and channels; `mean_image` is the image [C, H, W] of the
    mean file, None without one. `resize` is the size that images are resized to before the crop:
    None if it is unknown, or if they keep their size.

    Args:
        options: the options of the command line.
        record: the record of the net in the workspace.
        shape: the shape of one input of the net, (channels, height, width).
        location: the net, for messages.

    Raises:
        UsageError: ten crops without a crop.
        FileError, DataError: the mean file is missing, or is not one.
    """

    def __init__(
        self,
        options: TransformOptions,
        record: NetRecord | None,
        shape: tuple[int, int, int],
        location: Location,
    ) -> None:
        self._record = record
        self._shape = shape
        self._location = location
        self.crops = options.crops
        self.values = self._values(options)
        self.mean_image = self._read_mean()
        if self.crops > 1 and not self.values["crop"]:
            raise UsageError("ten crops need the size of a crop", hint="give it: --crop N")
        self._single = self._transformer(self.values["crop"])
        self._whole = self._transformer(None) if self.crops > 1 else self._single
        self.keeps_size = options.resize == "none"
        # Whether `resize` is the size of the net's input, because nothing better is known.
        self.is_size_guessed = False
        self.resize = self._resize(options)

    @property
    def is_gray(self) -> bool:
        """Whether the net takes one channel."""
        return bool(self.values["channels"] == "gray")

    @property
    def is_size_known(self) -> bool:
        """Whether it is known what size images get, or that they keep theirs."""
        return self.resize is not None or self.keeps_size

    def refuse_misfit(self) -> None:
        """Refuse a resize that fits neither the mean file nor the crop.

        Raises:
            DataError: it names both sizes.
        """
        if self.resize is not None:
            width, height = self.resize
            self._single.shape((self._shape[0], height, width))

    def _values(self, options: TransformOptions) -> dict[str, Any]:
        recorded: Any = self._record.values if self._record else {}
        channels = "gray" if self._shape[0] == 1 else options.channels or recorded.get("channels")
        values: dict[str, Any] = {
            "crop": options.crop if options.crop is not None else recorded.get("crop"),
            "scale": options.scale if options.scale is not None else recorded.get("scale"),
            "mean_value": None,
            "mean_file": None,
            "channels": str(channels or "BGR"),
        }
        if options.mean_file is not None:
            values["mean_file"] = str(options.mean_file)
        elif options.mean_value is not None:
            values["mean_value"] = list(options.mean_value)
        elif self._record is not None and recorded.get("mean_file"):
            values["mean_file"] = str(
                locate_file(self._record, str(recorded["mean_file"]), "mean file")
            )
        elif mean := recorded.get("mean_value"):
            values["mean_value"] = [float(each) for each in mean]
        for key in ("crop", "scale"):  # plain numbers, not tomlkit's
            if values[key] is not None:
                values[key] = float(values[key]) if key == "scale" else int(values[key])
        return values

    def _read_mean(self) -> NDArray[np.float32] | None:
        """The mean file's image; a file of one value per channel counts as mean values."""
        if not self.values["mean_file"]:
            return None
        mean = read_mean_file(self.values["mean_file"])
        if mean.ndim == 3:
            return mean
        self.values |= {"mean_file": None, "mean_value": mean.tolist()}
        return None

    def _transformer(self, crop: int | None) -> DataTransformer:
        param: Any = schema.message_class("TransformationParameter")()
        if crop:
            param.crop_size = crop
        if self.values["scale"] is not None:
            param.scale = self.values["scale"]
        param.mean_value.extend(self.values["mean_value"] or ())
        if self.values["mean_file"]:
            param.mean_file = self.values["mean_file"]
        return DataTransformer(param, "TEST", mean=self.mean_image)

    def _resize(self, options: TransformOptions) -> Size | None:
        if options.resize is not None:
            return None if options.resize == "none" else options.resize
        recorded = self._record.get("resize") if self._record else None
        if recorded:
            return int(recorded[0]), int(recorded[1])
        if (size := self._record_size()) is not None:
            return size
        if (mean := self.mean_image) is not None:
            return mean.shape[2], mean.shape[
                1
            ]  # Caffe requires the mean to have the size of the records
        if self.values["crop"]:
            return None
        self.is_size_guessed = True
        return self._shape[2], self._shape[1]

    def _record_size(self) -> Size | None:
        """The common (width, height) of the records that the train net reads."""
        from ssdh_surgery.data.open_records import common_shape

        if self._record is None:
            return None
        for source in train_sources(self._record):
            try:
                shape = common_shape(source, _RECORDS)
            except SsdhError:
                continue
            if shape is not None:
                return shape[2], shape[1]
        return None

    def image_size(self) -> Size | None:
        """The (width, height) that images are resized to before the crop; None keeps their size.

        Raises:
            DataError: it is unknown, and a crop would cut an arbitrary part out of each image.
        """
        if not self.is_size_known:
            raise DataError(self.unknown_size, location=self._location, hint=_RESIZE_HINT)
        return self.resize

    @property
    def unknown_size(self) -> str:
        """What is wrong where the size is not known."""
        crop = self.values["crop"]
        return f"the size that images are resized to before the crop of {crop} is unknown"

    def read(self, path: Path | str) -> NDArray[np.uint8]:
        """An image file [C, H, W], resized, its channels in the order that the net takes.

        Raises:
            FileError, DataError: it cannot be read or decoded.
            MissingExtra: OpenCV is not installed.
        """
        from ssdh_surgery.data.image import planar, read_image

        pixels = planar(read_image(path, size=self.image_size(), gray=self.is_gray))
        return self.in_order(pixels)

    def in_order(self, pixels: NDArray[_Number]) -> NDArray[_Number]:
        """Pixels [C, H, W] in Caffe's order, BGR, reordered as the net takes them."""
        return pixels[::-1] if self.values["channels"] == "RGB" else pixels

    def prepare(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Pixels [C, H, W] as inputs of the net: one, or ten crops, [n, C, h, w].

        Raises:
            DataError: they do not fit the mean, the crop or the net's input.
        """
        if self.crops == 1:
            result = self._single(pixels)[None]
        else:
            channels, height, width = pixels.shape
            self._single.shape((channels, height, width))
            result = ten_crops(self._whole(pixels), self.values["crop"])
        if result.shape[1:] != self._shape:
            sizes = [size_text(shape) for shape in (result.shape[1:], self._shape)]
            raise DataError(
                f"an image becomes {sizes[0]} (channels x height x width), but the net takes "
                f"{sizes[1]}",
                location=self._location,
                hint="check --crop and --resize, and whether the net takes gray images",
            )
        return result

    def recipe(self) -> dict[str, Any]:
        """The transform for the recipe, with the SHA-256 of the mean file."""
        values = {**self.values, "resize": list(self.resize) if self.resize else None}
        if self.mean_image is not None:
            values["mean_file"] = mean_digest(values["mean_file"], self.mean_image)
        return {**values, "crops": self.crops}

    def words(self, *, are_files: bool = True) -> str:
        """The transform in one line; records, unlike files, keep their size."""
        values, steps = self.values, [] if are_files else ["keep the size of records"]
        if self.resize is not None and are_files:
            steps.append("resize images to {}x{}".format(*self.resize))
        if values["crop"]:
            where = "from the centre" if self.crops == 1 else "ten times, averaging activations"
            steps.append(f"crop {values['crop']} {where}")
        if values["mean_file"]:
            steps.append(f"subtract {values['mean_file']}")
        elif values["mean_value"]:
            steps.append("subtract " + ",".join(f"{each:g}" for each in values["mean_value"]))
        if values["scale"] is not None:
            steps.append(f"multiply by {values['scale']:g}")
        return ", ".join([*steps, f"channels {values['channels']}"])
