"""What a patch may be told: by the command line, else by the workspace, else by the recipe.

A setting has one name everywhere: as an option (with dashes), in `[nets.STEM.options]` of the
workspace, and as a field of the recipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.surgery.hashing.recipe import Recipe, SolverRecipe
from ssdh_surgery.surgery.verbs.data_layers import DataChoice

RECIPE = (
    "bits",
    "filler",
    "bias",
    "lr_mult",
    "decay_mult",
    "classifier_lr",
    "latent_name",
    "code_name",
    "classifier_name",
    "remove",
    "mark",
)
SOLVER = ("lr_divide", "weight_decay", "gamma", "sets")
DATA = ("train_data", "test_data", "train_batch", "test_batch", "mean_file", "mean_value")
OBJECTIVE = (
    "objective_layers",
    "objective_phase",
    "weight_binary",
    "weight_fire",
    "weight_class",
)
# Each excludes the other: the one that is given takes the place of the one that is recorded.
_RIVALS = {"mean_file": "mean_value", "mean_value": "mean_file"}


@dataclass(frozen=True)
class Settings:
    """Values by name; a name that is missing was left open."""

    values: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """A value, None where it was left open."""
        return self.values.get(name)

    def over(self, recorded: Settings) -> Settings:
        """These values, and the recorded ones where these are open.

        `--set` adds up: a field that is set again takes the new values. The details of an
        objective go with it, where another takes its place. A divided rate is another wish than
        a stated one.
        """
        rivals = {_RIVALS[name] for name in self.values if name in _RIVALS}
        if self.values.get("objective") == "sigmoid":
            rivals.update(OBJECTIVE)
        kept = {name: value for name, value in recorded.values.items() if name not in rivals}
        sets = self.values.get("sets", ())
        again = {name for name, _ in sets}
        if "lr_divide" in self.values:
            again.add("base_lr")
        old = tuple(each for each in kept.pop("sets", ()) if each[0] not in again)
        added = {"sets": (*old, *sets)} if old or sets else {}
        return Settings({**kept, **self.values, **added})

    def without(self, values: Mapping[str, Any]) -> Settings:
        """These values, but for those that are as given."""
        kept = {n: v for n, v in self.values.items() if n not in values or v != values[n]}
        return Settings(kept)

    def named(self, names: Sequence[str]) -> dict[str, Any]:
        """The values of some names, those left open not among them."""
        return {name: self.values[name] for name in names if name in self.values}

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe with these values in it."""
        return Recipe(**self.named(RECIPE))

    @cached_property
    def solver_recipe(self) -> SolverRecipe:
        """The solver's recipe with these values in it."""
        return SolverRecipe(remove=self.recipe.remove, **self.named(SOLVER))

    @property
    def data(self) -> dict[Phase, DataChoice]:
        """What the data layers of each phase are to read."""
        mean = self.get("mean_file") or self.get("mean_value")
        choices: dict[Phase, DataChoice] = {}
        phases: tuple[tuple[Phase, str], ...] = (("TRAIN", "train"), ("TEST", "test"))
        for phase, name in phases:
            source = self.get(f"{name}_data")
            choice = DataChoice(source, self.get(f"{name}_batch"), _backend(source), mean)
            if choice:
                choices[phase] = choice
        return choices


def _backend(source: str | None) -> str | None:
    """The database that a folder holds; LMDB for one that is not there yet."""
    if source is None:
        return None
    return "LEVELDB" if (Path(source) / "CURRENT").is_file() else "LMDB"


# ---------------------------------------------------------------- as TOML
