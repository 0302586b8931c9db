"""From V0 to V1: what stands in `layer { }` moves out, parameters into messages by type.

Source: UpgradeV0Net in Caffe's upgrade_proto.cpp. What Caffe drops there (it says so in its
log, and goes on) becomes a comment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ssdh_surgery.caffe.messages.dialect import V0_TYPES, V1_TYPES, Dialect
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

_V1_WORDS = {current: word for word, current in V1_TYPES.items()}


@dataclass(frozen=True)
class DroppedField:
    """A field that Caffe does not read in a V0 net, and the layer's name, if it is in one."""

    entry: Entry
    layer: str | None

    def __str__(self) -> str:
        where = f" of layer '{self.layer}'" if self.layer is not None else ""
        return (
            f"line {self.entry.line}: Caffe does not read '{self.entry.field.name}'{where} "
            "in a V0 net; it is a comment now"
        )


def v0_to_v1(net: Net) -> Change:
    """The layers of a V0 net as V1 layers; padding layers must be gone (see `padding`).

    Raises:
        SurgeryError: a layer's type is none of Caffe's, or it has two inner messages.
    """
    if net.dialect is not Dialect.V0:
        return Change()
    style = style_of(net.document)
    gone = [dropped.entry for dropped in dropped_fields(net) if dropped.layer is None]
    edits: list[Edit] = removal.comment_out(gone, style.newline) if gone else []
    for layer in net.layers:
        edits += _layer_edits(layer, style)
    return Change(sort_edits(edits), rule_promise(net, _rule))


def dropped_fields(net: Net) -> list[DroppedField]:
    """What becomes a comment when a V0 net is upgraded: Caffe's own upgrade drops it."""
    if net.dialect is not Dialect.V0:
        return []
    found = [DroppedField(entry, None) for entry in _others(net.root, NET_FIELDS)]
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
        found += [DroppedField(entry, layer.name) for entry in entries]
    return sorted(found, key=lambda dropped: dropped.entry.line)


def _others(message: Message, known: frozenset[str]) -> list[Entry]:
    fields = [field for field in message.fields if field.name not in known]
    return [entry for field in fields for entry in field.entries]


def _v1_word(kind: str) -> str | None:
    return _V1_WORDS[V0_TYPES[kind]] if kind in V0_TYPES else None


def _layer_edits(layer: Layer, style: Style) -> list[Edit]:
    inner = layer.outer.entries("layer")
    if len(inner) > 1:
        raise SurgeryError(
            "a V0 layer has one 'layer' within, and this one has two; Caffe refuses it",
            location=inner[1].location,
        )
    new: list[Piece] = []
    for piece in pieces_of(layer.outer):
        if piece.name == "layer":
            new += _unwrapped(piece, layer, style)
        elif piece.name in OUTER_FIELDS or not piece.name:
            new.append(piece)
        else:
            new.append(piece.commented())
    return rewrite(layer.outer, new, style)


def _unwrapped(piece: Piece, layer: Layer, style: Style) -> list[Piece]:
    """What stands in the inner message, as fields of the outer one."""
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
            new.append(each.at(margin).commented())
        elif place[0] is None:
            new.append(_typed(each, layer, style).at(margin))
        else:
            if place[0] not in members:
                new.append(place[0])
            members.setdefault(place[0], []).append(each.renamed(place[1]))
    found = [
        group(each, members[each], style, margin) if isinstance(each, str) else each for each in new
    ]
    lead = piece.lead + piece.head_comments()
    found[0] = replace(found[0], lead=lead + found[0].lead)
    return found[:-1] + _with_trail(found[-1], without_separator(piece.trail))


def _with_values(piece: Piece) -> list[Piece]:
    """A piece as it is; of an empty list what it says, for it sets nothing."""
    is_empty = piece.field is not None and not piece.field.values
    return [replace(each, field=None) for each in piece.comments_only()] if is_empty else [piece]


def _typed(piece: Piece, layer: Layer, style: Style) -> Piece:
    """A field that stays the same, the type with its word in V1."""
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
    return piece.valued(Word(word), style)


def _with_trail(last: Piece, trail: str) -> list[Piece]:
    """The last piece with the comment that stood behind the closing brace."""
    if not trail:
        return [last]
    if not last.ends_in_comment:
        return [replace(last, trail=last.trail + trail)]
    return [last, replace(last, gap="", lead=trail.lstrip(), body="", trail="", opens=False)]


def _rule(tree: Tree) -> None:
    """Every layer in V1's form; what Caffe's upgrade drops is gone."""
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
