"""Changes of one net in turn, each made from what the one before left, for a step of a patch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ssdh_surgery.caffe.net.heads import Head, find_head
from ssdh_surgery.caffe.net.kind import kind_of
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.prototxt.cst import Document, Message
from ssdh_surgery.surgery.core.change import Change, path_of_message
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.core.judge import MESSAGE_OF
from ssdh_surgery.surgery.core.promise import Path

Verb = Callable[[Net], Change]


def net_at(document: Document, path: Path) -> Net:
    """The net at a path of a document: the file itself, or one inside a solver."""
    message = document.root
    for name, index in path:
        inner = message.entries(name)[index].value
        assert isinstance(inner, Message), "a path of a net leads through messages"
        message = inner
    return net_of(document, message)


def head_named(net: Net, name: str) -> Head:
    """The head whose classifier has a name."""
    head = find_head(net, name)
    assert head is not None, f"the net has the classifier '{name}'"
    return head


@dataclass
class InTurn:
    """What has been done to a net so far; `verbs` do it again to the net in another text."""

    net: Net
    verbs: list[Verb] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def do(self, verb: Verb) -> bool:
        """Do one thing more, proven; whether there was anything to do."""
        change = verb(self.net)
        if not change:
            return False
        document, path = self.net.document, path_of_message(self.net.root)
        proven = prove(document, change, MESSAGE_OF[kind_of(document)])
        self.net = net_at(proven.document, path)
        self.verbs.append(verb)
        return True

    def bound(self) -> tuple[Callable[[Document], Change], ...]:
        """The verbs for whole documents, in which the net stands where it stood."""
        path = path_of_message(self.net.root)

        def on(verb: Verb) -> Callable[[Document], Change]:
            return lambda document: verb(net_at(document, path))

        return tuple(map(on, self.verbs))
