"""The spelling of a new layer in the dialect of its net.

Verbs describe layers in the current dialect; this is the one place that knows how V1 and V0
write the same. Caffe's upgrade of the result gives the layer that was described.
"""

from __future__ import annotations

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import V0_TYPES, V1_TYPES, Dialect
from ssdh_surgery.caffe.messages.v0_fields import place_in_v0
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.render import NewFields, Word, is_message

# The lists in which V1 and V0 have the fields of all `param` messages.
PARAM_LISTS = {
    "name": "param",
    "share_mode": "blob_share_mode",
    "lr_mult": "blobs_lr",
    "decay_mult": "weight_decay",
}
_V1_WORDS = {current: word for word, current in V1_TYPES.items()}
_V0_WORDS = {current: word for word, current in V0_TYPES.items()}
_CONNECTIONS = ("bottom", "top")
UPGRADE_HINT = "use --upgrade, or ssdh upgrade first, to write the net in the current dialect"

_Fields = list[tuple[str, object]]


def type_word(kind: str, dialect: Dialect) -> str | None:
    """The word of a layer type in a dialect; None if the dialect has no such layer.

    >>> type_word("InnerProduct", Dialect.V0)
    'innerproduct'
    """
    if dialect is Dialect.CURRENT:
        return kind
    if dialect is Dialect.V0:
        return _V0_WORDS.get(kind)
    word = _V1_WORDS.get(kind)
    return None if word is None else Word(word)


def spell_layer(layer: NewFields, dialect: Dialect, place: Location) -> NewFields:
    """The fields of a layer in a dialect.

    Args:
        layer: the fields in the current dialect.
        dialect: the dialect of the net.
        place: where the layer goes, for errors.

    Raises:
        SurgeryError: the dialect has no such layer, or lacks one of its fields.
    """
    if dialect is Dialect.CURRENT:
        return layer
    kind = str(dict(layer).get("type", ""))
    word = type_word(kind, dialect)
    if kind and word is None:
        raise dialect_error(f"layer type {kind}", dialect, place)
    plain: _Fields = [(name, value) for name, value in layer if name != "param"]
    plain = [(name, word if name == "type" else value) for name, value in plain]
    lists = _rate_lists([value for name, value in layer if name == "param" and is_message(value)])
    if dialect is Dialect.V1:
        return _v1(plain, lists, place)
    return _v0(kind, plain, lists, place)


def _rate_lists(params: list[NewFields]) -> _Fields:
    """`param` messages as the lists of V1 and V0, with 1 for a missing rate."""
    new: _Fields = []
    for name, listed in PARAM_LISTS.items():
        values = [dict(param).get(name) for param in params]
        while values and values[-1] is None:
            values.pop()
        new += [(listed, 1 if value is None else value) for value in values]
    return new


def _v1(layer: _Fields, lists: _Fields, place: Location) -> NewFields:
    for name, _ in layer:
        if name not in schema.descriptor("V1LayerParameter").fields_by_name:
            raise dialect_error(f"field '{name}'", Dialect.V1, place)
    head = [each for each in layer if each[0] in ("name", "type", *_CONNECTIONS)]
    return [*head, *lists, *(each for each in layer if each not in head)]


def _v0(kind: str, layer: _Fields, lists: _Fields, place: Location) -> NewFields:
    inner: _Fields = []
    outer: _Fields = []
    for name, value in layer:
        if name in _CONNECTIONS:
            outer.append((name, value))
        elif name in ("name", "type"):
            inner.append((name, value))
        elif is_message(value):
            inner += [(field_in_v0(kind, name, field, place), each) for field, each in value]
        else:
            raise dialect_error(f"field '{name}'", Dialect.V0, place)
    return [("layer", [*inner, *lists]), *outer]


def field_in_v0(kind: str, message: str, name: str, place: Location) -> str:
    """V0's name for a field of one of the messages of a layer type.

    Raises:
        SurgeryError: V0 has no such field.
    """
    old_name = place_in_v0(_V0_WORDS.get(kind, kind), message, name)
    if old_name is None:
        raise dialect_error(
            f"field '{name}' of '{message}' in layers of type {kind}", Dialect.V0, place
        )
    return old_name


def dialect_error(what: str, dialect: Dialect, place: Location) -> SurgeryError:
    """The error about a layer type or a field that a dialect does not have."""
    return SurgeryError(
        f"Caffe's dialect {dialect} has no {what}", location=place, hint=UPGRADE_HINT
    )
