"""The answer to stdout, messages to stderr, colors only in a terminal."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO, Any, Protocol

import click

from ssdh_surgery.cli.styles import rendered, safe, styled, unstyled
from ssdh_surgery.errors import MOST_FINDINGS, EngineError, FileError, SsdhError, UsageError
from ssdh_surgery.findings import Finding, Severity
from ssdh_surgery.location import Location

# The style of what names a severity.
_SEVERITIES: dict[Severity, dict[str, Any]] = {
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "info": {"fg": "cyan", "bold": True},
}
# Of a terminal that does not tell its size.
_DEFAULT_COLUMNS = 80
_ROW = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass
class _Style:
    """How this run of the program prints."""

    quiet: bool = False
    verbose: bool = False
    color: str = "auto"
    # With stdin as input, the file goes to stdout and all text to stderr.
    answers_to_stderr: bool = False


class Footer(Protocol):
    """A line at the foot of the terminal, which is cleared while something is printed."""

    def start(self) -> None:
        """Show it."""
        ...

    def stop(self) -> None:
        """Clear it."""
        ...


_style = _Style()
_footer: Footer | None = None


def configure(*, quiet: bool, verbose: bool, color: str) -> None:
    """Set how this run prints."""
    global _style
    _style = _Style(quiet, verbose, color)


def set_footer(footer: Footer | None) -> None:
    """Keep a line below everything that is printed from now on; None for no line."""
    global _footer
    _footer = footer


def answer_to_stderr() -> None:
    """Print answers to stderr from now on: stdout belongs to a file."""
    _style.answers_to_stderr = True


def is_colored(stream: IO[Any]) -> bool:
    """Whether a stream gets colors."""
    if _style.color != "auto":
        return _style.color == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int | None:
    """The number of columns of the terminal that shows the answer; None if no terminal does."""
    return _columns(sys.stderr if _style.answers_to_stderr else sys.stdout)


def _columns(stream: IO[Any]) -> int | None:
    """The number of columns of a terminal; None for another stream."""
    if not stream.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    return os.get_terminal_size(stream.fileno()).columns or _DEFAULT_COLUMNS


def can_print(text: str) -> bool:
    """Whether the encoding of the answer has all characters of a text."""
    try:
        text.encode(_encoding(sys.stderr if _style.answers_to_stderr else sys.stdout))
    except UnicodeEncodeError:
        return False
    return True


def path_text(path: object) -> str:
    """The name of a file, as answers show it."""
    return styled(str(path), fg="cyan")


def is_verbose() -> bool:
    """Whether details are printed."""
    return _style.verbose


def is_quiet() -> bool:
    """Whether messages other than the answer are suppressed."""
    return _style.quiet


def answer(text: str, **style: Any) -> None:
    """Print the answer to stdout; to stderr while stdout belongs to a file."""
    if _style.answers_to_stderr:
        say(text, **style)
    else:
        _write(sys.stdout, text, style)


def prose(text: str, indent: int | None = None) -> None:
    """Print a sentence of the answer; in a terminal no line ends within a word.

    Args:
        text: the sentence, which may have colors.
        indent: the column in which further lines begin; by default two after that of the first.
    """
    columns = width()
    if columns is not None:
        start = len(text) - len(text.lstrip())
        text = _folded(text, columns, start + 2 if indent is None else indent)
    answer(text)


def _folded(text: str, columns: int, indent: int) -> str:
    lines = [""]
    for word in re.findall(r" *[^ ]+", text):
        if lines[-1].strip() and len(unstyled(lines[-1] + word)) > columns:
            lines.append(" " * indent + word.lstrip())
        else:
            lines[-1] += word
    return "\n".join(lines)


def remark(text: str) -> None:
    """Print a sentence below an answer that explains it; nothing with `--quiet`."""
    if not _style.quiet:
        prose(text)


def answer_json(value: Any) -> None:
    """Print the answer as JSON to stdout."""
    _write(sys.stdout, _json(value, sys.stdout, indent=2), {}, plain=True)


def answer_json_line(value: Any) -> None:
    """Print a part of the answer as one line of JSON to stdout, at once."""
    _write(sys.stdout, _json(value, sys.stdout), {}, plain=True)


def answer_bytes(data: bytes) -> None:
    """Write a file, or part of one, to stdout byte for byte."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as failure:
        raise _write_error(failure) from failure


def answer_diff(text: str) -> None:
    """Write a unified diff to stdout with the bytes of the files, colored in a terminal."""
    if is_colored(sys.stdout):
        text = rendered("".join(map(_colored_row, _ROW.findall(text))), is_colored=True)
    answer_bytes(text.encode("utf-8", "surrogateescape"))


