"""Completion: what each word on a line becomes, in a real bash and as the scripts ask for it."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ssdh_surgery.cli import COMMANDS, cli
from ssdh_surgery.cli.completion import values
from ssdh_surgery.cli.completion.command_line import CommandLine
from ssdh_surgery.cli.completion.shells import SHELLS
from support import lenet
from support.command_line import Ssdh, snapshot
from support.paths import ROOT
from support.shell_line import BashLine

BLOBS = ["data", "label", "conv1", "ip1", "ip2", "accuracy", "loss"]
LAYERS = ["mnist", "conv1", "ip1", "relu1", "ip2", "accuracy", "loss"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with LeNet's files, patched and deployed, and others of all kinds."""
    path = tmp_path_factory.mktemp("shell") / "here"
    lenet.write(path)
    for words in ("patch train_val.prototxt", "deploy"):
        command = [sys.executable, "-m", "ssdh_surgery", *words.split()]
        subprocess.run(command, cwd=path, check=True, capture_output=True, env=environment())
    for name in ("my net.prototxt", "codes.npz", "a.caffemodel", "x.index", "photo.jpg", ".hidden"):
        (path / name).write_text("")
    for number in (5, 10):
        for kind in ("caffemodel", "solverstate"):
            (path / f"lenet_ssdh_iter_{number}.{kind}").write_text("")
    (path / "sub").mkdir()
    (path / "sub" / "inner.prototxt").write_text("")
    (path / "train_lmdb").mkdir()
    (path / "train_lmdb" / "data.mdb").write_text("")
    return path


