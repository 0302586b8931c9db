"""`ssdh check`: its findings in four formats, what is left out, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.weights import LayerWeights, write_any_weights
from ssdh_surgery.engines.open_net import open_net
from support.command_line import Ssdh
from support.training import write_all, write_solver

SARIF_LEVELS = {"error", "warning", "note"}


@pytest.fixture(autouse=True)
def run(ssdh: Ssdh) -> None:
    """A solver, its net and its records, in the current directory."""
    write_all(Path(), snapshot_after_train=None)


def change_solver(**fields: object) -> None:
    """Write the solver anew, with other fields."""
    write_solver(Path(), snapshot_after_train=None, **fields)


def test_a_good_run_has_no_finding(ssdh: Ssdh) -> None:
    ran = ssdh("check", "solver.prototxt")
    assert ran.out == ""
    assert ran.err == "learning rate 0.1 in all 6 iterations\nno findings\n"
    assert ssdh("check", "--solver", "solver.prototxt").err == ran.err


def test_an_error_is_exit_code_1_with_its_place_and_caret(ssdh: Ssdh) -> None:
    change_solver(lr_policy='"stepp"')
    ran = ssdh("check", "solver.prototxt", code=1)
    assert "error SSDH310 solver-refused: unknown learning rate policy 'stepp'\n" in ran.out
    assert ran.out.endswith("^^^^^^^\nhint: did you mean 'step'?\n")
    assert ran.err == "1 error\n"


def test_json_has_the_place_and_what_is_copied(ssdh: Ssdh) -> None:
    change_solver(gamma="0.1", lr_policy='"step"', stepsize=900)
    open_net("net.prototxt", phase="TRAIN").save("w.caffemodel")
    answer = ssdh("check", "solver.prototxt", "--weights", "w.caffemodel", "--json").json
    (finding,) = answer["findings"]
    assert (finding["code"], finding["name"]) == ("SSDH312", "constant-rate")
    assert finding["severity"] == "warning"
    assert finding["file"] == "solver.prototxt"
    assert Path("solver.prototxt").read_text().splitlines()[finding["line"] - 1] == "stepsize: 900"
    assert {row["status"] for row in answer["weights"]} == {"copied"}
    assert answer["weights"][0]["shapes"] == answer["weights"][0]["file_shapes"]
    assert answer["schedules"] == ["learning rate 0.1 in all 6 iterations"]


def test_warnings_are_an_error_only_with_strict(ssdh: Ssdh) -> None:
    change_solver(foreign_field=1)
    assert "warning SSDH313 foreign-solver-field" in ssdh("check", "solver.prototxt").out
    ssdh("check", "solver.prototxt", "--strict", code=1)


def test_findings_are_selected_and_ignored_by_code_family_or_name(ssdh: Ssdh) -> None:
    change_solver(foreign_field=1, lr_policy='"stepp"')
    for words in (
        ("--ignore", "SSDH310"),
        ("--ignore", "solver-refused"),
        ("--select", "SSDH313"),
        ("--select", "SSDH2,foreign-solver-field"),
    ):
        ran = ssdh("check", "solver.prototxt", *words)
        assert "SSDH313" in ran.out
        assert "SSDH310" not in ran.out
    assert ssdh("check", "solver.prototxt", "--ignore", "SSDH3").out == ""
    error = ssdh("check", "solver.prototxt", "--ignore", "SSDH999", code=2).err
    assert "no finding has the code or name 'SSDH999'" in error


def test_a_comment_and_the_workspace_silence_a_finding(ssdh: Ssdh) -> None:
    change_solver(lr_policy='"stepp"')
    solver = Path("solver.prototxt")
    text = solver.read_text()
    solver.write_text(text.replace('"stepp"', '"stepp"  # ssdh: ignore SSDH310, SSDH104'))
    assert ssdh("check", "solver.prototxt").out == ""
    solver.write_text(text.replace('"stepp"', '"stepp"  # ssdh: ignore SSDH311'))
    ssdh("check", "solver.prototxt", code=1)
    Path("ssdh.toml").write_text('version = 1\n[check]\nignore = ["SSDH310"]\n')
    assert ssdh("check", "solver.prototxt").out == ""
    Path("ssdh.toml").write_text('version = 1\n[check]\nignore = "SSDH310"\n')
    assert "'ignore' must be a list of codes" in ssdh("check", "solver.prototxt", code=3).err


def test_nets_are_checked_without_a_solver(ssdh: Ssdh) -> None:
    Path("bad.prototxt").write_text(
        'layer { name: "data" type: "Input" top: "data"\n'
        "  input_param { shape { dim: 1 dim: 3 dim: 9 dim: 9 } } }\n"
        'layer { name: "ip" type: "InnerProduct" bottom: "dat" top: "ip"\n'
        "  inner_product_param { num_output: 3 } }\n"
    )
    ran = ssdh("check", "net.prototxt", "bad.prototxt", code=1)
    assert "bad.prototxt:3:49: error SSDH201 unknown-bottom" in ran.out
    assert "net.prototxt:" not in ran.out.replace("bad.prototxt:", "")


def test_a_net_that_the_solver_names_is_a_finding_where_it_is_missing(ssdh: Ssdh) -> None:
    Path("net.prototxt").unlink()
    ran = ssdh("check", "solver.prototxt", code=1)
    assert "error SSDH200 unreadable-net" in ran.out
    assert "no such file" in ssdh("check", "nothing.prototxt", code=3).err
    for option in ("--weights", "--snapshot"):
        assert "no such file" in ssdh("check", "solver.prototxt", option, "no", code=3).err


def test_damaged_weights_are_a_finding(ssdh: Ssdh) -> None:
    Path("w.caffemodel").write_bytes(b"\0\1\2")
    ran = ssdh("check", "solver.prototxt", "--weights", "w.caffemodel", code=1)
    assert "w.caffemodel: error SSDH402 unreadable-weights: " in ran.out


def test_github_annotations(ssdh: Ssdh) -> None:
    change_solver(lr_policy='"step"', gamma="0.1", stepsize=0)
    ran = ssdh("check", "solver.prototxt", "--output-format", "github", code=1)
    line = Path("solver.prototxt").read_text().splitlines().index("stepsize: 0") + 1
    assert ran.out == (
        f"::error file=solver.prototxt,line={line},col=11,title=SSDH310 solver-refused::"
        "lr_policy 'step' needs a stepsize above 0, not 0%0A"
        "hint: stepsize: 2 changes the rate after each third of max_iter\n"
    )


def test_sarif_names_each_rule_once(ssdh: Ssdh) -> None:
    change_solver(lr_policy='"stepp"', foreign_field=1, other_field=2)
    ran = ssdh("check", "solver.prototxt", "--output-format", "sarif", code=1)
    log = json.loads(ran.out)
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    (sarif_run,) = log["runs"]
    rules = sarif_run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["SSDH310", "SSDH313"]
    assert len(sarif_run["results"]) == 3
    for result in sarif_run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in SARIF_LEVELS
        (place,) = result["locations"]
        physical = place["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == "solver.prototxt"
        assert physical["region"]["startLine"] > 0


def test_sarif_names_a_file_by_a_uri(ssdh: Ssdh) -> None:
    name = "caf\udce9 1#.prototxt"  # a byte that is not UTF-8
    Path("net.prototxt").rename(name)
    Path(name).write_text(Path(name).read_text().replace('"ReLU"', '"Relu"'))
    log = ssdh("check", name, "--output-format", "sarif").json
    (place,) = log["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "caf%E9%201%23.prototxt"


def test_the_workspace_names_what_is_checked(ssdh: Ssdh) -> None:
    assert "name a solver or nets" in ssdh("check", code=2).err
    ssdh("patch", "net.prototxt", "solver.prototxt")
    ran = ssdh("check")
    assert "warning SSDH405 from-fillers" in ran.out
    assert ran.err.endswith("1 warning, 1 note\n")


def test_a_net_alone_with_weights(ssdh: Ssdh) -> None:
    Path("deploy.prototxt").write_text(ssdh("zoo", "show", "lenet/deploy").out)
    blobs = (np.zeros((20, 1, 7, 7), np.float32), np.zeros(20, np.float32))
    write_any_weights("w.caffemodel", [LayerWeights("conv1", "Convolution", blobs)])
    ran = ssdh("check", "deploy.prototxt", "--weights", "w.caffemodel", "--json", code=1)
    (finding,) = ran.json["findings"]
    assert finding["name"] == "shape-clash"
    assert finding["message"].endswith("its kernel is 5 x 5 here, and 7 x 7 there")
    assert ran.json["weights"][0] == {
        "layer": "conv1",
        "status": "shape-clash",
        "shapes": [[20, 1, 5, 5], [20]],
        "file_shapes": [[20, 1, 7, 7], [20]],
    }
    ssdh("check", "deploy.prototxt", "--weights", "w.caffemodel", "--snapshot", "x", code=2)
