"""What was known when a run was launched that caffe failed in, added to the error."""

from __future__ import annotations

from collections.abc import Sequence

from ssdh_surgery.errors import EngineError
from ssdh_surgery.findings import Finding
from ssdh_surgery.names import shape_text
from ssdh_surgery.pipeline.check.weights.weights_copy import WeightsCopy

# Kinds of failures whose cause the log does not tell.
_UNCLEAR = frozenset(
    {
        *("blob-without-memory", "cublas", "cuda", "cudnn", "diverged", "exception", "fatal"),
        *("gpu-access", "heap", "sigabrt", "sigbus", "sigfpe", "sigsegv", "unknown"),
    }
)


def add_findings(error: EngineError, findings: Sequence[Finding] | None) -> None:
    """Say which findings stood at the launch, where the cause of a failure is not clear.

    `findings` is None for a run that was started without the checks.
    """
    if error.data.get("kind") not in _UNCLEAR:
        return
    if findings is None:
        _add(error, "the run was started without the checks: ssdh check may name the cause")
        return
    warnings = [each for each in findings if each.rule.severity == "warning"]
    # Labels are the most frequent cause of what looks like anything else.
    warnings.sort(key=lambda each: "label" not in each.name)
    names = dict.fromkeys(f"{each.code} {each.name}" for each in warnings)
    if names:
        _add(error, f"at the launch, the checks warned of {', '.join(names)}")


def add_clash(error: EngineError, copies: Sequence[WeightsCopy]) -> None:
    """Name the layer whose weights do not fit, which Caffes of 2015 do not."""
    if error.data.get("kind") != "weights-shape" or error.layer:
        return
    clashes = [(copy, row) for copy in copies for row in copy.rows if row.status == "shape-clash"]
    if clashes:
        copy, row = clashes[0]
        shapes = [", ".join(map(shape_text, each)) for each in (row.file_shapes, row.shapes)]
        error.data["layer"] = row.layer
        _add(
            error, f"layer '{row.layer}' has {shapes[0]} in {copy.file}, and {shapes[1]} in the net"
        )


def _add(error: EngineError, sentence: str) -> None:
    error.hint = f"{error.hint}; {sentence}" if error.hint else sentence
