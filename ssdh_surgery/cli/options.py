"""Options that several commands share, each as a decorator, and their types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from ssdh_surgery.errors import SsdhError
from ssdh_surgery.pipeline.files.outputs import Mode, WritePlan
from ssdh_surgery.surgery.hashing.recipe import Filler

Command = TypeVar("Command", bound=Callable[..., Any])


class DecimalType(click.ParamType[Decimal]):
    """A decimal number, kept exactly as written; `above` excludes what is not greater."""

    name = "number"

    def __init__(self, above: int | None = None, least: int | None = None) -> None:
        self.above = above
        self.least = least

    def convert(self, value: Any, param: Any, ctx: Any) -> Decimal:
        """The number, or click's own error."""
        try:
            number = value if isinstance(value, Decimal) else Decimal(str(value))
        except ArithmeticError:
            self.fail(f"'{value}' is not a number", param, ctx)
        if not number.is_finite():
            self.fail(f"'{value}' is not a finite number", param, ctx)
        if self.above is not None and number <= self.above:
            self.fail(f"{value} is not above {self.above}", param, ctx)
        if self.least is not None and number < self.least:
            self.fail(f"{value} is below {self.least}", param, ctx)
        return number


class NumbersType(click.ParamType[tuple[Decimal, ...]]):
    """Numbers with commas between: `W,B`, `B,G,R`."""

    name = "numbers"

    def __init__(self, counts: tuple[int, ...], least: int | None = None) -> None:
        self.counts = counts
        self.each = DecimalType(least=least)

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Decimal, ...]:
        """The numbers, or click's own error."""
        if isinstance(value, tuple):
            return value
        numbers = tuple(self.each.convert(part, param, ctx) for part in str(value).split(","))
        if len(numbers) not in self.counts:
            wanted = " or ".join(map(str, self.counts))
            self.fail(f"'{value}' has {len(numbers)} numbers, not {wanted}", param, ctx)
        return numbers


class FillerType(click.ParamType[Filler]):
    """`gaussian:STD`, `xavier[:fan_in|fan_out|average]`, `msra`."""

    name = "filler"

    def convert(self, value: Any, param: Any, ctx: Any) -> Filler:
        """The filler, or click's own error."""
        if isinstance(value, Filler):
            return value
        try:
            return Filler.parse(value)
        except SsdhError as error:
            self.fail(f"{error.message}: {error.hint}", param, ctx)


class TextType(click.ParamType[str]):
    """A name or a path: any text but an empty one; `what` is what the message calls it."""

    def __init__(self, what: str) -> None:
        self.name = what

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The text, or click's own error."""
        if not value:
            self.fail(f"a {self.name} is not empty", param, ctx)
        return str(value)


NAME = TextType("name")
PATH = TextType("path")


class AssignmentType(click.ParamType[tuple[str, str]]):
    """`FIELD=VALUE`."""

    name = "assignment"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        """The field and the value, or click's own error."""
        if isinstance(value, tuple):
            return value
        field, equals, text = value.partition("=")
        if not equals or not field or not text:
            self.fail(f"'{value}' is not FIELD=VALUE", param, ctx)
        return field, text


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several option decorators as one, in the order in which `--help` lists them."""

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


hashing_options = options(
    click.option("--bits", type=click.IntRange(1, 65536), help="Width of the code (128)."),
    click.option(
        "--at",
        type=TextType("name"),
        metavar="BLOB",
        help="The blob to hash, if not the features.",
    ),
    click.option(
        "--head",
        type=TextType("name"),
        metavar="LAYER",
        help="The classifier, if not the main one.",
    ),
    click.option(
        "--latent-name",
        type=TextType("name"),
        metavar="NAME",
        help="The latent layer (latent_SSDH).",
    ),
    click.option(
        "--code-name",
        type=TextType("name"),
        metavar="NAME",
        help="The code (latent_SSDH_encode).",
    ),
    click.option(
        "--remove",
        type=click.Choice(["comment", "delete"]),
        help="How layers and fields are taken out (comment).",
    ),
    click.option(
        "--upgrade/--no-upgrade",
        default=None,
        help="Bring nets of Caffe's old dialects to the current one first (no).",
    ),
)

around_options = options(
    click.option(
        "--classes", type=click.IntRange(1), metavar="N", help="Classes of the main classifier."
    ),
    click.option(
        "--aux",
        type=click.Choice(["keep", "drop", "retarget"]),
        help="What becomes of auxiliary heads; retarget: --classes holds for them, too (keep).",
    ),
    click.option(
        "--objective",
        type=click.Choice(["sigmoid", "ssdh"]),
        help="ssdh: terms that force bits apart and let half of them fire (sigmoid).",
    ),
    click.option(
        "--objective-layers",
        type=click.Choice(["stock", "fork"]),
        help="Layers that every Caffe has, or those of the authors' fork (stock).",
    ),
    click.option(
        "--objective-phase",
        type=click.Choice(["both", "train"]),
        help="The phases that have the terms (both).",
    ),
    click.option(
        "--weight-binary",
        type=DecimalType(least=0),
        metavar="X",
        help="Weight of the term that forces bits apart (1).",
    ),
    click.option(
        "--weight-fire",
        type=DecimalType(least=0),
        metavar="X",
        help="Weight of the term that lets half of the bits fire (1).",
    ),
    click.option(
        "--weight-class",
        type=DecimalType(above=0),
        metavar="X",
        help="Factor on the classification loss (1).",
    ),
)

mode_options = options(
    click.option("--dry-run", is_flag=True, help="Write nothing, say what would be written."),
    click.option("--diff", is_flag=True, help="Write nothing, print a unified diff."),
    click.option("--check", is_flag=True, help="Write nothing, exit with 1 on a change."),
)


def writing_options_with(suffix: str) -> Callable[[Command], Command]:
    """The options of a command that adds `suffix` to file names by itself."""
    return options(
        click.option("--suffix", metavar="TEXT", help=f"Added to file names ({suffix})."),
        click.option(
            "--out", type=click.Path(path_type=Path), metavar="DIR", help="Write into DIR."
        ),
        click.option("--in-place", is_flag=True, help="Write over the files that were read."),
        click.option("--force", is_flag=True, help="Replace files that exist."),
        mode_options,
    )


writing_options = writing_options_with("_ssdh")

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
net_option = click.option(
    "--net", type=NAME, metavar="STEM", help="The net of the workspace to use."
)


def write_plan(
    *,
    suffix: str | None,
    out: Path | None,
    in_place: bool,
    force: bool,
    dry_run: bool,
    diff: bool,
    check: bool,
) -> WritePlan:
    """The writing options as one value.

    Raises:
        click.UsageError: two of them contradict each other.
    """
    modes = [
        mode
        for given, mode in (
            (dry_run, Mode.DRY_RUN),
            (diff, Mode.DIFF),
            (check, Mode.CHECK),
        )
        if given
    ]
    if len(modes) > 1:
        raise click.UsageError("--dry-run, --diff and --check exclude each other")
    if in_place and out is not None:
        raise click.UsageError("--in-place and --out exclude each other")
    if suffix == "" and not in_place and out is None:
        raise click.UsageError("an empty --suffix needs --out or --in-place")
    if suffix is not None and ("/" in suffix or "\0" in suffix):
        raise click.UsageError("--suffix is part of a file name: no '/'")
    plan = WritePlan(modes[0] if modes else Mode.WRITE, out, in_place, force)
    return plan if suffix is None else replace(plan, suffix=suffix)
