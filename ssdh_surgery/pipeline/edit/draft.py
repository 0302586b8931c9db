"""A draft: a document under edit, each change proven before the next one is worked out."""

from __future__ import annotations

from typing import Protocol, TypeVar

from ssdh_surgery.caffe.net.heads import Head, find_head
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.prototxt.cst import Document, Message
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.core.gate import Proof, prove
from ssdh_surgery.surgery.core.judge import MESSAGE_OF
from ssdh_surgery.surgery.core.step import Path


class HasChange(Protocol):
    """The result of a verb: a change, and what the verb reports about it."""

    @property
    def change(self) -> Change:
        """The edits and their promise."""
        ...


VerbResult = TypeVar("VerbResult", bound=Change | HasChange)


class Draft:
    """A document under edit: its current text, its last proof, and the judge's warnings.

    Verbs read the draft as it is now, and `do` proves what they return:

        aux = draft.do(aux_heads.drop(draft.net, head, "comment"))

    Args:
        document: the text to begin with.
        kind: the kind of the text: a net or a solver.
    """

    def __init__(self, document: Document, kind: Kind) -> None:
        self.document = document
        self.warnings: tuple[str, ...] = ()
        self._message_name = MESSAGE_OF[kind]
        self._proof: Proof | None = None

    @property
    def net(self) -> Net:
        """The net that the document describes."""
        return net_of(self.document)

    @property
    def solver(self) -> Solver:
        """The solver that the document describes."""
        return Solver(self.document)

    def do(self, result: VerbResult, *others: Change | HasChange) -> VerbResult:
        """Prove a verb's change and move on to the text that it leaves.

        Args:
            result: what a verb returned for the current document.
            others: results for the same document, proven together with it.

        Returns:
            The result itself.

        Raises:
            GateRefused: the text would differ by more or less than was promised.
        """
        change = merge(map(_change_of, (result, *others)))
        if change:
            self._proof = prove(self.document, change, self._message_name, self._proof)
            self.document = self._proof.document
            # The first proof names places in the text that the user knows.
            self.warnings = self.warnings or self._proof.warnings
        return result


def _change_of(result: Change | HasChange) -> Change:
    return result if isinstance(result, Change) else result.change


class NetDraft:
    """One net of a draft, with notes for the user.

    Args:
        draft: the document that the net is in.
        path: where the net is in it: empty for the document itself, else a field of a solver.
        states: the states that a solver runs the net in, if one does.
    """

    def __init__(self, draft: Draft, path: Path = (), states: tuple[State, ...] = ()) -> None:
        self.draft = draft
        self.path = path
        self.states = states
        self.notes: list[str] = []

    @property
    def net(self) -> Net:
        """The net as it is now."""
        message = self.draft.document.root
        for name, index in self.path:
            inner = message.entries(name)[index].value
            assert isinstance(inner, Message), "the path of a net leads through messages"
            message = inner
        return net_of(self.draft.document, message if self.path else None, self.states)

    def head(self, classifier: str) -> Head:
        """The head with a given classifier in the net as it is now."""
        head = find_head(self.net, classifier)
        assert head is not None, f"the net has the classifier '{classifier}'"
        return head

    def do(self, result: VerbResult, *others: Change | HasChange) -> VerbResult:
        """See `Draft.do`."""
        return self.draft.do(result, *others)

    def warn(self, warning: str) -> None:
        """Add a warning to those of the document."""
        self.draft.warnings = (*self.draft.warnings, warning)
