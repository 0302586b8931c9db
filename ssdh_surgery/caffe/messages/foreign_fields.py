"""The fields of a text that BVLC Caffe's schema does not have, with the forks that have them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ssdh_surgery.caffe.messages.forks import forks_text, forks_with_field
from ssdh_surgery.caffe.messages.value_kinds import FieldKind, field_kinds
from ssdh_surgery.errors import did_you_mean
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.cst import Field, Message


@dataclass(frozen=True)
class ForeignField:
    """A field that BVLC Caffe does not have.

    Attributes:
        field: the field in the text.
        holder: what holds it, as the text names it: `convolution_param`, `layer`, `a solver`.
        forks: the forks that have it.
        near: a hint that names the closest field of Caffe's; None for a field of a fork.
    """

    field: Field
    holder: str
    forks: tuple[str, ...]
    near: str | None

    @property
    def message(self) -> str:
        """What is wrong, in a sentence."""
        sentence = f"BVLC Caffe has no field '{self.field.name}' in {self.holder}"
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
    """The first field of each name that BVLC Caffe does not have in a message.

    What is inside a field of a fork is not judged.

    Args:
        root: the message.
        message_name: its name in the schema.
        holder: its name in a sentence.
        without: the fields that are not looked into.
    """
    reported: set[tuple[str, str]] = set()
    pending = [(root, message_name, field_kinds(message_name), holder)]
    while pending:
        message, name, kinds, words = pending.pop(0)
        for field in message.fields:
            kind = kinds.get(field.name)
            if kind is None:
                if (name, field.name) not in reported:
                    reported.add((name, field.name))
                    yield _foreign(field, name, kinds, words)
            elif kind.inner is not None and field.name not in without:
                inner = kind.inner()
                pending += [
                    (value, kind.type, inner, field.name)
                    for value in field.values
                    if isinstance(value, Message)
                ]


def _foreign(
    field: Field, message_name: str, kinds: Mapping[str, FieldKind], holder: str
) -> ForeignField:
    forks = forks_with_field(message_name, field.name)
    near = None if forks else did_you_mean(field.name, kinds)
    return ForeignField(field, holder, forks, near)
