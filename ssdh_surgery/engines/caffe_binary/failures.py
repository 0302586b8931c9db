"""Why a run of the caffe executable failed: one error from its log and its exit code."""

from __future__ import annotations

import re
import signal
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ssdh_surgery.engines import events
from ssdh_surgery.engines.caffe_binary.evidence import Evidence
from ssdh_surgery.engines.caffe_binary.rules import FATAL_RULES, PLAIN_RULES, Rule
from ssdh_surgery.engines.glog import LogLine
from ssdh_surgery.errors import EngineError, did_you_mean
from ssdh_surgery.location import Location

_PARSE = re.compile(
    r"Check failed: ReadProtoFrom(?P<how>Text|Binary)File\(.*?\)(?: Failed to parse \w+ file: "
    r"(?P<file>.*))?"
)
_MISSING = re.compile(
    r"(?:File not found: |Couldn't open (?!.* to save )(?:solver state file )?)(?P<file>.*)"
)
_SUFFIXES = {".caffemodel": "weights file", ".solverstate": "snapshot", ".binaryproto": "mean file"}
_SIGNALS = {
    signal.SIGKILL: (
        "caffe was killed",
        "if nobody did, the system ran out of memory (dmesg says so): lower batch_size",
    ),
    signal.SIGTERM: ("caffe was told to end by another program", None),
    signal.SIGSEGV: (
        "caffe crashed: it touched memory that is not its own",
        "labels outside the classifier's num_output can do that, and so can a Caffe that was "
        "built for other libraries",
    ),
    signal.SIGILL: (
        "caffe crashed: its code is not for this processor",
        "build Caffe (and its BLAS) on this machine",
    ),
    signal.SIGBUS: (
        "caffe crashed: a file that it had mapped into memory was cut short",
        "is a data.mdb incomplete, or a disk full?",
    ),
}


def shell_code(returncode: int) -> int:
    """An exit code as a shell shows it: 134 for a process that signal 6 ended (-6)."""
    return 128 - returncode if returncode < 0 else returncode


def explain(lines: Iterable[str], returncode: int, *, log: str, cwd: Path) -> EngineError:
    """The one error for a run that failed, from its whole log.

    `returncode` is subprocess's (negative for a signal), `log` the log's name in the error,
    `cwd` the folder that caffe ran in. The error's data: `kind`, `lines` (those of the log
    that matter), `engine_exit_code`, and `layer` and `blob` where they are known.
    """
    evidence = Evidence()
    for line in lines:
        evidence.feed(line.rstrip("\r\n"))
    return _Judge(evidence, shell_code(returncode), log, cwd.absolute()).error()


