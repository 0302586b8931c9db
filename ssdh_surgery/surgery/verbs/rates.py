"""How fast the blobs of a layer learn: `param` messages, or the lists that V1 and V0 have.

The current dialect has `param { lr_mult: 1 decay_mult: 0 }` for each blob; the old ones list
`blobs_lr` and `weight_decay`, the n-th value for the n-th blob.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.prototxt.cst import Entry, Message
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import fields
from ssdh_surgery.surgery.verbs.spelling import LISTS

_HEAD = ("name", "type", "bottom", "top")
# What Caffe takes where a list ends before a blob's place.
_DEFAULT = 1


def put(layer: Layer, wanted: Sequence[Mapping[str, object]]) -> Change:
    """Give blobs other rates.

    Args:
        layer: the layer.
        wanted: for each blob, `lr_mult` and `decay_mult` as far as they are to be set.
    """
    if layer.dialect is not Dialect.CURRENT:
        return _put_lists(layer, wanted)
    entries = layer.outer.entries("param")
    changes = [
        fields.put_all(entry.value, list(values.items()))
        for entry, values in zip(entries, wanted, strict=False)
        if isinstance(entry.value, Message)
    ]
    rest = list(wanted[len(entries) :])
    while rest and not rest[-1]:
        rest.pop()
    new = [("param", list(values.items())) for values in rest]
    after = entries[-1] if entries else _last_of_head(layer)
    return merge([*changes, fields.add_after(after, new)])


def multiply(layer: Layer, factor: Decimal, blobs: int) -> Change:
    """Let the blobs of a layer learn so many times faster; `blobs` is how many it has at least.

    A blob without a rate gets the factor; one that is shared by name stays as it is.
    """
    if layer.dialect is not Dialect.CURRENT:
        return _multiply_list(layer, factor, blobs)
    entries = layer.outer.entries("param")
    changes = [_multiplied(entry.value, factor) for entry in entries]
    new = [("param", [("lr_mult", factor)])] * (blobs - len(entries))
    after = entries[-1] if entries else _last_of_head(layer)
    return merge([*changes, fields.add_after(after, new)])


def _multiplied(message: object, factor: Decimal) -> Change:
    if not isinstance(message, Message) or message.string("name"):
        return Change()
    rate = message.entry("lr_mult")
    if rate is not None:
        return fields.scale(rate, factor)
    first = message.fields[0].entries[0] if message.fields and message.fields[0].values else None
    new = [("lr_mult", factor)]
    return fields.add_before(first, new) if first else fields.add_inside(message, new)


def _last_of_head(layer: Layer) -> Entry:
    """The last of a layer's name, type, bottoms and tops: its rates go after it."""
    heads = [entry for name in _HEAD for entry in layer.outer.entries(name)]
    return max(heads, key=lambda entry: (entry.field.first, entry.index))


def _multiply_list(layer: Layer, factor: Decimal, blobs: int) -> Change:
    rates = layer.core.entries(LISTS["lr_mult"])
    params = layer.params
    scaled = [
        fields.scale(entry, factor)
        for entry, param in zip(rates, params, strict=False)
        if not param.name
    ]
    missing = {
        index: {} if index < len(params) and params[index].name else {"lr_mult": factor}
        for index in range(len(rates), max(blobs, len(params)))
    }
    return merge([*scaled, _put_lists(layer, [{}] * len(rates) + list(missing.values()))])


def _put_lists(layer: Layer, wanted: Sequence[Mapping[str, object]]) -> Change:
    changes: list[Change] = []
    new: list[tuple[str, object]] = []
    for name in ("lr_mult", "decay_mult"):
        entries = layer.core.entries(LISTS[name])
        values = [each.get(name) for each in wanted]
        while values and values[-1] is None:
            values.pop()
        changes += [
            fields.set_value(entry, value)
            for entry, value in zip(entries, values, strict=False)
            if value is not None
        ]
        rest = values[len(entries) :]
        added = [(LISTS[name], _DEFAULT if value is None else value) for value in rest]
        if entries:
            changes.append(fields.add_after(entries[-1], added))
        else:
            new += added
    return merge([*changes, _added(layer, new)])


def _added(layer: Layer, new: list[tuple[str, object]]) -> Change:
    """Lists that a layer does not have yet, where files have them."""
    rates, decays = (layer.core.entries(LISTS[name]) for name in ("lr_mult", "decay_mult"))
    if rates:
        return fields.add_after(rates[-1], new)
    if decays:
        return fields.add_before(decays[0], new)
    if layer.dialect is Dialect.V0:
        return fields.add_inside(layer.core, new)
    return fields.add_after(_last_of_head(layer), new)
