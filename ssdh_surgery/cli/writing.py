"""Commands that write files next to those that they read: their options, and the outcome."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.options import Decorated, options
from ssdh_surgery.cli.types import FolderPath
from ssdh_surgery.pipeline.files.outputs import Mode, Output, WritePlan

# The names of the options below, for the section of the help that they are in.
WRITING = ("suffix", "out", "in_place", "force", "dry_run", "diff", "check", "as_json")
mode_options = options(
    click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing."),
    click.option("--diff", is_flag=True, help="Print a unified diff, and write nothing."),
    click.option("--check", is_flag=True, help="Exit with 1 on a change, and write nothing."),
)
out_option = click.option("--out", type=FolderPath(), metavar="DIR", help="Write into DIR.")
force_option = click.option("--force", is_flag=True, help="Replace files that exist.")


def writing_options(suffix: str = WritePlan.suffix) -> Callable[[Decorated], Decorated]:
    """The options of a command that adds `suffix` to file names by default."""
    from ssdh_surgery.cli.setting_options import setting_option
    from ssdh_surgery.pipeline.settings.options import OPTIONS

    return options(
        setting_option(replace(OPTIONS["suffix"], default=suffix)),
        out_option,
        click.option("--in-place", is_flag=True, help="Overwrite the files that were read."),
        force_option,
        mode_options,
    )


def write_plan(
    values: Mapping[str, Any], *, sources: Sequence[str | None] = (), as_json: bool = False
) -> WritePlan:
    """The writing options of a command as one value.

    Args:
        values: the options of the command, by name.
        sources: the files that it reads.
        as_json: whether it answers in JSON.

    Raises:
        click.UsageError: two options exclude each other, or one does not work with standard input.
    """
    flags = {"dry_run": Mode.DRY_RUN, "diff": Mode.DIFF, "check": Mode.CHECK}
    modes = [mode for name, mode in flags.items() if values[name]]
    suffix, out = values.get("suffix"), values["out"]
    in_place = bool(values.get("in_place"))
    if len(modes) > 1:
        raise click.UsageError("--dry-run, --diff and --check exclude each other")
    if in_place and out is not None:
        raise click.UsageError("--in-place and --out exclude each other")
    if suffix == "" and not in_place and out is None:
        raise click.UsageError("an empty --suffix needs --out or --in-place")
    if "-" in sources:
        for name, value in (("--json", as_json), ("--out", out), ("--in-place", in_place)):
            if value:
                raise click.UsageError(f"{name} cannot be used with '-': the file goes to stdout")
        if len(sources) > 1:
            raise click.UsageError("'-' cannot be combined with other files")
    plan = WritePlan(modes[0] if modes else Mode.WRITE, out, in_place, values["force"])
    return plan if suffix is None else replace(plan, suffix=suffix)


def outcome(output: Output, plan: WritePlan, written: Collection[Path]) -> str:
    """Whether a file was written, or would be."""
    name = terminal.path_text(output.path)
    if output.path in written:
        return f"wrote {name}"
    if output.is_written:
        return f"{name} is up to date"
    if output.is_blocked(plan):
        return f"would write {name}, but it exists and holds something else: --force replaces it"
    return f"would write {name}"
