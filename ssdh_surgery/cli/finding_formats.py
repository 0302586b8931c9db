"""Findings for other programs: GitHub's annotations and SARIF 2.1.0."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import ssdh_surgery
from ssdh_surgery.findings import RULES, Finding
from ssdh_surgery.location import Location

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# The words of the two formats for our severities.
_GITHUB = {"error": "error", "warning": "warning", "info": "notice"}
_SARIF = {"error": "error", "warning": "warning", "info": "note"}


def github_line(finding: Finding) -> str:
    """A finding as a workflow command, which GitHub shows at its place in the file."""
    place = finding.location
    values = {
        "file": place.file if place else None,
        "line": place.line if place else None,
        "col": place.column if place else None,
        "title": f"{finding.code} {finding.name}",
    }
    words = ",".join(
        f"{name}={_escaped(str(value), ':,')}" for name, value in values.items() if value
    )
    return f"::{_GITHUB[finding.severity]} {words}::{_escaped(_text(finding))}"


def _escaped(text: str, separators: str = "") -> str:
    """A text with the characters percent-encoded that end a value or a line."""
    for char in f"%\r\n{separators}":
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def sarif(findings: Sequence[Finding]) -> dict[str, Any]:
    """A SARIF log of one run, with the rules that it reports."""
    codes = sorted({finding.code for finding in findings})
    driver = {
        "name": "ssdh",
        "version": ssdh_surgery.__version__,
        "rules": [
            {
                "id": code,
                "name": RULES[code].name,
                "shortDescription": {"text": RULES[code].summary},
                "fullDescription": {"text": RULES[code].reason},
                "help": {"text": RULES[code].remedy},
            }
            for code in codes
        ],
    }
    results = [
        {
            "ruleId": finding.code,
            "ruleIndex": codes.index(finding.code),
            "level": _SARIF[finding.severity],
            "message": {"text": _text(finding)},
            "locations": [_location(finding.location)] if finding.location else [],
        }
        for finding in findings
    ]
    run = {"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}
    return {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _text(finding: Finding) -> str:
    return finding.message + (f"\nhint: {finding.hint}" if finding.hint else "")


def _location(place: Location) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(os.fsencode(place.file))}}
    if place.line:
        region = {"startLine": place.line, "startColumn": place.column}
        physical["region"] = {name: value for name, value in region.items() if value}
    return {"physicalLocation": physical}
