"""A rule from the wording of a failure to an explanation and a hint.

The wordings are those of BVLC Caffe 1.0's checks and, where they differ, of older Caffes; of
CUDA, LMDB, the dynamic loader, gflags and protobuf. The first rule that matches wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class FailureRule:
    """If `pattern` matches anywhere in a line of the log, the failure is of `kind`.

    `sentence` and `hint` are format strings over the pattern's named groups and the context
    from earlier lines of the log: `of_layer` (" (layer 'data')" or nothing), `lmdb` ("the LMDB
    'train_lmdb'"), `of_data` (" of 'train_lmdb'" or nothing), `snapshot` (the file being
    written) and `cwd` (the folder that caffe runs in).
    """

    kind: str
    pattern: re.Pattern[str]
    sentence: str
    hint: str | None = None


def rule(kind: str, pattern: str, sentence: str, hint: str | None = None) -> FailureRule:
    """A `FailureRule` from a pattern that is not compiled yet."""
    return FailureRule(kind, re.compile(pattern), sentence, hint)
