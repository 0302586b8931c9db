"""`labels.txt`: what names classes, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.data.class_names import class_names_beside, class_names_path
from ssdh_surgery.errors import DataError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cat\ndog\ncat\n", ":3: the class 'cat' has labels 0 and 2"),
        ("cat\n\ndog\n", ":2: a line without a class name"),
        ("\n", ": names no classes"),
        ("cat\0dog", ": not a list of class names: it is not text"),
    ],
)
def test_files_that_do_not_name_classes(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        class_names_beside(tmp_path / "x_lmdb")
    assert str(caught.value).split("\nhint")[0] == f"{path}{message}"


@pytest.mark.parametrize(
    "text",
    ["photos/a b.jpg 3\nphotos/c.jpg 4\n", "a.jpg 0 1,1\n", "photos/a.PNG\n"],
)
def test_a_list_of_images_names_no_classes(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.txt").write_text(text)
    assert class_names_beside(tmp_path / "x_lmdb") is None


@pytest.mark.parametrize("path", [".", "..", "below/..", "../photos", "../photos/"])
def test_the_file_next_to_any_folder(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos/dog/below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / ("photos/dog" if path == ".." else "photos"))
    file = class_names_path(Path(path))
    assert file.resolve() == tmp_path / "labels.txt"


def test_a_file_does_not_name_its_own_classes(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("n01440764 tench, Tinca tinca\ncaf\u00e9 2\n")
    assert class_names_beside(tmp_path / "labels.txt") is None
    names = class_names_beside(tmp_path / "x_lmdb")
    assert names is not None
    assert names.names == ("n01440764 tench, Tinca tinca", "caf\u00e9 2")
