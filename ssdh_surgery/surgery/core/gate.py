"""The gate: no text leaves it that was not proven to differ exactly as promised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ssdh_surgery.caffe.net.net import refuse_depth
from ssdh_surgery.errors import GateRefused, ParseError, SchemaError
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt import edits
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.parser import parse_source
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.judge import judged
from ssdh_surgery.surgery.core.new_values import new_values
from ssdh_surgery.surgery.core.promise import Promise
from ssdh_surgery.surgery.core.semantics import Tree, first_difference, tree_of

_OUR_BUG = "this is a bug in ssdh-surgery, not in your file; please report it"


@dataclass(frozen=True)
class Proof:
    """A document that the gate accepted, and what the user should know about how it was judged.

    `reading` is what both judges read in the document; a proof that follows takes it over.
    """

    document: Document
    warnings: tuple[str, ...] = ()
    reading: _Reading | None = None


@dataclass
class _Reading:
    """A document as our own tree and as protobuf's message, or why protobuf refuses it."""

    tree: Tree
    message: Any
    refusal: str | None = None


def prove(
    document: Document, change: Change, message_name: str, earlier: Proof | None = None
) -> Proof:
    """Apply a change and prove it: by our own tree, field by field, and by protobuf.

    Where protobuf refuses the text before the change (a fork's field, a field given
    twice), the tree alone judges and a warning says so. What is inserted is always read
    strictly by protobuf.

    Args:
        document: the text before the change.
        change: the edits and their promise.
        message_name: `NetParameter` or `SolverParameter`.
        earlier: the proof of `document`; its reading is used up.

    Raises:
        GateRefused: the text would differ by more or less than was promised.
        SchemaError: what is inserted is not in Caffe's schema.
    """
    refuse_depth(document)
    if not change.edits and not change.promise.steps:
        return earlier or Proof(document)
    text = edits.apply(document.text, change.edits)
    try:
        after = parse_source(replace(document.source, text=text))
    except ParseError as error:
        raise _refused(document, f"the edited text no longer parses: {error}") from error
    expected = (earlier and earlier.reading) or _read(document, message_name)
    _compare_trees(document, expected, after, change.promise)
    warnings = _compare_messages(document, expected, after, change.promise, message_name)
    return Proof(after, warnings, expected)


def _read(document: Document, message_name: str) -> _Reading:
    tree = tree_of(document.root)
    try:
        return _Reading(tree, judged(document, message_name))
    except SchemaError as error:
        return _Reading(tree, None, str(error))


def _compare_trees(before: Document, reading: _Reading, after: Document, promise: Promise) -> None:
    """Hold the new text against the promise; the reading's tree is that of the new text then."""
    try:
        promise.apply_tree(reading.tree)
    except LookupError as error:
        raise _refused(before, f"the promise speaks of what is not there: {error}") from error
    if difference := first_difference(reading.tree, tree_of(after.root)):
        raise _refused(before, f"the edits do something else than was promised, at {difference}")


def _refused(document: Document, message: str) -> GateRefused:
    return GateRefused(message, location=Location(document.source.file), hint=_OUR_BUG)


def _compare_messages(
    before: Document, reading: _Reading, after: Document, promise: Promise, message_name: str
) -> tuple[str, ...]:
    """As `_compare_trees`, by protobuf; warnings where it cannot judge."""
    if reading.refusal is not None:
        new_values(promise.steps, message_name)
        return (f"protobuf cannot judge this file, so our own reading does: {reading.refusal}",)
    promise.apply(reading.message)
    try:
        message = judged(after, message_name)
    except SchemaError as error:
        text = f"protobuf read the file before the edits and refuses it after: {error}"
        raise _refused(before, text) from error
    # By bytes: two messages with a nan in them are never equal.
    expected, actual = (
        each.SerializeToString(deterministic=True) for each in (reading.message, message)
    )
    if expected != actual:
        raise _refused(before, "protobuf reads something else than was promised")
    return ()
