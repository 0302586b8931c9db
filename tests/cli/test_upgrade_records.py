"""`ssdh upgrade` on the files that Caffe's own upgrade was recorded on, a comment at every value.

The oracle reads lines alone: in the result, each comment still stands at the value that it
speaks of, in the layer that it speaks of.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ssdh_surgery.caffe.messages import schema
from support.command_line import Ssdh

pytestmark = pytest.mark.corpus

# A value at the end of a line, whatever stands around it.
_VALUE = re.compile(r'^(?P<code>[^#]*?(?P<name>\w+)\s*:\s*(?P<value>"[^"]*"|[^\s"#{}]+)[ \t}]*)$')
_NOTE = re.compile(r"#(?P<kind>[<^])(?P<number>\d+) (?P<layer>\S*) (?P<value>.*)")
# A line between a comment and its value: another comment, or the start of a message.
_LEADS_ON = re.compile(r"^\s*(#|\w+\s*\{\s*(#|$))")
_OPENS = re.compile(r"^layers?\s*\{")


def layer_names(lines: list[str]) -> list[str]:
    """The layer that each line is in, by counting braces; none for the lines between."""
    found, depth, start = [""] * len(lines), 0, 0
    for index, line in enumerate(lines):
        code = re.sub(r'"[^"]*"|#.*', '""', line)
        if depth == 0 and _OPENS.match(line):
            start = index
        depth += code.count("{") - code.count("}")
        if depth == 0 and "}" in code:
            block = "\n".join(re.sub("#.*", "", row) for row in lines[start : index + 1])
            # V0 has the name in the layer within; no name of a param comes before it.
            name = re.search(r'\bname:\s*"([^"]*)"', block)
            found[start : index + 1] = [name[1] if name else ""] * (index + 1 - start)
    return found


def annotated(text: str) -> str:
    """The text with a comment above and one behind each line that ends with a value."""
    lines = text.split("\n")
    new: list[str] = []
    for number, (line, layer) in enumerate(zip(lines, layer_names(lines), strict=True)):
        value = _VALUE.match(line)
        if value is None:
            new.append(line)
            continue
        about = f"{number} {layer} {value['name']}={value['value']}"
        margin = line[: len(line) - len(line.lstrip())]
        new += [f"{margin}#^{about}", f"{line}  #<{about}"]
    return "\n".join(new)


def strays(text: str) -> Iterator[str]:
    """The comments that do not stand at their value, or not in their layer.

    V0's padding layers are gone, and with them what is to be said of their comments.
    """
    lines = text.split("\n")
    layers = layer_names(lines)
    written = set(re.findall(r'\b(?:top|input): *("[^"]*")', text))
    known = set(layers)
    for index, (line, layer) in enumerate(zip(lines, layers, strict=True)):
        for note in _NOTE.finditer(line):
            if note["layer"] not in known:
                continue
            below = (row for row in lines[index + 1 :] if not _LEADS_ON.match(row))
            code = (line if note["kind"] == "<" else next(below)).split("#")[0]
            is_input = not note["layer"] and layer == "input"
            if not (is_input or note["layer"] == layer) or not _is_at_value(note, code, written):
                yield f"{note[0]} in '{layer}' at {code!r}"


def _is_at_value(note: re.Match[str], code: str, written: set[str]) -> bool:
    name, _, value = note["value"].partition("=")
    if name == "bottom" and value not in written:
        return "bottom" in code  # What a padding layer wrote.
    first_of_layer = name == "input" and code.strip() == 'name: "input"'
    return value in code or name in ("type", "solver_type") or first_of_layer


def test_every_record_with_its_comments_where_they_belong(corpus: Path, ssdh: Ssdh) -> None:
    records = sorted((corpus.parent / "golden" / "upgrade").glob("*.prototxt"))
    assert len(records) == 61
    texts = {
        record.name: annotated((corpus / record.name.replace("__", "/")).read_text())
        for record in records
    }
    for name, text in texts.items():
        Path(name).write_text(text)
    ssdh("upgrade", *texts, "--in-place")
    for record in records:
        before, after = texts[record.name], Path(record.name).read_text()
        kind = "SolverParameter" if "solver" in record.name else "NetParameter"
        wanted = schema.parse_text(record.read_text(), kind)
        assert schema.parse_text(after, kind) == wanted, record.name
        comments = re.findall("#.*", before)
        assert Counter(re.findall("#.*", after)) == Counter(comments), record.name
        assert list(strays(before)) == []
        assert list(strays(after)) == [], record.name
