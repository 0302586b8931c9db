"""`ssdh patch`: a hash layer for a train net, its test nets and its solver."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from ssdh_surgery.caffe.phase import Phase
from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import results
from ssdh_surgery.pipeline.outputs import WritePlan
from ssdh_surgery.pipeline.patch import Patched, PatchOptions, patch
from ssdh_surgery.pipeline.sources import read_source
from ssdh_surgery.surgery.data_layers import DataChoice

_RECIPE = (
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
_SOLVER_RECIPE = ("lr_divide", "weight_decay", "gamma")


@click.command(
    "patch",
    epilog="\b\nExample:\n  ssdh patch train_val.prototxt --bits 48",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@shared.hashing_options
@click.option(
    "--filler",
    type=shared.FillerType(),
    metavar="FILLER",
    help="gaussian:STD, xavier[:fan_in|fan_out|average] or msra (gaussian:0.005).",
)
@click.option("--bias", type=shared.DecimalType(), metavar="V", help="The latent layer's bias (1).")
@click.option(
    "--lr-mult",
    type=shared.NumbersType((2,), least=0),
    metavar="W,B",
    help="Learning rates of the latent layer (1,2).",
)
@click.option(
    "--decay-mult",
    type=shared.NumbersType((2,), least=0),
    metavar="W,B",
    help="Weight decay of the latent layer (1,0).",
)
@click.option(
    "--classifier-lr",
    type=shared.DecimalType(above=0),
    metavar="X",
    help="The classifier learns X times faster (10).",
)
@click.option("--classifier-name", metavar="NAME", help="New name of the classifier (OLD_change).")
@click.option("--mark/--no-mark", default=None, help="A banner comment around what is added (no).")
@click.option("--solver", metavar="FILE", help="The solver; 'none' for none.")
@click.option("--train-data", metavar="PATH", help="Source of the train data.")
@click.option("--test-data", metavar="PATH", help="Source of the test data.")
@click.option("--train-batch", type=click.IntRange(1), metavar="N", help="Batch size in training.")
@click.option("--test-batch", type=click.IntRange(1), metavar="N", help="Batch size in testing.")
@click.option("--mean-file", metavar="FILE", help="Mean file of the data.")
@click.option(
    "--mean-value",
    type=shared.NumbersType((1, 3)),
    metavar="B,G,R",
    help="Mean values of the data.",
)
@click.option(
    "--lr-divide", type=shared.DecimalType(above=0), metavar="X", help="Divide base_lr by X (10)."
)
@click.option(
    "--weight-decay",
    type=shared.DecimalType(least=0),
    metavar="V",
    help="The solver's weight decay (0.0005).",
)
@click.option(
    "--gamma",
    type=shared.DecimalType(above=0),
    metavar="V",
    help="The solver's gamma (0.1 where the policy is step or multistep).",
)
@click.option(
    "--set",
    "sets",
    type=shared.AssignmentType(),
    multiple=True,
    metavar="FIELD=VALUE",
    help="Set any field of the solver; may be repeated.",
)
@shared.net_option
@shared.writing_options
@shared.json_option
def command(files: tuple[str, ...], as_json: bool, **given: Any) -> int:
    """Put a hash layer between the features and the classifier of a train net.

    FILE is a train net, a solver, or several files that belong together; `-` is standard
    input, `zoo:NAME` a built-in network. Writes STEM_ssdh.prototxt for each, and ssdh.toml
    for the commands that follow.
    """
    plan = _plan(files, as_json, given)
    sources = [read_source(name) for name in files]
    patched = patch(sources, _options(given, "-" in files), plan)
    return results.show(patched, plan, json=as_json, next_command=_next(patched))


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


def _options(given: dict[str, Any], from_stdin: bool) -> PatchOptions:
    if given["mean_file"] and given["mean_value"]:
        raise click.UsageError("--mean-file and --mean-value exclude each other")
    recipe = {name: given[name] for name in _RECIPE if given[name] is not None}
    solver = {name: given[name] for name in _SOLVER_RECIPE if given[name] is not None}
    if given["sets"]:
        solver["sets"] = given["sets"]
    return PatchOptions(
        at=given["at"],
        head=given["head"],
        recipe=recipe,
        solver_recipe=solver,
        solver="none" if from_stdin else given["solver"],
        data=_data(given),
        net=given["net"],
    )


def _data(given: dict[str, Any]) -> dict[Phase, DataChoice]:
    mean: str | tuple[Decimal, ...] | None = given["mean_file"] or given["mean_value"]
    choices: dict[Phase, DataChoice] = {}
    phases: tuple[tuple[Phase, str], ...] = (("TRAIN", "train"), ("TEST", "test"))
    for phase, name in phases:
        source = given[f"{name}_data"]
        choice = DataChoice(source, given[f"{name}_batch"], _backend(source), mean)
        if choice:
            choices[phase] = choice
    return choices


def _backend(source: str | None) -> str | None:
    """The database that a folder holds; LMDB for one that is not there yet."""
    if source is None:
        return None
    return "LEVELDB" if (Path(source) / "CURRENT").is_file() else "LMDB"


def _next(patched: Patched) -> str | None:
    if not any(each.is_changed for each in patched.files) or patched.workspace is None:
        return None
    return "ssdh train --gpu 0 --weights WEIGHTS.caffemodel"
