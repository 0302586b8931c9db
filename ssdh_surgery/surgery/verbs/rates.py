"""Verbs on the learning rates of a layer: `param` messages, or the lists of V1 and V0.

The current dialect has `param { lr_mult: 1 decay_mult: 0 }` per param; the old dialects list
`blobs_lr` and `weight_decay`, with the n-th value for the n-th param.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.prototxt.cst import Entry, Message
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import fields
from ssdh_surgery.surgery.verbs.spelling import PARAM_LISTS

_HEAD = ("name", "type", "bottom", "top")
# The value that Caffe uses for params after the end of a list.
_DEFAULT = 1


def put(layer: Layer, values: Sequence[Mapping[str, object]]) -> Change:
    """Set the rates of a layer's params.

    Args:
        layer: the layer.
        values: for each param, the `lr_mult` and `decay_mult` to set, if any.
    """
    if layer.dialect is not Dialect.CURRENT:
        return _put_lists(layer, values)
    entries = layer.outer.entries("param")
    changes = [
        fields.put_all(entry.value, list(param.items()))
        for entry, param in zip(entries, values, strict=False)
        if isinstance(entry.value, Message)
    ]
    rest = list(values[len(entries) :])
    while rest and not rest[-1]:
        rest.pop()
    new = [("param", list(param.items())) for param in rest]
    after = entries[-1] if entries else _last_of_head(layer)
    return merge([*changes, fields.add_after(after, new)])


def multiply(layer: Layer, factor: Decimal, params: int) -> Change:
    """Multiply the learning rates of a layer, which has at least `params` params.

    A param without a rate gets the factor; one that is shared by name stays unchanged.
    """
    if layer.dialect is not Dialect.CURRENT:
        return _multiply_list(layer, factor, params)
    entries = layer.outer.entries("param")
    changes = [_multiply_param(entry.value, factor) for entry in entries]
    new = [("param", [("lr_mult", factor)])] * (params - len(entries))
    after = entries[-1] if entries else _last_of_head(layer)
    return merge([*changes, fields.add_after(after, new)])


def _multiply_param(message: object, factor: Decimal) -> Change:
    if not isinstance(message, Message) or message.string("name"):
        return Change()
    rate = message.entry("lr_mult")
    if rate is not None:
        return fields.scale(rate, factor)
    first = message.fields[0].entries[0] if message.fields and message.fields[0].values else None
    new = [("lr_mult", factor)]
    return fields.add_before(first, new) if first else fields.add_inside(message, new)


def _last_of_head(layer: Layer) -> Entry:
    """The last of a layer's name, type, bottoms and tops, after which its rates go."""
    heads = [entry for name in _HEAD for entry in layer.outer.entries(name)]
    return max(heads, key=lambda entry: (entry.field.first, entry.index))


def _multiply_list(layer: Layer, factor: Decimal, count: int) -> Change:
    rates = layer.core.entries(PARAM_LISTS["lr_mult"])
    params = layer.params
    changes = [
        fields.scale(entry, factor)
        for entry, param in zip(rates, params, strict=False)
        if not param.name
    ]
    missing = {
        index: {} if index < len(params) and params[index].name else {"lr_mult": factor}
        for index in range(len(rates), max(count, len(params)))
    }
    return merge([*changes, _put_lists(layer, [{}] * len(rates) + list(missing.values()))])


def _put_lists(layer: Layer, params: Sequence[Mapping[str, object]]) -> Change:
    changes: list[Change] = []
    new: list[tuple[str, object]] = []
    for name in ("lr_mult", "decay_mult"):
        entries = layer.core.entries(PARAM_LISTS[name])
        values = [param.get(name) for param in params]
        while values and values[-1] is None:
            values.pop()
        changes += [
            fields.set_value(entry, value)
            for entry, value in zip(entries, values, strict=False)
            if value is not None
        ]
        rest = values[len(entries) :]
        added = [(PARAM_LISTS[name], _DEFAULT if value is None else value) for value in rest]
        if entries:
            changes.append(fields.add_after(entries[-1], added))
        else:
            new += added
    return merge([*changes, _add_lists(layer, new)])


def _add_lists(layer: Layer, new: list[tuple[str, object]]) -> Change:
    """Add lists that a layer does not have yet, where files usually have them."""
    rates, decays = (layer.core.entries(PARAM_LISTS[name]) for name in ("lr_mult", "decay_mult"))
    if rates:
        return fields.add_after(rates[-1], new)
    if decays:
        return fields.add_before(decays[0], new)
    if layer.dialect is Dialect.V0:
        return fields.add_inside(layer.core, new)
    return fields.add_after(_last_of_head(layer), new)
