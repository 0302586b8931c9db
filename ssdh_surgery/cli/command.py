"""A command of `ssdh`: its help in sections, and errors that name the option of a missing file.

A command with many options has two helps: `-h` shows the common ones on one screen, `--help`
shows all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import click

from ssdh_surgery.errors import SsdhError

# The section of options that are in no other.
_OTHERS = "Options"

Sections = Mapping[str, Sequence[str]]


class Command(click.Command):
    """A command whose options are shown in sections.

    Args:
        sections: the names of options by the title of their section, in the order of the help.
        common: the names of the options that the short help shows; without any, there is one help.
    """

    def __init__(
        self,
        *args: Any,
        sections: Sections | None = None,
        common: Collection[str] = (),
        **kwargs: Any,
    ) -> None:
        self._sections = sections or {}
        self._common = frozenset(common)
        super().__init__(*args, **kwargs)
        if common:
            self.params.append(self._short_help_option())

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; the error for a file that does not exist names its option."""
        try:
            return super().invoke(ctx)
        except SsdhError as error:
            if error.data.get("is_missing") and (flag := _flag_of(error, ctx)):
                error.message = f"{error.message} ({flag})"
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write all options in their sections, the common ones first."""
        for title, rows in self._rows(ctx).items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def _short_help_option(self) -> click.Option:
        """The option `-h`; what click adds itself is `--help` then."""

        def show(ctx: click.Context, _: click.Parameter, is_set: bool) -> None:
            if is_set and not ctx.resilient_parsing:
                click.echo(self._short_help(ctx), color=ctx.color)
                ctx.exit()

        return click.Option(
            ["-h"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            help="Show the common options and exit.",
            callback=show,
        )

    def _short_help(self, ctx: click.Context) -> str:
        formatter = ctx.make_formatter()
        self.format_usage(ctx, formatter)
        with formatter.indentation():
            formatter.write_paragraph()
            formatter.write_text((self.help or "").split("\n\n")[0])
        rows = [row for each in self._rows(ctx, self._common).values() for row in each]
        with formatter.section("Common options"):
            formatter.write_dl(rows)
        self.format_epilog(ctx, formatter)
        return f"{formatter.getvalue()}\n{ctx.command_path} --help lists all options."

    def _rows(
        self, ctx: click.Context, names: Collection[str] | None = None
    ) -> dict[str, list[tuple[str, str]]]:
        """The options and their help by section; those with some names, by default all."""
        titles = {name: title for title, each in self._sections.items() for name in each}
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in self._sections}
        rows.setdefault(_OTHERS, [])
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        for param in sorted(options, key=lambda each: each.name not in self._common):
            row = param.get_help_record(ctx)
            if row is not None and (names is None or param.name in names):
                rows[titles.get(param.name or "", _OTHERS)].append(row)
        return rows


def _flag_of(error: SsdhError, ctx: click.Context) -> str | None:
    """The option whose value is the file that an error is about."""
    if error.location is None:
        return None
    for param in ctx.command.params:
        value = ctx.params.get(param.name or "")
        values = value if isinstance(value, tuple) else (value,)
        if isinstance(param, click.Option) and error.location.file in map(str, values):
            return max(param.opts, key=len)
    return None
