"""Mean average precision and its relatives, for codes, for features and for a classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError, of_extra
from ssdh_surgery.location import Location
from ssdh_surgery.retrieval.codes.codes import Codes, refuse_empty, refuse_unlabelled
from ssdh_surgery.retrieval.codes.compatibility import refuse_differing
from ssdh_surgery.retrieval.evaluate.compiled import in_thread
from ssdh_surgery.retrieval.evaluate.protocol import Protocol
from ssdh_surgery.retrieval.evaluate.tally import Cutoff, Measures, Tally

if TYPE_CHECKING:
    from types import ModuleType

    Labels = NDArray[np.int64] | NDArray[np.uint8]

Progress = Callable[[int, int], None]
# Queries ranked at a time: their counts at each distance take most of the memory.
_CHUNK = 512
_FEATURE_CHUNK = 64
# A classifier's accuracy is counted among this many top scores.
_TOP = (1, 5)


def evaluate_codes(
    queries: Codes,
    database: Codes,
    protocol: Protocol,
    cutoffs: Sequence[Cutoff] = (None,),
    places: Sequence[int] = (),
    voters: Sequence[int] = (),
    progress: Progress | None = None,
) -> Measures:
    """Judge codes by Hamming ranking.

    Args:
        queries: each item searches the database.
        database: the items that are ranked.
        protocol: the definitions.
        cutoffs: mAP within the first N items, for each N; None is all.
        places: precision among the first N items, for each N.
        voters: top-1 accuracy by the vote of the k nearest items, for each k.
        progress: called with the number of queries ranked, and of all.

    Raises:
        DataError: a set is empty or has no labels, or the two cannot be compared.
        MissingExtra: numba is not installed.
    """
    refuse_unfit(queries, database)
    refuse_differing(queries, database)
    hamming, votes = _compiled_modules()
    tally = Tally(protocol, len(database), cutoffs, places)
    packed, labels = database.packed, database.labels
    if protocol.ties == "random":
        order = np.random.default_rng(protocol.seed).permutation(len(database))
        packed, labels = packed[order], labels[order]
    query_words, words = hamming.words(queries.packed), hamming.words(packed)
    query_labels, label_words = _label_words(queries.labels), _label_words(labels)
    vote = votes.Vote(protocol, queries.labels, labels, voters)
    for part in _parts(len(queries), _CHUNK):
        *counts, first = in_thread(
            hamming.rank_hits,
            query_words[part],
            words,
            query_labels[part],
            label_words,
            database.is_multi_label,
            database.bits,
            tally.ranks,
            vote.items,
        )
        tally.take_counts(*counts)
        vote.take(part, first)
        if progress is not None:
            progress(part.stop, len(queries))
    return tally.measures(vote, queries.labels)


def evaluate_features(
    queries: NDArray[np.float32],
    database: NDArray[np.float32],
    query_labels: Labels,
    database_labels: Labels,
    protocol: Protocol,
    cutoffs: Sequence[Cutoff] = (None,),
    places: Sequence[int] = (),
    voters: Sequence[int] = (),
) -> Measures:
    """Judge features [Q, D] and [N, D] by exact Euclidean ranking, ties in database order."""
    hamming, votes = _compiled_modules()
    tally = Tally(protocol, len(database), cutoffs, places)
    query_words, label_words = _label_words(query_labels), _label_words(database_labels)
    vote = votes.Vote(protocol, query_labels, database_labels, voters)
    is_multi = database_labels.ndim == 2
    squares = np.einsum("ij,ij->i", database, database)
    for part in _parts(len(queries), _FEATURE_CHUNK):
        # The query's own square is the same for all items and changes no order.
        distances = squares - 2 * (queries[part] @ database.T)
        order = np.argsort(distances, axis=1, kind="stable")
        ranking = order, query_words[part], label_words, is_multi, tally.ranks
        tally.take_sums(*in_thread(hamming.add_up_ranked, *ranking))
        vote.take(part, order[:, : vote.items])
    return tally.measures(vote)


def _compiled_modules() -> tuple[ModuleType, ModuleType]:
    """The modules `hamming` and `votes`: importing numba takes a third of a second."""
    with of_extra("search", "evaluating codes"):
        from ssdh_surgery.retrieval.evaluate import hamming, votes
    return hamming, votes


def refuse_unfit(queries: Codes, database: Codes) -> None:
    """Refuse sets that cannot be judged.

    Raises:
        DataError: a set is empty, or has unlabelled items.
    """
    for codes, role in ((queries, "query"), (database, "database")):
        refuse_empty(codes, role)
        refuse_unlabelled(codes, role)


def _label_words(labels: Labels) -> NDArray[np.uint64]:
    """Labels as 64-bit words: a number each, or a set as bits."""
    if labels.ndim == 1:
        return np.ascontiguousarray(labels, np.int64).view(np.uint64)[:, None]
    packed = np.packbits(labels != 0, axis=1)
    padded = np.zeros((len(labels), -(-packed.shape[1] // 8) * 8), np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded.view(np.uint64)


def _parts(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def accuracy(
    scores: NDArray[np.float32], labels: NDArray[np.int64], name: str = "scores"
) -> dict[str, float]:
    """The share of labels among the k highest scores, by k as text: 1, and 5 of more classes.

    As in Caffe's Accuracy layer, a class that ties with the label counts as higher.

    Args:
        scores: of each class, [N, C].
        labels: the right classes, [N].
        name: the file of the scores, for messages.

    Raises:
        DataError: a label has no score.
    """
    classes = scores.shape[1]
    if labels.max() >= classes:
        raise DataError(
            f"scores of {classes:,} classes, but labels up to {labels.max():,}",
            location=Location(name),
            hint="encode the classifier's blob to get its scores",
        )
    own = np.take_along_axis(scores, labels[:, None], 1)
    higher = (scores >= own).sum(1) - 1
    return {str(k): float((higher < k).mean()) for k in _TOP if k == 1 or k < classes}
