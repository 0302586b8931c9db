"""The gate: no text leaves it that was not proven to differ exactly as promised."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.net import refuse_depth
from ssdh_surgery.errors import GateRefused, ParseError, SchemaError
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt import edits
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.parser import parse_source
from ssdh_surgery.surgery.core.change import Change, Delete, Promise, strict_message
from ssdh_surgery.surgery.core.judge import judged
from ssdh_surgery.surgery.core.semantics import first_difference, tree_of

_OUR_BUG = "this is a bug in ssdh-surgery, not in your file; please report it"


@dataclass(frozen=True)
class Proven:
    """A changed document, and what the user should know about how it was judged."""

    document: Document
    warnings: tuple[str, ...] = ()


def prove(document: Document, change: Change, message_name: str) -> Proven:
    """Apply a change and prove it: by our own tree, field by field, and by protobuf.

    Where protobuf refuses the text before the change (a fork's field, a field given
    twice), the tree alone judges and a warning says so. What is inserted is always read
    strictly by protobuf.

    Args:
        document: the text before the change.
        change: the edits and their promise.
        message_name: `NetParameter` or `SolverParameter`.

    Raises:
        GateRefused: the text would differ by more or less than was promised.
        SchemaError: what is inserted is not in Caffe's schema.
    """
    refuse_depth(document)
    if not change.edits and not change.promise.steps:
        return Proven(document)
    text = edits.apply(document.text, change.edits)
    try:
        after = parse_source(replace(document.source, text=text))
    except ParseError as error:
        raise _refused(document, f"the edited text no longer parses: {error}") from error
    _compare_trees(document, after, change.promise)
    return Proven(after, _compare_messages(document, after, change.promise, message_name))


def _compare_trees(before: Document, after: Document, promise: Promise) -> None:
    expected = tree_of(before.root)
    try:
        promise.apply_tree(expected)
    except LookupError as error:
        raise _refused(before, f"the promise speaks of what is not there: {error}") from error
    if difference := first_difference(expected, tree_of(after.root)):
        raise _refused(before, f"the edits do something else than was promised, at {difference}")


def _refused(document: Document, message: str) -> GateRefused:
    return GateRefused(message, location=Location(document.source.file), hint=_OUR_BUG)


def _compare_messages(
    before: Document, after: Document, promise: Promise, message_name: str
) -> tuple[str, ...]:
    try:
        expected = judged(before, message_name)
    except SchemaError as error:
        strictly_read(promise, message_name)
        return (f"protobuf cannot judge this file, so our own reading does: {error}",)
    promise.apply(expected)
    try:
        found = judged(after, message_name)
    except SchemaError as error:
        message = f"protobuf read the file before the edits and refuses it after: {error}"
        raise _refused(before, message) from error
    # By bytes: two messages with a nan in them are never equal.
    if expected.SerializeToString(deterministic=True) != found.SerializeToString(
        deterministic=True
    ):
        raise _refused(before, "protobuf reads something else than was promised")
    return ()


def strictly_read(promise: Promise, message_name: str) -> None:
    """Have protobuf read every new value of a promise by itself.

    Raises:
        SchemaError: a field or value is not in Caffe's schema.
    """
    for step in promise.steps:
        if isinstance(step, Delete):
            continue
        *outer, (name, _) = step.path
        kind = message_name
        for field, _ in outer:
            kind = schema.field_type(schema.field(kind, field))
        strict_message(kind, name, step.value)
