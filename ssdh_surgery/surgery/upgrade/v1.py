"""Layers of V1, turned into layers of the current dialect.

`layers` becomes `layer`, types become strings, and lists become `param` messages.

Source: UpgradeV1Net in Caffe's upgrade_proto.cpp.
"""

from __future__ import annotations

from dataclasses import replace

from ssdh_surgery.caffe.messages.dialect import Dialect, current_type, known_type
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.cst import Entry, Message
from ssdh_surgery.prototxt.edits import Edit, sort_edits
from ssdh_surgery.prototxt.style import Style, style_of
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.semantics import Tree
from ssdh_surgery.surgery.upgrade.grouping import group
from ssdh_surgery.surgery.upgrade.piece import Piece
from ssdh_surgery.surgery.upgrade.pieces import margin_of, pieces_of
from ssdh_surgery.surgery.upgrade.rewriting import rewrite
from ssdh_surgery.surgery.upgrade.rule_promise import rule_promise
from ssdh_surgery.surgery.verbs.spelling import PARAM_LISTS

# The fields of a `param` message, by the names of V1's lists.
_PARAM_FIELDS = {name: field for field, name in PARAM_LISTS.items()}


def v1_to_current(net: Net) -> Change:
    """Turn the layers of a V1 net into layers of the current dialect.

    Raises:
        SurgeryError: a layer has a type that is not Caffe's, whose new name is unknown.
    """
    if net.dialect is not Dialect.V1:
        return Change()
    style = style_of(net.document)
    edits = [
        Edit(field.start, field.start + len("layers"), "layer")
        for field in net.root.fields
        if field.name == "layers"
    ]
    for layer in net.layers:
        edits += _layer_edits(layer.outer, style)
    return Change(sort_edits(edits), rule_promise(net, _rule))


def _layer_edits(message: Message, style: Style) -> list[Edit]:
    entry = message.entry("type")
    pieces = pieces_of(message)
    groups = _param_groups(pieces, style, margin_of(message, style))
    new: list[Piece] = []
    for piece in pieces:
        if entry is not None and piece.field is entry.field:
            new.append(piece.with_value(_current_type(entry), style))
        elif piece.name not in _PARAM_FIELDS:
            new.append(piece)
        elif piece.field is not None and not piece.field.values:
            new += piece.comments_only()
        else:
            new += groups.get(id(piece.field), [])
    return rewrite(message, new, style)


def _current_type(entry: Entry) -> str:
    if isinstance(entry.value, Message):
        raise SurgeryError("the type of a layer is a word, not a message", location=entry.location)
    name = known_type(Dialect.V1, entry.value.text)
    if name is None:
        raise SurgeryError(
            f"the type {entry.value.text} is not Caffe's: its name in the current dialect "
            "is unknown",
            location=entry.location,
            hint="the fork of Caffe that has this layer can upgrade the file",
        )
    return name


def _param_groups(pieces: list[Piece], style: Style, margin: str) -> dict[int, list[Piece]]:
    """The `param` messages, by the `id` of the field whose place they take.

    That field is the longest list, so that there is a place for each message; of two such
    lists it is the first.
    """
    lists: dict[str, list[Piece]] = {}
    for piece in pieces:
        if piece.name in _PARAM_FIELDS:
            lists.setdefault(piece.name, []).extend(piece.items(style))
    # The lists are in the order of the text, so `max` gives the first of the longest.
    anchors = max(lists.values(), key=len, default=[])
    one_line = style.is_one_line("param", is_leaf=True) or not all(each.opens for each in anchors)
    groups: dict[int, list[Piece]] = {}
    for index, anchor in enumerate(anchors):
        items = [each[index] for each in lists.values() if index < len(each)]
        members = [
            each.with_name(_PARAM_FIELDS[each.name]).below(style)
            for each in sorted(items, key=lambda each: each.start)
        ]
        members[0] = replace(members[0], gap=anchor.gap, opens=anchor.opens)
        param = group("param", members, style, margin, one_line=one_line, hoist=True)
        groups.setdefault(id(anchor.field), []).append(param)
    return groups


def _rule(tree: Tree) -> None:
    """Every layer is a layer of the current dialect."""
    layers = tree.pop("layers")
    tree["layer"] = [_current(each) if isinstance(each, dict) else each for each in layers]


def _current(layer: Tree) -> Tree:
    new = {name: values for name, values in layer.items() if name not in _PARAM_FIELDS}
    if "type" in new:
        *others, last = new["type"]
        new["type"] = [*others, current_type(Dialect.V1, last).encode()]
    lists = {_PARAM_FIELDS[name]: values for name, values in layer.items() if name in _PARAM_FIELDS}
    if count := max(map(len, lists.values()), default=0):
        new["param"] = [
            {name: [values[index]] for name, values in lists.items() if index < len(values)}
            for index in range(count)
        ]
    return new
