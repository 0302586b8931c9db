"""The promise of an upgrade: a rule on the meaning of a net, independent of its text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.parser import parse_source
from ssdh_surgery.prototxt.source import Source
from ssdh_surgery.surgery.core.change import path_of_message
from ssdh_surgery.surgery.core.promise import Promise
from ssdh_surgery.surgery.core.semantics import Tree, tree_of
from ssdh_surgery.surgery.core.step import Path, tree_at


def _nothing(_: Tree) -> None:
    """The rule that changes nothing."""


@dataclass(frozen=True)
class RulePromise(Promise):
    """A promise that a rule has been applied to the meaning of a net."""

    rule: Callable[[Tree], None] = _nothing
    # The net to which the rule applies: the file itself, or a field of a solver.
    place: Path = ()

    def apply(self, message: Any) -> None:
        """Apply the rule to a protobuf message.

        Raises:
            SchemaError: the result is not in Caffe's schema.
        """
        tree = tree_of(parse_source(Source(schema.text(message), "<message>")).root)
        self.apply_tree(tree)
        message.CopyFrom(schema.parse_text(text_of(tree), message.DESCRIPTOR.name))

    def apply_tree(self, tree: Tree) -> None:
        """Apply the rule to a syntax tree."""
        self.rule(tree_at(tree, self.place))


def rule_promise(net: Net, rule: Callable[[Tree], None]) -> RulePromise:
    """The promise that a rule is applied to a net, wherever it is in its file."""
    return RulePromise(rule=rule, place=path_of_message(net.root))


def text_of(tree: Tree) -> str:
    """A tree as protobuf text."""
    return " ".join(
        f"{name} {{ {text_of(value)} }}" if isinstance(value, dict) else f"{name}: {_word(value)}"
        for name, values in tree.items()
        for value in values
    )


def _word(value: bytes | str) -> str:
    if isinstance(value, str):
        return value
    return literals.quote(value.decode("utf-8", "surrogateescape"))
