"""Write docs/findings.md from the table of rules and their examples: `findings.py [--check]`.

With --check, nothing is written, and the exit code is 1 if the page would change.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from finding_examples.catalogue import EXAMPLES
from finding_examples.example import END, Example, NotRun, Stops, cause, mend, report
from finding_examples.job import FILES, NET, SOLVER
from generated_page import cell, write_or_check

from ssdh_surgery.findings import FAMILIES, RULES, FindingRule

HEAD = """\
# Findings

What `ssdh` reports about files before it works with them. A finding has a code and a name, which \
stay the same from version to version, a severity, a place and mostly a hint:

```
net.prototxt:3:24: error SSDH101 labels-out-of-range: 2 of 4 records of lmdb have labels from 3 \
to 9 (first: key '00000001'), but the classifier has 3 outputs (0 to 2)
```

An **error** means that the run would fail or be useless: `ssdh train` does not start (unless \
`--no-check` is given), and `ssdh data build` writes nothing (unless `--skip-bad` leaves the line \
out). A **warning** is doubtful and stops nothing; an **info** is worth knowing. `ssdh rule CODE` \
explains one.
"""

JOB = """
## The job of the examples

Each finding below has an example: a change of one small training job, the command that reports \
it, what BVLC Caffe does with it, and what mends it. A test makes them all, and runs Caffe.

{files}

`net.prototxt` is

```
{net}```

and `solver.prototxt`

```
{solver}```
"""

TAIL = """
## Adding a finding

A row in the table of `ssdh_surgery/findings.py`, the function that yields it (for what is known \
before training: a generator in a file of the family's folder in \
`ssdh_surgery/pipeline/check/`), a test that names its code, and an example in \
`tools/docs/finding_examples/`. Then run `tools/docs/findings.py`, which writes this page. A \
released code or name is never used for anything else.
"""

COLUMNS = """\
| Code | Name | Severity | What is wrong |
| --- | --- | --- | --- |
"""
# The folder of a job, as the page calls it.
_FOLDER = "/home/jane/colors"


def page() -> str:
    """The text of docs/findings.md."""
    families = [
        (f"SSDH{digit}xx: {title[0].lower()}{title[1:]}", digit)
        for digit, title in FAMILIES.items()
    ]
    rules = {
        digit: [rule for rule in RULES.values() if rule.code[4] == digit] for digit in FAMILIES
    }
    parts = [HEAD]
    for title, digit in families:
        parts.append(f"\n## {title}\n\n{COLUMNS}" + "".join(map(_row, rules[digit])))
    files = "\n".join(f"- `{name}`: {purpose}" for name, purpose in FILES.items())
    parts.append(JOB.format(files=files, net=NET, solver=SOLVER))
    for title, digit in families:
        parts.append(f"\n## Examples of {title}\n")
        parts += map(_section, rules[digit])
    return "".join([*parts, TAIL])


def _row(rule: FindingRule) -> str:
    link = f"[{rule.code}](#{rule.code.lower()})"
    return f"| {link} | `{rule.name}` | {rule.severity} | {cell(rule.summary)} |\n"


def _section(rule: FindingRule) -> str:
    """What is wrong, why it matters, examples, and how to mend it."""
    paragraphs = [
        f"### {rule.code}",
        f"`{rule.name}`, {rule.severity}. {rule.summary} {rule.reason}",
    ]
    for example in EXAMPLES:
        if example.rule is rule:
            paragraphs += _example(example)
    return "\n" + "\n\n".join(paragraphs) + "\n"


def _example(example: Example) -> list[str]:
    """An example: the change, what is reported, what Caffe does, and what mends it."""
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        steps = cause(example, folder)
        (text, *_) = report(example, folder).findings(example.rule)
        text = text.replace(str(folder), _FOLDER)
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        cause(example, folder)
        mending = mend(example, folder)
    if example.mended_command:
        mending.append(f"```console\n$ {example.mended_command}\n```")
    return [
        *steps,
        *([example.machine.sentence] if example.machine else []),
        f"```console\n$ {example.command}\n{text}\n```",
        _caffe(example),
        f"To mend it: {example.rule.remedy}",
        *mending,
    ]


def _caffe(example: Example) -> str:
    """What BVLC Caffe does with it."""
    caffe = example.caffe
    if isinstance(caffe, NotRun):
        return f"Caffe is not run here: {caffe.reason}."
    if isinstance(caffe, Stops):
        return f"`{caffe.command}` stops: `{caffe.words}`"
    log = "" if caffe.words == END else f"; its log has `{caffe.words}`"
    return f"`{caffe.command}` runs to the end and exits with 0{log}."


if __name__ == "__main__":
    sys.exit(write_or_check("docs/findings.md", page(), "tools/docs/findings.py"))
