"""What people see of a run in `runs/`: how it stands, its log as it grows, and that it stops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.live_line import duration
from ssdh_surgery.cli.log_views import follow_logs, show_summaries
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.nets.run_records import RunRecord
    from ssdh_surgery.pipeline.runs.runs import RunStatus


def show_run(record: RunRecord) -> None:
    """Answer with how a run stands, and what it was started with."""
    from ssdh_surgery.pipeline.runs.runs import status_of

    status = status_of(record)
    terminal.answer(f"run {record.name}: {status.state}", bold=True)
    for line in _lines(status):
        terminal.answer(f"  {line}")


def follow_run(record: RunRecord) -> None:
    """Show the log of a run as it grows, until the run ends."""
    from ssdh_surgery.pipeline.log.log import LogReader
    from ssdh_surgery.pipeline.runs.runs import end_of

    reader = LogReader()
    max_iter = record.values.get("max_iter")
    log = str(relative_to_cwd(record.log))
    follow_logs([log], reader, folder=record.cwd, max_iter=max_iter, is_over=end_of(record))
    show_summaries(reader)


def stop_run(record: RunRecord) -> None:
    """Ask a run to write a snapshot and stop."""
    from ssdh_surgery.pipeline.runs.runs import stop

    pid = stop(record)
    terminal.answer(f"run {record.name}, process {pid}, writes a snapshot and stops")
    terminal.say(f"ssdh runs follow {record.name} shows when it has ended")


def run_progress(status: RunStatus) -> str:
    """The iteration that a run has reached, of how many."""
    of = "" if status.max_iter is None else f" of {status.max_iter:,}"
    return "" if status.iteration is None else f"{status.iteration:,}{of}"


def _lines(status: RunStatus) -> Iterator[str]:
    values = status.record.values
    if progress := run_progress(status):
        accuracy = "" if status.accuracy is None else f", accuracy {status.accuracy:.4g}"
        time = "" if status.seconds is None else f" in {duration(status.seconds)}"
        yield f"iteration {progress}{accuracy}{time}"
    if status.started is not None:
        yield f"started: {status.started.astimezone():%Y-%m-%d %H:%M:%S}"
    process = values.get("process")
    if status.state == "running" and process:
        yield f"process: {process['pid']} on {process['host']}"
    if command_line := values.get("command"):
        yield f"command: {command_line}"
        yield f"folder: {values.get('cwd')}"
    yield f"log: {path_in_shell(str(relative_to_cwd(status.record.log)))}"
    if versions := values.get("versions"):
        named = [f"{name} {version}" for name, version in versions.items() if version]
        yield f"versions: {', '.join(named)}"
    for name, value in (values.get("environment") or {}).items():
        yield f"environment: {name}={value}"
    for path, digest in (values.get("sha256") or {}).items():
        yield f"sha256: {digest} {path}"
    for source in values.get("sources") or []:
        yield f"data: {source['path']}, {source['size']:,} bytes"
    if findings := values.get("findings"):
        yield f"at its start: {count_text(len(findings), 'finding')}"
        for finding in findings:
            yield f"  {finding['code']} {finding['message']}"
