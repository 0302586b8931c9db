"""The images of items: below the recorded folder, in an LMDB, behind a prefix of the ids."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.report.pictures import Pictures


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in (("one", 10), ("two", 20)):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "a.png"), np.full((4, 4, 3), value, np.uint8))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path


def value(pictures: Pictures, name: str) -> int | None:
    """The value of all pixels of an image, None if it is missing."""
    image = pictures.thumbnail(name)
    return None if image is None else int(image[0, 0, 0])


def test_the_recorded_folder_comes_before_the_source(folder: Path) -> None:
    recipe = {"source": "../two", "root": str(folder / "one")}
    with Pictures(recipe, "") as pictures:
        assert value(pictures, "a.png") == 10
        assert value(pictures, "b.png") is None
        assert (len(pictures), pictures.missing) == (1, ["b.png"])
    # The source of a recipe without a folder, or whose folder is gone, may lie beside the index.
    for gone in ({"source": "two"}, {"source": "two", "root": str(folder / "gone")}):
        with Pictures(gone, str(folder)) as pictures:
            assert value(pictures, "a.png") == 20
    with Pictures(recipe, "", root=str(folder / "two")) as pictures:
        assert value(pictures, "a.png") == 20


def test_a_path_that_begins_with_a_slash_follows_the_root(folder: Path) -> None:
    with Pictures({"root": str(folder / "one")}, "") as pictures:
        assert value(pictures, "/a.png") == 10
        assert value(pictures, str(folder / "two" / "a.png")) == 20


def test_ids_of_several_folders_are_told_apart_by_their_prefixes(folder: Path) -> None:
    recipe = {
        "root": str(folder / "one"),
        "id_prefix": "x/",
        "more_sources": [{"root": str(folder / "two"), "id_prefix": "y/"}],
    }
    with Pictures(recipe, "") as pictures:
        assert [value(pictures, name) for name in ("x/a.png", "y/a.png")] == [10, 20]
        assert value(pictures, "z/a.png") is None


def test_records_of_an_lmdb(folder: Path) -> None:
    with LmdbWriter(folder / "a_lmdb") as writer:
        writer.put(b"key", write_raw(np.full((3, 4, 4), 30, np.uint8), 0))
    with Pictures({"root": str(folder / "a_lmdb")}, "") as pictures:
        assert value(pictures, "key") == 30
        assert value(pictures, "none") is None
