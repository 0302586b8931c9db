"""Why a run of the caffe executable failed: one error from its log and its exit code."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ssdh_surgery.engines.caffe_binary.diagnosis import (
    SIGNAL_CAUSES,
    Diagnosis,
    LogSpan,
    shell_code,
    signal_of,
)
from ssdh_surgery.engines.caffe_binary.evidence import Evidence
from ssdh_surgery.engines.caffe_binary.file_failures import (
    MISSING_FILE,
    PARSE_FAILURE,
    check_database,
    missing_file,
    unreadable_file,
)
from ssdh_surgery.engines.caffe_binary.rules import FATAL_RULES, PLAIN_RULES, FailureRule
from ssdh_surgery.errors import EngineError, did_you_mean


def explain(lines: Iterable[str], returncode: int, *, log: str, cwd: Path) -> EngineError:
    """The error for a run that failed, from its whole log.

    Args:
        lines: the lines of the log.
        returncode: subprocess's return code (negative for a signal).
        log: the log's name in the error.
        cwd: the folder that caffe ran in.

    Returns:
        An error whose data are `kind`, `lines` (those of the log that matter),
        `engine_exit_code`, and, if known, `layer` and `blob`.
    """
    evidence = Evidence()
    for line in lines:
        evidence.feed(line.rstrip("\r\n"))
    code = shell_code(returncode)
    return _diagnose(evidence, code, cwd.absolute()).error(log, code)


def _diagnose(evidence: Evidence, code: int, cwd: Path) -> Diagnosis:
    """What the evidence means, the most telling first."""
    if evidence.fatal and not evidence.parser.is_finished:
        return _fatal(evidence, cwd)
    if evidence.divergence:
        return _divergence(evidence)
    if evidence.parser.is_finished:
        return _crash_at_exit(evidence)
    for number, text in reversed(evidence.plain_lines):
        if diagnosis := _by_rules(PLAIN_RULES, evidence, cwd, LogSpan(number, text)):
            return diagnosis
    return _silent(evidence, code)


def _fatal(evidence: Evidence, cwd: Path) -> Diagnosis:
    """Caffe's own last line, of severity F."""
    assert evidence.fatal
    number, text, line = evidence.fatal
    message = LogSpan(number, text, len(text) - len(line.message))
    if match := PARSE_FAILURE.search(line.message):
        return unreadable_file(evidence, cwd, message, match)
    if match := MISSING_FILE.search(line.message):
        return missing_file(evidence, cwd, _match_span(message, match), match)
    if diagnosis := _by_rules(FATAL_RULES, evidence, cwd, message):
        return diagnosis
    if evidence.divergence:
        return _divergence(evidence)
    return Diagnosis("unknown", f"caffe failed: {line.message.strip()}", None, message)


def _by_rules(
    rules: Iterable[FailureRule], evidence: Evidence, cwd: Path, span: LogSpan
) -> Diagnosis | None:
    """The diagnosis by the first rule that matches the text from the start of a span on."""
    for rule in rules:
        if match := rule.pattern.search(span.text[span.start :]):
            return _by_rule(rule, match, evidence, cwd, span)
    return None


def _by_rule(
    rule: FailureRule, match: re.Match[str], evidence: Evidence, cwd: Path, span: LogSpan
) -> Diagnosis:
    words = _context(evidence, cwd)
    words.update({key: value or "" for key, value in match.groupdict().items()})
    hint = rule.hint and rule.hint.format_map(words)
    if words["known"]:
        hint = did_you_mean(words["type"], words["known"].split(", ")) or hint
    diagnosis = check_database(
        Diagnosis(
            rule.kind,
            rule.sentence.format_map(words),
            hint,
            _match_span(span, match),
            blob=words["blob"],
        ),
        evidence,
        cwd,
    )
    names_layer = words["of_layer"] in diagnosis.sentence
    return replace(diagnosis, layer=words["layer"] or (evidence.layer if names_layer else ""))


def _context(evidence: Evidence, cwd: Path) -> defaultdict[str, str]:
    """What the format strings of the rules may use, besides the groups of their patterns."""
    layer, source = evidence.layer, evidence.sources.get(evidence.layer)
    return defaultdict(
        str,
        of_layer=f" (layer '{layer}')" if layer else "",
        lmdb=f"the LMDB '{source}'" if source else "the LMDB of a data layer",
        of_data=f" of '{source}'" if source else "",
        snapshot=f"'{evidence.snapshot}'",
        cwd=str(cwd),
    )


def _match_span(span: LogSpan, match: re.Match[str]) -> LogSpan:
    """The part of a span that matched."""
    return replace(span, start=span.start + match.start(), width=match.end() - match.start())


def _divergence(evidence: Evidence) -> Diagnosis:
    assert evidence.divergence
    number, text, event, trouble = evidence.divergence
    return Diagnosis(
        "diverged",
        f"{trouble} by iteration {event.iteration}",
        "lower base_lr; check the labels (below num_output?), the mean and the scale",
        LogSpan(number, text, text.find("loss = ")),
    )


def _crash_at_exit(evidence: Evidence) -> Diagnosis:
    snapshot = evidence.snapshot
    return Diagnosis(
        "crash-at-exit",
        "training was complete, but caffe crashed on exit",
        f"the snapshot is usable: {snapshot}" if snapshot else None,
        LogSpan(*evidence.last_lines[-1]),
    )


def _silent(evidence: Evidence, code: int) -> Diagnosis:
    """No line of the log gives the reason: the signal does, or the last lines have to."""
    number = signal_of(code)
    if number in SIGNAL_CAUSES:
        sentence, hint = SIGNAL_CAUSES[number]
        return Diagnosis(number.name.lower(), sentence, hint)
    sentence = "caffe failed without giving a reason" if code else "caffe ended prematurely"
    return Diagnosis("unknown", sentence, lines=tuple(text for _, text in evidence.last_lines))
