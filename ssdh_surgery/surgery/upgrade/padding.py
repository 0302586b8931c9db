"""The padding layers of V0, folded into the convolution or pooling that reads them.

Source: UpgradeV0PaddingLayers in Caffe's upgrade_proto.cpp.
"""

from __future__ import annotations

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.padding import READERS
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt import lines, removal, render
from ssdh_surgery.prototxt.edits import Edit, sort_edits
from ssdh_surgery.prototxt.style import Style, style_of
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.semantics import Tree
from ssdh_surgery.surgery.upgrade.piece import Piece
from ssdh_surgery.surgery.upgrade.pieces import margin_of, pieces_of
from ssdh_surgery.surgery.upgrade.rewriting import rewrite
from ssdh_surgery.surgery.upgrade.rule_promise import rule_promise

# The fields after a convolution's geometry in Caffe's own files.
_AFTER_PAD = ("weight_filler", "bias_filler", "blobs_lr", "weight_decay")


def fold_padding(net: Net) -> Change:
    """Take out padding layers; their readers get their `pad` and read their bottom.

    Raises:
        SurgeryError: a layer other than a convolution or pooling reads one, or it does not have
            exactly one bottom and one top: Caffe refuses these, too.
    """
    padding = [layer for layer in net.layers if layer.is_padding]
    if net.dialect is not Dialect.V0 or not padding:
        return Change()
    style = style_of(net.document)
    edits: list[Edit] = []
    moved: set[int] = set()
    for reader, source in _pairs(net):
        edits.append(render.replacement(reader.outer.entries("bottom")[0], source.bottoms[0]))
        edits += _put_pad(reader, source, style, is_first=source.index not in moved)
        if reader.core.entry("pad") is None:
            moved.add(source.index)
    edits += _take_out(net, padding, moved, style)
    return Change(sort_edits(edits), rule_promise(net, _rule))


def _pairs(net: Net) -> list[tuple[Layer, Layer]]:
    """Each layer that reads a padding layer, with the padding layer."""
    writers: dict[str, Layer] = {}
    pairs = []
    for layer in net.layers:
        for name in layer.bottoms:
            source = writers.get(name)
            if source is not None and source.is_padding:
                _refuse_unusual(layer, source)
                pairs.append((layer, source))
        writers.update(dict.fromkeys(layer.tops, layer))
    return pairs


def _refuse_unusual(layer: Layer, source: Layer) -> None:
    reason = None
    if layer.type not in READERS:
        reason = f"only a conv or pool layer can read the padding layer '{source.name}'"
    elif len(layer.bottoms) != 1:
        reason = f"a layer that reads the padding layer '{source.name}' can have no other bottom"
    elif len(source.bottoms) != 1 or len(source.tops) != 1:
        reason = f"the padding layer '{source.name}' needs one bottom and one top"
    if reason:
        raise SurgeryError(
            f"{reason}; Caffe refuses layer '{layer.name}'",
            location=layer.location,
            layer=layer.name,
        )


def _put_pad(reader: Layer, source: Layer, style: Style, is_first: bool) -> list[Edit]:
    """Put the `pad` of a padding layer into its reader, with its comments if `is_first`."""
    old, moved = reader.core.entry("pad"), _pad_piece(source)
    # The default in Caffe.
    text = source.core.string("pad", "0")
    if old is not None:
        return [render.replacement(old, render.Word(text))]
    margin = margin_of(reader.core, style)
    pieces = pieces_of(reader.core)
    pad = Piece(style.newline + margin, f"pad:{style.after_colon}{text}", margin=margin)
    if moved is not None and is_first:
        pad = moved.at(margin).below(style)
    if lines.is_one_line(reader.core) and pad.fits_a_line:
        pad = pad.beside()
    place = next((i for i, each in enumerate(pieces) if each.name in _AFTER_PAD), len(pieces))
    return rewrite(reader.core, [*pieces[:place], pad, *pieces[place:]], style)


def _pad_piece(layer: Layer) -> Piece | None:
    return next((piece for piece in pieces_of(layer.core) if piece.name == "pad"), None)


def _take_out(net: Net, padding: list[Layer], moved: set[int], style: Style) -> list[Edit]:
    """Take out padding layers; their comments stay."""
    fields = {id(layer.entry.field): layer for layer in padding}
    listed = [layer.entry for layer in padding if layer.entry.field.is_list]
    new: list[Piece] = []
    for piece in pieces_of(net.root):
        layer = fields.get(id(piece.field))
        if layer is None or layer.entry.field.is_list:
            new.append(piece)
            continue
        new += piece.comments_only(_pad_piece(layer) if layer.index in moved else None)
    edits = rewrite(net.root, new, style)
    return edits + (removal.comment_out(listed, style.newline) if listed else [])


def _rule(tree: Tree) -> None:
    """No padding layers, and their `pad` and bottom in the layers that read them."""
    layers = tree["layers"]
    writers: dict[bytes, Tree] = {}
    for layer in layers:
        source = next((writers[name] for name in layer.get("bottom", []) if name in writers), None)
        if source is not None and _type(source) == b"padding":
            core = layer["layer"][-1]
            core["pad"] = source["layer"][-1].get("pad", ["0"])[-1:]
            layer["bottom"] = list(source["bottom"])
        writers.update(dict.fromkeys(layer.get("top", []), layer))
    tree["layers"] = [layer for layer in layers if _type(layer) != b"padding"]


def _type(layer: Tree) -> bytes | None:
    types: list[bytes] = layer["layer"][-1].get("type", [])
    return types[-1] if types else None
