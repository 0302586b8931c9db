"""What Caffe's last words mean: rules from their wording to a sentence and a hint.

The wordings are those of BVLC Caffe 1.0's checks and, where they differ, of older Caffes,
of CUDA, LMDB, the dynamic loader, gflags and protobuf. The first rule that matches wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """If `pattern` is found in a line of the log, the failure is of `kind`.

    `says` and `hint` are format strings over the pattern's named groups and what the log
    said before: `of_layer` (" (layer 'data')" or nothing), `lmdb` ("the LMDB 'train_lmdb'"),
    `of_data` (" of 'train_lmdb'" or nothing), `snapshot` (the file being written) and `cwd`
    (where caffe runs).
    """

    kind: str
    pattern: re.Pattern[str]
    says: str
    hint: str | None = None


def rule(kind: str, pattern: str, says: str, hint: str | None = None) -> Rule:
    """A `Rule` of a pattern that is still text."""
    return Rule(kind, re.compile(pattern), says, hint)
