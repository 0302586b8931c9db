"""Every command helps, ends its help with an example that runs, and starts light."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from ssdh_surgery import open_net
from ssdh_surgery.cli import COMMANDS, run
from ssdh_surgery.retrieval.codes.code_file import write_codes
from ssdh_surgery.retrieval.codes.codes import Codes, pack
from support.command_line import Ssdh
from support.paths import GOLDEN

_HEAVY = (
    "torch",
    "cv2",
    "faiss",
    "numba",
    "matplotlib",
    "numpy",
    "lmdb",
    "google.protobuf",
    "psycopg",
    "rich",
)
_SUBCOMMANDS = (
    *("data build", "data mean", "data show"),
    *("index build", "index add", "index info", "index remove"),
    *("zoo list", "zoo show", "zoo write"),
)


def started(*words: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    command = [sys.executable, "-m", "ssdh_surgery", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def example_of(help_text: str) -> str:
    """The command line that a help text ends with."""
    found = re.search(r"^\s*Example:\n\s+(ssdh .*)\n\Z", help_text, re.MULTILINE)
    assert found, help_text
    return found[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every example can run: GoogLeNet's files, patched."""
    path = tmp_path_factory.mktemp("examples")

    def done(*lines: str) -> None:
        with contextlib.chdir(path):
            assert [run(line.split()) for line in lines] == [0] * len(lines)

    done("zoo write googlenet", "patch train_val.prototxt --bits 48")
    for name in ("queries", "database"):
        bits = np.random.default_rng(0).random((20, 48)).astype(np.float32)
        ids = np.array([f"{name}{number}" for number in range(20)])
        write_codes(path / f"{name}.npz", Codes(pack(bits), 48, ids, np.arange(20) % 2))
    shutil.copy(GOLDEN / "logs" / "finetune_ok.log", path / "train.log")
    shutil.copytree(Path(datasets.__file__).parent / "images", path / "photos" / "any")
    done(
        "index build database.npz -o photos.index",
        "deploy",
        "data build photos photos_lmdb",
    )
    [prefix] = re.findall('snapshot_prefix: "(.*)"', (path / "solver_ssdh.prototxt").read_text())
    weights = path / f"{prefix}_iter_1.caffemodel"
    weights.parent.mkdir(exist_ok=True)
    open_net(path / "deploy_ssdh.prototxt").save(str(weights))
    open_net(path / "deploy.prototxt").save(str(path / "googlenet.caffemodel"))
    return path


@pytest.mark.parametrize("name", [*COMMANDS, *_SUBCOMMANDS])
def test_help_ends_with_an_example_that_runs(
    name: str, folder: Path, ssdh: Ssdh, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ssdh(*name.split(), "--help").out
    monkeypatch.chdir(folder)
    ssdh(*shlex.split(example_of(told))[1:], code=1 if name == "diff" else 0)


def test_the_group_helps_with_short_and_long_option() -> None:
    short, long = started("-h"), started("--help")
    assert short.stdout == long.stdout
    assert all(name in long.stdout for name in COMMANDS)
    assert started(*shlex.split(example_of(long.stdout))[1:]).returncode == 0


def test_version() -> None:
    import ssdh_surgery

    assert started("--version").stdout == f"ssdh, version {ssdh_surgery.__version__}\n"


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_start_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\n"
        "from ssdh_surgery.cli import run\n"
        f"run({words!r})\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stderr.split())
    assert "click" in loaded
    assert not [name for name in _HEAVY if name in loaded]
    own = {name for name in loaded if name.startswith("ssdh_surgery")}
    light = {
        "errors",
        "findings",
        "location",
        "mapped_files",
        "signal_actions",
        "staging",
        "staging.folder_lock",
        "cli",
    }
    assert own <= {"ssdh_surgery", *(f"ssdh_surgery.{name}" for name in light)}


@pytest.mark.parametrize("room", ["prototxt", "surgery", "caffe"])
def test_text_rooms_import_neither_numpy_nor_lmdb_nor_rich(room: str) -> None:
    modules = {
        "prototxt": ["parser", "render", "trivia"],
        "surgery": ["core.gate", "hashing.insert", "solver.retarget", "diff.differences"],
        "caffe": ["net.net", "net.heads", "net.solver", "net.net_message", "net.kind"],
    }[room]
    code = (
        "import sys, importlib\n"
        f"for name in {modules!r}: importlib.import_module('ssdh_surgery.{room}.' + name)\n"
        "print('\\n'.join(sys.modules))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "lmdb", "rich", "torch"} & set(ran.stdout.split())


def test_patching_imports_no_numpy() -> None:
    code = (
        "import sys\n"
        "from ssdh_surgery.cli import run\n"
        "run(['patch', 'zoo:googlenet', '--dry-run'])\n"
        "print('numpy' in sys.modules, file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "would write googlenet_ssdh.prototxt" in ran.stdout
    assert ran.stderr.endswith("False\n")


def test_an_unknown_command_is_a_usage_error_with_a_hint() -> None:
    ran = started("patsh")
    assert ran.returncode == 2
    assert ran.stderr == (
        "error: no such command 'patsh'; did you mean 'patch'?\nhint: ssdh --help\n"
    )


@pytest.mark.parametrize("group", ["", "data", "index", "zoo"])
def test_a_group_alone_tells_its_commands(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([group] if group else []) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"Usage: {' '.join(filter(None, ['ssdh', group]))} [OPTIONS]")
