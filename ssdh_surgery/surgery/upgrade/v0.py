"""Layers of V0, turned into layers of V1.

The fields inside `layer { }` move out, and settings move into the messages of their types.
Source: UpgradeV0Net in Caffe's upgrade_proto.cpp. Fields that Caffe drops there, with a line in
its log, become comments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ssdh_surgery.caffe.messages.dialect import V0_TYPES, Dialect
from ssdh_surgery.caffe.messages.v0_fields import NET_FIELDS, OUTER_FIELDS, place_in_v1
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError, did_you_mean
from ssdh_surgery.prototxt import removal
from ssdh_surgery.prototxt.cst import Entry, Message
from ssdh_surgery.prototxt.edits import Edit, sort_edits
from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.prototxt.style import Style, style_of
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.semantics import Tree
from ssdh_surgery.surgery.upgrade.grouping import group
from ssdh_surgery.surgery.upgrade.piece import Piece, without_separator
from ssdh_surgery.surgery.upgrade.pieces import margin_of, pieces_of
from ssdh_surgery.surgery.upgrade.rewriting import rewrite
from ssdh_surgery.surgery.upgrade.rule_promise import rule_promise
from ssdh_surgery.surgery.verbs.spelling import type_word


@dataclass(frozen=True)
class DroppedField:
    """A field that Caffe does not read in a V0 net, and the name of its layer if it has one."""

    entry: Entry
    layer: str | None

    def __str__(self) -> str:
        where = f" of layer '{self.layer}'" if self.layer is not None else ""
        return (
            f"line {self.entry.line}: Caffe does not read '{self.entry.field.name}'{where} "
            "in a V0 net; it is a comment now"
        )


def v0_to_v1(net: Net) -> Change:
    """Turn the layers of a V0 net into V1 layers; fold padding layers first (see `padding`).

    Raises:
        SurgeryError: a layer has an unknown type, or two inner messages.
    """
    if net.dialect is not Dialect.V0:
        return Change()
    style = style_of(net.document)
    entries = [dropped.entry for dropped in dropped_fields(net) if dropped.layer is None]
    edits: list[Edit] = removal.comment_out(entries, style.newline) if entries else []
    for layer in net.layers:
        edits += _layer_edits(layer, style)
    return Change(sort_edits(edits), rule_promise(net, _rule))


def dropped_fields(net: Net) -> list[DroppedField]:
    """The fields that become comments in an upgrade, since Caffe's own upgrade drops them."""
    if net.dialect is not Dialect.V0:
        return []
    dropped = [DroppedField(entry, None) for entry in _others(net.root, NET_FIELDS)]
    for layer in net.layers:
        kind = layer.core.string("type")
        if kind == "padding":
            continue
        entries = _others(layer.outer, OUTER_FIELDS)
        entries += [
            field.entries[0]
            for field in layer.core.fields
            if field.values and place_in_v1(kind, field.name) is None
        ]
        dropped += [DroppedField(entry, layer.name) for entry in entries]
    return sorted(dropped, key=lambda each: each.entry.line)


def _others(message: Message, names: frozenset[str]) -> list[Entry]:
    fields = [field for field in message.fields if field.name not in names]
    return [entry for field in fields for entry in field.entries]


def _v1_word(kind: str) -> str | None:
    return type_word(V0_TYPES[kind], Dialect.V1) if kind in V0_TYPES else None


def _layer_edits(layer: Layer, style: Style) -> list[Edit]:
    inner = layer.outer.entries("layer")
    if len(inner) > 1:
        raise SurgeryError(
            "a V0 layer has one 'layer' inside, and this one has two; Caffe refuses it",
            location=inner[1].location,
        )
    new: list[Piece] = []
    for piece in pieces_of(layer.outer):
        if piece.name == "layer":
            new += _unwrap(piece, layer, style)
        elif piece.name in OUTER_FIELDS or not piece.name:
            new.append(piece)
        else:
            new.append(piece.as_comment())
    return rewrite(layer.outer, new, style)


def _unwrap(piece: Piece, layer: Layer, style: Style) -> list[Piece]:
    """The fields of the inner message as fields of the outer one."""
    margin = margin_of(layer.outer, style)
    inside = [kept for each in pieces_of(layer.core) for kept in _with_values(each)]
    if not inside:
        return piece.comments_only()
    inside[0] = replace(inside[0], gap=piece.gap, opens=piece.opens)
    kind = layer.core.string("type")
    members: dict[str, list[Piece]] = {}
    new: list[Piece | str] = []
    for each in inside:
        place = place_in_v1(kind, each.name)
        if not each.name:
            new.append(each.at(margin))
        elif place is None:
            new.append(each.at(margin).as_comment())
        elif place[0] is None:
            new.append(_with_v1_type(each, layer, style).at(margin))
        else:
            if place[0] not in members:
                new.append(place[0])
            members.setdefault(place[0], []).append(each.with_name(place[1]))
    pieces = [
        group(each, members[each], style, margin) if isinstance(each, str) else each for each in new
    ]
    lead = piece.lead + piece.head_comments()
    pieces[0] = replace(pieces[0], lead=lead + pieces[0].lead)
    return pieces[:-1] + _with_trail(pieces[-1], without_separator(piece.trail))


def _with_values(piece: Piece) -> list[Piece]:
    """A piece itself, or the comments alone of an empty list, which sets nothing."""
    is_empty = piece.field is not None and not piece.field.values
    return [replace(each, field=None) for each in piece.comments_only()] if is_empty else [piece]


def _with_v1_type(piece: Piece, layer: Layer, style: Style) -> Piece:
    """A field that stays the same, except that a type gets its word in V1."""
    if piece.name != "type":
        return piece
    kind = layer.core.string("type")
    word = _v1_word(kind)
    if word is None:
        entry = layer.core.entry("type")
        raise SurgeryError(
            f"unknown layer type '{kind}' in a V0 net; Caffe refuses it",
            location=entry.location if entry else layer.location,
            hint=did_you_mean(kind, V0_TYPES),
            layer=layer.name,
        )
    return piece.with_value(Word(word), style)


def _with_trail(last: Piece, trail: str) -> list[Piece]:
    """The last piece with the comment after the closing brace."""
    if not trail:
        return [last]
    if not last.ends_in_comment:
        return [replace(last, trail=last.trail + trail)]
    return [last, replace(last, gap="", lead=trail.lstrip(), body="", trail="", opens=False)]


def _rule(tree: Tree) -> None:
    """Every layer is a V1 layer, without the fields that Caffe's upgrade drops."""
    for name in [name for name in tree if name not in NET_FIELDS]:
        del tree[name]
    tree["layers"] = [_v1(layer) for layer in tree["layers"]]


def _v1(layer: Tree) -> Tree:
    core = layer["layer"][-1]
    kind = core.get("type", [b""])[-1].decode("utf-8", "surrogateescape")
    new: Tree = {name: layer[name] for name in ("bottom", "top") if name in layer}
    for name, values in core.items():
        place = place_in_v1(kind, name)
        if place is None:
            continue
        target = new if place[0] is None else new.setdefault(place[0], [{}])[0]
        target[place[1]] = [_v1_word(kind)] if name == "type" else values
    return new
