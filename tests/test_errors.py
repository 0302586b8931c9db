"""Packages of extras: missing ones and broken ones are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.errors import BrokenExtra, MissingExtra, of_extra


def test_a_package_that_is_not_installed() -> None:
    with pytest.raises(MissingExtra) as caught, of_extra("images", "reading images"):
        import no_such_package  # type: ignore[import-not-found]  # noqa: F401
    assert str(caught.value) == (
        "reading images needs the extra 'images'\nhint: pip install 'ssdh-surgery[images]'"
    )


def test_a_package_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "libGL.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "broken_package.py").write_text(f"raise ImportError({reason!r})")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BrokenExtra) as caught, of_extra("images", "reading images"):
        import broken_package  # type: ignore[import-not-found]  # noqa: F401
    assert str(caught.value) == (
        "reading images needs the extra 'images', which is installed, but cannot be imported: "
        f"{reason}\nhint: pip install --force-reinstall 'ssdh-surgery[images]'"
    )
