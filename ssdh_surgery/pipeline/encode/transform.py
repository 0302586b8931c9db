"""What is done to a picture before the net is given it, from options and the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery import files
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.data.transform import Transformer, ten_crops
from ssdh_surgery.errors import DataError, SsdhError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.names import size_text
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.nets.trained_files import locate_file
from ssdh_surgery.pipeline.workspace.net_record import NetRecord

Channels = Literal["BGR", "RGB", "gray"]
Size = tuple[int, int]
_Number = TypeVar("_Number", bound=np.generic)
# Records that are looked at for their common size.
_RECORDS = 100


@dataclass(frozen=True)
class TransformOptions:
    """What a command line says of it; None is left to the workspace.

    `resize` is (width, height), `none` for pictures as they are; `mean_value` is in the order
    of the channels that the net takes.
    """

    resize: Size | Literal["none"] | None = None
    crop: int | None = None
    mean_value: Sequence[float] | None = None
    mean_file: Path | None = None
    scale: float | None = None
    channels: Channels | None = None
    crops: int = 1


class InputTransform:
    """Pixels to inputs: warp, crop, mean and scale as Caffe's data layers do them in TEST.

    `stated` is the transform as the recipe has it, `resize` what pictures are warped to before
    the crop: None where it is not known, or where they are to stay as they are.

    Args:
        options: what the command line says.
        known: what the workspace knows of the net.
        shape: of one input of the net, (channels, height, width).
        where: the net, for messages.

    Raises:
        UsageError: ten crops without a crop.
        FileError, DataError: the mean file is not there, or none.
    """

    def __init__(
        self,
        options: TransformOptions,
        known: NetRecord | None,
        shape: tuple[int, int, int],
        where: Location,
    ) -> None:
        self._known = known
        self._shape = shape
        self._where = where
        self.crops = options.crops
        self.stated = self._stated(options)
        if self.crops > 1 and not self.stated["crop"]:
            raise UsageError("ten crops are taken of a crop's size", hint="say it: --crop N")
        self._single = self._transformer(self.stated["crop"])
        self._whole = self._transformer(None) if self.crops > 1 else self._single
        self.keeps_size = options.resize == "none"
        # Whether the size is only that of the net's input, for want of a better one.
        self.is_size_guessed = False
        self.resize = self._resize(options)

    @property
    def is_gray(self) -> bool:
        """Whether the net takes one channel."""
        return bool(self.stated["channels"] == "gray")

    def _stated(self, options: TransformOptions) -> dict[str, Any]:
        known: Any = self._known.values if self._known else {}
        channels = "gray" if self._shape[0] == 1 else options.channels or known.get("channels")
        values: dict[str, Any] = {
            "crop": options.crop if options.crop is not None else known.get("crop"),
            "scale": options.scale if options.scale is not None else known.get("scale"),
            "mean_value": None,
            "mean_file": None,
            "channels": str(channels or "BGR"),
        }
        if options.mean_file is not None:
            values["mean_file"] = str(options.mean_file)
        elif options.mean_value is not None:
            values["mean_value"] = list(options.mean_value)
        elif self._known is not None and known.get("mean_file"):
            values["mean_file"] = str(
                locate_file(self._known, str(known["mean_file"]), "mean file")
            )
        elif mean := known.get("mean_value"):
            values["mean_value"] = [float(each) for each in mean]
        for key in ("crop", "scale"):  # plain numbers, not those of tomlkit
            if values[key] is not None:
                values[key] = float(values[key]) if key == "scale" else int(values[key])
        return values

    def _transformer(self, crop: int | None) -> Transformer:
        param: Any = schema.message_class("TransformationParameter")()
        if crop:
            param.crop_size = crop
        if self.stated["scale"] is not None:
            param.scale = self.stated["scale"]
        param.mean_value.extend(self.stated["mean_value"] or ())
        if self.stated["mean_file"]:
            param.mean_file = self.stated["mean_file"]
        return Transformer(param, "TEST")

    def _resize(self, options: TransformOptions) -> Size | None:
        if options.resize is not None:
            return None if options.resize == "none" else options.resize
        known = self._known.get("resize") if self._known else None
        if known:
            return int(known[0]), int(known[1])
        if (size := self._record_size()) is not None:
            return size
        if (mean := self._whole.mean_shape) is not None:
            return mean[2], mean[1]  # Caffe takes a mean file of the records' own size alone
        if self.stated["crop"]:
            return None
        self.is_size_guessed = True
        return self._shape[2], self._shape[1]

    def _record_size(self) -> Size | None:
        """The common (width, height) of the records that the train net reads."""
        from ssdh_surgery.data.lmdb_store import common_shape

        train = self._known.path("train") if self._known else None
        if self._known is None or train is None or not train.is_file():
            return None
        for layer in net_of(read_source(str(train)).document).layers_in("TRAIN"):
            message = layer.core.message("data_param") if layer.type == "Data" else None
            source = message.string("source") if message else ""
            try:
                if not source:
                    continue
                shape = common_shape(locate_file(self._known, source, "LMDB"), _RECORDS)
            except SsdhError:
                continue
            if shape is not None:
                return shape[2], shape[1]
        return None

    def picture_size(self) -> Size | None:
        """The (width, height) that pictures are warped to before the crop; None to leave them.

        Raises:
            DataError: it is not known, so that a crop would cut a part out of each picture.
        """
        if self.resize is None and not self.keeps_size:
            raise DataError(
                "it is not known to which size pictures are warped before the crop of "
                f"{self.stated['crop']}",
                location=self._where,
                hint="say it: --resize 256x256, as the records were made that the net was "
                "trained on (--resize none takes pictures as they are)",
            )
        return self.resize

    def read(self, path: Path | str) -> NDArray[np.uint8]:
        """A picture file [C, H, W], warped, its channels in the order that the net takes.

        Raises:
            FileError, DataError: it cannot be read or decoded.
            MissingExtra: OpenCV is not installed.
        """
        from ssdh_surgery.data.image import planar, read_image

        pixels = planar(read_image(path, size=self.picture_size(), gray=self.is_gray))
        return self.in_order(pixels)

    def in_order(self, pixels: NDArray[_Number]) -> NDArray[_Number]:
        """Pixels [C, H, W] in Caffe's order, BGR, put in the order that the net takes."""
        return pixels[::-1] if self.stated["channels"] == "RGB" else pixels

    def prepared(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Pixels [C, H, W] as the net is given them: one input or ten, [n, C, h, w].

        Raises:
            DataError: they do not fit the mean, the crop or the net's input.
        """
        if self.crops == 1:
            result = self._single(pixels)[None]
        else:
            channels, height, width = pixels.shape
            self._single.shape((channels, height, width))
            result = ten_crops(self._whole(pixels), self.stated["crop"])
        if result.shape[1:] != self._shape:
            sizes = [size_text(shape) for shape in (result.shape[1:], self._shape)]
            raise DataError(
                f"a picture comes to {sizes[0]} (channels x height x width), the net takes "
                f"{sizes[1]}",
                location=self._where,
                hint="check --crop and --resize, and whether the net takes gray pictures",
            )
        return result

    def recipe(self) -> dict[str, Any]:
        """The transform as the recipe has it: the mean file by its SHA-256."""
        stated = {**self.stated, "resize": list(self.resize) if self.resize else None}
        if stated["mean_file"]:
            stated["mean_file"] = files.file_digest(stated["mean_file"])
        return {**stated, "crops": self.crops}

    def words(self, *, are_files: bool = True) -> str:
        """What is done to a picture, or to a record, which is not warped, in one line."""
        stated, steps = self.stated, [] if are_files else ["records in their size"]
        if self.resize is not None and are_files:
            steps.append("warp pictures to {}x{}".format(*self.resize))
        if stated["crop"]:
            where = "from the centre" if self.crops == 1 else "ten times, mean of the activations"
            steps.append(f"crop {stated['crop']} {where}")
        if stated["mean_file"]:
            steps.append(f"subtract {stated['mean_file']}")
        elif stated["mean_value"]:
            steps.append("subtract " + ",".join(f"{each:g}" for each in stated["mean_value"]))
        if stated["scale"] is not None:
            steps.append(f"multiply by {stated['scale']:g}")
        return ", ".join([*steps, f"channels {stated['channels']}"])
