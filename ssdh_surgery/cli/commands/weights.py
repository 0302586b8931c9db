"""`ssdh weights`: the blobs of a weights file, compared with another one or with a net."""

from __future__ import annotations

import click

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.options import json_option
from ssdh_surgery.cli.weights_tables import show_blobs, show_comparison, show_copy


@click.command(
    "weights",
    cls=Command,
    epilog="\b\nExample:\n  ssdh weights googlenet.caffemodel --net train_val_ssdh.prototxt",
)
@click.argument("file", metavar="FILE")
@click.option("--compare", "other", metavar="OTHER", help="Compare with these weights.")
@click.option("--net", metavar="NET", help="Show what this net copies by layer name.")
@json_option
def command(file: str, other: str | None, net: str | None, as_json: bool) -> int:
    """Show each blob of weights with its statistics: a caffemodel of any form, or a solverstate.

    With --compare it exits with 1 if the two files differ, and with --net if Caffe would refuse
    the weights for that net or copy none of them.
    """
    if other is not None and net is not None:
        raise click.UsageError("--compare and --net exclude each other")
    if other is not None:
        from ssdh_surgery.pipeline.inspect.compare_weights import compare_weights

        comparison = compare_weights(file, other)
        if as_json:
            terminal.answer_json(comparison.as_json())
        else:
            show_comparison(comparison)
        return int(not comparison.is_same)
    if net is not None:
        from ssdh_surgery.pipeline.inspect.net_weights import net_weights

        result = net_weights(net, file)
        if as_json:
            terminal.answer_json(result.as_json())
        else:
            show_copy(result)
        return int(not result.is_usable)
    from ssdh_surgery.pipeline.inspect.weights import weights_table

    table = weights_table(file)
    if as_json:
        terminal.answer_json(table.as_json())
    else:
        show_blobs(table)
    return 0