class _Judge:
    """Decides what the evidence means, most telling first."""

    def __init__(self, evidence: Evidence, code: int, log: str, cwd: Path) -> None:
        self._evidence = evidence
        self._log = log
        self._cwd = cwd
        self._code = code
        self._signal = _signal(code)
        name = f" ({self._signal.name})" if self._signal else ""
        self._ending = f"; caffe ended with exit code {code}{name}"

    def error(self) -> EngineError:
        evidence = self._evidence
        if evidence.fatal and not evidence.parser.finished:
            return self._fatal(*evidence.fatal)
        if evidence.diverged:
            return self._divergence(*evidence.diverged)
        if evidence.parser.finished:
            return self._late()
        for number, text in reversed(evidence.plain):
            if found := _find(PLAIN_RULES, text):
                return self._ruled(number, text, 0, *found)
        return self._silent()

    def _fatal(self, number: int, text: str, line: LogLine) -> EngineError:
        start = len(text) - len(line.message)
        if parse := _PARSE.search(line.message):
            return self._unreadable(number, text, start, parse)
        if match := _MISSING.search(line.message):
            return self._missing(number, text, start, match)
        if found := _find(FATAL_RULES, line.message):
            return self._ruled(number, text, start, *found)
        if self._evidence.diverged:
            return self._divergence(*self._evidence.diverged)
        says = f"caffe gave up: {line.message.strip()}"
        return self._at("unknown", number, text, start, says, None)

    def _ruled(
        self, number: int, text: str, start: int, rule: Rule, match: re.Match[str]
    ) -> EngineError:
        words = self._words(match)
        says, hint = rule.says.format_map(words), rule.hint and rule.hint.format_map(words)
        if words["known"]:
            hint = did_you_mean(words["type"], words["known"].split(", ")) or hint
        kind, says, hint = self._looked(rule.kind, says, hint)
        mark = start + match.start(), match.end() - match.start()
        layer = words["layer"] or (self._evidence.layer if words["of_layer"] in says else "")
        return self._at(
            kind, number, text, mark[0], says, hint, mark[1], layer=layer, blob=words["blob"]
        )

    def _words(self, match: re.Match[str]) -> defaultdict[str, str]:
        evidence = self._evidence
        source = evidence.sources.get(evidence.layer)
        words = defaultdict(str, {key: value or "" for key, value in match.groupdict().items()})
        words["of_layer"] = f" (layer '{evidence.layer}')" if evidence.layer else ""
        words["lmdb"] = f"the LMDB '{source}'" if source else "the LMDB of a data layer"
        words["of_data"] = f" of '{source}'" if source else ""
        words["snapshot"] = f"'{evidence.snapshot}'"
        words["cwd"] = str(self._cwd)
        return words

    def _looked(self, kind: str, says: str, hint: str | None) -> tuple[str, str, str | None]:
        """Look at the disk, where the log alone misleads."""
        layer = self._evidence.layer
        source = self._evidence.sources.get(layer)
        folder = self._cwd / source if source else None
        if folder is None or kind not in ("missing-lmdb", "leveldb", "unknown-backend"):
            return kind, says, hint
        if kind == "missing-lmdb" and (folder / "CURRENT").is_file():
            kind, what, hint = "leveldb-as-lmdb", "is a LevelDB, not an LMDB", "LEVELDB"
        elif kind != "missing-lmdb" and (folder / "data.mdb").is_file():
            kind, what, hint = "lmdb-as-leveldb", "is an LMDB, and read as a LevelDB", "LMDB"
        elif kind == "missing-lmdb" and folder.is_dir():
            return kind, f"'{source}' is not an LMDB: it holds no data.mdb (layer '{layer}')", hint
        else:
            return kind, says, hint
        return kind, f"'{source}' {what} (layer '{layer}')", f"write backend: {hint} in the layer"

    def _missing(self, number: int, text: str, start: int, match: re.Match[str]) -> EngineError:
        file = match["file"]
        says = f"the {self._role(file)} '{file}' does not exist"
        hint = f"it is looked for in {self._cwd}, the folder that caffe runs in"
        roles = self._evidence.roles
        if file not in roles and "snapshot" in roles.values():
            says = f"the weights file '{file}' that the snapshot names does not exist"
        if (self._cwd / file).exists():
            says, hint = says.replace("does not exist", "cannot be opened"), "may you read it?"
        width = match.end() - match.start()
        return self._at("missing-file", number, text, start + match.start(), says, hint, width)

    def _role(self, file: str) -> str:
        if role := self._evidence.roles.get(file):
            return role
        if file.endswith(".prototxt"):
            return "net" if self._evidence.roles else "solver"
        return _SUFFIXES.get(Path(file).suffix, "file")

    def _unreadable(self, number: int, text: str, start: int, match: re.Match[str]) -> EngineError:
        """A file that protobuf does not read: the place is the file's, if it is a text."""
        # Where the line names no file, it is the one that was announced last.
        file = match["file"] or next(reversed(self._evidence.roles), "")
        if match["how"] == "Binary" or not self._evidence.parse:
            says = f"the {self._role(file)} '{file}' cannot be read"
            hint = "it is damaged, or something else: an unfinished download, a web page"
            return self._at("damaged-file", number, text, start, says, hint)
        _, parse_text, place = self._evidence.parse
        says = f"caffe cannot read this {self._role(file)}: {place['says'].rstrip('.')}"
        hint = "a field that this Caffe does not know is of another version or fork of Caffe"
        location = _place(self._cwd, file, int(place["line"]), int(place["column"]), says)
        lines = [parse_text, text]
        return self._make("parse", says, hint if "no field" in says else None, location, lines)

    def _divergence(
        self, number: int, text: str, iteration: events.Iteration, trouble: str
    ) -> EngineError:
        says = f"the loss {trouble} by iteration {iteration.iteration}"
        hint = "lower base_lr; look at the labels (below num_output?) and at the mean and scale"
        start = text.find("loss = ")
        return self._at("diverged", number, text, start, says, hint, len(text) - start)

    def _late(self) -> EngineError:
        number, text = self._evidence.last[-1]
        says = "training was done, but caffe crashed while ending"
        hint = (
            f"the snapshot can be used: {self._evidence.snapshot}"
            if (self._evidence.snapshot)
            else None
        )
        return self._at("crash-at-exit", number, text, 0, says, hint, len(text))

    def _silent(self) -> EngineError:
        """No line of the log says why: the signal does, or the last lines have to."""
        if self._signal in _SIGNALS:
            says, hint = _SIGNALS[self._signal]
            return self._make(self._signal.name.lower(), says, hint, Location(self._log))
        says = (
            "caffe failed and did not say why"
            if self._code
            else "caffe ended before its work was done"
        )
        last = [text for _, text in self._evidence.last]
        return self._make("unknown", says, None, Location(self._log), last)

    def _at(
        self,
        kind: str,
        number: int,
        text: str,
        start: int,
        says: str,
        hint: str | None,
        width: int | None = None,
        **data: Any,
    ) -> EngineError:
        """An error at a place in the log."""
        width = len(text) - start if width is None else width
        location = Location(self._log, number, start + 1, text, width)
        return self._make(kind, says, hint, location, [text], **data)

    def _make(
        self,
        kind: str,
        says: str,
        hint: str | None,
        location: Location,
        lines: Iterable[str] = (),
        **data: Any,
    ) -> EngineError:
        shown = "" if location.line else "".join(f"\n  | {line}" for line in lines)
        return EngineError(
            f"{says}{self._ending}{shown}",
            location=location,
            hint=hint or None,
            kind=kind,
            lines=list(lines),
            engine_exit_code=self._code,
            **{key: value for key, value in data.items() if value},
        )


