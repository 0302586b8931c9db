"""Names of strangers in the terminal: control characters are escaped, whoever prints them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.cli import run, terminal
from ssdh_surgery.cli.styles import rendered, safe, styled
from ssdh_surgery.retrieval.codes.code_file import write_codes
from ssdh_surgery.retrieval.codes.codes import Codes
from support.command_line import Ssdh

# A title for the window, a color, a cursor movement, C1, and a direction of writing.
EVIL = "\x1b]0;pwned\x07\x1b[31m\x1b[2J\x9b1A\u202e"
NET = r"""
name: "net\033]0;pwned\007"
layer { name: "data\033[2J" type: "Input" top: "data\033[2J"
  input_param { shape { dim: 1 dim: 1 dim: 5 dim: 5 } } }
layer { name: "fc\302\2331A" type: "InnerProduct" bottom: "data\033[2J" top: "fc\342\200\256"
  inner_product_param { num_output: 3 } }
layer { name: "prob" type: "Softmax\033[31m" bottom: "nothing\033c" top: "prob" }
"""
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.fixture(autouse=True)
def files(ssdh: Ssdh) -> None:
    Path("net.prototxt").write_text(NET)
    names = np.array([f"a{EVIL}", f"b{EVIL}"])
    codes = Codes(
        np.array([[1], [3]], np.uint8), 8, names, np.array([0, 1]), {"source": EVIL, "model": None}
    )
    write_codes(Path("codes.npz"), codes)
    ssdh("index", "build", "codes.npz", "-o", "codes.index")


@pytest.mark.parametrize("color", ["always", "never"])
@pytest.mark.parametrize(
    "words",
    [
        ("show", "net.prototxt"),
        ("show", "net.prototxt", "--json"),
        ("patch", "net.prototxt"),
        ("deploy", "net.prototxt"),
        ("check", "net.prototxt"),
        ("check", "net.prototxt", "--json"),
        ("diff", "net.prototxt", "zoo:lenet"),
        ("upgrade", "net.prototxt", "--check"),
        ("index", "info", "codes.index"),
        ("search", "codes.index", "--queries", "codes.npz"),
        ("search", "codes.index", "--id", f"a{EVIL}"),
        ("search", "codes.index", "--id", f"no{EVIL}"),
        ("evaluate", "--queries", "codes.npz", "--database", "codes.npz"),
        ("index", "remove", "codes.index", f"no{EVIL}"),
        ("show", f"no{EVIL}"),
        ("patch", "zoo:lenet", "--at", EVIL),
        ("rule", EVIL),
        (EVIL,),
    ],
    ids=lambda words: " ".join(words)[:24].encode("unicode_escape").decode(),
)
def test_a_command_prints_no_control_character(
    capfdbinary: pytest.CaptureFixture[bytes], words: tuple[str, ...], color: str
) -> None:
    capfdbinary.readouterr()
    assert run([f"--color={color}", *words]) in (0, 1, 2, 3)
    for data in capfdbinary.readouterr():
        text = data.decode()
        assert "a bug in ssdh-surgery" not in text
        # Our own colors are the only escape sequences.
        assert (
            _RAW.findall(re.sub(r"\x1b\[[0-9;]*m", "", text) if color == "always" else text) == []
        )
        assert "\x1b[31m\x1b[2J" not in text


def test_a_color_of_ours_is_one_and_that_of_a_name_is_not() -> None:
    text = styled("mine", fg="green") + " \x1b[31mtheirs"
    assert rendered(text, is_colored=True) == "\x1b[32mmine\x1b[0m \\x1b[31mtheirs"
    assert rendered(text, is_colored=False) == "mine \\x1b[31mtheirs"


def test_what_is_escaped_and_what_is_not() -> None:
    assert safe("a\tb\nc é 中 \u200d") == "a\tb\nc é 中 \u200d"
    assert safe("\x1b\x00\r\x7f\x85\u2028\u2066") == "\\x1b\\x00\\r\\x7f\\x85\\u2028\\u2066"


def test_a_diff_in_a_terminal_is_escaped(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    terminal.configure(quiet=False, verbose=False, color="always")
    try:
        terminal.answer_diff("+a\x1b[2J\n b\n")
    finally:
        terminal.configure(quiet=False, verbose=False, color="auto")
    assert capfdbinary.readouterr().out == b"\x1b[32m+a\\x1b[2J\x1b[0m\n b\n"
