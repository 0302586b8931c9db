"""Inputs at the top of a net, turned into an Input layer, its first.

Source: UpgradeNetInput in Caffe's upgrade_proto.cpp.
"""

from __future__ import annotations

from dataclasses import replace

from ssdh_surgery.caffe.net.net import INPUT_FIELDS, LEGACY_AXES, Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt import render
from ssdh_surgery.prototxt.edits import sort_edits
from ssdh_surgery.prototxt.style import Style, style_of
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.semantics import Tree
from ssdh_surgery.surgery.upgrade.grouping import group
from ssdh_surgery.surgery.upgrade.piece import Piece
from ssdh_surgery.surgery.upgrade.pieces import pieces_of
from ssdh_surgery.surgery.upgrade.rewriting import rewrite
from ssdh_surgery.surgery.upgrade.rule_promise import rule_promise

_LAYERS = ("layer", "layers")
_NAME = "input"


def inputs_to_layer(net: Net) -> Change:
    """Turn the inputs of a net into a layer; as in Caffe, inputs without sizes just go.

    Raises:
        SurgeryError: some inputs have sizes and others none: Caffe would read past the end.
    """
    inputs, shapes, dims = (net.root.entries(name) for name in INPUT_FIELDS)
    if not inputs:
        return Change()
    sized = len(shapes) if shapes else len(dims) // LEGACY_AXES
    if (shapes or dims) and sized < len(inputs):
        raise SurgeryError(
            f"{len(inputs)} inputs, but sizes for {sized}: Caffe needs an 'input_shape' or four "
            "'input_dim' for each",
            location=inputs[sized].location,
        )
    style = style_of(net.document)
    edits = rewrite(net.root, _pieces(net, style, bool(shapes or dims)), style)
    return Change(sort_edits(edits), rule_promise(net, _rule))


def _pieces(net: Net, style: Style, has_sizes: bool) -> list[Piece]:
    """The pieces of the file, with the layer in the place of the first of the old fields."""
    pieces = pieces_of(net.root)
    old = [piece for piece in pieces if piece.name in INPUT_FIELDS]
    if not has_sizes:
        return [
            kept
            for piece in pieces
            for kept in (piece.comments_only() if piece.name in INPUT_FIELDS else [piece])
        ]
    layer, rest = _layer(old, style)
    # A layer may come before its inputs in the text, so the Input layer goes above that one.
    place = next(i for i, piece in enumerate(pieces) if piece.name in (*INPUT_FIELDS, *_LAYERS))
    if pieces[place].name in _LAYERS:
        layer = replace(layer, gap=pieces[place].gap, opens=True)
        if "\n" not in pieces[place].gap:
            pieces[place] = replace(pieces[place], gap=style.newline)
    new: list[Piece] = []
    for index, piece in enumerate(pieces):
        if index == place:
            new += [layer, *rest]
        if piece.name not in INPUT_FIELDS:
            new.append(piece)
    return new


def _layer(old: list[Piece], style: Style) -> tuple[Piece, list[Piece]]:
    """The Input layer, and the comments on sizes that belong to no input."""
    first, *others = [item for piece in old for item in piece.items(style)]
    items = [replace(first, lead=""), *others]
    tops = [item.with_name("top") for item in items if item.name == "input"]
    shapes = [item.with_name("shape") for item in items if item.name == "input_shape"]
    dims = [item.with_name("dim") for item in items if item.name == "input_dim"]
    unused = shapes[len(tops) :] + dims[0 if shapes else len(tops) * LEGACY_AXES :]
    if not shapes:
        quads = [dims[start : start + LEGACY_AXES] for start in range(0, len(dims), LEGACY_AXES)]
        shapes = [_small_message("shape", quad, style) for quad in quads]
    head = [_field("name", _NAME, first, style), _field("type", "Input", first, style)]
    head[0] = replace(head[0], gap=first.gap, lead=first.lead, opens=first.opens)
    members = [*head, *tops, _small_message("input_param", shapes[: len(tops)], style).below(style)]
    one_line = style.one_line.get("layer", False)
    layer = group("layer", members, style, first.margin, one_line=one_line, hoist=True)
    rest = [comment for item in unused for comment in item.comments_only()]
    return layer, [comment.below(style) for comment in rest]


def _small_message(name: str, members: list[Piece], style: Style) -> Piece:
    """A small message, laid out as its members were, or as the file writes small messages."""
    one_line = style.is_one_line(name, is_leaf=True) or None
    return group(name, members, style, members[0].margin, one_line=one_line)


def _field(name: str, value: str, neighbour: Piece, style: Style) -> Piece:
    (row,) = render.field_lines(name, value, style)
    return Piece(style.newline + neighbour.margin, row, margin=neighbour.margin)


def _rule(tree: Tree) -> None:
    """An Input layer before all others, and no inputs at the top of the net."""
    inputs = tree.pop("input")
    shapes, dims = tree.pop("input_shape", []), tree.pop("input_dim", [])
    if not shapes and not dims:
        return
    if not shapes:
        starts = range(0, len(dims), LEGACY_AXES)
        shapes = [{"dim": dims[start : start + LEGACY_AXES]} for start in starts]
    layer: Tree = {
        "name": [_NAME.encode()],
        "type": [b"Input"],
        "top": inputs,
        "input_param": [{"shape": shapes[: len(inputs)]}],
    }
    tree["layer"] = [layer, *tree.get("layer", [])]
