"""Data layers without a batch size."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.check_folders import classifier, data_layer, labelled, texts, write_lmdb


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_lmdb("lmdb", labelled([0, 1, 2]))


@pytest.mark.parametrize(("text", "value"), [("batch_size: 0", "0"), ("", "not set")])
def test_no_batch_size(text: str, value: str) -> None:
    net = data_layer("lmdb").replace("batch_size: 2", text) + classifier(3)
    messages = [each for each in texts(net) if each.startswith("SSDH123")]
    assert messages == [
        f"SSDH123 the batch_size of layer 'data' is {value}\nhint: set batch_size in its data_param"
    ]


def test_a_list_of_a_net_of_2014() -> None:
    Path("list.txt").write_text("a.png 0\n")
    layer = (
        'layers { name: "data" type: IMAGE_DATA top: "data" top: "label" '
        'image_data_param { source: "list.txt" %s } }\n'
    )
    for text, count in (("batch_size: 1", 0), ("batch_size: 0", 1)):
        messages = texts(layer % text)
        assert sum(each.startswith("SSDH123") for each in messages) == count
