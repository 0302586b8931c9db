"""Verbs on layers, and on the net that holds them: insert, copy, replace, take out, rename.

Each returns a `Change`, without edits if there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.prototxt import insertion
from ssdh_surgery.prototxt.render import NewFields
from ssdh_surgery.prototxt.style import neighbour_style
from ssdh_surgery.surgery.core.change import Change, insertions_after, insertions_before, merge
from ssdh_surgery.surgery.verbs import fields
from ssdh_surgery.surgery.verbs.fields import Removal, copy_fields
from ssdh_surgery.surgery.verbs.spelling import spell_layer


def insert_after(layer: Layer, new: Sequence[NewFields], comment: str | None = None) -> Change:
    """Insert layers after one, in its style and dialect; `comment` is a line above the first.

    The new layers are given in the current dialect.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.caffe.net.net import Net
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'name: "n" layer { name: "fc7" }'))
    >>> change = insert_after(net.layer("fc7"), [[("name", "code"), ("type", "Sigmoid")]])
    >>> apply(net.document.text, change.edits)
    'name: "n" layer { name: "fc7" } layer { name: "code" type: "Sigmoid" }'
    """
    return _insert(layer, new, comment, after=True)


def insert_before(layer: Layer, new: Sequence[NewFields], comment: str | None = None) -> Change:
    """Insert layers before one and its comments, in its style and dialect.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.caffe.net.net import Net
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'name: "n" layer { name: "fc8" }'))
    >>> change = insert_before(net.layer("fc8"), [[("name", "code"), ("type", "Sigmoid")]])
    >>> apply(net.document.text, change.edits)
    'name: "n" layer { name: "code" type: "Sigmoid" } layer { name: "fc8" }'
    """
    return _insert(layer, new, comment, after=False)


def _insert(layer: Layer, new: Sequence[NewFields], comment: str | None, after: bool) -> Change:
    if not new:
        return Change()
    return _put(layer, _spell_layers(layer, new), comment, after)


def _put(layer: Layer, new: NewFields, comment: str | None, after: bool) -> Change:
    entry = layer.entry
    put, steps = (
        (insertion.after, insertions_after) if after else (insertion.before, insertions_before)
    )
    return Change.of(put(entry, new, neighbour_style(entry), comment), steps(entry, new))


def _spell_layers(beside: Layer, new: Sequence[NewFields]) -> NewFields:
    """New layers as fields of the net, in the dialect of the layer next to them."""
    name, place = beside.entry.field.name, beside.entry.location
    return [(name, spell_layer(layer, beside.dialect, place)) for layer in new]


def copy_before(layer: Layer, original: Layer, bottom: str) -> Change:
    """Insert a copy of a layer before another one, with `bottom` for its bottoms.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.caffe.net.net import Net
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'layer { name: "a" } layer { name: "b" bottom: "a" }'))
    >>> change = copy_before(net.layer("a"), net.layer("b"), "x")
    >>> apply(net.document.text, change.edits)
    'layer { name: "b" bottom: "x" } layer { name: "a" } layer { name: "b" bottom: "a" }'
    """
    fields_of = [
        (n, bottom if n == "bottom" else value) for n, value in copy_fields(original.outer)
    ]
    return _put(layer, [(layer.entry.field.name, fields_of)], None, after=False)


def take_out(layers: Collection[Layer], how: Removal) -> Change:
    r"""Delete layers or comment them out.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.caffe.net.net import Net
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'layer {\n  name: "prob"\n}\n'))
    >>> apply(net.document.text, take_out(net.layers, "comment").edits)
    '# layer {\n#   name: "prob"\n# }\n'
    """
    return fields.take_out([layer.entry for layer in layers], how)


def replace(
    layer: Layer,
    removed: Collection[Layer],
    new: Sequence[NewFields],
    how: Removal,
    comment: str | None = None,
) -> Change:
    r"""Insert layers before one, and take out others, possibly that one too.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.caffe.net.net import Net
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'layer: [{ name: "a" }, { name: "b" }]'))
    >>> change = replace(net.layers[1], net.layers[1:], [[("name", "c")]], "delete")
    >>> apply(net.document.text, change.edits)
    'layer: [{ name: "a" }, { name: "c" }]'
    """
    if not new:
        return take_out(removed, how)
    by_index = {each.index: each for each in removed}
    while layer.index in by_index and layer.index - 1 in by_index:
        # Adjacent layers are taken out as one piece of text: nothing can be put inside it.
        layer = by_index[layer.index - 1]
    entry = layer.entry
    entries = [each.entry for each in removed]
    spelled = _spell_layers(layer, new)
    followed = entry.field if insertion.takes_place(entry, entries) else None
    edits = insertion.before(entry, spelled, neighbour_style(entry), comment, entries)
    insertion_change = Change.of(edits, insertions_before(entry, spelled))
    removal = fields.take_out(entries, how, followed)
    # At one offset, new text goes before the sign of a comment and after its line break.
    return merge([insertion_change, removal] if entry in entries else [removal, insertion_change])


def rename(layer: Layer, name: str) -> Change:
    """Rename a layer; its tops keep their names.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.caffe.net.net import Net
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'layer { name: "fc8" top: "fc8" }'))
    >>> apply(net.document.text, rename(net.layer("fc8"), "fc8_change").edits)
    'layer { name: "fc8_change" top: "fc8" }'
    """
    return fields.put(layer.core, "name", name)


def rename_net(net: Net, name: str) -> Change:
    """Rename a net; one without a name gets it above all else.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.caffe.net.net import Net
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'name: "LeNet" layer { name: "fc8" }'))
    >>> apply(net.document.text, rename_net(net, "LeNet_48").edits)
    'name: "LeNet_48" layer { name: "fc8" }'
    """
    if net.root.entry("name") is not None or not net.layers:
        return fields.put(net.root, "name", name)
    first = next(field.entries[0] for field in net.root.fields if field.values)
    return fields.add_before(first, [("name", name)])


def phase_rules(layer: Layer) -> list[tuple[str, object]]:
    """The phase rules of a layer, for a new layer that has to be in the same states."""
    return [
        (name, copy_fields(message))
        for name in ("include", "exclude")
        for message in layer.outer.messages(name)
    ]
