"""The packages that ssdh-surgery and its extras need: installed, missing, too old or broken."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ssdh_surgery.errors import install_command
from ssdh_surgery.pipeline.doctor.trials import child_environment, exit_text

State = Literal["works", "missing", "broken", "old"]

_OURS = "ssdh-surgery"
# What only those who develop it need.
_OF_DEVELOPERS = ("dev", "soak", "all")
# Modules whose names differ from those of their distributions. There are several distributions
# of some of them, so a module counts, whoever brought it.
_MODULES = {
    "opencv-python-headless": "cv2",
    "faiss-cpu": "faiss",
    "protobuf": "google.protobuf",
}
_REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[^\]]*\])?(?:.*?>=\s*([\d.]+))?")
_EXTRA = re.compile(r"extra == ['\"]([\w-]+)['\"]")
_SECONDS = 60
_IMPORT = """
import importlib, sys, warnings
warnings.simplefilter("ignore")
for name in sys.argv[1:]:
    print("import", name, flush=True)
    try:
        importlib.import_module(name)
    except BaseException as error:
        first = str(error).strip().split("\\n")[0]
        print("error", f"{type(error).__name__}: {first}", flush=True)
print("end", flush=True)
"""


@dataclass(frozen=True)
class Package:
    """A package that ssdh-surgery can use.

    Attributes:
        name: the distribution that its metadata name.
        extras: the extras that bring it; none for what it always needs.
        state: whether it can be used.
        version: its version, None where it is missing.
        least: the lowest version that it may have.
        error: why it cannot be imported.
    """

    name: str
    extras: tuple[str, ...]
    state: State
    version: str | None = None
    least: str | None = None
    error: str | None = None

    @property
    def hint(self) -> str | None:
        """The command that installs it; None where nothing is to be done."""
        if self.state == "works":
            return None
        if not self.extras:
            return f"pip install --force-reinstall {_OURS}"
        return install_command(self.extras[0], again=self.state == "broken")

    def as_json(self) -> dict[str, Any]:
        """The package as an object."""
        return {
            "name": self.name,
            "extras": list(self.extras),
            "state": self.state,
            "version": self.version,
            "least": self.least,
            "message": self.error,
            "hint": self.hint,
        }


def find_packages(working: Collection[str] = ()) -> tuple[Package, ...]:
    """The packages that the metadata of ssdh-surgery name, each of them imported in a child.

    Those that it always needs come first; there are none where its metadata are not installed.

    Args:
        working: modules that are known to work, and are not imported again.
    """
    needed = _needed()
    modules = {name: _module(name) for name in needed}
    present = {name: module for name, module in modules.items() if _is_present(module)}
    errors = _import_errors([each for each in present.values() if each not in working])
    providers = importlib.metadata.packages_distributions()
    packages = []
    for name, (extras, least) in needed.items():
        if name not in present:
            packages.append(Package(name, extras, "missing", least=least))
            continue
        version = _version(name, present[name], providers)
        error = errors.get(present[name])
        is_old = least is not None and version is not None and _numbers(version) < _numbers(least)
        state: State = "broken" if error else "old" if is_old else "works"
        packages.append(Package(name, extras, state, version, least, error))
    return tuple(sorted(packages, key=lambda each: bool(each.extras)))


def _needed() -> dict[str, tuple[tuple[str, ...], str | None]]:
    """The distributions that are needed, with the extras that need each and its lowest version."""
    try:
        requirements = importlib.metadata.requires(_OURS) or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    needed: dict[str, tuple[tuple[str, ...], str | None]] = {}
    for text in requirements:
        requirement, _, marker = text.partition(";")
        match, extra = _REQUIREMENT.match(requirement.strip()), _EXTRA.search(marker)
        if match is None or (extra and extra[1] in _OF_DEVELOPERS):
            continue
        extras, _ = needed.get(match[1], ((), None))
        needed[match[1]] = ((*extras, extra[1]) if extra else extras, match[2])
    return needed


def _module(name: str) -> str:
    return _MODULES.get(name, name.lower().replace("-", "_"))


def _is_present(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it is in
        return False


def _version(name: str, module: str, providers: Mapping[str, Sequence[str]]) -> str | None:
    for distribution in (name, *providers.get(module.partition(".")[0], ())):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _numbers(version: str) -> list[int]:
    """The numbers that a version begins with.

    >>> _numbers("2.10.0rc1")
    [2, 10, 0]
    """
    match = re.match(r"\d+(?:\.\d+)*", version)
    return [int(each) for each in match[0].split(".")] if match else []


def _import_errors(modules: Sequence[str]) -> dict[str, str]:
    """Why modules cannot be imported, by their names."""
    errors: dict[str, str] = {}
    remaining = list(modules)
    while remaining:
        code, lines = _import(remaining)
        last = remaining[0]
        for kind, words in lines:
            if kind == "import":
                last = words
            elif kind == "error":
                errors[last] = words
        if lines and lines[-1][0] == "end":
            break
        # It ended while it imported the last one.
        errors[last] = f"importing it takes over {_SECONDS} s" if code is None else exit_text(code)
        remaining = remaining[remaining.index(last) + 1 :]
    return errors


def _import(modules: Sequence[str]) -> tuple[int | None, list[tuple[str, str]]]:
    """Import modules in a child; its exit code, None where it took too long, and its lines."""
    try:
        process = subprocess.run(
            [sys.executable, "-P", "-c", _IMPORT, *modules],
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as slow:
        return None, list(_lines(slow.stdout or b""))
    return process.returncode, list(_lines(process.stdout))


def _lines(out: bytes) -> Iterator[tuple[str, str]]:
    for line in out.decode("utf-8", "replace").splitlines():
        kind, _, words = line.partition(" ")
        if kind in ("import", "error", "end"):
            yield kind, words
