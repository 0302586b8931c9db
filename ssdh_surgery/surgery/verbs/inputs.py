"""Verbs on the inputs that a net declares: resize them, or drop those that no layer reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import INPUT_FIELDS, LEGACY_AXES, Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.cst import Entry, Message
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import fields
from ssdh_surgery.surgery.verbs.fields import Removal


@dataclass(frozen=True)
class _Input:
    """An input in the text: its name, its sizes, and the entries that belong to it alone.

    `layer` is the Input layer that writes it, or None for an `input` at the top of the net.
    """

    name: str
    layer: Layer | None
    sizes: tuple[Entry, ...]
    entries: tuple[Entry, ...]


def set_batch(net: Net, batch: int | None) -> Change:
    """Set the batch size of every input of a net; None leaves them unchanged.

    Works on `input_dim`, `input_shape` and `Input` layers alike.

    Raises:
        SurgeryError: no input declares a shape.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'input: "data" input_shape { dim: 10 dim: 3 }'))
    >>> apply(net.document.text, set_batch(net, 1).edits)
    'input: "data" input_shape { dim: 1 dim: 3 }'
    """
    if batch is None:
        return Change()
    if not any(each.sizes for each in _inputs(net)):
        raise SurgeryError("no input of the net declares a shape", location=Location(net.file))
    return set_sizes(net, input_names(net), batch, {})


def input_names(net: Net) -> tuple[str, ...]:
    """The names of the inputs that a net declares, in the order of the text."""
    return tuple(each.name for each in _inputs(net))


def set_sizes(
    net: Net, names: Collection[str], batch: int, shapes: Mapping[str, Sequence[int]]
) -> Change:
    """Set the sizes of inputs.

    Args:
        net: the net.
        names: the inputs to resize.
        batch: the batch size of those that `shapes` does not name.
        shapes: whole shapes, by the name of the input.

    Raises:
        SurgeryError: a shape has a different number of sizes than its input declares.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'input: "a" input: "b" input_shape { dim: 8 } input_shape { dim: 8 }'))
    >>> apply(net.document.text, set_sizes(net, ["a", "b"], 1, {"b": (2,)}).edits)
    'input: "a" input: "b" input_shape { dim: 1 } input_shape { dim: 2 }'
    """
    changes: dict[Entry, Change] = {}
    for each in _inputs(net):
        if each.name not in names:
            continue
        sizes = each.sizes
        shape = shapes.get(each.name, [batch] if sizes else [])
        if each.name in shapes and len(shape) != len(sizes):
            raise SurgeryError(
                f"the input '{each.name}' declares {len(sizes)} sizes, not {len(shape)}",
                location=(sizes or each.entries)[0].location,
                blob=each.name,
            )
        # Tops of one layer may share a shape.
        changes |= {
            entry: fields.set_value(entry, size) for entry, size in zip(sizes, shape, strict=False)
        }
    return merge(changes.values())


def unread_inputs(net: Net) -> tuple[str, ...]:
    """The inputs that no layer reads in phase TEST."""
    graph = net.graph("TEST")
    read = {blob for layer in graph.layers for blob in graph.reads(layer) if blob}
    sources = {(blob.name, blob.writer) for blob in read}
    return tuple(each.name for each in _inputs(net) if (each.name, each.layer) not in sources)


def drop_inputs(net: Net, names: Collection[str], how: Removal) -> Change:
    """Delete or comment out inputs, with the sizes that belong to them alone.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'input: "a" input: "b" input_shape { dim: 8 } input_shape { dim: 9 }'))
    >>> apply(net.document.text, drop_inputs(net, ["b"], "delete").edits)
    'input: "a" input_shape { dim: 8 }'
    """
    entries = [entry for each in _inputs(net) if each.name in names for entry in each.entries]
    return fields.take_out(entries, how)


def input_entries(net: Net) -> list[Entry]:
    """The entries that declare inputs at the top of a net, with their sizes."""
    return [entry for name in INPUT_FIELDS for entry in net.root.entries(name)]


def _inputs(net: Net) -> Iterator[_Input]:
    root = net.root
    shapes, dims = root.entries("input_shape"), root.entries("input_dim")
    for index, entry in enumerate(root.entries("input")):
        if shapes:
            yield _input(entry, None, shapes[index : index + 1], shared=False)
        else:
            start = index * LEGACY_AXES
            sizes = tuple(dims[start : start + LEGACY_AXES])
            yield _Input(_name(entry), None, sizes, (entry, *sizes))
    for layer in (each for each in net.layers if each.type == "Input"):
        param = layer.core.message("input_param")
        shapes = param.entries("shape") if param else []
        for index, entry in enumerate(layer.outer.entries("top")):
            shared = len(shapes) == 1 < len(layer.tops)
            of_top = shapes if shared else shapes[index : index + 1]
            yield _input(entry, layer, of_top, shared=shared)


def _input(entry: Entry, layer: Layer | None, shape: Sequence[Entry], *, shared: bool) -> _Input:
    sizes = [dim for each in shape if isinstance(each.value, Message) for dim in _dims(each.value)]
    entries = (entry,) if shared else (entry, *shape)
    return _Input(_name(entry), layer, tuple(sizes), entries)


def _dims(shape: Message) -> list[Entry]:
    return shape.entries("dim")


def _name(entry: Entry) -> str:
    return "" if isinstance(entry.value, Message) else entry.value.string
