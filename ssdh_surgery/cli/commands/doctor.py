"""`ssdh doctor`: try every engine, and show what is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ssdh_surgery.cli import table, terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.live_line import LiveLine
from ssdh_surgery.cli.options import json_option
from ssdh_surgery.cli.table import Column
from ssdh_surgery.errors import install_command
from ssdh_surgery.names import count_text, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ssdh_surgery.engines.gpus import Gpu
    from ssdh_surgery.pipeline.doctor.doctor import Caffe, Diagnosis
    from ssdh_surgery.pipeline.doctor.packages import Package
    from ssdh_surgery.pipeline.doctor.trials import Trial

_INDENT = "  "
_ENGINE_COLUMNS = (
    Column("task"),
    Column("engine"),
    Column("result"),
    Column("time", is_number=True, rank=2),
    Column("device", rank=1),
)
_PACKAGE_COLUMNS = (
    Column("extra"),
    Column("packages", least=16, keeps_end=False),
    Column("install", rank=1),
)
# What `binary` runs, by the task.
_PROGRAMS = {"train": "your caffe", "encode": "its extract_features"}
_GPU_WORDS = {
    "usable": "usable",
    "none": "built for them, but it can use none here",
    "cpu-only": "built for the CPU only",
    None: "unknown",
}


@click.command("doctor", cls=Command, epilog="\b\nExample:\n  ssdh doctor")
@click.option("--caffe", metavar="PATH", help="Try this caffe executable.")
@json_option
def command(caffe: str | None, as_json: bool) -> int:
    """Try every engine on a net of two layers, and show what is installed.

    Also shown are what your caffe was built with, GPUs, packages, and the workspace. Exits with
    1 unless an engine trains and an engine encodes.

    The answer of --json is what a bug report needs; it has no names of users or machines.
    """
    from ssdh_surgery.pipeline.doctor.doctor import diagnose

    with LiveLine() as line:
        diagnosis = diagnose(caffe, lambda what: line.draw(lambda _: f"trying {what}"))
    if as_json:
        terminal.answer_json(diagnosis.as_json())
    else:
        _show(diagnosis)
    return 0 if diagnosis.works else 1


def _show(diagnosis: Diagnosis) -> None:
    version = f"ssdh-surgery {diagnosis.version}"
    terminal.answer(f"{version}, Python {diagnosis.python}, {diagnosis.system}", bold=True)
    _title("engines")
    _show_trials(diagnosis.trials)
    if diagnosis.caffe is not None:
        _show_caffe(diagnosis.caffe)
    _title("packages")
    _show_packages(diagnosis.packages)
    _title("machine")
    _show_gpus(diagnosis.gpus)
    _show_workspace(diagnosis)
    terminal.answer("")
    terminal.answer(_verdict(diagnosis), bold=True, fg="green" if diagnosis.works else "red")


def _title(text: str) -> None:
    terminal.answer("")
    terminal.answer(text, bold=True)


def _show_trials(trials: Iterable[Trial]) -> None:
    rows = [
        (
            each.task,
            _engine(each),
            "works" if each.works else "not installed" if each.is_missing else "fails",
            "" if each.seconds is None else f"{each.seconds:.1f} s",
            (each.device or "") if each.works else "",
        )
        for each in trials
    ]
    table.show(_ENGINE_COLUMNS, rows, indent=_INDENT)
    for each in trials:
        if each.error is not None:
            terminal.prose(f"{_INDENT}{each.task}, {each.engine}: {each.error}")
            if each.hint is not None:
                terminal.prose(f"{_INDENT}  hint: {each.hint}")


def _engine(trial: Trial) -> str:
    return f"binary, {_PROGRAMS[trial.task]}" if trial.engine == "binary" else trial.engine


def _show_caffe(caffe: Caffe) -> None:
    build = caffe.build
    _title(f"caffe ({caffe.executable.origin})")
    fork = build.fork or "BVLC's, or a fork that looks like it"
    lines = [
        terminal.path_text(caffe.executable.path),
        f"version {build.version or 'unknown'}: {fork}",
    ]
    if build.fork_fields:
        lines.append(f"fields of forks that it reads: {', '.join(build.fork_fields)}")
    parts = {
        "LMDB": build.has_lmdb,
        "LevelDB": build.has_leveldb,
        "image files (OpenCV)": build.has_images,
        "HDF5": build.has_hdf5,
        "layers in Python": build.has_python,
        "several GPUs (NCCL)": build.has_nccl,
    }
    for title, value in (("with", True), ("without", False), ("unknown", None)):
        if names := [name for name, has in parts.items() if has is value]:
            lines.append(f"{title}: {', '.join(names)}")
    lines += [f"GPUs: {_GPU_WORDS[build.gpu]}", f"log: {_log(caffe)}"]
    for line in lines:
        terminal.prose(_INDENT + line)


def _log(caffe: Caffe) -> str:
    if not caffe.log:
        return "not tried, since it did not train"
    lacking = [part for part, is_there in caffe.log.items() if not is_there]
    if lacking:
        return f"cannot be followed entirely, it has no words for: {', '.join(lacking)}"
    return "can be followed"


def _show_packages(packages: Iterable[Package]) -> None:
    by_extra: dict[str, list[Package]] = {}
    for package in packages:
        for extra in package.extras or ("(always)",):
            by_extra.setdefault(extra, []).append(package)
    if not by_extra:
        terminal.prose(f"{_INDENT}unknown: ssdh-surgery is not installed, so it has no metadata")
        return
    rows = []
    for extra, present in by_extra.items():
        hint = next((each.hint for each in present if each.hint), "")
        if hint and extra != "(always)":
            hint = install_command(extra, again=any(each.state == "broken" for each in present))
        rows.append((extra, ", ".join(map(_package, present)), hint))
    table.show(_PACKAGE_COLUMNS, rows, has_titles=False, indent=_INDENT)
    for package in packages:
        if package.error is not None:
            terminal.prose(f"{_INDENT}{package.name} cannot be imported: {package.error}")


def _package(package: Package) -> str:
    if package.version is None:
        return f"{package.name} {package.state}"
    name = f"{package.name} {package.version}"
    words = {"broken": " (broken)", "old": f" (needs {package.least})"}
    return name + words.get(package.state, "")


def _show_gpus(gpus: Iterable[Gpu]) -> None:
    for gpu in gpus:
        memory = "" if gpu.memory is None else f", {gpu.memory / (1 << 30):.1f} GiB"
        free = "" if gpu.free is None else f" ({gpu.free / (1 << 30):.1f} free)"
        terminal.prose(f"{_INDENT}GPU {gpu.number}: {gpu.name}{memory}{free}, driver {gpu.driver}")
    if not gpus:
        terminal.prose(f"{_INDENT}GPUs: none")


def _show_workspace(diagnosis: Diagnosis) -> None:
    workspace = diagnosis.workspace
    if workspace is None:
        words = "none here; ssdh patch makes one"
    elif workspace.error is not None:
        words = f"{workspace.file} cannot be read: {workspace.error}"
    else:
        nets = ", ".join(map(printable, workspace.nets)) or "no nets"
        words = f"{terminal.path_text(workspace.file)}: {nets}"
    terminal.prose(f"{_INDENT}workspace: {words}")


def _verdict(diagnosis: Diagnosis) -> str:
    trials = diagnosis.trials
    if all(each.works for each in trials):
        return "all engines work"
    tasks = {"train": "trains", "encode": "encodes"}
    working = {each.task for each in trials if each.works}
    if lacking := [words for task, words in tasks.items() if task not in working]:
        return f"no engine {' or '.join(lacking)}: see the hints above"
    count = sum(each.works for each in trials)
    return f"{count} of {count_text(len(trials), 'engine')} work: enough to train and to encode"
