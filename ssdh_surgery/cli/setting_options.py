"""The options of the table of options, as click takes them; and their values on a command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from ssdh_surgery.cli.options import Decorated, options
from ssdh_surgery.cli.types import click_type
from ssdh_surgery.pipeline.settings.options import OPTIONS, Command, Option, Section
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.settings.value_types import Assignments, Flag
from ssdh_surgery.surgery.hashing.presets import PRESETS

# Options outside these sections come under click's own title.
_TITLES: dict[Section, str] = {
    "net": "Net",
    "recipe": "Hash layer",
    "objective": "Objective",
    "solver": "Solver",
    "data": "Data",
}


class SettingCommand(click.Command):
    """A command whose help has the options of the table under the titles of their sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of the table first."""
        groups: dict[str, list[tuple[str, str]]] = {title: [] for title in _TITLES.values()}
        for param in self.get_params(ctx):
            line = param.get_help_record(ctx)
            if line is not None and isinstance(param, click.Option):
                option = OPTIONS.get(param.name or "")
                title = _TITLES.get(option.section, "Options") if option else "Options"
                groups.setdefault(title, []).append(line)
        for title, lines in groups.items():
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)


def setting_options(command: Command) -> Callable[[Decorated], Decorated]:
    """All options of the table that a command takes, except for those about its files."""
    return options(
        *(
            setting_option(option)
            for option in OPTIONS.values()
            if command in option.commands and option.section != "files"
        )
    )


def setting_option(option: Option) -> Callable[[Decorated], Decorated]:
    """One option of the table; it has no default, so that what is not set is left open."""
    if isinstance(option.type, Flag):
        switches = f"{option.flag}/--no-{option.flag.removeprefix('--')}"
        return click.option(switches, option.name, default=None, help=option.help_line)
    return click.option(
        option.flag,
        option.name,
        type=click_type(option.type),
        multiple=isinstance(option.type, Assignments),
        metavar=option.metavar,
        help=option.help_line,
    )


def explicit_settings(values: Mapping[str, Any]) -> Settings:
    """The settings of a command line, those of its `--preset` among them."""
    # A repeatable option that was not given is an empty tuple.
    named = {name: values[name] for name in OPTIONS if values.get(name) not in (None, ())}
    preset = values.get("preset")
    published = {} if preset is None else PRESETS[preset].settings
    return Settings(named).over(Settings(published))
