"""Packages of extras: missing ones and broken ones are told apart."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from ssdh_surgery.errors import EXTRA_PACKAGES, BrokenExtra, MissingExtra, of_extra
from support.paths import ROOT


def test_the_packages_of_each_extra_are_what_pyproject_installs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {
        extra: {re.match(r"[\w-]+", each)[0].lower() for each in requirements}  # type: ignore[index]
        for extra, requirements in project["optional-dependencies"].items()
        if extra not in ("all", "dev", "soak")
    }
    names = packages_distributions()
    assert declared == {
        extra: {names[package][0].lower() for package in packages}
        for extra, packages in EXTRA_PACKAGES.items()
    }


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)  # what Python has for "not to be found"
    with pytest.raises(MissingExtra) as caught, of_extra("images", "reading images"):
        importlib.import_module("cv2")
    assert str(caught.value) == (
        "reading images needs the extra 'images'\nhint: pip install 'ssdh-surgery[images]'"
    )


# What packages raise where a library, a package or the right NumPy is missing.
_REASONS = {
    "ImportError": "libGL.so.1: cannot open shared object file: No such file or directory",
    "OSError": "libtorch_cpu.so: cannot open shared object file",
    "ValueError": "numpy.dtype size changed, may indicate binary incompatibility",
    "ModuleNotFoundError": "No module named 'typing_extensions'",
}


@pytest.mark.parametrize("kind", _REASONS)
def test_a_package_that_cannot_be_imported(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = _REASONS[kind]
    (tmp_path / f"broken_by_{kind}.py").write_text(f"raise {kind}({reason!r})")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BrokenExtra) as caught, of_extra("images", "reading images"):
        importlib.import_module(f"broken_by_{kind}")
    assert str(caught.value) == (
        "reading images needs the extra 'images', which is installed, but cannot be imported: "
        f"{reason}\nhint: pip install --force-reinstall 'ssdh-surgery[images]'"
    )
