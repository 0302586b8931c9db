"""What stood at the launch, in the error of a run that failed."""

from __future__ import annotations

import pytest

from ssdh_surgery.caffe.weights.copy_table import CopyRow
from ssdh_surgery.errors import EngineError
from ssdh_surgery.findings import FROM_FILLERS, ONE_LABEL, Finding
from ssdh_surgery.pipeline.check.weights.weights_copy import WeightsCopy
from ssdh_surgery.pipeline.train.failure_context import add_clash, add_findings


def error(kind: str, hint: str | None = "do this") -> EngineError:
    return EngineError("caffe failed", hint=hint, kind=kind)


def test_findings_are_named_where_the_cause_is_unclear_those_of_labels_first() -> None:
    findings = [Finding(FROM_FILLERS, "m"), Finding(ONE_LABEL, "m"), Finding(ONE_LABEL, "other")]
    assert {FROM_FILLERS.severity, ONE_LABEL.severity} == {"warning"}
    problem = error("heap")
    add_findings(problem, findings)
    assert problem.hint == (
        "do this; at the launch, the checks warned of "
        f"{ONE_LABEL.code} {ONE_LABEL.name}, {FROM_FILLERS.code} {FROM_FILLERS.name}"
    )


def test_a_known_cause_needs_no_findings() -> None:
    problem = error("missing-lmdb")
    add_findings(problem, [Finding(ONE_LABEL, "m")])
    assert problem.hint == "do this"


def test_without_findings_there_is_nothing_to_say() -> None:
    problem = error("fatal", None)
    add_findings(problem, [])
    assert problem.hint is None


def test_a_run_without_the_checks() -> None:
    problem = error("fatal", None)
    add_findings(problem, None)
    assert problem.hint == ("the run was started without the checks: ssdh check may name the cause")


@pytest.mark.parametrize(("layer", "is_named"), [(None, True), ("conv", False)])
def test_caffes_of_2015_do_not_name_the_layer_that_clashes(
    layer: str | None, is_named: bool
) -> None:
    names = {"layer": layer} if layer else {}
    problem = EngineError("shapes", kind="weights-shape", **names)
    rows = (
        CopyRow("conv", "copied", ((4, 3),), ((4, 3),)),
        CopyRow("fc", "shape-clash", ((10, 64),), ((1000, 64),)),
    )
    add_clash(problem, [WeightsCopy("w.caffemodel", rows)])
    if is_named:
        assert problem.layer == "fc"
        assert problem.hint == "layer 'fc' has 1000x64 in w.caffemodel, and 10x64 in the net"
    else:
        assert problem.hint is None
