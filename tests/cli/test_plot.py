"""`ssdh plot`: curves as files and in the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import Ssdh
from support.paths import GOLDEN

LOG = str(GOLDEN / "logs" / "finetune_ok.log")


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_a_plot_is_a_file(ssdh: Ssdh, suffix: str, magic: bytes) -> None:
    assert ssdh("plot", LOG, "-o", f"x.{suffix}").out == f"wrote x.{suffix}\n"
    assert Path(f"x.{suffix}").read_bytes().startswith(magic)
    assert "the file exists" in ssdh("plot", LOG, "-o", f"x.{suffix}", code=3).err


def test_an_svg_names_its_curves_and_is_the_same_in_each_run(ssdh: Ssdh) -> None:
    for name in ("a.svg", "b.svg"):
        ssdh("plot", LOG, str(GOLDEN / "logs" / "diverged.log"), "-o", name, "--classes", "10")
    text = Path("a.svg").read_text()
    for words in (
        "finetune_ok.log run 1: accuracy (test)",
        "chance for 10 classes",
        "diverged.log run 2: nan or inf from here on",
    ):
        assert f">{words}<" in text or f"> {words}<" in text, words
    assert Path("b.svg").read_text() == text


def test_a_plot_in_a_pipe_has_no_colors(ssdh: Ssdh) -> None:
    text = ssdh("plot", LOG, "--classes", "10").out
    assert "\x1b" not in text
    assert "accuracy (test)" in text
    assert "chance for 10 classes: 2.3" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_plot_in_colors(ssdh: Ssdh) -> None:
    assert "\x1b[38;5;" in ssdh("--color", "always", "plot", LOG).out


def test_names_in_a_log_are_no_commands_to_the_terminal(ssdh: Ssdh) -> None:
    prefix = "I0410 10:00:00.000001   100 solver.cpp:1] "
    Path("x.log").write_text(
        f"{prefix}Iteration 0, loss = 1\n{prefix}    Train net output #0: a\x1b]0;b\x07 = 1\n"
    )
    for color in ("always", "never"):
        assert "\x1b]" not in ssdh("--color", color, "plot", "x.log").out
