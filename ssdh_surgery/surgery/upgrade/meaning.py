"""What an upgrade promises: the meaning of a file under a rule that knows nothing of its text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ssdh_surgery.caffe import schema
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.parser import parse_source
from ssdh_surgery.prototxt.source import Source
from ssdh_surgery.surgery.change import Promise
from ssdh_surgery.surgery.semantics import Tree, tree_of


def _nothing(_: Tree) -> None:
    """The rule that leaves all as it is."""


@dataclass(frozen=True)
class Becomes(Promise):
    """The meaning of the whole file, once a rule has been applied to it."""

    rule: Callable[[Tree], None] = _nothing

    def apply(self, message: Any) -> None:
        """Do to a protobuf message what the rule says.

        Raises:
            SchemaError: what the rule makes is not in Caffe's schema.
        """
        tree = tree_of(parse_source(Source(schema.text(message), "<message>")).root)
        self.rule(tree)
        message.CopyFrom(schema.parse_text(text_of(tree), message.DESCRIPTOR.name))

    def apply_tree(self, tree: Tree) -> None:
        """Do to a syntax tree what the rule says."""
        self.rule(tree)


def text_of(tree: Tree) -> str:
    """A tree as protobuf text, layout forgotten."""
    return " ".join(
        f"{name} {{ {text_of(value)} }}" if isinstance(value, dict) else f"{name}: {_word(value)}"
        for name, values in tree.items()
        for value in values
    )


def _word(value: bytes | str) -> str:
    if isinstance(value, str):
        return value
    return literals.quote(value.decode("utf-8", "surrogateescape"))
