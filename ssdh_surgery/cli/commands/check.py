"""`ssdh check`: the findings about a solver, its nets, data and weights; nothing is run."""

from __future__ import annotations

import click

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.finding_formats import github_line, sarif
from ssdh_surgery.cli.live_line import Counter
from ssdh_surgery.cli.options import json_option, net_option
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.check.report import CheckOptions, CheckReport, report
from ssdh_surgery.pipeline.train.engine import ENGINES


@click.command(
    "check",
    cls=Command,
    epilog="\b\nExample:\n  ssdh check deploy.prototxt",
)
@click.argument("files", nargs=-1, metavar="[SOLVER | NET...]")
@click.option("--solver", metavar="FILE", help="Check this solver with its nets.")
@click.option("--weights", metavar="FILE[,FILE]", default="", help="Check these weights too.")
@click.option("--snapshot", metavar="FILE", help="Check a run that resumes from this solverstate.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="auto",
    help="Check a run with this engine, as in train (default: auto).",
)
@click.option(
    "--select",
    metavar="CODE[,CODE]",
    default="",
    help="Report only these findings, by code, beginning of a code or name.",
)
@click.option("--ignore", metavar="CODE[,CODE]", default="", help="Leave these findings out.")
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings too.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    help="Write the findings in this format (default: text).",
)
@net_option
@json_option
def command(
    files: tuple[str, ...],
    solver: str | None,
    weights: str,
    snapshot: str | None,
    engine: str,
    select: str,
    ignore: str,
    strict: bool,
    output_format: str,
    net: str | None,
    as_json: bool,
) -> int:
    """Report what Caffe would refuse, or run without use; exit 1 if there are errors.

    A solver is checked with its nets, their data and the weights of the run; without a file, it
    is that of the workspace. Nets are checked by themselves. Findings that `[check] ignore` of
    ssdh.toml lists are left out, and those on a line with the comment `# ssdh: ignore CODE`.
    """
    options = CheckOptions(
        (*((solver,) if solver else ()), *files),
        _words(weights),
        snapshot,
        engine,
        net,
        _words(select),
        _words(ignore),
    )
    with Counter("records") as counter:
        result = report(options, counter.named)
    _show(result, "json" if as_json else output_format)
    return int(bool(result.count("error") or (strict and result.count("warning"))))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _show(result: CheckReport, output_format: str) -> None:
    if output_format == "json":
        terminal.answer_json(result.as_json())
        return
    if output_format == "sarif":
        terminal.answer_json(sarif(result.findings))
        return
    if output_format == "github":
        for finding in result.findings:
            terminal.answer(github_line(finding))
        return
    for finding in result.findings:
        terminal.answer_finding(finding)
    for line in (line for copy in result.weights for line in copy.lines):
        terminal.say(line)
    for text in result.schedules:
        terminal.say(text)
    counts = [
        count_text(result.count(severity), word)
        for severity, word in (("error", "error"), ("warning", "warning"), ("info", "note"))
        if result.count(severity)
    ]
    terminal.say(", ".join(counts) or "no findings")
