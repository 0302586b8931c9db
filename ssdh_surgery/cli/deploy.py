"""`ssdh deploy`: the hash layer for the deploy net."""

from __future__ import annotations

from typing import Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import results
from ssdh_surgery.cli.options import input_shape_option
from ssdh_surgery.cli.patch import refuse_with_stdin, settings
from ssdh_surgery.pipeline.deploy.deploy import DeployOptions, deploy

_WRITING = ("suffix", "out", "in_place", "force", "dry_run", "diff", "check")


@click.command("deploy", epilog="\b\nExample:\n  ssdh deploy")
@click.argument("net_file", required=False, metavar="[NET]")
@shared.hashing_options
@click.option("--binary", is_flag=True, help="Add a top of zeros and ones.")
@click.option("--batch", type=click.IntRange(1), metavar="N", help="Batch size of the input.")
@click.option(
    "--from",
    "origin",
    type=click.Choice(["train", "deploy"]),
    help="Derive it from the train net, or take a deploy file (the file where there is one).",
)
@click.option(
    "--with-classifier",
    is_flag=True,
    help="Derive it from the train net, and keep the classifier above the code.",
)
@input_shape_option
@shared.net_option
@shared.writing_options
@shared.json_option
def command(net_file: str | None, as_json: bool, **given: Any) -> int:
    """Put the hash layer into the deploy net, in the place of its classifier.

    Without NET the deploy file beside the train net of the workspace is taken. Width, place
    and names are those that `ssdh patch` recorded in ssdh.toml. Writes STEM_ssdh.prototxt.

    Where there is no deploy file, deploy_ssdh.prototxt is derived from the train net: its
    data layers become inputs, and what only training needs goes.
    """
    plan = shared.write_plan(**{name: given[name] for name in _WRITING})
    if net_file == "-":
        refuse_with_stdin((net_file,), as_json=as_json, out=plan.out, in_place=plan.in_place)
    options = DeployOptions(
        settings(given),
        net=given["net"],
        binary=given["binary"],
        batch=given["batch"],
        origin=given["origin"],
        shapes=dict(given["input_shapes"]),
        classifier=given["with_classifier"],
    )
    return results.show(deploy(net_file, options, plan), plan, json=as_json)
