"""Settings: values of options by name, those of the command line over those of the workspace.

What neither of the two sets is left to the recipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.pipeline.settings.options import OPTIONS, names_in
from ssdh_surgery.surgery.hashing.recipe import Recipe, SolverRecipe
from ssdh_surgery.surgery.verbs.data_layers import DataChoice

RECIPE = names_in("recipe")
SOLVER = names_in("solver")
# The details of the objective, which are dropped together with it.
OBJECTIVE = tuple(name for name in names_in("objective") if name != "objective")
# Options that exclude each other: one that is set takes the place of the other in the workspace.
_RIVALS = {"mean_file": "mean_value", "mean_value": "mean_file"}


@dataclass(frozen=True)
class Settings:
    """Values by the names of their options; a name that is missing is not set."""

    values: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """A value, None where it is not set."""
        return self.values.get(name)

    def over(self, recorded: Settings) -> Settings:
        """These values, and the recorded ones of options that these leave open.

        `--set` adds up, and a field that is set again takes the new values. Where the objective
        is replaced, its recorded details are dropped. `--lr-divide` replaces a recorded base_lr.
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
        """These values, except those that equal the others."""
        kept = {n: v for n, v in self.values.items() if n not in values or v != values[n]}
        return Settings(kept)

    def named(self, names: Sequence[str]) -> dict[str, Any]:
        """The values of those of some options that are set."""
        return {name: self.values[name] for name in names if name in self.values}

    def by_key(self) -> dict[str, Any]:
        """The values as `ssdh.toml` writes them, by the names of their options."""
        return {
            OPTIONS[name].flag.removeprefix("--"): OPTIONS[name].type.to_toml(value)
            for name, value in self.values.items()
        }

    def as_toml(self, recorded: Mapping[str, Any]) -> dict[str, Any] | None:
        """The table `[nets.STEM.options]`: a change of the recorded one, None to remove it.

        A recorded option that is no longer set is None in it. Keys that are not ours stay.
        """
        ours = {option.key for option in OPTIONS.values() if option.net_key is None}
        values = {
            option.key: option.type.to_toml(value)
            for name, value in self.values.items()
            if (option := OPTIONS[name]).net_key is None
        }
        if not values and ours.issuperset(recorded):
            return None
        old = ours.intersection(recorded).difference(values)
        return {**values, **dict.fromkeys(old)}

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe with these values."""
        return Recipe(**self.named(RECIPE))

    @cached_property
    def solver_recipe(self) -> SolverRecipe:
        """The solver's recipe with these values."""
        return SolverRecipe(remove=self.recipe.remove, **self.named(SOLVER))

    @property
    def data(self) -> dict[Phase, DataChoice]:
        """The changes of the data layers, by phase."""
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
    """The kind of database in a folder; LMDB where the folder does not exist yet."""
    if source is None:
        return None
    return "LEVELDB" if (Path(source) / "CURRENT").is_file() else "LMDB"
