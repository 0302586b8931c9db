"""Answers to stdout, words to stderr, colours only where somebody sees them."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import IO, Any

import click

from ssdh_surgery.errors import SsdhError


@dataclass
class _Manner:
    """How this run of the program speaks."""

    quiet: bool = False
    verbose: bool = False
    color: str = "auto"
    # With stdin as input the file goes to stdout, so every word goes to stderr.
    answers_to_stderr: bool = False


_manner = _Manner()


def configure(*, quiet: bool, verbose: bool, color: str) -> None:
    """Set the manner for this run."""
    global _manner
    _manner = _Manner(quiet, verbose, color)


def answer_to_stderr() -> None:
    """From now on answers are words: stdout belongs to a file."""
    _manner.answers_to_stderr = True


def _colored(stream: IO[Any]) -> bool:
    if _manner.color != "auto":
        return _manner.color == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_quiet() -> bool:
    """Whether words beside the answer are unwanted."""
    return _manner.quiet


def answer(text: str, **style: Any) -> None:
    """What was asked for: to stdout."""
    stream = sys.stderr if _manner.answers_to_stderr else sys.stdout
    click.echo(click.style(text, **style) if style else text, file=stream, color=_colored(stream))


def answer_json(value: Any) -> None:
    """What was asked for, as JSON: to stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def say(text: str, **style: Any) -> None:
    """Words beside the answer: to stderr, unless `--quiet`."""
    if not _manner.quiet:
        _to_stderr(text, **style)


def detail(text: str) -> None:
    """More words: to stderr with `--verbose`."""
    if _manner.verbose:
        _to_stderr(text)


def warn(text: str) -> None:
    """A warning: to stderr, always."""
    _to_stderr(click.style("warning: ", fg="yellow", bold=True) + text)


def _to_stderr(text: str, **style: Any) -> None:
    shown = click.style(text, **style) if style else text
    click.echo(shown, err=True, color=_colored(sys.stderr))


def error(problem: SsdhError | click.ClickException, *, as_json: bool) -> None:
    """An error, with its object as the last line of stderr where JSON was asked for."""
    label = click.style("error: ", fg="red", bold=True)
    if isinstance(problem, SsdhError):
        # A place comes first on its line, so that editors find it.
        text = str(problem) if problem.location else label + str(problem)
    else:
        text = label + problem.format_message()
        if isinstance(problem, click.UsageError) and problem.ctx:
            text += f"\nhint: {problem.ctx.command_path} --help"
    _to_stderr(text)
    if as_json:
        click.echo(json.dumps({"error": _as_object(problem)}, ensure_ascii=False), err=True)


def _as_object(problem: SsdhError | click.ClickException) -> dict[str, Any]:
    place = problem.location if isinstance(problem, SsdhError) else None
    return {
        "type": type(problem).__name__,
        "message": problem.message,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "hint": problem.hint if isinstance(problem, SsdhError) else None,
    }
