"""`ssdh upgrade`: old nets, solvers and weights in the current dialect."""

from __future__ import annotations

from typing import Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import results
from ssdh_surgery.cli.patch import refuse_with_stdin
from ssdh_surgery.pipeline.files.sources import read_source_or_weights
from ssdh_surgery.pipeline.upgrade import upgrade

_SUFFIX = "_upgraded"


@click.command("upgrade", epilog="\b\nExample:\n  ssdh upgrade train_val.prototxt --diff")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--stock-objective",
    is_flag=True,
    help="Write the authors' K1 and K2 losses with layers that every Caffe has.",
)
@shared.writing_options_with(_SUFFIX)
@shared.json_option
def command(files: tuple[str, ...], stock_objective: bool, as_json: bool, **given: Any) -> int:
    """Bring nets, solvers and weights of Caffe's old dialects to the current one.

    Does what Caffe's own upgrade does, as edits: comments, order and layout stay, and the
    values of a .caffemodel. Writes STEM_upgraded with the file's own ending.
    """
    if given["suffix"] is None:
        given["suffix"] = _SUFFIX
    plan = shared.write_plan(**given)
    if "-" in files:
        refuse_with_stdin(files, as_json=as_json, out=plan.out, in_place=plan.in_place)
    sources = [read_source_or_weights(name) for name in files]
    done = upgrade(sources, plan, stock_objective=stock_objective)
    return results.show(done, plan, json=as_json)