def environment(**values: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **values}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program `ssdh`."""
    path = tmp_path_factory.mktemp("programs")
    program = path / "ssdh"
    run = f'PYTHONPATH={ROOT} exec {sys.executable} -m ssdh_surgery "$@"'
    program.write_text(f"#!/bin/sh\n{run}\n")
    program.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def bash(folder: Path, programs: Path) -> Iterator[BashLine]:
    """A real bash that has the script, with the cursor on an empty line."""
    with BashLine(folder, 'eval "$(ssdh completion bash)"', programs) as line:
        yield line


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        pytest.param("ssdh pat\t", "ssdh patch ", id="command"),
        pytest.param("ssdh index bu\t", "ssdh index build ", id="inner command"),
        pytest.param("ssdh patch --classes-\t", "ssdh patch --classes-", id="no option"),
        pytest.param("ssdh patch --weight-f\t", "ssdh patch --weight-fire ", id="option"),
        pytest.param("ssdh patch --preset cv\t", "ssdh patch --preset cvprw15 ", id="preset"),
        pytest.param("ssdh show z\t", "ssdh show zoo:", id="prefix without a space"),
        pytest.param("ssdh show zoo:goo\t", "ssdh show zoo:googlenet ", id="zoo"),
        pytest.param(
            "ssdh show zoo:googlenet/d\t", "ssdh show zoo:googlenet/deploy ", id="file of the zoo"
        ),
        pytest.param("ssdh zoo show inc\t", "ssdh zoo show inception-v3 ", id="network"),
        pytest.param("ssdh show my\t", "ssdh show my\\ net.prototxt ", id="blank"),
        pytest.param("ssdh show 'my\t", "ssdh show 'my net.prototxt' ", id="quote"),
        pytest.param("ssdh show sub/\t", "ssdh show sub/inner.prototxt ", id="file in a folder"),
        pytest.param("ssdh show su\t", "ssdh show sub/", id="folder without a space"),
        pytest.param("ssdh show ph\t", "ssdh show photo.jpg ", id="another file, if it is named"),
        pytest.param(
            "ssdh patch train_val.prototxt --at con\t",
            "ssdh patch train_val.prototxt --at conv1 ",
            id="blob",
        ),
        pytest.param(
            "ssdh patch train_val.prototxt --at=con\t",
            "ssdh patch train_val.prototxt --at=conv1 ",
            id="blob after =",
        ),
        pytest.param(
            "ssdh patch train_val.prototxt --hea\t --classes 3",
            "ssdh patch train_val.prototxt --head  --classes 3",
            id="inside the line",
        ),
        pytest.param(
            "ssdh patch --at con train_val.prototxt" + "\x02" * len(" train_val.prototxt") + "\t",
            "ssdh patch --at conv1 train_val.prototxt",
            id="net after the cursor",
        ),
        pytest.param(
            "ssdh patch zoo:googlenet --head loss1\t",
            "ssdh patch zoo:googlenet --head loss1/classifier ",
            id="head of a net of the zoo",
        ),
        pytest.param("ssdh deploy --net tr\t", "ssdh deploy --net train_val ", id="workspace"),
        pytest.param(
            "ssdh encode --blob latent_SSDH_\t",
            "ssdh encode --blob latent_SSDH_encode ",
            id="blob of the workspace",
        ),
        pytest.param(
            "ssdh encode --weights a\t", "ssdh encode --weights a.caffemodel ", id="weights"
        ),
        pytest.param(
            "ssdh train --weights a.caffemodel,lenet_ssdh_iter_5\t",
            "ssdh train --weights a.caffemodel,lenet_ssdh_iter_5.caffemodel ",
            id="list of weights",
        ),
        pytest.param(
            "ssdh train --snapshot lenet_ssdh_iter_1\t",
            "ssdh train --snapshot lenet_ssdh_iter_10.solverstate ",
            id="snapshot",
        ),
        pytest.param("ssdh search x\t", "ssdh search x.index ", id="index"),
        pytest.param(
            "ssdh search x.index --queries c\t",
            "ssdh search x.index --queries codes.npz ",
            id="codes",
        ),
        pytest.param(
            "ssdh patch --train-data tr\t", "ssdh patch --train-data train_lmdb ", id="LMDB"
        ),
        pytest.param(
            "ssdh -C sub show in\t", "ssdh -C sub show inner.prototxt ", id="other folder"
        ),
        pytest.param("ssdh rule SSDH624\t", "ssdh rule SSDH624 ", id="finding"),
        pytest.param("X=1 ssdh pat\t", "X=1 ssdh patch ", id="after an assignment"),
        pytest.param("cd . && ssdh pat\t", "cd . && ssdh patch ", id="after another command"),
        pytest.param("ssdh nonsense \t", "ssdh nonsense ", id="wrong command"),
    ],
)
def test_a_line_in_bash(keys: str, line: str, bash: BashLine) -> None:
    assert bash.after(keys) == line


def test_programs_that_set_the_words_alone(folder: Path, programs: Path) -> None:
    code = """
    eval "$(ssdh completion bash)"
    COMP_WORDS=(ssdh show zoo:goo) COMP_CWORD=2
    _ssdh_completion
    printf '%s\\n' "${COMPREPLY[@]}"
    """
    ran = subprocess.run(
        ["bash", "-c", code],
        cwd=folder,
        env=environment(PATH=f"{programs}:{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "zoo:googlenet\n"


def keys_of(command: click.Command) -> Iterator[str]:
    """What the table may call the options and arguments of a command."""
    for param in command.params:
        key = param.opts[0] if isinstance(param, click.Option) else str(param.name)
        yield from (key, f"{command.name} {key}")
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from keys_of(each)


def test_the_table_names_options_that_exist() -> None:
    commands = [
        importlib.import_module(f"ssdh_surgery.cli.commands.{module}").command
        for module, _ in COMMANDS.values()
    ]
    existing = {key for command in (cli, *commands) for key in keys_of(command)}
    assert {*values.OF_WORD, *values.OF_NET} <= existing


def completions(folder: Path, left: str, right: str = "", shell: str = "fish") -> list[str]:
    """What the script of a shell gets."""
    values = {"COMP_LEFT": left, "COMP_RIGHT": right, "SSDH_COMPLETE": shell}
    ran = subprocess.run(
        [sys.executable, "-m", "ssdh_surgery"],
        cwd=folder,
        env=environment(**values),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == ""
    return ran.stdout.splitlines()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("ssdh ", "", [*COMMANDS]),
        ("ssdh patch train_val.prototxt --at ", "", BLOBS),
        ("ssdh patch solver.prototxt --at ", "", BLOBS),
        ("ssdh patch --at ", " train_val.prototxt --bits 8", BLOBS),
        ("ssdh patch --freeze ", " train_val.prototxt", [*LAYERS, *(b for b in BLOBS[:2])]),
        ("ssdh patch train_val.prototxt --head ", "", ["ip2"]),
        ("ssdh deploy --at ", "", BLOBS),
        ("ssdh deploy --net=train_val --at ", "", BLOBS),
        ("ssdh deploy --at ", " --net nothing", []),
        (
            "ssdh patch zoo:googlenet --head ", "",
            ["loss1/classifier", "loss2/classifier", "loss3/classifier"],
        ),
        (
            "ssdh encode --deploy deploy.prototxt --blob ", "",
            ["data", "conv1", "ip1", "ip2", "prob"],
        ),
        ("ssdh patch --preset ", "", ["blog", "ssdh", "cvprw15"]),
        ("ssdh encode --engine ", "", ["auto", "onnx", "torch", "pycaffe", "binary"]),
        ("ssdh patch --objective s", "", ["sigmoid", "ssdh"]),
        ("ssdh patch --bits ", "", []),
        ("ssdh -C sub/ show ", "", ["inner.prototxt", "zoo:"]),
        ("ssdh show zoo:lenet", "", [f"zoo:lenet{end}" for end in ("", "/train_val", "/solver",
                                                                      "/deploy")]),
        (
            "ssdh train --snapshot ", "",
            ["lenet_ssdh_iter_10.solverstate", "lenet_ssdh_iter_5.solverstate", "sub/",
             "train_lmdb/"],
        ),
        (
            "ssdh weights lenet_ssdh_iter_5", "",
            ["lenet_ssdh_iter_5.caffemodel", "lenet_ssdh_iter_5.solverstate"],
        ),
        (
            "ssdh weights x --compare lenet_ssdh_iter_1", "",
            ["lenet_ssdh_iter_10.caffemodel"],
        ),
        ("ssdh weights x --net zoo:le", "", ["zoo:lenet"]),
        ("ssdh patch train_val.prototxt --solver n", "", ["none"]),
        ("ssdh show .h", "", [".hidden"]),
        ("ssdh completion ", "", ["bash", "zsh", "fish"]),
    ],
)  # fmt: skip
def test_what_a_word_may_become(left: str, right: str, expected: list[str], folder: Path) -> None:
    assert completions(folder, left, right) == expected


def test_no_error_reaches_the_line(tmp_path: Path) -> None:
    (tmp_path / "ssdh.toml").write_text("no = [toml")
    (tmp_path / "bad.prototxt").write_text("layer {")
    assert completions(tmp_path, "ssdh deploy --net ") == []
    assert completions(tmp_path, "ssdh patch bad.prototxt --at ") == []
    assert completions(tmp_path, "ssdh -C nowhere show ") == []
    assert completions(tmp_path, "ssdh nonsense --at ") == []
    assert completions(tmp_path, "ssdh patch - --at ") == []
    ran = subprocess.run(
        [sys.executable, "-m", "ssdh_surgery"],
        env=environment(SSDH_COMPLETE="bash"),
        capture_output=True,
        check=True,
    )
    assert ran.stderr == b""


def test_nothing_is_written(folder: Path) -> None:
    before = snapshot(folder)
    for left in ("ssdh patch train_val.prototxt --at ", "ssdh train --weights ", "ssdh deploy "):
        completions(folder, left)
    assert snapshot(folder) == before


@pytest.mark.parametrize(
    "left",
    ["ssdh patch train_val.prototxt --at ", "ssdh encode --weights ", "ssdh evaluate --map "],
)
def test_nothing_heavy_is_imported(left: str, folder: Path) -> None:
    code = (
        "import sys, atexit\n"
        "from ssdh_surgery.cli import main\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "main([])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(COMP_LEFT=left, SSDH_COMPLETE="fish"),
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"torch", "numpy", "cv2", "faiss", "numba", "matplotlib", "lmdb", "onnxruntime", "rich"}
    assert not heavy & set(ran.stderr.split())


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed(shell: str, ssdh: Ssdh) -> None:
    script = (ROOT / f"ssdh_surgery/cli/completion/ssdh.{shell}").read_text()
    assert ssdh("completion", shell).out == script
    assert f"ssdh completion {shell}" in script.splitlines()[shell == "zsh"]
    assert re.search(f"\\bSSDH_COMPLETE[= ]{shell}\\b", script)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_that_its_shell_reads(shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"needs {shell}")
    script = ROOT / f"ssdh_surgery/cli/completion/ssdh.{shell}"
    subprocess.run([program, "-n", str(script)], check=True)


def test_fish_completes(folder: Path, programs: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("needs fish")
    path = f"{programs}:{os.environ['PATH']}"
    for line, expected in [
        ("ssdh show zoo:goo", ["zoo:googlenet"]),
        ("ssdh patch train_val.prototxt --at=con", ["--at=conv1"]),
        ("ssdh patch train_val.prototxt --at ", BLOBS),
    ]:
        code = f"ssdh completion fish | source; complete -C '{line}'"
        ran = subprocess.run(
            ["fish", "--no-config", "-c", code],
            cwd=folder,
            env=environment(PATH=path),
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.splitlines() == expected


@pytest.mark.parametrize(
    ("left", "right", "line"),
    [
        ("ssdh ", "", CommandLine((), "")),
        ("ssdh a b", "", CommandLine(("a",), "b")),
        ("ssdh a b ", "", CommandLine(("a", "b"), "")),
        ("X=1 Y= ssdh a", "", CommandLine((), "a")),
        ("ssdh a\\ b", "", CommandLine((), "a b")),
        ('ssdh "a b', "", CommandLine((), "a b", quote='"')),
        ("ssdh 'a\\", "", CommandLine((), "a\\", quote="'")),
        ("ssdh a", "bc d 'e f'", CommandLine((), "a", ("d", "e f"))),
        ("ssdh a ", " b", CommandLine(("a",), "", ("b",))),
    ],
)
def test_a_line_is_split_at_the_cursor(left: str, right: str, line: CommandLine) -> None:
    assert CommandLine.parse(left, right) == line
