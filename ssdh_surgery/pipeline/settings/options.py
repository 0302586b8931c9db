"""THE table of options: what a net is patched with, by name.

From a row come the option of the command line with its help, the key of `ssdh.toml` with its
checks, and the value that is remembered there. To add an option, add a row here and read the
value in the verb that it is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from ssdh_surgery.pipeline.settings.value_types import (
    Assignments,
    Choice,
    FileNamePart,
    FillerText,
    Flag,
    Integer,
    NonEmptyText,
    Number,
    Numbers,
    ValueType,
)
from ssdh_surgery.surgery.hashing.classifier import CHANGED
from ssdh_surgery.surgery.hashing.objective import Objective
from ssdh_surgery.surgery.hashing.recipe import Recipe, SolverRecipe
from ssdh_surgery.surgery.verbs.fields import Removal

Section = Literal["net", "recipe", "objective", "solver", "data", "files"]
# The sections of the help, in their order.
Topic = Literal["What is hashed", "Layers", "Objective", "Data", "Solver", "Writing"]
_TOPICS: dict[Section, Topic] = {
    "net": "Layers",
    "recipe": "Layers",
    "objective": "Objective",
    "data": "Data",
    "solver": "Solver",
    "files": "Writing",
}
_HASHED: Topic = "What is hashed"
Command = Literal["patch", "deploy"]


@dataclass(frozen=True)
class Option:
    """One option.

    Args:
        name: its name in the settings, and the field of the recipe that it sets.
        type: the type of its values, with the range.
        section: its subject: the net, or a part of the recipe.
        help: a verb phrase, without the default.
        default: the value that applies if none is set, or words for it; shown in the help only,
            since an option that is not set leaves an existing value unchanged.
        metavar: the placeholder of the value in the help.
        spelling: its name on the command line and in `ssdh.toml`, if it is another.
        net_key: its key in the net's own table of `ssdh.toml`; None: it is in `options`.
        commands: the commands that take it.
        topic: its section in the help, if it is not that of its subject.
        is_common: whether the short help shows it.
    """

    name: str
    type: ValueType
    section: Section
    help: str
    default: Any = None
    metavar: str | None = None
    spelling: str = ""
    net_key: str | None = None
    commands: tuple[Command, ...] = ("patch",)
    topic: Topic | None = None
    is_common: bool = False

    @property
    def help_topic(self) -> Topic:
        """Its section in the help."""
        return self.topic or _TOPICS[self.section]

    @property
    def flag(self) -> str:
        """The option on the command line: `--lr-mult`."""
        return f"--{(self.spelling or self.name).replace('_', '-')}"

    def words(self, value: Any) -> list[str]:
        """The option with a value, as the words of a command line: `--bits`, `48`."""
        if isinstance(self.type, Flag):
            return [self.flag if value else f"--no-{self.flag.removeprefix('--')}"]
        if isinstance(self.type, Assignments):
            return [word for each in self.type.to_toml(value) for word in (self.flag, each)]
        return [self.flag, self.type.to_text(value)]

    @property
    def key(self) -> str:
        """The key in the table of `ssdh.toml` that holds the value."""
        return self.net_key or self.spelling or self.name

    @property
    def default_text(self) -> str | None:
        """The default as shown in the help."""
        if self.default is None or isinstance(self.default, str):
            return self.default
        return self.type.to_text(self.default)

    @property
    def help_line(self) -> str:
        """The help with the default at its end."""
        default = self.default_text
        return f"{self.help}." if default is None else f"{self.help} (default: {default})."


_RECIPE, _SOLVER, _OBJECTIVE = Recipe(), SolverRecipe(), Objective()
_TEXT = NonEmptyText()
_BOTH: tuple[Command, ...] = ("patch", "deploy")

_ROWS = (
    Option(
        "at", _TEXT, "net", "Hash this blob instead of the classifier's features",
        metavar="BLOB", commands=_BOTH,
        topic=_HASHED, is_common=True,
    ),
    Option(
        "head", _TEXT, "net", "Hash the features of this classifier",
        default="the main one", metavar="LAYER", commands=_BOTH,
        topic=_HASHED, is_common=True,
    ),
    Option(
        "bits", Integer(1, 65536), "recipe", "Set the width of the code",
        default=_RECIPE.bits, metavar="N", net_key="bits", commands=_BOTH,
        topic=_HASHED, is_common=True,
    ),
    Option(
        "filler", FillerText(), "recipe",
        "Initialize the latent layer's weights with gaussian:STD, "
        "xavier[:fan_in|fan_out|average] or msra",
        default=_RECIPE.filler, metavar="FILLER",
    ),
    Option(
        "bias", Number(), "recipe", "Initialize the latent layer's bias with V",
        default=_RECIPE.bias, metavar="V",
    ),
    Option(
        "lr_mult", Numbers((2,), Number(least=0)), "recipe",
        "Set lr_mult of the latent layer's weights and bias",
        default=_RECIPE.lr_mult, metavar="W,B",
    ),
    Option(
        "decay_mult", Numbers((2,), Number(least=0)), "recipe",
        "Set decay_mult of the latent layer's weights and bias",
        default=_RECIPE.decay_mult, metavar="W,B",
    ),
    Option(
        "classifier_lr", Number(above=0), "recipe", "Multiply the classifier's lr_mult by X",
        default=_RECIPE.classifier_lr, metavar="X",
    ),
    Option(
        "latent_name", _TEXT, "recipe", "Name the latent layer",
        default=_RECIPE.latent_name, metavar="NAME", net_key="latent", commands=_BOTH,
    ),
    Option(
        "code_name", _TEXT, "recipe", "Name the sigmoid layer and its blob, the code",
        default=_RECIPE.code_name, metavar="NAME", net_key="code", commands=_BOTH,
    ),
    Option(
        "classifier_name", _TEXT, "recipe", "Rename the classifier",
        default=f"OLD{CHANGED}", metavar="NAME",
    ),
    Option(
        "remove", Choice(get_args(Removal)), "recipe",
        "Comment out removed layers and fields, or delete them",
        default=_RECIPE.remove, net_key="remove", commands=_BOTH,
    ),
    Option(
        "mark", Flag(), "recipe", "Put a banner comment above what is added",
        default=_RECIPE.mark,
    ),
    Option(
        "upgrade", Flag(), "net", "Upgrade nets of Caffe's old dialects first",
        default=False, commands=_BOTH,
    ),
    Option(
        "aux", Choice(("keep", "drop", "retarget")), "net",
        "Keep or drop the auxiliary heads, or retarget them to --classes, too", default="keep",
        topic=_HASHED, is_common=True,
    ),
    Option(
        "classes", Integer(1), "net", "Set the number of classes of the main classifier",
        metavar="N",
        topic=_HASHED, is_common=True,
    ),
    Option(
        "net_name", _TEXT, "net", "Rename the net; Caffe stores the name in its weights",
        default="unchanged", metavar="NAME", commands=_BOTH,
    ),
    Option(
        "classifier_filler", FillerText(), "net",
        "Initialize the new classifier's weights with FILLER",
        default="that of the old classifier", metavar="FILLER",
    ),
    Option(
        "objective", Choice(("sigmoid", "ssdh")), "objective",
        "Train with the classification loss alone, or (ssdh) also with terms that force bits "
        "apart and let half of them fire",
        default="sigmoid",
        is_common=True,
    ),
    Option(
        "objective_layers", Choice(("stock", "fork")), "objective",
        "Write the terms with layers that every Caffe has, or with those of the authors' fork",
        default=_OBJECTIVE.kind,
    ),
    Option(
        "objective_phase", Choice(("both", "train")), "objective",
        "Add the terms in both phases, or in TRAIN alone", default="both",
    ),
    Option(
        "weight_binary", Number(least=0), "objective",
        "Weight the term that forces bits apart by X",
        default=_OBJECTIVE.weight_binary, metavar="X",
    ),
    Option(
        "weight_fire", Number(least=0), "objective",
        "Weight the term that lets half of the bits fire by X",
        default=_OBJECTIVE.weight_fire, metavar="X",
    ),
    Option(
        "weight_class", Number(above=0), "objective", "Multiply the classification loss by X",
        default=_OBJECTIVE.weight_class, metavar="X",
    ),
    Option(
        "lr_divide", Number(above=0), "solver", "Divide base_lr by X",
        default=_SOLVER.lr_divide, metavar="X",
        is_common=True,
    ),
    Option(
        "weight_decay", Number(least=0), "solver", "Set the solver's weight_decay",
        default=_SOLVER.weight_decay, metavar="V",
    ),
    Option(
        "gamma", Number(above=0), "solver", "Set the solver's gamma",
        default="0.1 where lr_policy is step or multistep", metavar="V",
    ),
    Option(
        "sets", Assignments(), "solver", "Set any field of the solver; may be repeated",
        metavar="FIELD=VALUE", spelling="set",
        is_common=True,
    ),
    Option(
        "train_data", _TEXT, "data", "Read the training data from PATH", metavar="PATH",
        is_common=True,
    ),
    Option(
        "test_data", _TEXT, "data", "Read the test data from PATH", metavar="PATH",
        is_common=True,
    ),
    Option("train_batch", Integer(1), "data", "Set the batch size in training", metavar="N"),
    Option("test_batch", Integer(1), "data", "Set the batch size in testing", metavar="N"),
    Option(
        "mean_file", _TEXT, "data", "Subtract the mean image in FILE", metavar="FILE",
        is_common=True,
    ),
    Option(
        "mean_value", Numbers((1, 3)), "data", "Subtract a value from each channel",
        metavar="B,G,R",
    ),
    Option(
        "freeze", _TEXT, "net",
        "Freeze the layers up to this layer or blob, in a train net made from a deploy net",
        metavar="UPTO",
    ),
    Option(
        "suffix", FileNamePart(), "files", "Add TEXT to the names of written files",
        metavar="TEXT", commands=_BOTH,
    ),
)  # fmt: skip

OPTIONS: dict[str, Option] = {option.name: option for option in _ROWS}


def names_in(section: Section) -> tuple[str, ...]:
    """The names of a section's options."""
    return tuple(name for name, option in OPTIONS.items() if option.section == section)
