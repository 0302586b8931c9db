"""A solver: a read-only view of what it trains, how, and where it writes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from ssdh_surgery.caffe.net.layer import integer
from ssdh_surgery.caffe.net.net import refuse_depth
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Document, Entry, Message

# The fields of a solver that name or hold a net, in the order in which Caffe looks.
TRAIN_NET_FIELDS = ("net", "train_net")
NET_FIELDS = ("net", "train_net", "test_net")
NET_PARAM_FIELDS = ("net_param", "train_net_param", "test_net_param")


@dataclass(frozen=True)
class NetReference:
    """A net file that a solver names: the field, its path as written, and its place."""

    field: str
    path: str
    entry: Entry


class Solver:
    """The solver that a document describes.

    Raises:
        SurgeryError: it is nested more than 100 levels deep.
    """

    def __init__(self, document: Document) -> None:
        refuse_depth(document)
        self.document = document
        self.root: Message = document.root

    @property
    def file(self) -> str:
        """The name that the user knows the file by."""
        return self.document.source.file

    @property
    def nets(self) -> tuple[NetReference, ...]:
        """The net files that it names, train nets first."""
        return tuple(
            NetReference(name, entry.value.string, entry)
            for name in NET_FIELDS
            for entry in self.root.entries(name)
            if not isinstance(entry.value, Message)
        )

    @property
    def train_net(self) -> NetReference | None:
        """The net file that it trains."""
        return next((net for net in self.nets if net.field in TRAIN_NET_FIELDS), None)

    @property
    def test_nets(self) -> tuple[NetReference, ...]:
        """The net files that it tests and does not train."""
        return tuple(net for net in self.nets if net.field == "test_net")

    @property
    def inner_nets(self) -> tuple[tuple[str, Message], ...]:
        """The nets written inside it, each with its field's name."""
        return tuple(
            (name, message) for name in NET_PARAM_FIELDS for message in self.root.messages(name)
        )

    def string(self, name: str, default: str = "") -> str:
        """A field as text."""
        return self.root.string(name, default)

    def integer(self, name: str, default: int | None = None) -> int | None:
        """A whole-number field."""
        return integer(self.root, name, default)

    def integers(self, name: str) -> tuple[int, ...]:
        """The values of a repeated whole-number field."""
        values = (literals.integer(scalar.text) for scalar in self.root.scalars(name))
        return tuple(value for value in values if value is not None)

    def flag(self, name: str, default: bool) -> bool:
        """A true-or-false field."""
        text = self.string(name)
        return literals.boolean(text) is True if text else default

    def decimal(self, name: str) -> Decimal | None:
        """A number field, exactly as written."""
        scalar = self.root.scalar(name)
        try:
            return Decimal(scalar.text.rstrip("fF")) if scalar else None
        except InvalidOperation:
            return None
