"""New values of a promise, read strictly by protobuf: unknown fields are not allowed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.errors import ParseError, SchemaError
from ssdh_surgery.prototxt import render
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.parser import parse_source
from ssdh_surgery.prototxt.source import Source
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.surgery.core.judge import judged
from ssdh_surgery.surgery.core.promise import Delete, Insert, PromiseStep, Set
from ssdh_surgery.surgery.core.semantics import tree_of, tree_of_new

# A message as it is about to be written: names with scalars or such lists.
_Fields = list[tuple[str, object]]


def new_values(steps: Sequence[PromiseStep], message_name: str) -> dict[int, Any]:
    """The value of every step that has one, as protobuf holds it, by the step's `id`.

    All are read at once, as one message that has nothing else.

    Raises:
        SchemaError: a field or a value is not in Caffe's schema.
    """
    pending = [step for step in steps if not isinstance(step, Delete)]
    values: dict[int, Any] = {}
    while pending:
        sheet = _Sheet(message_name)
        left = [step for step in pending if not sheet.add(step)]
        values |= sheet.read()
        pending = left
    return values


class _Sheet:
    """New values under their paths, as one message; a single field has room for one value."""

    def __init__(self, message_name: str) -> None:
        self.message_name = message_name
        self.fields: _Fields = []
        self.steps: list[tuple[Set | Insert, list[tuple[str, int]]]] = []

    def add(self, step: Set | Insert) -> bool:
        """Add a step's value; False where its place is taken by another value.

        Raises:
            SchemaError: a field of its path is not in Caffe's schema.
        """
        kind, fields, path = self.message_name, self.fields, []
        *outer, (name, _) = step.path
        if not schema.is_repeated(schema.field(_kind_at(kind, outer), name)) and self._holds(
            outer, name
        ):
            return False
        for each, _ in outer:
            field = schema.field(kind, each)
            inner = None if schema.is_repeated(field) else dict(fields).get(each)
            if inner is None:
                inner = []
                fields.append((each, inner))
            path.append((each, _count(fields, each) - 1))
            kind, fields = schema.field_type(field), inner  # type: ignore[assignment]
        fields.append((name, step.value))
        path.append((name, _count(fields, name) - 1))
        self.steps.append((step, path))
        return True

    def _holds(self, outer: Sequence[tuple[str, int]], name: str) -> bool:
        """Whether a field under a path of single messages has a value already."""
        kind, fields = self.message_name, self.fields
        for each, _ in outer:
            field = schema.field(kind, each)
            inner = None if schema.is_repeated(field) else dict(fields).get(each)
            if inner is None:
                return False
            kind, fields = schema.field_type(field), inner  # type: ignore[assignment]
        return name in dict(fields)

    def read(self) -> dict[int, Any]:
        """The values as protobuf reads them, by the `id` of their steps.

        Raises:
            SchemaError: a value is not in Caffe's schema.
        """
        with contextlib.suppress(SchemaError):
            document = _parse(self.fields)
            if tree_of(document.root) == tree_of_new(self.fields):
                message = judged(document, self.message_name)
                return {id(step): _value_at(message, path) for step, path in self.steps}
        # One of them is wrong: read by itself, it is named with its place.
        for step, _ in self.steps:
            kind = _kind_at(self.message_name, step.path[:-1])
            strict_message(kind, step.path[-1][0], step.value)
        raise AssertionError("values that are right one by one are right together")


def _count(fields: _Fields, name: str) -> int:
    return sum(each == name for each, _ in fields)


def _kind_at(kind: str, path: Sequence[tuple[str, int]]) -> str:
    """The message type that a path of fields leads to."""
    for name, _ in path:
        kind = schema.field_type(schema.field(kind, name))
    return kind


def _value_at(message: Any, path: Sequence[tuple[str, int]]) -> Any:
    for name, index in path:
        field = message.DESCRIPTOR.fields_by_name[name]
        message = getattr(message, name)
        if schema.is_repeated(field):
            message = message[index]
    return message


def strict_message(kind: str, name: str, value: object) -> Any:
    """A message with just one field, read by protobuf, unknown fields not allowed.

    Raises:
        SchemaError: the field or the value is not in Caffe's schema.
    """
    document = _parse([(name, value)])
    if len(document.fields) != 1:
        raise SchemaError(f"'{value}' is more than one value of '{name}'")
    return judged(document, kind)


def _parse(fields: _Fields) -> Document:
    rows = [row for name, value in fields for row in render.field_lines(name, value, Style())]
    try:
        return parse_source(Source("\n".join(rows), "<new text>"))
    except ParseError as error:
        raise SchemaError(error.message, location=error.location, hint=error.hint) from error
