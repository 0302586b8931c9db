"""pycaffe's Transformer: images to the inputs of a net, and back.

The steps and their order are those of `caffe.io.Transformer`. Unlike there, the array of the
caller never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.interpolation import resize_image
from ssdh_surgery.errors import DataError, did_you_mean
from ssdh_surgery.names import shape_text

Floats = NDArray[np.float32]


class Transformer:
    """Prepares images for the inputs of a net, as `caffe.io.Transformer` does.

    >>> transformer = Transformer({"data": (1, 3, 2, 2)})
    >>> transformer.set_transpose("data", (2, 0, 1))
    >>> transformer.set_channel_swap("data", (2, 1, 0))
    >>> transformer
    <Transformer data: 1x3x2x2, transpose (2, 0, 1), channel_swap (2, 1, 0)>
    >>> transformer.preprocess("data", np.zeros((2, 2, 3))).shape
    (3, 2, 2)

    Args:
        inputs: the shape of each input, [N, K, H, W]: `{"data": net.blobs["data"].data.shape}`.
    """

    def __init__(self, inputs: Mapping[str, Sequence[int]]) -> None:
        self.inputs: dict[str, tuple[int, ...]] = {
            name: tuple(shape) for name, shape in inputs.items()
        }
        self.transpose: dict[str, tuple[int, ...]] = {}
        self.channel_swap: dict[str, tuple[int, ...]] = {}
        self.raw_scale: dict[str, float] = {}
        self.mean: dict[str, NDArray[Any]] = {}
        self.input_scale: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<Transformer {'; '.join(map(self._describe, self.inputs))}>"

    def _describe(self, name: str) -> str:
        """One input with its steps."""
        words = [f"{name}: {shape_text(self.inputs[name])}"]
        for step in ("transpose", "channel_swap", "raw_scale", "mean", "input_scale"):
            if (value := getattr(self, step).get(name)) is not None:
                words.append(f"{step} {shape_text(value.shape) if step == 'mean' else value}")
        return ", ".join(words)

    def set_transpose(self, input_name: str, order: Iterable[int]) -> None:
        """Set the order of dimensions: (2, 0, 1) makes [K, H, W] of an image [H, W, K].

        Raises:
            DataError: there is no such input, or it has another number of dimensions.
        """
        shape, order = self._shape(input_name), tuple(order)
        if sorted(order) != list(range(len(shape) - 1)):
            raise DataError(
                f"the transpose order {order} must have the {len(shape) - 1} dimensions of an item "
                f"of '{input_name}', which is {shape_text(shape)}",
                blob=input_name,
            )
        self.transpose[input_name] = order

    def set_channel_swap(self, input_name: str, order: Iterable[int]) -> None:
        """Set the order of channels, after the transpose: (2, 1, 0) makes BGR of RGB.

        Raises:
            DataError: there is no such input, or it has another number of channels.
        """
        channels, order = self._channels(input_name), tuple(order)
        if len(order) != channels or not all(0 <= each < channels for each in order):
            raise DataError(
                f"the channel swap {order} must have the {channels} channels of '{input_name}'",
                blob=input_name,
            )
        self.channel_swap[input_name] = order

    def set_raw_scale(self, input_name: str, scale: float) -> None:
        """Multiply by this before the mean is subtracted: 255 for images in [0, 1].

        Raises:
            DataError: there is no such input.
        """
        self._shape(input_name)
        self.raw_scale[input_name] = scale

    def set_mean(self, input_name: str, mean: NDArray[Any]) -> None:
        """Subtract a value of each channel [K], or an image [K, H, W] or [H, W].

        An image of another size is resized.

        Raises:
            DataError: there is no such input, or the mean does not fit it.
        """
        mean = np.asarray(mean)
        channels = self._channels(input_name)
        if mean.ndim == 1:
            if len(mean) != channels:
                raise DataError(
                    f"a mean of {len(mean)} channels, but '{input_name}' has {channels}",
                    blob=input_name,
                )
            self.mean[input_name] = mean[:, None, None]
            return
        if mean.ndim not in (2, 3) or (mean.ndim == 3 and len(mean) not in (1, channels)):
            raise DataError(
                f"a mean of {shape_text(mean.shape)} does not fit '{input_name}', which is "
                f"{shape_text(self.inputs[input_name])}",
                hint="a value of each channel [K], or an image [K, H, W] or [H, W]",
                blob=input_name,
            )
        image = mean if mean.ndim == 3 else mean[None]
        size = self._size(input_name)
        if image.shape[1:] != size:
            image = resize_image(image.transpose(1, 2, 0), *size).transpose(2, 0, 1)
        self.mean[input_name] = image

    def set_input_scale(self, input_name: str, scale: float) -> None:
        """Multiply by this after the mean was subtracted.

        Raises:
            DataError: there is no such input.
        """
        self._shape(input_name)
        self.input_scale[input_name] = scale

    def preprocess(self, input_name: str, data: NDArray[Any]) -> Floats:
        """An image [H, W, K] as an item of an input, [K, H, W].

        It is resized to the input's height and width, transposed, its channels are reordered;
        then come the raw scale, the mean and the input scale, as far as they are set.

        Raises:
            DataError: there is no such input, or the image does not fit it.
        """
        size = self._size(input_name)
        item = np.array(data, np.float32)
        if item.ndim not in (2, 3):
            raise DataError(
                f"an image for '{input_name}' is [H, W, K] or [H, W], not {shape_text(item.shape)}",
                blob=input_name,
            )
        if item.shape[:2] != size:
            item = resize_image(np.atleast_3d(item), *size).reshape(*size, *item.shape[2:])
        if input_name in self.transpose:
            item = item.transpose(self.transpose[input_name])
        try:
            if input_name in self.channel_swap:
                item = item[self.channel_swap[input_name], :, :]
            if input_name in self.raw_scale:
                item *= self.raw_scale[input_name]
            if input_name in self.mean:
                item -= self.mean[input_name]
        except (IndexError, ValueError) as error:
            raise DataError(
                f"an image of {shape_text(np.shape(data))} does not fit '{input_name}', which is "
                f"{shape_text(self.inputs[input_name])}: {error}",
                hint="set_transpose(..., (2, 0, 1)) makes [K, H, W] of an image [H, W, K]",
                blob=input_name,
            ) from None
        if input_name in self.input_scale:
            item *= self.input_scale[input_name]
        return item

    def deprocess(self, input_name: str, data: NDArray[Any]) -> NDArray[Any]:
        """An item of an input as the image that `preprocess` took; its size stays.

        Raises:
            DataError: there is no such input, or the item does not fit it.
        """
        self._shape(input_name)
        item = np.array(data, data.dtype if np.issubdtype(data.dtype, np.floating) else np.float32)
        item = item.squeeze()
        orders = (self.transpose, self.channel_swap, self.mean)
        if item.ndim < 3 and any(input_name in order for order in orders):
            item = item.reshape(np.shape(data)[-3:])  # a size of 1 is not to be dropped
        try:
            if input_name in self.input_scale:
                item /= self.input_scale[input_name]
            if input_name in self.mean:
                item += self.mean[input_name]
            if input_name in self.raw_scale:
                item /= self.raw_scale[input_name]
            if input_name in self.channel_swap:
                item = item[np.argsort(self.channel_swap[input_name]), :, :]
            if input_name in self.transpose:
                item = item.transpose(np.argsort(self.transpose[input_name]))
        except (IndexError, ValueError) as error:
            raise DataError(
                f"an item of {shape_text(np.shape(data))} does not fit '{input_name}', which is "
                f"{shape_text(self.inputs[input_name])}: {error}",
                blob=input_name,
            ) from None
        return item

    def _shape(self, name: str) -> tuple[int, ...]:
        """The shape of an input."""
        if name not in self.inputs:
            raise DataError(
                f"'{name}' is not one of the net's inputs: {', '.join(self.inputs)}",
                hint=did_you_mean(name, self.inputs),
                blob=name,
            )
        return self.inputs[name]

    def _channels(self, name: str) -> int:
        shape = self._shape(name)
        if len(shape) < 2:
            raise DataError(f"'{name}' has no channels: it is {shape_text(shape)}", blob=name)
        return shape[1]

    def _size(self, name: str) -> tuple[int, int]:
        """The height and width of an input."""
        shape = self._shape(name)
        if len(shape) != 4:
            raise DataError(
                f"'{name}' takes no images: it is {shape_text(shape)}, not [N, K, H, W]", blob=name
            )
        return shape[2], shape[3]
