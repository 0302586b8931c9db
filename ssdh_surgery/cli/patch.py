"""`ssdh patch`: a hash layer for a train net, its test nets and its solver."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import results, terminal, types
from ssdh_surgery.pipeline.files.outputs import WritePlan
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.patch.patch import PatchOptions, patch
from ssdh_surgery.pipeline.settings.options import READERS
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.hashing import presets

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.inspect.explain import Explanation


@click.command(
    "patch",
    epilog="\b\nExample:\n  ssdh patch train_val.prototxt --bits 48",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@shared.hashing_options
@click.option(
    "--filler",
    type=types.FillerType(),
    metavar="FILLER",
    help="gaussian:STD, xavier[:fan_in|fan_out|average] or msra (gaussian:0.005).",
)
@click.option("--bias", type=types.DecimalType(), metavar="V", help="The latent layer's bias (1).")
@click.option(
    "--lr-mult",
    type=types.NumbersType((2,), least=0),
    metavar="W,B",
    help="Learning rates of the latent layer (1,2).",
)
@click.option(
    "--decay-mult",
    type=types.NumbersType((2,), least=0),
    metavar="W,B",
    help="Weight decay of the latent layer (1,0).",
)
@click.option(
    "--classifier-lr",
    type=types.DecimalType(above=0),
    metavar="X",
    help="The classifier learns X times faster (10).",
)
@click.option(
    "--classifier-name",
    type=types.NAME,
    metavar="NAME",
    help="The classifier (OLD_change).",
)
@click.option("--mark/--no-mark", default=None, help="A banner comment around what is added (no).")
@click.option(
    "--classifier-filler",
    type=types.FillerType(),
    metavar="FILLER",
    help="How the new classifier begins (as the old one).",
)
@shared.around_options
@click.option(
    "--preset",
    type=click.Choice(list(presets.PRESETS)),
    help="The settings of a published recipe; other options win (blog).",
)
@click.option("--solver", type=types.PATH, metavar="FILE", help="The solver; 'none' for none.")
@click.option("--train-data", type=types.PATH, metavar="PATH", help="Source of the train data.")
@click.option("--test-data", type=types.PATH, metavar="PATH", help="Source of the test data.")
@click.option("--train-batch", type=click.IntRange(1), metavar="N", help="Batch size in training.")
@click.option("--test-batch", type=click.IntRange(1), metavar="N", help="Batch size in testing.")
@click.option("--mean-file", type=types.PATH, metavar="FILE", help="Mean file of the data.")
@click.option(
    "--mean-value",
    type=types.NumbersType((1, 3)),
    metavar="B,G,R",
    help="Mean values of the data.",
)
@click.option(
    "--freeze",
    metavar="UPTO",
    help="With a deploy net alone: what this layer or blob depends on does not learn.",
)
@click.option(
    "--lr-divide", type=types.DecimalType(above=0), metavar="X", help="Divide base_lr by X (10)."
)
@click.option(
    "--weight-decay",
    type=types.DecimalType(least=0),
    metavar="V",
    help="The solver's weight decay (0.0005).",
)
@click.option(
    "--gamma",
    type=types.DecimalType(above=0),
    metavar="V",
    help="The solver's gamma (0.1 where the policy is step or multistep).",
)
@click.option(
    "--set",
    "sets",
    type=types.AssignmentType(),
    multiple=True,
    metavar="FIELD=VALUE",
    help="Set any field of the solver; may be repeated.",
)
@click.option("--explain", is_flag=True, help="Tell first what was found in the net, and why.")
@shared.net_option
@shared.writing_options
@shared.json_option
def command(files: tuple[str, ...], as_json: bool, **given: Any) -> int:
    """Put a hash layer between the features and the classifier of a train net.

    FILE is a train net, a solver, or several files that belong together; `-` is standard
    input, `zoo:NAME` a built-in network. Writes STEM_ssdh.prototxt for each, and ssdh.toml
    for the commands that follow.

    A deploy net alone, with --train-data and --test-data (LMDBs), becomes
    train_val_ssdh.prototxt and solver_ssdh.prototxt: data layers, loss, learning rates, and
    a solver for the number of records, each value explained.
    """
    plan = _plan(files, as_json, given)
    options = _options(files, given)
    sources = [read_source(name) for name in files]
    return results.show(patch(sources, options, plan), plan, json=as_json)


def _plan(files: tuple[str, ...], as_json: bool, given: dict[str, Any]) -> WritePlan:
    names = ("suffix", "out", "in_place", "force", "dry_run", "diff", "check")
    plan = shared.write_plan(**{name: given[name] for name in names})
    if "-" in files:
        refuse_with_stdin(files, as_json=as_json, out=plan.out, in_place=plan.in_place)
    return plan


def refuse_with_stdin(
    files: tuple[str, ...], *, as_json: bool, out: Path | None, in_place: bool
) -> None:
    """Refuse what makes no sense when the file comes from standard input.

    Raises:
        click.UsageError: `--json`, `--out`, `--in-place`, or another file beside it.
    """
    for name, is_given in (("--json", as_json), ("--out", out), ("--in-place", in_place)):
        if is_given:
            raise click.UsageError(f"{name} does not go with '-': the file goes to stdout")
    if len(files) > 1:
        raise click.UsageError("'-' is a file of its own: name no other beside it")


def _options(files: tuple[str, ...], given: dict[str, Any]) -> PatchOptions:
    if given["mean_file"] and given["mean_value"]:
        raise click.UsageError("--mean-file and --mean-value exclude each other")
    if "-" in files and given["solver"] not in (None, "none"):
        raise click.UsageError("--solver does not go with '-': no other file is read")
    return PatchOptions(
        settings(given), given["solver"], given["net"], _explain if given["explain"] else None
    )


def _explain(name: str, found: Explanation) -> None:
    from ssdh_surgery.cli.explain import explained

    for line in explained(name, found):
        terminal.say(line)


def settings(given: dict[str, Any]) -> Settings:
    """What a command line gives of the settings that a net is patched with."""
    # A repeatable option that was not given is an empty tuple.
    values = {name: given[name] for name in READERS if given.get(name) not in (None, ())}
    if (name := given.get("preset")) is None:
        return Settings(values)
    return Settings(values).over(Settings(presets.PRESETS[name].settings))
