"""The input and output of a shape rule, and its refusal of a layer in Caffe's words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from ssdh_surgery.names import size_text

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter
    from ssdh_surgery.caffe.net.layer import Layer
    from ssdh_surgery.location import Location

# A scalar has the empty shape.
Shape = tuple[int, ...]

# The most axes of a blob; its values are counted in a C int.
MAX_AXES = 32
MAX_COUNT = 2**31 - 1
NO_OUTPUTS_HINT = (
    "num_output is missing or not positive; ssdh patch --classes N sets that of the classifier"
)


class Refusal(Exception):
    """Caffe would stop at this layer; becomes a finding before it reaches the user.

    `field` is the field at fault (`convolution_param.num_output`), `bottom` the index of the
    bottom at fault.
    """

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        bottom: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.bottom = bottom
        self.hint = hint

    def place(self, layer: Layer) -> Location:
        """The place at fault: a bottom, a field, the message that lacks it, or the layer."""
        if self.bottom is not None and self.bottom < len(layer.bottoms):
            return layer.bottom_location(self.bottom)
        if self.field is None:
            return layer.location
        *messages, name = self.field.split(".")
        within = layer.core.message(messages[0]) if messages else layer.outer
        entry = within.entry(name) if within else None
        # V0 has the settings in the layer itself, with joined words.
        entry = entry or layer.core.entry(name) or layer.core.entry(name.replace("_", ""))
        entry = entry or (layer.core.entry(messages[0]) if messages else None)
        return entry.location if entry else layer.location


@dataclass(frozen=True)
class SetupResult:
    """The result of a rule: the shapes of tops and params, and the number of multiply-adds.

    `note` states an assumption that was made.
    """

    tops: Sequence[Shape | None]
    params: Sequence[Shape] = ()
    macs: int = 0
    note: str | None = None


class LayerSetup:
    """A layer to be set up, with the shapes of its bottoms, all known.

    `top_shapes` has the shapes of its tops that the caller knows; `tops` is the number of tops,
    including those that Caffe adds.
    """

    def __init__(
        self,
        param: LayerParameter,
        bottoms: Sequence[Shape],
        tops: int,
        top_shapes: Sequence[Shape | None] = (),
    ) -> None:
        self.param = param
        self.bottoms = tuple(bottoms)
        self.tops = tops
        self.top_shapes = tuple(top_shapes)

    def refuse(
        self,
        message: str,
        *,
        field: str | None = None,
        bottom: int | None = None,
        hint: str | None = None,
    ) -> NoReturn:
        """Refuse the layer."""
        raise Refusal(message, field=field, bottom=bottom, hint=hint)

    def check(
        self,
        holds: bool,
        message: str,
        *,
        field: str | None = None,
        bottom: int | None = None,
        hint: str | None = None,
    ) -> None:
        """Refuse the layer unless `holds`; `message` is the condition."""
        if not holds:
            raise Refusal(message, field=field, bottom=bottom, hint=hint)

    def check_shared(self) -> None:
        """Refuse a bottom whose memory the top cannot share: an empty blob has none."""
        self.check(
            count(self.bottoms[0]) > 0,
            "Check failed: data_",
            bottom=0,
            hint=f"the bottom is empty: {shape_string(self.bottoms[0])}",
        )

    def axis(self, axis: int, bottom: int = 0, field: str | None = None) -> int:
        """An axis of a bottom as an index from the front; a negative axis counts from the end."""
        shape = self.bottoms[bottom]
        if not -len(shape) <= axis < len(shape):
            self.refuse(
                f"axis {axis} out of range for {len(shape)}-D Blob with shape "
                f"{shape_string(shape)}",
                field=field,
                bottom=bottom,
            )
        return axis % len(shape)

    def size(self, axis: int, bottom: int = 0) -> int:
        """The size of a bottom along an axis, which must exist."""
        return self.bottoms[bottom][self.axis(axis, bottom)]

    def legacy(self, bottom: int = 0) -> tuple[int, int, int, int]:
        """A bottom as num, channels, height and width; missing axes are 1."""
        shape = self.bottoms[bottom]
        if len(shape) > 4:
            self.refuse("Cannot use legacy accessors on Blobs with > 4 axes.", bottom=bottom)
        num, channels, height, width = (*shape, 1, 1, 1, 1)[:4]
        return num, channels, height, width

    def check_four_axes(self) -> None:
        """Refuse a bottom that is not a batch of maps."""
        axes = len(self.bottoms[0])
        self.check(
            axes == 4,
            f"Input must have 4 axes, corresponding to (num, channels, height, width) "
            f"(4 vs. {axes})",
            bottom=0,
        )


def count(shape: Shape, start: int = 0, end: int | None = None) -> int:
    """The number of values along the axes from `start` up to `end` (exclusive)."""
    return math.prod(shape[start:end])


def shape_string(shape: Shape) -> str:
    """A shape as in Caffe's log: `64 3 28 28 (150528)`."""
    return "".join(f"{size} " for size in shape) + f"({count(shape)})"


def refuse_impossible(result: SetupResult) -> None:
    """Refuse shapes that no blob can have, and empty params.

    Raises:
        Refusal: a negative size, too many axes, too many values for a C int, or an empty param.
    """
    for shape in (*result.tops, *result.params):
        if shape is None:
            continue
        if len(shape) > MAX_AXES:
            raise Refusal(
                f"Check failed: shape.size() <= kMaxBlobAxes ({len(shape)} vs. {MAX_AXES})"
            )
        if min(shape, default=0) < 0:
            first = next(size for size in shape if size < 0)
            raise Refusal(f"Check failed: shape[i] >= 0 ({first} vs. 0)")
        if count(shape) > MAX_COUNT:
            raise Refusal(f"blob size exceeds INT_MAX: {size_text(shape)}")
    for shape in result.params:
        if not count(shape):
            raise Refusal("Check failed: data_", hint=f"a param of shape {list(shape)} is empty")