def _find(rules: Iterable[Rule], text: str) -> tuple[Rule, re.Match[str]] | None:
    for rule in rules:
        if match := rule.pattern.search(text):
            return rule, match
    return None


def _signal(code: int) -> signal.Signals | None:
    try:
        return signal.Signals(code - 128) if code > 128 else None
    except ValueError:
        return None


def _place(cwd: Path, file: str, line: int, column: int, says: str) -> Location:
    """The place that protobuf names in a text, for people: it counts bytes, and a tab to 8."""
    path = cwd / file
    shown = file if cwd.resolve() == Path.cwd() else str(path)
    try:
        raw = path.read_bytes().split(b"\n")[line - 1]
    except (OSError, IndexError):
        return Location(shown, line, column)
    reached, count = 0, 0
    while count < len(raw) and reached < column - 1:
        reached = reached - reached % 8 + 8 if raw[count : count + 1] == b"\t" else reached + 1
        count += 1
    before = raw[:count].decode("utf-8", "replace")
    text = raw.decode("utf-8", "replace").rstrip("\r")
    # Of a name that it doesn't know, protobuf gives the place after it.
    word = re.search(r'"([\w./]+)"$', says)
    start = before.rfind(word[1]) if word else -1
    if word and start >= 0:
        return Location(shown, line, start + 1, text, len(word[1]))
    return Location(shown, line, len(before) + 1, text)
