"""The three files of a network of the zoo: their kinds and what they are called."""

from __future__ import annotations

from typing import Literal, get_args

Kind = Literal["train_val", "solver", "deploy"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# What a file of each kind is called when it is written; the solver names the train net so.
FILE_NAMES: dict[Kind, str] = {kind: f"{kind}.prototxt" for kind in KINDS}
