"""Presets: the page lists what the code sets, and patching with one does it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.heads import hash_layer_below, heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.pipeline.settings.options import OPTIONS
from ssdh_surgery.surgery.hashing.presets import PRESETS
from support.paths import DOCS

PAGE = DOCS / "presets.md"


def table() -> dict[str, dict[str, str]]:
    """The page's table: for each preset its settings, those left to the defaults not."""
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in PAGE.read_text().splitlines()
        if row.startswith("|")
    ]
    titles, _, *body = rows
    return {
        name: {row[0].strip("`"): row[column] for row in body if not row[column].startswith("(")}
        for column, name in enumerate(titles)
        if column
    }


def test_the_page_is_what_the_code_sets() -> None:
    expected = {}
    for name, preset in PRESETS.items():
        values = {
            OPTIONS[name].flag: OPTIONS[name].type.to_text(value)
            for name, value in preset.settings.items()
            if name != "sets"
        }
        sets = {f"--set {key}": text for key, text in preset.settings.get("sets", ())}
        expected[name] = {**values, **sets, "source": preset.source}
    assert table() == expected


def test_the_page_has_the_defaults_of_the_table() -> None:
    defaults = {
        option.flag: f"({option.default_text})"
        for option in OPTIONS.values()
        if option.default_text is not None
    }
    rows = [row.split("|")[1:3] for row in PAGE.read_text().splitlines() if row.startswith("| `--")]
    cells = {flag.strip(" `"): cell.strip() for flag, cell in rows}
    known = {flag: cell for flag, cell in cells.items() if flag in defaults}
    assert len(known) > 8
    assert known == {flag: defaults[flag] for flag in known}


@pytest.mark.parametrize(
    ("name", "words", "std", "bias", "classifier", "full"),
    [
        ("blog", (), "0.005", "1", "0.01", False),
        ("ssdh", (), "0.01", "0", "0.2", True),
        ("cvprw15", (), "0.005", "1", "0.01", False),
        ("ssdh", ("--filler", "gaussian:0.5", "--objective", "sigmoid"), "0.5", "0", "0.2", False),
    ],
)
def test_patch_with_a_preset(
    name: str,
    words: tuple[str, ...],
    std: str,
    bias: str,
    classifier: str,
    full: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from click.testing import CliRunner

    from ssdh_surgery.cli.commands.patch import command

    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(command, ["zoo:alexnet", "--preset", name, *words, "--out", "."])
    assert ran.exit_code == 0, ran.output
    net = Net(parse((tmp_path / "alexnet_ssdh.prototxt").read_bytes()))
    (head,) = heads(net)
    hashed = hash_layer_below(net, head.classifier)
    assert hashed is not None
    inner = hashed.latent.core.message("inner_product_param")
    last = head.classifier.core.message("inner_product_param")
    assert inner is not None
    assert last is not None
    fillers = [inner.message("weight_filler"), last.message("weight_filler")]
    assert [each.string("std") for each in fillers if each] == [std, classifier]
    bias_filler = inner.message("bias_filler")
    assert bias_filler is not None
    assert bias_filler.string("value") == bias
    assert any(layer.name == "fire_rate" for layer in net.layers) == full
