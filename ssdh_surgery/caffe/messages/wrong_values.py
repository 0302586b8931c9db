"""Values that no Caffe reads (a word for a string, 1.5 for an integer), refused before any view.

The sentences are those of protobuf's C++ parser, the one inside Caffe. Fields and enum values
that only a fork has are not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ssdh_surgery.caffe.messages.value_kinds import INTEGERS, FieldKind, field_kinds
from ssdh_surgery.errors import SchemaError
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Entry, Field, Message, Scalar

_EXPECTED = {
    "string": "string",
    "bytes": "string",
    "bool": "identifier",
    "float": "double",
    "double": "double",
    **dict.fromkeys(INTEGERS, "integer"),
}


def refuse_wrong_values(message: Message, message_name: str) -> None:
    """Refuse values that no Caffe reads: a word for a string, a string for a number.

    Raises:
        SchemaError: at the first such value, in Caffe's words.
    """
    fault = next(_faults(message, message_name, field_kinds(message_name)), None)
    if fault is None:
        return
    from ssdh_surgery.caffe.messages.value_hints import value_hint

    field, kind, value, parent = fault
    if value is None:
        location = message.document.location(field.open, field.close)
    else:
        location = Entry(field, field.values.index(value)).location
    raise SchemaError(
        f"Caffe cannot read '{field.name}': {_sentence(field, kind, value)}",
        location=location,
        hint=value_hint(field, kind, value, parent),
    )


# The field, its kind, its value (None for a list that it cannot take), the name of its message.
_Fault = tuple[Field, FieldKind, Scalar | Message | None, str]


def _faults(message: Message, name: str, kinds: Mapping[str, FieldKind]) -> Iterator[_Fault]:
    for field in message.fields:
        kind = kinds.get(field.name)
        if kind is None:
            continue
        if field.open >= 0 and not kind.is_repeated:
            yield field, kind, None, name
        for value in field.values:
            if isinstance(value, Scalar):
                if not kind.accepts(value):
                    yield field, kind, value, name
            elif kind.inner is None:
                yield field, kind, value, name
            else:
                yield from _faults(value, kind.type, kind.inner())


def _sentence(field: Field, kind: FieldKind, value: Scalar | Message | None) -> str:
    """What protobuf's C++ parser says of a value of the wrong kind."""
    word = field.document.tokens[field.open if value is None else value.first]
    if kind.inner is not None:
        return f'Expected "{{", found "{word}".'
    if isinstance(value, Message) and field.colon < 0:
        return f'Expected ":", found "{word}".'
    is_enum = kind.type not in _EXPECTED
    expected = _EXPECTED.get(kind.type, "integer or identifier")
    if isinstance(value, Scalar) and not value.is_string:
        if is_enum and value.is_word:
            return f'Unknown enumeration value of "{word}" for field "{field.name}".'
        if kind.type == "bool" and value.is_word:
            return f'Invalid value for boolean field "{field.name}". Value: "{word}".'
        if word == "-" and (is_enum or kind.type in ("int32", "int64")):
            # The sign is read before the number.
            word, expected = value.text[1:], "integer"
        takes_integers = is_enum or kind.type in ("bool", *INTEGERS)
        if takes_integers and literals.integer(word) is not None:
            return f"Integer out of range ({word})"
    return f"Expected {expected}, got: {word}"
