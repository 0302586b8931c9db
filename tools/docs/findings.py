"""Write docs/findings.md from the table of rules: `findings.py [--check]`.

With --check, nothing is written, and the exit code is 1 if the page would change.
"""

from __future__ import annotations

import sys

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
out). A **warning** is doubtful and stops nothing; an **info** is worth knowing.
"""

TAIL = """
## Adding a finding

A row in the table of `ssdh_surgery/findings.py`, the function that yields it (for what is known \
before training: a generator in a file of the family's folder in `ssdh_surgery/pipeline/check/`), \
and a test that names its code. Then run `tools/docs/findings.py`, which writes this page. A \
released code or name is never used for anything else.
"""


def page() -> str:
    """The text of docs/findings.md."""
    sections = [HEAD]
    for digit, title in FAMILIES.items():
        rules = [rule for rule in RULES.values() if rule.code[4] == digit]
        sections.append(
            f"\n## SSDH{digit}xx: {title[0].lower()}{title[1:]}\n\n"
            "| Code | Name | Severity | What is wrong | Why it matters |\n"
            "| --- | --- | --- | --- | --- |\n" + "".join(map(_row, rules))
        )
    return "".join([*sections, TAIL])


def _row(rule: FindingRule) -> str:
    summary, reason = cell(rule.summary), cell(rule.reason)
    return f"| {rule.code} | `{rule.name}` | {rule.severity} | {summary} | {reason} |\n"


if __name__ == "__main__":
    sys.exit(write_or_check("docs/findings.md", page(), "tools/docs/findings.py"))
