"""The fields and values of a text that BVLC Caffe does not have, with the forks that do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.forks import forks_text, forks_with_field, forks_with_value
from ssdh_surgery.caffe.messages.value_kinds import SCALARS, FieldKind, field_kinds
from ssdh_surgery.errors import did_you_mean
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.cst import Field, Message, Scalar

# The types of layers in V1, which are findings of their own.
_LAYER_TYPE = "V1LayerParameter.LayerType"


@dataclass(frozen=True)
class ForeignField:
    """A field that BVLC Caffe does not have, or one with a value that it does not have.

    Attributes:
        field: the field in the text.
        holder: what holds it, as the text names it: `convolution_param`, `layer`, `a solver`.
        forks: the forks that have it.
        near: a hint that names the closest name of Caffe's; None for one of a fork.
        value: the value that Caffe does not have; empty where it does not have the field.
    """

    field: Field
    holder: str
    forks: tuple[str, ...]
    near: str | None
    value: str = ""

    @property
    def words(self) -> str:
        """What it is, after `has no`."""
        name = self.field.name
        what = f"value '{self.value}' of {name}" if self.value else f"field '{name}'"
        return f"{what} in {self.holder}"

    @property
    def message(self) -> str:
        """What is wrong, in a sentence."""
        sentence = f"BVLC Caffe has no {self.words}"
        return f"{sentence}; {forks_text(self.forks) if self.forks else 'the caffe at hand may'}"

    @property
    def hint(self) -> str | None:
        """What to do about it."""
        return "ssdh train --caffe PATH runs such a Caffe" if self.forks else self.near

    @property
    def location(self) -> Location:
        """The place of its first value."""
        entries = self.field.entries
        return entries[0].location if entries else self.field.document.location(self.field.first)


def foreign_fields(
    root: Message, message_name: str, holder: str, *, without: Collection[str] = ()
) -> Iterator[ForeignField]:
    """The fields that BVLC Caffe does not have in a message, and values that it does not have.

    Each is named once. What is inside a field of a fork is not judged.

    Args:
        root: the message.
        message_name: its name in the schema.
        holder: its name in a sentence.
        without: the fields that are not looked into.
    """
    reported: set[tuple[str, str, str]] = set()
    pending = [(root, message_name, field_kinds(message_name), holder)]
    while pending:
        message, name, kinds, words = pending.pop(0)
        for field in message.fields:
            kind = kinds.get(field.name)
            each = _foreign(field, name, kinds, words)
            if each is not None and (name, field.name, each.value) not in reported:
                reported.add((name, field.name, each.value))
                yield each
            if kind is None:
                continue
            if kind.inner is not None and field.name not in without:
                inner = kind.inner()
                pending += [
                    (value, kind.type, inner, field.name)
                    for value in field.values
                    if isinstance(value, Message)
                ]


def _foreign(
    field: Field, message_name: str, kinds: Mapping[str, FieldKind], holder: str
) -> ForeignField | None:
    """The field, if Caffe does not have it, or its first value that Caffe does not have."""
    kind = kinds.get(field.name)
    if kind is None:
        forks = forks_with_field(message_name, field.name)
        near = None if forks else did_you_mean(field.name, kinds)
        return ForeignField(field, holder, forks, near)
    if kind.inner is not None or kind.type in (*SCALARS, _LAYER_TYPE):
        return None
    names = schema.enum_values(kind.type)
    words = (each.text for each in field.values if isinstance(each, Scalar) and each.is_word)
    value = next((word for word in words if word not in names), None)
    if value is None:
        return None
    forks = forks_with_value(kind.type, value)
    near = None if forks else did_you_mean(value, names)
    return ForeignField(field, holder, forks, near, value)
