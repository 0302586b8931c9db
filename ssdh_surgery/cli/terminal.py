"""Answers to stdout, words to stderr, colours only where somebody sees them."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from typing import IO, Any, Protocol

import click

from ssdh_surgery.errors import SsdhError, UsageError
from ssdh_surgery.findings import Finding

_ROW = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass
class _Manner:
    """How this run of the program speaks."""

    quiet: bool = False
    verbose: bool = False
    color: str = "auto"
    # With stdin as input the file goes to stdout, so every word goes to stderr.
    answers_to_stderr: bool = False


class Moving(Protocol):
    """A line at the foot of the terminal, which gives way to what is said."""

    def start(self) -> None:
        """Show it."""
        ...

    def stop(self) -> None:
        """Take it away."""
        ...


_manner = _Manner()
_below: Moving | None = None


def configure(*, quiet: bool, verbose: bool, color: str) -> None:
    """Set the manner for this run."""
    global _manner
    _manner = _Manner(quiet, verbose, color)


def keep_below(line: Moving | None) -> None:
    """From now on let a line that is shown stand below all that is said; None for no line."""
    global _below
    _below = line


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
    """What was asked for: to stdout; where that belongs to a file, words."""
    if _manner.answers_to_stderr:
        say(text, **style)
    else:
        _write(sys.stdout, text, style)


def answer_json(value: Any) -> None:
    """What was asked for, as JSON: to stdout."""
    _write(sys.stdout, _json(value, sys.stdout, indent=2), {}, plain=True)


def answer_bytes(data: bytes) -> None:
    """A file, or a part of one: to stdout, byte for byte."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def answer_diff(text: str) -> None:
    """A unified diff: to stdout, with the bytes of the files, in colours where these are seen."""
    if _colored(sys.stdout):
        text = "".join(map(_colored_row, _ROW.findall(text)))
    answer_bytes(text.encode("utf-8", "surrogateescape"))


def _colored_row(row: str) -> str:
    color = {"+": "green", "-": "red", "@": "cyan"}.get(row[:1])
    text = row.rstrip("\r\n")
    return (click.style(text, fg=color) if color else text) + row[len(text) :]


def say(text: str, **style: Any) -> None:
    """Words beside the answer: to stderr, unless `--quiet`."""
    if not _manner.quiet:
        _write(sys.stderr, text, style)


def detail(text: str) -> None:
    """More words: to stderr with `--verbose`."""
    if _manner.verbose:
        _write(sys.stderr, text, {})


def warn(text: str) -> None:
    """A warning: to stderr, always."""
    _write(sys.stderr, click.style("warning: ", fg="yellow", bold=True) + text, {})


def finding(found: Finding) -> None:
    """What a check found: to stderr, always; it says itself how severe it is."""
    _write(sys.stderr, str(found), {})


def _write(stream: IO[str], text: str, style: dict[str, Any], *, plain: bool = False) -> None:
    shown = click.style(text, **style) if style else text
    # What the stream has no character for, and bytes that are no text, are spelt out.
    encoding = _encoding(stream)
    shown = shown.encode(encoding, "backslashreplace").decode(encoding)
    if _below is not None:
        _below.stop()
    click.echo(shown, file=stream, color=not plain and _colored(stream))
    if _below is not None:
        _below.start()


def _encoding(stream: IO[str]) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def _json(value: Any, stream: IO[str], indent: int | None = None) -> str:
    """JSON for people to read, too; what the stream cannot say is escaped as JSON does it."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    try:
        text.encode(_encoding(stream))
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def error(problem: SsdhError | click.ClickException, *, as_json: bool) -> None:
    """An error, with its object as the last line of stderr where JSON was asked for."""
    label = click.style("error: ", fg="red", bold=True)
    if isinstance(problem, SsdhError):
        # A place comes first on its line, so that editors find it.
        text = str(problem) if problem.location else label + str(problem)
    else:
        text = label + problem.format_message()
        if hint := _help_of(problem):
            text += f"\nhint: {hint}"
    _write(sys.stderr, text, {})
    if as_json:
        _write(sys.stderr, _json({"error": _as_object(problem)}, sys.stderr), {}, plain=True)


def _help_of(problem: click.ClickException) -> str | None:
    """The help that a wrong command line calls for."""
    context = problem.ctx if isinstance(problem, click.UsageError) else None
    if context is None:
        return None
    root = context.find_root()
    name = problem.option_name if isinstance(problem, click.NoSuchOption) else None
    if context is not root and any(name in option.opts for option in root.command.params):
        return f"it belongs before the command: {root.command_path} {name} ..."
    return f"{context.command_path} --help"


def _as_object(problem: SsdhError | click.ClickException) -> dict[str, Any]:
    if not isinstance(problem, SsdhError):
        # click's own kinds of wrong command lines are one to a program.
        problem = UsageError(problem.format_message(), hint=_help_of(problem))
    place = problem.location
    return {
        "type": type(problem).__name__,
        "message": problem.message,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "hint": problem.hint,
    }
