"""`ssdh upgrade`: old nets, solvers and weights in the current dialect."""

from __future__ import annotations

from typing import Any

import click

from ssdh_surgery.cli import results
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.options import json_option
from ssdh_surgery.cli.writing import write_plan, writing_options
from ssdh_surgery.pipeline.upgrade import SUFFIX, upgrade_files


@click.command(
    "upgrade", cls=Command, epilog="\b\nExample:\n  ssdh upgrade train_val.prototxt --diff"
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--stock-objective",
    is_flag=True,
    help="Replace the K1 and K2 losses of the authors' fork by layers that every Caffe has.",
)
@writing_options(SUFFIX)
@json_option
def command(files: tuple[str, ...], stock_objective: bool, as_json: bool, **values: Any) -> int:
    """Upgrade nets, solvers and weights of Caffe's old dialects to the current one.

    Makes the changes of Caffe's own upgrade as edits: comments, order and layout stay, and so do
    the values of a .caffemodel. Writes STEM_upgraded with the extension of the file.
    """
    values["suffix"] = SUFFIX if values["suffix"] is None else values["suffix"]
    plan = write_plan(values, sources=files, as_json=as_json)
    upgraded = upgrade_files(files, plan, stock_objective=stock_objective)
    return results.show(upgraded, plan, json=as_json)
