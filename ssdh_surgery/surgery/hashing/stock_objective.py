"""The layers of the authors' fork, replaced by stock layers of Caffe in place.

`K1_EuclideanLoss` is -1/2 mean((x - 0.5)^2) and `K2_EuclideanLoss` 1/2 mean((x - 0.5)^2): each
becomes a Power and a Reduction. A Reshape and a Pooling that average the bits of an image
become one Reduction. Values and gradients stay the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.net import Net, unique_name
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Message
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.hashing.objective import FORK_LOSSES, HALF, MEAN, SQUARE
from ssdh_surgery.surgery.verbs import blobs, fields, layers
from ssdh_surgery.surgery.verbs.layers import phase_rules

_FACTORS = dict(zip(FORK_LOSSES, (-HALF, HALF), strict=True))
# What Caffe's log tools can read in a top's name.
_UNREADABLE = re.compile(r"[\s:]+")


@dataclass(frozen=True)
class StockConversion:
    """A change that leaves no layer of the fork, with notes for the user."""

    change: Change
    notes: tuple[str, ...] = ()


def stock_objective(net: Net) -> StockConversion:
    """Replace the fork's two losses by stock layers; no change if there are none.

    Names, tops and comments stay, except that a top with blanks loses them.

    Raises:
        SurgeryError: the dialect is V0 or V1, which have no Reduction layer, or a loss reads
            two different blobs.
    """
    losses = [layer for layer in net.layers if layer.type in FORK_LOSSES]
    if losses and net.dialect is not Dialect.CURRENT:
        reason = f"cannot become stock layers: Caffe's dialect {net.dialect} has no Reduction"
        hint = "ssdh upgrade writes the net in the current dialect first"
        raise _refusal(losses[0], reason, hint)
    names = set(net.names)
    changes: list[Change] = []
    notes: list[str] = []
    means: dict[int, Change] = {}
    for layer in losses:
        square = unique_name(f"{layer.name}_square", names)
        names.add(square)
        changes.append(_replace_loss(net, layer, square))
        if _times(layer) == 2:
            notes.append(
                f"'{layer.name}' had no propagate_down, which doubled its gradient: now its "
                "loss_weight is doubled, which gives the same gradient and logs the term doubled"
            )
        graph = next(iter(net.graphs_with(layer)), None)
        mean = graph.reads(layer)[0] if graph else None
        if graph and mean and mean.writer and mean.writer.index not in means:
            means[mean.writer.index] = _replace_pooling(graph, mean, mean.writer)
    return StockConversion(merge([*changes, *means.values()]), tuple(notes))


def _replace_loss(net: Net, loss: Layer, square: str) -> Change:
    """Replace a loss of the fork by a Power layer and, in its place, a Reduction."""
    bottoms, top = loss.outer.entries("bottom"), loss.outer.entry("top")
    kind = loss.core.entry("type")
    assert kind is not None, "found by its type"
    if len(set(loss.bottoms)) != 1:
        raise _refusal(
            loss,
            f"reads {' and '.join(loss.bottoms) or 'nothing'}: only a loss that reads one blob "
            "twice can become stock layers",
        )
    if top is None:
        raise _refusal(loss, "has no top, and a Reduction layer needs one")
    power = [
        ("name", square),
        ("type", "Power"),
        ("bottom", loss.bottoms[0]),
        ("top", square),
        *phase_rules(loss),
        ("power_param", SQUARE),
    ]
    weight = _FACTORS[loss.type] * _times(loss) * _weight(loss)
    old_weight = loss.outer.entry("loss_weight")
    return merge(
        [
            layers.insert_before(loss, [power]),
            fields.set_value(kind, "Reduction"),
            fields.set_value(bottoms[0], square),
            fields.take_out(bottoms[1:], "delete"),
            _make_readable(net, loss),
            fields.take_out(loss.outer.entries("propagate_down"), "delete"),
            fields.set_value(old_weight, weight)
            if old_weight
            else fields.add_after(top, [("loss_weight", weight)]),
            fields.add_inside(loss.core, [("reduction_param", MEAN)]),
        ]
    )


def _refusal(loss: Layer, reason: str, hint: str | None = None) -> SurgeryError:
    return SurgeryError(
        f"layer '{loss.name}' {reason}", location=loss.location, hint=hint, layer=loss.name
    )


def _times(loss: Layer) -> int:
    """How many times the gradient reaches the blob that the loss reads twice."""
    flags = [literals.boolean(each.text) for each in loss.outer.scalars("propagate_down")]
    return sum(flag is not False for flag in flags) if flags else len(loss.bottoms)


def _weight(loss: Layer) -> Decimal:
    scalar = loss.outer.scalar("loss_weight")
    weight = fields.number_of(scalar.text) if scalar else Decimal(1)
    if weight is None:
        raise SurgeryError(
            f"the loss_weight of '{loss.name}' is not a number", location=loss.location
        )
    return weight


def _make_readable(net: Net, loss: Layer) -> Change:
    """Rename the top if Caffe's log tools cannot read its name."""
    name = _UNREADABLE.sub("_", loss.tops[0])
    if name == loss.tops[0]:
        return Change()
    return blobs.rename(net, loss, 0, unique_name(name, net.blob_names))


def _replace_pooling(graph: BlobGraph, mean: NetBlob, pooling: Layer) -> Change:
    """Replace a Pooling over all bits, and the Reshape below it, by one Reduction.

    No change if the blob is computed in another way, or if other layers read the blob between.
    """
    reshaped = graph.reads(pooling)[0] if pooling.type == "Pooling" else None
    reshape = reshaped.writer if reshaped else None
    param = pooling.core.entry("pooling_param")
    message = pooling.core.message("pooling_param")
    kind = pooling.core.entry("type")
    if (
        reshaped is None
        or reshape is None
        or reshape.type != "Reshape"
        or len(graph.consumers(reshaped)) > 1
        or not _is_mean(message)
        or not _makes_rows(reshape)
        or param is None
        or kind is None
    ):
        return Change()
    return merge(
        [
            fields.set_value(kind, "Reduction"),
            blobs.rewire(pooling, 0, reshape.bottoms[0]),
            fields.add_after(param, [("reduction_param", [*MEAN, ("axis", 1)])]),
            fields.take_out([param], "delete"),
            layers.take_out([reshape], "delete"),
        ]
    )


def _is_mean(message: Message | None) -> bool:
    """Whether a pooling averages over a row."""
    kind = message.scalar("pool") if message else None
    return kind is not None and kind.text in ("AVE", "1") and integer(message, "kernel_h") == 1


def _makes_rows(reshape: Layer) -> bool:
    """Whether a Reshape puts the bits of an image in a row: N x 1 x 1 x K."""
    param = reshape.core.message("reshape_param")
    shape = param.message("shape") if param else None
    return shape is not None and [each.text for each in shape.scalars("dim")] == [
        "0",
        "1",
        "1",
        "-1",
    ]
