"""A rule from the wording of a failure to an explanation and a hint.

The wordings are those of the checks of BVLC Caffe from 2014 to 1.0, of NVCaffe 0.13 to 0.17, of
IntelCaffe and of the SSDH authors' Caffe; of CUDA, LMDB, LevelDB, Python, the C library, the
dynamic loader, gflags and protobuf. The first rule that matches wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class FailureRule:
    """If `pattern` matches anywhere in a message of the log, the failure is of `kind`.

    `sentence` and `hint` are format strings over the pattern's named groups and the context
    from earlier lines of the log: `of_layer` (" (layer 'data')" or nothing), `lmdb` ("the LMDB
    'train_lmdb'"), `of_data` (" of 'train_lmdb'" or nothing), `snapshot` (the file being
    written), `last_file` (the last one that was announced), `gpus` (their number) and `cwd` (the
    folder that caffe runs in).

    `fields` are the fields of the layer that are to be changed, the first one that is set counts:
    `transform_param.crop_size`; `solver_fields` are those of the solver. If the pattern has a group
    of the field's name, the value of the field must be the same.
    """

    kind: str
    pattern: re.Pattern[str]
    sentence: str
    hint: str | None = None
    fields: tuple[str, ...] = ()
    solver_fields: tuple[str, ...] = ()


def rule(
    kind: str,
    pattern: str,
    sentence: str,
    hint: str | None = None,
    *,
    fields: str = "",
    solver_fields: str = "",
) -> FailureRule:
    """A `FailureRule` from a pattern that is not compiled yet, and fields separated by spaces."""
    return FailureRule(
        kind,
        re.compile(pattern),
        sentence,
        hint,
        tuple(fields.split()),
        tuple(solver_fields.split()),
    )


def of_mdb(*codes: int) -> str:
    """The pattern of an LMDB function that returned one of some codes; `reason` is its message.

    Caffes of 2014 show the call itself, others its status.
    """
    numbers = "|".join(map(str, codes)) or r"-?\d+"
    return rf"mdb_\w+(?:\(.*?\))? == 0 \((?P<status>{numbers}) vs\. 0\) ?(?P<reason>.*)"
