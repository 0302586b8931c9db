"""`ssdh rule`: explain a finding by its code."""

from __future__ import annotations

import click

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.errors import UsageError, did_you_mean
from ssdh_surgery.findings import RULES, FindingRule


@click.command("rule", cls=Command, epilog="\b\nExample:\n  ssdh rule SSDH101")
@click.argument("code", metavar="CODE")
def command(code: str) -> int:
    """Explain a finding: what is wrong, why it matters, and how to mend it.

    CODE is a finding's code or its name, as in `SSDH101 labels-out-of-range`.
    """
    rule = _rule_of(code)
    terminal.answer(f"{rule.code} {rule.name} ({rule.severity})", bold=True)
    terminal.answer(rule.summary)
    terminal.answer(rule.reason)
    terminal.answer(rule.remedy)
    return 0


def _rule_of(code: str) -> FindingRule:
    """The rule with a code or a name, in upper or lower case.

    Raises:
        UsageError: there is no such rule.
    """
    names = {rule.name: rule for rule in RULES.values()} | RULES
    for name, rule in names.items():
        if name.lower() == code.lower():
            return rule
    raise UsageError(
        f"no finding has the code or name '{code}'",
        hint=did_you_mean(code.upper(), RULES) or did_you_mean(code.lower(), names),
    )
