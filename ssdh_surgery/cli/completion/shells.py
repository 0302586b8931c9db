"""What a shell calls to complete a command line: it never fails, and never prints an error.

The three scripts beside this file pass the text before and after the cursor in $COMP_LEFT and
$COMP_RIGHT, and read one completion from each line.
"""

from __future__ import annotations

import contextlib
import io
import os
from importlib import resources
from typing import Any

import click
from click.shell_completion import CompletionItem, ShellComplete

from ssdh_surgery.cli.completion.command_line import CommandLine
from ssdh_surgery.cli.completion.values import add_completions

# Where it is set, the program completes a line for the shell that it names.
_VARIABLE = "SSDH_COMPLETE"


class Shell(ShellComplete):
    """The completion of one shell; its script is `ssdh.NAME`."""

    source_template = ""

    def source(self) -> str:
        """The script that the user's shell loads."""
        return resources.files(__package__).joinpath(f"ssdh.{self.name}").read_text("utf-8")

    def complete(self) -> str:
        """The completions, one on each line; none if anything goes wrong."""
        with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(Exception):
            return super().complete()
        return ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, and the one at it."""
        self.line = CommandLine.parse(os.environ["COMP_LEFT"], os.environ.get("COMP_RIGHT", ""))
        self.ctx_args["obj"] = self.line
        add_completions(self.cli)
        return list(self.line.words), self.line.incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Any]]:
        """The completions that fit on a line each."""
        items = super().get_completions(args, incomplete)
        return [item for item in items if str(item.value).isprintable()]

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """A completion in place of the whole word."""
        return self.line.whole_word(str(item.value))


class Bash(Shell):
    """bash: completes the part of a word after `:` or `=`."""

    name = "bash"

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """A completion in place of what bash takes for the word."""
        replaced = os.environ.get("COMP_REPLACED", self.line.incomplete)
        return self.line.in_place_of(str(item.value), replaced)


class Zsh(Shell):
    """zsh."""

    name = "zsh"


class Fish(Shell):
    """fish: quotes what it inserts."""

    name = "fish"

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """A completion as it is, after its option."""
        return self.line.option + str(item.value)


SHELLS = {shell.name: shell for shell in (Bash, Zsh, Fish)}


def shell(command: click.Command, name: str) -> Shell:
    """The completion of a command in a shell."""
    return SHELLS[name](command, {}, "ssdh", _VARIABLE)


def print_completions(command: click.Command, name: str) -> None:
    """Print what the word at the cursor may become, if anything, one completion on a line."""
    with contextlib.suppress(Exception):
        if text := shell(command, name).complete():
            click.echo(text)
