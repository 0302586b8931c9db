"""The transform settings of V1 data layers, moved into `transform_param`.

Caffe reads the old fields in V1 layers only, not in the current dialect.
Source: UpgradeNetDataTransformation in Caffe's upgrade_proto.cpp.
"""

from __future__ import annotations

from dataclasses import replace

from ssdh_surgery.caffe.messages.dialect import (
    TRANSFORM_FIELDS,
    V1_TRANSFORMS,
    Dialect,
    current_type,
)
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.prototxt import lines
from ssdh_surgery.prototxt.cst import Message
from ssdh_surgery.prototxt.edits import Edit, sort_edits
from ssdh_surgery.prototxt.style import Style, style_of
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.semantics import Tree
from ssdh_surgery.surgery.upgrade.grouping import group
from ssdh_surgery.surgery.upgrade.piece import Piece
from ssdh_surgery.surgery.upgrade.pieces import margin_of, pieces_of
from ssdh_surgery.surgery.upgrade.rewriting import rewrite
from ssdh_surgery.surgery.upgrade.rule_promise import rule_promise


def move_transform(net: Net) -> Change:
    """What old data layers say about crop, mean, scale and mirror, in `transform_param`."""
    if net.dialect is not Dialect.V1:
        return Change()
    style = style_of(net.document)
    edits = [edit for layer in net.layers for edit in _layer_edits(layer, style)]
    return Change(sort_edits(edits), rule_promise(net, _rule)) if edits else Change()


def _layer_edits(layer: Layer, style: Style) -> list[Edit]:
    message = layer.outer.message(V1_TRANSFORMS.get(layer.type, ""))
    if message is None:
        return []
    pieces = pieces_of(message)
    moved = [piece for piece in pieces if piece.name in TRANSFORM_FIELDS]
    if not moved:
        return []
    kept = [piece for piece in pieces if piece.name not in TRANSFORM_FIELDS]
    edits = rewrite(message, kept, style)
    target = layer.outer.message("transform_param")
    if target is not None:
        return edits + rewrite(target, _join(target, moved, style), style)
    new: list[Piece] = []
    for piece in pieces_of(layer.outer):
        new.append(piece)
        if piece.field is not None and message in piece.field.values:
            new.append(_transform(piece, message, moved, style))
    return edits + rewrite(layer.outer, new, style)


def _transform(neighbour: Piece, message: Message, moved: list[Piece], style: Style) -> Piece:
    """A new `transform_param`, after the message that its fields come from."""
    gap = style.newline + neighbour.margin if neighbour.opens else " "
    one_line = lines.is_one_line(message) or None
    first = replace(moved[0], gap=gap, opens=neighbour.opens)
    return group("transform_param", [first, *moved[1:]], style, neighbour.margin, one_line=one_line)


def _join(target: Message, moved: list[Piece], style: Style) -> list[Piece]:
    """The fields of a `transform_param`, with those moved there, which take precedence."""
    names = {piece.name for piece in moved}
    old = [piece.as_comment() if piece.name in names else piece for piece in pieces_of(target)]
    margin = margin_of(target, style)
    on_line = lines.is_one_line(target) and all(piece.fits_a_line for piece in [*old, *moved])
    return old + [
        piece.at(margin).beside() if on_line else piece.at(margin).below(style) for piece in moved
    ]


def _rule(tree: Tree) -> None:
    """The old fields of every data layer are in `transform_param`."""
    for layer in tree["layers"]:
        kind = current_type(Dialect.V1, layer.get("type", [""])[-1])
        param = layer.get(V1_TRANSFORMS.get(kind, ""), [{}])[-1]
        moved = {name: param.pop(name) for name in TRANSFORM_FIELDS if name in param}
        if moved:
            layer.setdefault("transform_param", [{}])[-1].update(moved)
