"""What `ssdh_surgery` exports: pinned, typed, and imported on first use only."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ssdh_surgery
from ssdh_surgery import errors
from support.paths import ROOT

FUNCTIONS = {
    *("build_index", "deploy", "encode", "evaluate", "open_net", "parse", "patch", "read_codes"),
    *("search", "upgrade"),
}
VALUES = {
    *("Answer", "Codes", "Difference", "Document", "EditResult", "EditedFile", "EncodeResult"),
    *("Evaluation", "Finding", "Hit", "IndexResult", "Location", "Runner", "SearchResult"),
    "Transformer",
}


def error_classes() -> set[str]:
    return {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.SsdhError)
    }


def test_the_exports_are_these() -> None:
    assert set(ssdh_surgery.__all__) == {*FUNCTIONS, *VALUES, *error_classes(), "__version__"}


@pytest.mark.parametrize("name", ssdh_surgery.__all__)
def test_each_can_be_imported(name: str) -> None:
    assert getattr(ssdh_surgery, name) is not None
    assert name in dir(ssdh_surgery)


def test_the_repr_of_a_document_names_its_fields() -> None:
    document = ssdh_surgery.parse(b'name: "x"\nlayer {}\nlayer {}\n')
    assert repr(document) == "<Document <text>: name, layer>"


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'ssdh_surgery' has no attribute 'patches'"):
        ssdh_surgery.patches  # type: ignore[attr-defined]  # noqa: B018


def modules_after(code: str) -> set[str]:
    """The modules that are loaded after some code."""
    code += "\nimport sys; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(ran.stdout.split())


def test_importing_the_package_imports_nothing_else() -> None:
    loaded = modules_after("import ssdh_surgery")
    assert {name for name in loaded if name.startswith("ssdh_surgery")} == {"ssdh_surgery"}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_no_function_imports_an_engine_or_the_command_line(name: str) -> None:
    loaded = modules_after(f"from ssdh_surgery import {name}")
    heavy = {"torch", "onnxruntime", "cv2", "faiss", "numba", "matplotlib", "click", "rich"}
    assert not heavy & loaded


def test_the_keywords_of_patch_and_deploy_are_those_of_the_table() -> None:
    generator = ROOT / "tools" / "docs" / "setting_types.py"
    subprocess.run([sys.executable, str(generator), "--check"], check=True)
