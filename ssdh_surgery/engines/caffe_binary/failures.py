"""Why a run of the caffe executable failed: one error from its log and its exit code."""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ssdh_surgery.caffe.net.solver import NET_FIELDS
from ssdh_surgery.engines.caffe_binary.diagnosis import (
    EXIT_CAUSES,
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
    batch_per_gpu,
    broken_record,
    check_database,
    missing_file,
    missing_image,
    missing_module,
    unreadable_file,
)
from ssdh_surgery.engines.caffe_binary.rules import (
    BROKEN_RECORD,
    FATAL_RULES,
    PLAIN_RULES,
    FailureRule,
)
from ssdh_surgery.engines.caffe_binary.user_files import UserFiles
from ssdh_surgery.errors import EngineError, did_you_mean

_FILE_FIELDS = ("transform_param.mean_file", "infogain_loss_param.source")
# Failures of a transformation that a record which cannot be decoded leads to.
_OF_BROKEN_RECORDS = ("crop-too-big", "mean-shape", "no-record", "record-shape")


def explain(
    lines: Iterable[str], returncode: int, *, log: str, cwd: Path, solver: str | None = None
) -> EngineError:
    """The error for a run that failed, from its whole log.

    Args:
        lines: the lines of the log.
        returncode: subprocess's return code (negative for a signal).
        log: the log's name in the error.
        cwd: the folder that caffe ran in.
        solver: the solver's file, as seen from the current directory.

    Returns:
        An error at the place of the user's files that has to be changed, or else of the log. Its
        data are `kind`, `lines` (those of the log that matter), `engine_exit_code`, and, if known,
        `layer` and `blob`.
    """
    evidence = Evidence()
    for line in lines:
        evidence.feed(line.rstrip("\r\n"))
    code = shell_code(returncode)
    cwd = cwd.absolute()
    files = UserFiles(cwd, evidence.nets, Path(solver) if solver else None)
    return _Explanation(evidence, cwd, files).diagnosis(code).error(log, code)


