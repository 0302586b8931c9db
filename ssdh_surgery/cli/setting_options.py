"""The options of the table of options, as click takes them; and their values on a command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import click

from ssdh_surgery.cli.command import Sections
from ssdh_surgery.cli.options import Decorated, options
from ssdh_surgery.cli.types import click_type
from ssdh_surgery.pipeline.settings.options import OPTIONS, Command, Option, Topic
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.settings.value_types import Assignments, Flag
from ssdh_surgery.surgery.hashing.presets import PRESETS


def setting_sections(command: Command, others: Mapping[str, Sequence[str]]) -> Sections:
    """The sections of a command's help: those of its options in the table, and other options.

    Args:
        command: the command.
        others: further options by the title of their section.
    """
    sections: dict[str, list[str]] = {topic: [] for topic in get_args(Topic)}
    for option in OPTIONS.values():
        if command in option.commands:
            sections[option.help_topic].append(option.name)
    for title, names in others.items():
        sections.setdefault(title, []).extend(names)
    return sections


def common_settings(command: Command) -> list[str]:
    """The options of the table that the short help of a command shows."""
    return [
        option.name
        for option in OPTIONS.values()
        if command in option.commands and option.is_common
    ]


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
