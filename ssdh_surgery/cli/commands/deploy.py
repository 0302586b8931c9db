"""`ssdh deploy`: the hash layer for the deploy net."""

from __future__ import annotations

from typing import Any

import click

from ssdh_surgery.cli import results
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.options import input_shape_option, json_option, net_option
from ssdh_surgery.cli.setting_options import (
    common_settings,
    explicit_settings,
    setting_options,
    setting_sections,
)
from ssdh_surgery.cli.writing import WRITING, write_plan, writing_options
from ssdh_surgery.pipeline.deploy.deploy import DeployOptions, deploy


@click.command(
    "deploy",
    cls=Command,
    epilog="\b\nExample:\n  ssdh deploy",
    sections=setting_sections(
        "deploy",
        {
            "Data": ["batch", "input_shapes"],
            "Layers": ["binary", "with_classifier"],
            "Writing": WRITING,
        },
    ),
    common=[
        *common_settings("deploy"),
        *("binary", "batch", "origin", "with_classifier", "net"),
        *("out", "force", "dry_run", "diff"),
    ],
)
@click.argument("net_file", required=False, metavar="[NET]")
@setting_options("deploy")
@click.option("--binary", is_flag=True, help="Add a top that holds the code as zeros and ones.")
@click.option(
    "--batch", type=click.IntRange(1), metavar="N", help="Set the batch size of the input."
)
@click.option(
    "--from",
    "origin",
    type=click.Choice(["train", "deploy"]),
    help="Derive the net from the train net, or take a deploy file "
    "(default: the deploy file if there is one).",
)
@click.option(
    "--with-classifier",
    is_flag=True,
    help="Derive the net from the train net, and keep the classifier above the code.",
)
@input_shape_option
@net_option
@writing_options()
@json_option
def command(net_file: str | None, as_json: bool, **values: Any) -> int:
    """Put the hash layer into the deploy net, in place of its classifier.

    Without NET, the deploy file next to the train net of the workspace is taken. Width, place
    and names of the hash layer are those that `ssdh patch` recorded in ssdh.toml. Writes
    STEM_ssdh.prototxt.

    If there is no deploy file, deploy_ssdh.prototxt is derived from the train net: its data
    layers become inputs, and layers that only training needs are removed.
    """
    plan = write_plan(values, sources=[net_file], as_json=as_json)
    options = DeployOptions(
        explicit_settings(values),
        net=values["net"],
        binary=values["binary"],
        batch=values["batch"],
        origin=values["origin"],
        shapes=dict(values["input_shapes"]),
        with_classifier=values["with_classifier"],
    )
    return results.show(deploy(net_file, options, plan), plan, json=as_json)
