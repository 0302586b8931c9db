"""Tables and sentences in real terminals: nothing is wider than the terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ssdh_surgery.cli.table import Column, fitted, text_width
from support.screen import in_terminal, plain

WIDTHS = (60, 80, 200)
COMMANDS = (
    "show train_val_ssdh.prototxt",
    "zoo list",
    "patch train_val.prototxt --dry-run",
    "diff train_val.prototxt train_val_ssdh.prototxt",
    "-v patch train_val.prototxt",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("terminal")
    for words in ("zoo write googlenet", "patch train_val.prototxt"):
        command = [sys.executable, "-m", "ssdh_surgery", *words.split()]
        subprocess.run(command, cwd=path, check=True, capture_output=True)
    return path


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("words", COMMANDS)
def test_no_line_is_wider_than_the_terminal(words: str, columns: int, folder: Path) -> None:
    lines = plain(in_terminal(*words.split(), columns=columns, cwd=folder)).splitlines()
    assert len(lines) >= 10
    assert [line for line in lines if text_width(line) > columns] == []


def test_a_wide_terminal_and_a_pipe_show_the_same(folder: Path) -> None:
    command = [sys.executable, "-m", "ssdh_surgery", "patch", "train_val.prototxt", "--dry-run"]
    piped = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    seen = in_terminal("patch", "train_val.prototxt", "--dry-run", columns=400, cwd=folder)
    assert plain(seen) == piped.stdout + piped.stderr
    assert "\x1b[" in seen
    assert "\x1b[" not in piped.stdout + piped.stderr


def test_a_narrow_table_keeps_what_names_a_layer(folder: Path) -> None:
    words = ("show", "train_val_ssdh.prototxt")
    narrow, wide = (
        plain(in_terminal(*words, columns=columns, cwd=folder)).splitlines()
        for columns in (60, 200)
    )
    assert narrow[1].split() == ["layer", "type", "shape", "params"]
    titles = "line layer type shape params MACs share bottoms -> tops"
    assert wide[1].split() == titles.split()
    assert any("latent_SSDH_encode" in line for line in narrow)
    assert any(line.endswith("<- main head") for line in wide)


@pytest.mark.parametrize(
    ("words", "environment", "has_colors"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        ((), {"TERM": "dumb"}, False),
        (("--color", "never"), {}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
    ],
)
def test_colors_of_a_terminal(
    words: tuple[str, ...], environment: dict[str, str], has_colors: bool, folder: Path
) -> None:
    command = (*words, "diff", "train_val.prototxt", "train_val_ssdh.prototxt")
    assert ("\x1b[" in in_terminal(*command, columns=80, cwd=folder, **environment)) is has_colors


def test_color_always_reaches_a_pipe(folder: Path) -> None:
    command = [sys.executable, "-m", "ssdh_surgery", "--color", "always"]
    bad = folder / "bad.prototxt"
    bad.write_text('name: "a"\nlayer { name: }\n')
    ran = subprocess.run([*command, "show", bad], capture_output=True, text=True, check=False)
    lines = ran.stderr.splitlines()
    assert lines[0].startswith(f"\x1b[1m{bad}:2:15:\x1b[0m \x1b[31m")
    assert lines[2].strip().startswith("\x1b[32m")
    assert lines[2].endswith("^\x1b[0m")
    nets = [folder / name for name in ("train_val.prototxt", "train_val_ssdh.prototxt")]
    ran = subprocess.run([*command, "diff", *nets], capture_output=True, text=True, check=False)
    signs = {line.split("\x1b[")[1][:5] for line in ran.stdout.splitlines()}
    assert signs == {"32m+ ", "33m~ "}


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_caret_is_below_its_place(columns: int, folder: Path) -> None:
    line = 'layer { name: "fc" ' + 'top: "a" ' * 20 + "type: }" + ' top: "b"' * 20
    (folder / "long.prototxt").write_text(f'name: "a"\n{line}\n')
    shown = plain(in_terminal("show", "long.prototxt", columns=columns, cwd=folder)).splitlines()
    assert max(map(len, shown)) <= max(columns, 80)
    [text, caret] = shown[1:3]
    assert text[caret.index("^")] == "}"


NAMES = [["inception_3a/5x5_reduce", "16"], ["卷积层一", "1,024"]]
COLUMNS = [Column("name", least=6), Column("count", is_number=True), Column("rest", rank=1)]


def test_chinese_characters_take_two_columns() -> None:
    rows = [[*row, "x"] for row in NAMES]
    lines = fitted(COLUMNS, rows, None, {})
    assert lines == [
        "name                     count  rest",
        "inception_3a/5x5_reduce     16  x",
        "卷积层一                 1,024  x",
    ]
    narrow = fitted(COLUMNS, rows, 15, {})
    assert narrow == ["name      count", "ince…uce     16", "卷积层一  1,024"]
    assert max(map(text_width, narrow)) == 15


def test_marks_follow_their_rows_in_a_pipe_and_have_a_column_in_a_terminal() -> None:
    rows = [["a", "1", ""], ["bbbb", "2", ""]]
    assert fitted(COLUMNS, rows, None, {0: "<- here"})[1] == "a         1  <- here"
    assert fitted(COLUMNS, rows, 80, {0: "<- here"})[1] == "a         1        <- here"
    assert fitted(COLUMNS, rows, 12, {0: "<- here"})[1] == "a         1"
