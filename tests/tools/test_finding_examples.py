"""The examples of findings: a command reports each, Caffe does what is said, and it is mended."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from finding_examples.catalogue import EXAMPLES
from finding_examples.command_line import run_ssdh
from finding_examples.example import (
    CHECK,
    Example,
    NotRun,
    Stops,
    cause,
    mend,
    report,
    report_mended,
)
from finding_examples.job import write_job

from ssdh_surgery.findings import RULES

# `ssdh train` makes the folder, and has a sentence of its own for a run that is at its end.
_SAID_OTHERWISE = {"SSDH307", "SSDH412"}

examples = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.rule.code)


def test_every_rule_has_an_example() -> None:
    assert [code for code in RULES if code not in {each.rule.code for each in EXAMPLES}] == []


@pytest.mark.parametrize(
    "line",
    [
        CHECK,
        f"{CHECK} --weights colors.caffemodel",
        "ssdh check deploy.prototxt",
        "ssdh data build train.txt new_lmdb",
        "ssdh encode photos -o codes.npz --deploy deploy.prototxt --weights hashed.caffemodel "
        "--resize 8x8 --scale 0.00390625",
    ],
)
def test_the_job_itself_has_no_findings(tmp_path: Path, line: str) -> None:
    write_job(tmp_path)
    ran = run_ssdh(line, tmp_path)
    assert (ran.code, ran.codes) == (0, set()), ran.output


@examples
def test_a_command_reports_it(tmp_path: Path, example: Example) -> None:
    cause(example, tmp_path)
    ran = report(example, tmp_path)
    assert ran.findings(example.rule), ran.output
    # What is found without a run leaves `ssdh check` with the exit code of an error.
    if example.command.startswith("ssdh check"):
        assert ran.code == int("error" in {RULES[code].severity for code in ran.codes})


@examples
def test_it_is_gone_once_it_is_mended(tmp_path: Path, example: Example) -> None:
    assert example.mending or example.mended_command or example.machine
    cause(example, tmp_path)
    mend(example, tmp_path)
    ran = report_mended(example, tmp_path)
    assert ran.code == 0, ran.output
    assert ran.findings(example.rule) == []


@pytest.mark.parametrize("engine", ["binary", "torch"])
@pytest.mark.parametrize(
    "example",
    [
        each
        for each in EXAMPLES
        # What a launch on GPUs asks for, a check does not know.
        if each.command.startswith(CHECK) and each.rule.code not in ("SSDH502", "SSDH503")
    ],
    ids=lambda example: example.rule.code,
)
def test_train_finds_the_same_as_check(tmp_path: Path, example: Example, engine: str) -> None:
    cause(example, tmp_path)
    line = f"{example.command.replace(' --engine torch', '')} --engine {engine}"
    expected = report(example, tmp_path, line).codes - _SAID_OTHERWISE
    ran = report(example, tmp_path, f"{line.replace('ssdh check', 'ssdh train')} --dry-run")
    assert ran.codes == expected, ran.output


@pytest.mark.caffe
@pytest.mark.parametrize(
    "example",
    [each for each in EXAMPLES if not isinstance(each.caffe, NotRun)],
    ids=lambda example: example.rule.code,
)
def test_caffe_does_what_is_said(caffe: Path, tmp_path: Path, example: Example) -> None:
    assert not isinstance(example.caffe, NotRun)
    cause(example, tmp_path)
    program, *arguments = shlex.split(example.caffe.command)
    process = subprocess.run(
        [caffe.parent / program, *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    log = process.stdout.decode(errors="replace")
    assert (process.returncode != 0) == isinstance(example.caffe, Stops), log
    assert example.caffe.words in log
