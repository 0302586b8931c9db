"""How the labels of queries and database are matched: by class name, or by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ssdh_surgery.retrieval.codes.class_names import (
    is_renumbered,
    joint_names,
    largest_label,
    unnamed_side,
)
from ssdh_surgery.retrieval.codes.codes import Codes


@dataclass(frozen=True)
class MatchedNames:
    """How labels are matched.

    Args:
        by_name: whether both sets have class names.
        sentence: for the protocol, if the numbers of the two sets differ.
        warning: a reason to doubt the match.
    """

    by_name: bool = False
    sentence: str | None = None
    warning: str | None = None

    @classmethod
    def of(cls, queries: Codes, database: Codes) -> Self:
        """The match of two sets with the labels of their files.

        Raises:
            DataError: one has no class names, and its labels do not fit the names of the other.
        """
        names, others = queries.class_names, database.class_names
        if names and others:
            sentence = None
            if is_renumbered(queries, joint_names(others, names)):
                sentence = (
                    f"labels are matched by class name: {queries.name} and {database.name} number "
                    "their classes differently"
                )
            return cls(True, sentence)
        largest = largest_label((database if names else queries).labels)
        warning = unnamed_side(names, queries.name, others, database.name, largest)
        return cls(warning=warning)
