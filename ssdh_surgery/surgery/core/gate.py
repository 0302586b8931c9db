"""The gate: every text that leaves it was proven to differ exactly as promised."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ssdh_surgery.caffe.net.net import refuse_depth
from ssdh_surgery.errors import GateRefused, ParseError, SchemaError
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt import edits
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.parser import parse_source
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.judge import protobuf_message
from ssdh_surgery.surgery.core.new_values import new_values
from ssdh_surgery.surgery.core.promise import Promise
from ssdh_surgery.surgery.core.semantics import Tree, first_difference, tree_of

_OUR_BUG = "this is a bug in ssdh-surgery, not in your file; please report it"


@dataclass
class _Reading:
    """A document as our own tree and as protobuf's message, or why protobuf refuses it."""

    tree: Tree
    message: Any
    refusal: str | None = None


@dataclass
class Proof:
    """A document that the gate accepted, with warnings about how it was judged.

    `reading` is what both judges read in the document. The next proof takes it over and
    changes it in place, so it is handed out once, whether that proof succeeds or not.
    """

    document: Document
    warnings: tuple[str, ...] = ()
    reading: _Reading | None = field(default=None, repr=False, compare=False)

    def take_reading(self) -> _Reading | None:
        """The reading, unless a later proof has taken it."""
        reading, self.reading = self.reading, None
        return reading


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
        earlier: the proof of `document`, which saves reading it again.

    Raises:
        GateRefused: the text would differ by more or less than was promised.
        SchemaError: what is inserted is not in Caffe's schema.
    """
    assert earlier is None or earlier.document is document, "the proof of another document"
    refuse_depth(document)
    if not change.edits and not change.promise.steps:
        return earlier or Proof(document)
    text = edits.apply(document.text, change.edits)
    try:
        after = parse_source(replace(document.source, text=text))
    except ParseError as error:
        raise _refusal(document, f"the edited text no longer parses: {error}") from error
    reading = earlier.take_reading() if earlier else None
    if reading is None or reading.refusal:
        # The earlier change may have removed what protobuf refused.
        reading = _read(document, message_name)
    _compare_trees(document, reading, after, change.promise)
    warnings = _compare_messages(document, reading, after, change.promise, message_name)
    return Proof(after, warnings, reading)


def _read(document: Document, message_name: str) -> _Reading:
    tree = tree_of(document.root)
    try:
        return _Reading(tree, protobuf_message(document, message_name))
    except SchemaError as error:
        return _Reading(tree, None, str(error))


def _compare_trees(before: Document, reading: _Reading, after: Document, promise: Promise) -> None:
    """Compare the new text with the promise; the reading's tree becomes that of the new text."""
    try:
        promise.apply_tree(reading.tree)
    except LookupError as error:
        raise _refusal(before, f"the promise has a path that leads nowhere: {error}") from error
    if difference := first_difference(reading.tree, tree_of(after.root)):
        raise _refusal(before, f"the edits do not do what was promised, at {difference}")


def _refusal(document: Document, message: str) -> GateRefused:
    return GateRefused(message, location=Location(document.source.file), hint=_OUR_BUG)


def _compare_messages(
    before: Document, reading: _Reading, after: Document, promise: Promise, message_name: str
) -> tuple[str, ...]:
    """As `_compare_trees`, by protobuf; warnings where it cannot judge."""
    if reading.refusal is not None:
        new_values(promise.steps, message_name)
        return (
            f"protobuf cannot read this file, so only our own parser judges: {reading.refusal}",
        )
    promise.apply(reading.message)
    try:
        message = protobuf_message(after, message_name)
    except SchemaError as error:
        text = f"protobuf read the file before the edits and refuses it after: {error}"
        raise _refusal(before, text) from error
    # Compared as bytes: messages that hold a NaN are never equal.
    expected, actual = (
        each.SerializeToString(deterministic=True) for each in (reading.message, message)
    )
    if expected != actual:
        raise _refusal(before, "protobuf does not read what was promised")
    return ()
