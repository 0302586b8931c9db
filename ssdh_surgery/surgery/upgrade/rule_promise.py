"""What an upgrade promises: the meaning of a file under a rule that knows nothing of its text."""

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
from ssdh_surgery.surgery.core.step import Path


def _nothing(_: Tree) -> None:
    """The rule that leaves all as it is."""


@dataclass(frozen=True)
class RulePromise(Promise):
    """The meaning of a net in a file, once a rule has been applied to it."""

    rule: Callable[[Tree], None] = _nothing
    # Where the net stands that the rule speaks of: the file itself, or a field of a solver.
    place: Path = ()

    def apply(self, message: Any) -> None:
        """Do to a protobuf message what the rule says.

        Raises:
            SchemaError: what the rule makes is not in Caffe's schema.
        """
        tree = tree_of(parse_source(Source(schema.text(message), "<message>")).root)
        self.apply_tree(tree)
        message.CopyFrom(schema.parse_text(text_of(tree), message.DESCRIPTOR.name))

    def apply_tree(self, tree: Tree) -> None:
        """Do to a syntax tree what the rule says."""
        for name, index in self.place:
            tree = tree[name][index]
        self.rule(tree)


def rule_promise(net: Net, rule: Callable[[Tree], None]) -> RulePromise:
    """The promise that a net, wherever it stands, is what a rule makes of it."""
    return RulePromise(rule=rule, place=path_of_message(net.root))


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