class _Explanation:
    """What the evidence of a log means, with the disk at hand."""

    def __init__(self, evidence: Evidence, cwd: Path, files: UserFiles) -> None:
        self._evidence = evidence
        self._cwd = cwd
        self._files = files

    def diagnosis(self, code: int) -> Diagnosis:
        """Why a run with that exit code failed, by what tells most."""
        evidence = self._evidence
        if evidence.fatal and not evidence.parser.is_finished:
            return self._fatal()
        if evidence.divergence:
            return _divergence(evidence)
        if evidence.parser.is_finished:
            return _crash_at_exit(evidence)
        for rule in PLAIN_RULES:
            for number, text in reversed(evidence.plain_lines):
                if diagnosis := self._by_rules([rule], LogSpan(number, text), text):
                    return diagnosis
        return self._silent(code)

    def _fatal(self) -> Diagnosis:
        """Caffe's own last line, of severity F."""
        evidence = self._evidence
        assert evidence.fatal
        number, text, line = evidence.fatal
        span = LogSpan(number, text, len(text) - len(line.message))
        if match := PARSE_FAILURE.search(line.message):
            return self._at_name(unreadable_file(evidence, self._cwd, span, match))
        if match := MISSING_FILE.search(line.message):
            return self._at_name(missing_file(evidence, self._cwd, span.of(match), match))
        # What LevelDB says is on the next line.
        message = "\n".join([line.message, *evidence.fatal_tail])
        if diagnosis := self._by_rules(FATAL_RULES, span, message):
            return diagnosis
        if evidence.divergence:
            return _divergence(evidence)
        sentence = f"caffe failed: {line.message.strip()}"
        lines = _last_lines(evidence)
        return Diagnosis("fatal", sentence, None, span, lines=lines, is_quoted=True)

    def _by_rules(
        self, rules: Iterable[FailureRule], span: LogSpan, message: str
    ) -> Diagnosis | None:
        """The diagnosis by the first rule that matches a message, which a span begins with."""
        for rule in rules:
            if match := rule.pattern.search(message):
                words = self._words(match.groupdict())
                diagnosis = self._by_rule(rule, words, span.of(match))
                return self._on_disk(diagnosis, words)
        return None

    def _by_rule(self, rule: FailureRule, words: defaultdict[str, str], span: LogSpan) -> Diagnosis:
        evidence = self._evidence
        hint = rule.hint and rule.hint.format_map(words)
        if words["known"]:
            hint = did_you_mean(words["type"], words["known"].split(", ")) or hint
        sentence = rule.sentence.format_map(words)
        names_layer = words["of_layer"] in sentence
        layer = words["layer"] or (evidence.layer if names_layer else "")
        place = self._files.solver_place(rule.solver_fields)
        if rule.fields:
            place = self._files.layer_place(rule.fields, words, layer, evidence.phase)
        lines = tuple(evidence.traceback) if rule.kind.startswith("python") else ()
        return Diagnosis(
            rule.kind,
            sentence,
            hint,
            span,
            location=place,
            lines=lines or (span.text,),
            layer=layer,
            blob=words["blob"],
        )

    def _at_name(self, diagnosis: Diagnosis) -> Diagnosis:
        """A diagnosis of a file, at the place of its name in the net or the solver."""
        if diagnosis.location is not None or not diagnosis.file:
            return diagnosis
        words = {field.rpartition(".")[2]: diagnosis.file for field in (*NET_FIELDS, *_FILE_FIELDS)}
        place = self._files.solver_place(NET_FIELDS, words)
        if place is None:
            evidence = self._evidence
            place = self._files.layer_place(_FILE_FIELDS, words, evidence.layer, evidence.phase)
        return replace(diagnosis, location=place)

    def _on_disk(self, diagnosis: Diagnosis, words: defaultdict[str, str]) -> Diagnosis:
        """A diagnosis, corrected by what is on the disk."""
        evidence, cwd = self._evidence, self._cwd
        if diagnosis.kind in _OF_BROKEN_RECORDS and evidence.is_undecoded:
            assert diagnosis.span is not None
            diagnosis = self._by_rule(BROKEN_RECORD, words, diagnosis.span)
        if diagnosis.kind == "broken-record":
            return broken_record(diagnosis, self._files, cwd)
        if diagnosis.kind == "empty-blob":
            return self._at_name(replace(diagnosis, file=next(reversed(evidence.roles), "")))
        if diagnosis.kind == "batch-per-gpu":
            return batch_per_gpu(diagnosis, self._files, evidence.gpus)
        if diagnosis.kind == "missing-image":
            return missing_image(diagnosis, evidence, cwd, words["file"])
        if diagnosis.kind == "python-import":
            return missing_module(diagnosis, cwd, words["module"])
        return check_database(diagnosis, evidence, cwd)

    def _words(self, groups: dict[str, str | None]) -> defaultdict[str, str]:
        """What the format strings of the rules may use: their groups, and what came before."""
        evidence, layer = self._evidence, self._evidence.layer
        databases = self._files.databases()
        source = evidence.sources.get(layer) or (databases[0] if len(databases) == 1 else "")
        databases = databases or ([source] if source else [])
        file = next(reversed(evidence.roles), "")
        verify = [f"ssdh data show {each} --verify" for each in databases]
        words = defaultdict(
            str,
            of_layer=f" (layer '{layer}')" if layer else "",
            lmdb=f"the LMDB '{source}'" if source else "the LMDB of a data layer",
            of_data=f" of '{source}'" if source else "",
            snapshot=f"'{evidence.snapshot}'",
            last_file=f"the {evidence.roles[file]} '{file}'" if file else "a file",
            gpus=f", {evidence.gpus}" if evidence.gpus else "",
            verify=" or ".join(verify) or "ssdh data show LMDB --verify",
            cwd=str(self._cwd),
        )
        words.update({key: value or "" for key, value in groups.items()})
        return words

    def _silent(self, code: int) -> Diagnosis:
        """No line of the log gives the reason: the exit code does, or the last lines have to."""
        number = signal_of(code)
        lines = _last_lines(self._evidence)
        if number in SIGNAL_CAUSES:
            place = self._files.zero_stepsize() if number is signal.SIGFPE else None
            sentence, hint = SIGNAL_CAUSES[number]
            if place is not None:
                sentence += ': lr_policy is "step", and stepsize is 0 or not set'
                return Diagnosis(
                    "zero-stepsize", sentence, "set stepsize", location=place, lines=lines
                )
            is_quoted = number is signal.SIGABRT
            kind = number.name.lower()
            return Diagnosis(kind, sentence, hint, lines=lines, is_quoted=is_quoted)
        if code in EXIT_CAUSES:
            sentence, hint = EXIT_CAUSES[code]
            return Diagnosis("start", sentence, hint, lines=lines, is_quoted=True)
        sentence = "caffe failed without giving a reason" if code else "caffe ended prematurely"
        return Diagnosis("unknown", sentence, lines=lines, is_quoted=True)


def _last_lines(evidence: Evidence) -> tuple[str, ...]:
    return tuple(text for _, text in evidence.last_lines)


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
