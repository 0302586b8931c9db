"""Folders of class folders as lists."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ssdh_surgery.data import list_problems as kinds
from ssdh_surgery.data.class_folders import read_class_folders
from ssdh_surgery.data.image_list import ListEntry
from ssdh_surgery.errors import DataError, FileError


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_labels_count_the_sorted_classes(tmp_path: Path) -> None:
    make(tmp_path, "dog/2.jpg", "dog/10.JPG", "Zebra/a b.png", "cat/more/x.bmp", "cat/a.jpg")
    (tmp_path / "empty").mkdir()
    read = read_class_folders(tmp_path)
    assert read.classes == ("Zebra", "cat", "dog", "empty")
    assert read.entries == [
        ListEntry("Zebra/a b.png", 0, 0),
        ListEntry("cat/a.jpg", 1, 1),
        ListEntry("cat/more/x.bmp", 1, 2),
        ListEntry("dog/10.JPG", 2, 3),
        ListEntry("dog/2.jpg", 2, 4),
    ]
    assert read.problems == []
    assert read.file(read.entries[0]) == f"{tmp_path}/Zebra/a b.png"


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    make(tmp_path, "cat/a.jpg", "cat/.b.jpg", ".git/x.jpg", "cat/.trash/c.jpg")
    read = read_class_folders(tmp_path)
    assert [entry.path for entry in read.entries] == ["cat/a.jpg"]
    assert read.problems == []


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    make(tmp_path, "cat/a.jpg", "cat/notes.txt", "loose.jpg", "README", "cat/b\nc.csv")
    read = read_class_folders(tmp_path)
    assert [str(finding) for finding in read.findings] == [
        f"{tmp_path}: warning SSDH616 picture-without-class: 1 file in no class folder, left out\n"
        "    'loose.jpg'",
        f"{tmp_path}: warning SSDH617 not-a-picture: 2 files without the extension of an "
        "image, left out\n"
        "    'cat/b\\nc.csv'\n"
        "    'cat/notes.txt'",
    ]


def test_many_files_left_out_are_counted(tmp_path: Path) -> None:
    make(tmp_path, "cat/a.jpg", *(f"cat/{i:02}.txt" for i in range(14)))
    (finding,) = read_class_folders(tmp_path).findings
    assert finding.message.endswith("    'cat/09.txt'\n    and 4 more")


def test_a_linked_class_folder_counts(tmp_path: Path) -> None:
    make(tmp_path, "real/a.jpg", "data/dog/b.jpg")
    (tmp_path / "data" / "cat").symlink_to(tmp_path / "real")
    read = read_class_folders(tmp_path / "data")
    assert [entry.path for entry in read.entries] == ["cat/a.jpg", "dog/b.jpg"]


def test_a_folder_of_pictures_without_classes_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "b.jpg")
    with pytest.raises(DataError) as caught:
        read_class_folders(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: no class folders with images\n"
        "hint: put the images of each class into a folder of its own"
    )


def test_a_class_name_of_two_lines_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "a\nb/a.jpg")
    with pytest.raises(DataError) as caught:
        read_class_folders(tmp_path)
    assert str(caught.value) == f"{tmp_path}: a class name contains a line break: 'a\\nb'"


def test_a_missing_folder_is_a_file_error(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read_class_folders(tmp_path / "x")
    assert str(caught.value) == f"{tmp_path / 'x'}: cannot read: no such file"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a" / "pipe.png")
    (tmp_path / "a" / "nowhere.png").symlink_to("/nowhere/x.png")
    (tmp_path / "a" / "x.png").write_bytes(b"x")
    images = read_class_folders(tmp_path)
    assert [entry.path for entry in images.entries] == ["a/nowhere.png", "a/x.png"]
    assert [(each.kind, each.detail) for each in images.problems] == [
        (kinds.NOT_AN_IMAGE, "'a/pipe.png'")
    ]
