"""What each line that a Caffe may end with means."""

from pathlib import Path

import pytest

from ssdh_surgery.engines.caffe_binary.failures import explain
from ssdh_surgery.engines.caffe_binary.rules import FATAL_RULES, PLAIN_RULES
from support.failure_lines import LINES, PLAIN_LINES

PREFIX = "0101 10:00:01.000001   100 x.cpp:1] "
CWD = Path("/data/job")


def of_line(line):
    before = [f"I{PREFIX}Creating Layer data"]
    return explain([*before, *f"F{PREFIX}{line}".split("\n")], -6, log="c.log", cwd=CWD)


@pytest.mark.parametrize(("line", "kind"), LINES, ids=range(len(LINES)))
def test_a_check_of_caffes(line, kind):
    error = of_line(line)
    assert error.data["kind"] == kind
    assert "''" not in error.message
    assert "{" not in (error.hint or "").replace("param {", "")


@pytest.mark.parametrize(("line", "code", "kind"), PLAIN_LINES, ids=range(len(PLAIN_LINES)))
def test_a_line_of_others(line, code, kind):
    assert explain(["Using GPUs", line], code, log="c.log", cwd=CWD).data["kind"] == kind


def test_there_are_many():
    assert len(FATAL_RULES) >= 150
    assert len({rule.kind for rule in FATAL_RULES}) >= 110
    assert set(PLAIN_RULES) < set(FATAL_RULES)