def _colored_row(row: str) -> str:
    color = {"+": "green", "-": "red", "@": "cyan"}.get(row[:1])
    text = row.rstrip("\r\n")
    return (styled(text, fg=color) if color else text) + row[len(text) :]


def say(text: str, **style: Any) -> None:
    """Print a message to stderr, unless `--quiet`."""
    if not _style.quiet:
        _write(sys.stderr, text, style)


def detail(text: str) -> None:
    """Print a detail to stderr, with `--verbose`."""
    if _style.verbose:
        _write(sys.stderr, text, {})


def warn(text: str) -> None:
    """Print a warning to stderr, always."""
    _write(sys.stderr, styled("warning:", **_SEVERITIES["warning"]) + f" {text}", {})


def warn_of(findings: Iterable[Finding]) -> None:
    """Print findings about a file that is read or edited all the same, always."""
    for each in dict.fromkeys(findings):
        warn(_described(each.message, each.location, each.hint))


def finding(finding: Finding) -> None:
    """Print a finding, which names its severity, to stderr, always."""
    _write(sys.stderr, _finding_text(finding), {})


def answer_finding(finding: Finding) -> None:
    """Print a finding as an answer."""
    answer(_finding_text(finding))


def _finding_text(finding: Finding) -> str:
    rule = finding.rule
    label = styled(f"{rule.severity} {rule.code} {rule.name}:", **_SEVERITIES[rule.severity])
    return _described(f"{label} {finding.message}", finding.location, finding.hint)


def _described(message: str, location: Location | None, hint: str | None) -> str:
    """What `location.describe` says, with colors."""
    place = styled(f"{location}:", bold=True) + " " if location else ""
    lines = [place + message]
    if location and (excerpt := location.excerpt(_columns(sys.stderr))):
        text, _, caret = excerpt.rpartition("\n")
        lines += [text, styled(caret, fg="green", bold=True)]
    if hint:
        lines.append(styled("hint:", fg="cyan") + f" {hint}")
    return "\n".join(lines)


def _write(stream: IO[str], text: str, style: dict[str, Any], *, plain: bool = False) -> None:
    if style:
        text = styled(text, **style)
    text = rendered(text, is_colored=not plain and is_colored(stream))
    # Characters that the stream cannot encode, and bytes that are not text, are escaped.
    encoding = _encoding(stream)
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    if _footer is not None:
        _footer.stop()
    try:
        click.echo(text, file=stream, color=True)
    except BrokenPipeError:
        raise
    except OSError as failure:
        # That a message cannot be written does not end the work; a lost answer does.
        if stream is not sys.stderr:
            raise _write_error(failure) from failure
    if _footer is not None:
        _footer.start()


def _write_error(failure: OSError) -> FileError:
    return FileError(f"cannot write to standard output: {failure.strerror}", errno=failure.errno)


def _encoding(stream: IO[str]) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def _json(value: Any, stream: IO[str], indent: int | None = None) -> str:
    """Readable JSON; control characters, and those that the stream cannot encode, are escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    try:
        if safe(text) != text:
            return json.dumps(value, indent=indent)
        text.encode(_encoding(stream))
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def error(problem: SsdhError | click.ClickException, *, as_json: bool) -> None:
    """Print an error to stderr; with `--json`, its object is the last line."""
    label = styled("error:", **_SEVERITIES["error"])
    if not isinstance(problem, SsdhError):
        text = _described(f"{label} {problem.format_message()}", None, _help_of(problem))
    elif problem.location:
        # A place comes first on its line, so that editors recognize it.
        message = styled(problem.message, fg="red")
        text = _described(message, problem.location, problem.hint)
    else:
        text = _described(f"{label} {problem.message}", None, problem.hint)
    findings = problem.findings if isinstance(problem, SsdhError) else ()
    lines = [text, *_log_lines(problem), *map(_finding_text, findings[:MOST_FINDINGS])]
    if len(findings) > MOST_FINDINGS:
        lines.append(f"and {len(findings) - MOST_FINDINGS} more")
    _write(sys.stderr, "\n".join(lines), {})
    if as_json:
        _write(sys.stderr, _json({"error": _as_object(problem)}, sys.stderr), {}, plain=True)


def _log_lines(problem: SsdhError | click.ClickException) -> list[str]:
    """With `--verbose`, the lines of a log that an error is about, unless its message has them."""
    if not isinstance(problem, EngineError) or not _style.verbose:
        return []
    lines = [str(line) for line in problem.data.get("lines", ())]
    if not lines or lines[-1] in problem.message:
        return []
    return ["the log says:", *(f"  | {line}" for line in lines)]


def _help_of(problem: click.ClickException) -> str | None:
    """The hint for a wrong command line: where its help is."""
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
        # To a program, click's kinds of usage errors are one.
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
