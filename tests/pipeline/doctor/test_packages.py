"""Packages: installed, missing, old and broken ones, by the metadata that name them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ssdh_surgery.pipeline.doctor.packages import Package, find_packages

_METADATA = """Metadata-Version: 2.1
Name: ssdh-surgery
Version: 9.9
Requires-Dist: click>=8
Requires-Dist: whole-thing>=1.2; extra == "draw"
Requires-Dist: older_thing>=2.10; extra == "draw"
Requires-Dist: no-such-thing[all]>=3; extra == "plot"
Requires-Dist: broken-thing>=1; extra == "search"
Requires-Dist: broken-thing>=1; extra == 'codes'
Requires-Dist: crashing-thing; extra == "search"
Requires-Dist: last-thing; extra == "search"
Requires-Dist: pytest>=8; extra == "dev"
Requires-Dist: ssdh-surgery[draw]; extra == "all"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that comes before all others."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def install(site: Path, name: str, version: str, text: str, requires: str = "") -> None:
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(requires or head)
    (info / "RECORD").write_text(f"{name}.py,,\n")
    (site / f"{name}.py").write_text(text)


def test_each_package_is_in_one_state(site: Path) -> None:
    install(site, "ssdh_surgery", "9.9", "", _METADATA)
    (site / "ssdh_surgery.py").unlink()
    install(site, "whole_thing", "1.10", "")
    install(site, "older_thing", "2.9.1", "")
    install(site, "broken_thing", "1.5", "raise ImportError('libGL.so.1: cannot open\\nmore')")
    install(site, "crashing_thing", "1.0", "import os; os.abort()")
    install(site, "last_thing", "1.0", "print('import noise')")
    click, *others = find_packages()
    assert (click.name, click.extras, click.state, click.hint) == ("click", (), "works", None)
    assert others == [
        Package("whole-thing", ("draw",), "works", "1.10", "1.2"),
        Package("older_thing", ("draw",), "old", "2.9.1", "2.10"),
        Package("no-such-thing", ("plot",), "missing", None, "3"),
        Package(
            "broken-thing", ("search", "codes"), "broken", "1.5", "1",
            "ImportError: libGL.so.1: cannot open",
        ),
        Package("crashing-thing", ("search",), "broken", "1.0", None, "it crashes (SIGABRT)"),
        Package("last-thing", ("search",), "works", "1.0"),
    ]  # fmt: skip
    assert [each.hint for each in others] == [
        None,
        "pip install 'ssdh-surgery[draw]'",
        "pip install 'ssdh-surgery[plot]'",
        "pip install --force-reinstall 'ssdh-surgery[search]'",
        "pip install --force-reinstall 'ssdh-surgery[search]'",
        None,
    ]


def test_a_module_that_works_is_not_imported_again(site: Path) -> None:
    install(site, "ssdh_surgery", "9.9", "", _METADATA)
    (site / "ssdh_surgery.py").unlink()
    install(site, "crashing_thing", "1.0", "import os; os.abort()")
    states = {each.name: each.state for each in find_packages({"crashing_thing"})}
    assert states["crashing-thing"] == "works"


def test_all_packages_of_this_environment_are_found() -> None:
    packages = {each.name: each for each in find_packages()}
    # Modules whose names are not those of their distributions among them.
    for name in ("protobuf", "opencv-python-headless", "faiss-cpu", "jinja2", "torch"):
        assert packages[name].state == "works", packages[name]
        assert packages[name].version
    assert not {"pytest", "ruff", "atheris", "ssdh-surgery"} & set(packages)
