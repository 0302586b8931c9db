"""New values of a promise, read strictly by protobuf: unknown fields are errors."""

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
from ssdh_surgery.surgery.core.judge import protobuf_message
from ssdh_surgery.surgery.core.semantics import tree_of, tree_of_value
from ssdh_surgery.surgery.core.step import Delete, Insert, Path, PromiseStep, Set, value_at

# A message that is still being filled.
_Fields = list[tuple[str, object]]


def new_values(steps: Sequence[PromiseStep], message_name: str) -> dict[int, Any]:
    """The value of every step that has one, as protobuf holds it, by the step's `id`.

    The values are written into one message and read in a single pass, or in a few where
    several compete for the place of a single field.

    Raises:
        SchemaError: a field or a value is not in Caffe's schema.
    """
    pending = [step for step in steps if not isinstance(step, Delete)]
    values: dict[int, Any] = {}
    while pending:
        sheet = _Sheet(message_name)
        pending = [step for step in pending if not sheet.add(step)]
        values |= sheet.read()
    return values


class _Sheet:
    """New values under the names of their paths, in one message of the given type."""

    def __init__(self, message_name: str) -> None:
        self.message_name = message_name
        self.fields: _Fields = []
        self.steps: list[tuple[Set | Insert, Path]] = []
        # The single messages opened for paths that lead through them.
        self._opened: dict[tuple[int, str], _Fields] = {}

    def add(self, step: Set | Insert) -> bool:
        """Add a step's value; False where a single field on its path holds another value.

        Raises:
            SchemaError: a field of its path is not in Caffe's schema.
        """
        *outer, (last, _) = step.path
        kind, fields, path = self.message_name, self.fields, []
        # A False is returned before anything is opened: what is opened here is empty.
        for name, _ in outer:
            field = schema.field(kind, name)
            kind = schema.field_type(field)
            is_single = not schema.is_repeated(field)
            inner = self._opened.get((id(fields), name)) if is_single else None
            if inner is None:
                if is_single and _count(fields, name):
                    return False
                inner = []
                fields.append((name, inner))
                self._opened[id(fields), name] = inner
            path.append((name, _count(fields, name) - 1))
            fields = inner
        if _count(fields, last) and not schema.is_repeated(schema.field(kind, last)):
            return False
        fields.append((last, step.value))
        path.append((last, _count(fields, last) - 1))
        self.steps.append((step, tuple(path)))
        return True

    def read(self) -> dict[int, Any]:
        """The values as protobuf reads them, by the `id` of their steps.

        Raises:
            SchemaError: a value is not in Caffe's schema.
        """
        with contextlib.suppress(SchemaError):
            document = _parse(self.fields)
            if tree_of(document.root) == tree_of_value(self.fields):
                message = protobuf_message(document, self.message_name)
                return {id(step): value_at(message, path) for step, path in self.steps}
        # Read one by one, so that the error names the one that is wrong.
        return {id(step): self._read_alone(step) for step, _ in self.steps}

    def _read_alone(self, step: Set | Insert) -> Any:
        kind = self.message_name
        *outer, (last, _) = step.path
        for name, _ in outer:
            kind = schema.field_type(schema.field(kind, name))
        return value_at(strict_message(kind, last, step.value), ((last, 0),))


def _count(fields: _Fields, name: str) -> int:
    return sum(each == name for each, _ in fields)


def strict_message(kind: str, name: str, value: object) -> Any:
    """A message with just one value, read by protobuf; unknown fields are errors.

    Raises:
        SchemaError: the field or the value is not in Caffe's schema.
    """
    document = _parse([(name, value)])
    count = sum(len(field.values) for field in document.fields)
    if count != 1:
        raise SchemaError(f"'{value}' is {'more than' if count else 'not'} one value of '{name}'")
    return protobuf_message(document, kind)


def _parse(fields: _Fields) -> Document:
    rows = [row for name, value in fields for row in render.field_lines(name, value, Style())]
    try:
        return parse_source(Source("\n".join(rows), "<new text>"))
    except ParseError as error:
        raise SchemaError(error.message, location=error.location, hint=error.hint) from error
