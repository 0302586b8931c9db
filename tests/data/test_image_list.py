"""Lists: what Caffe would take them for, and each way in which they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.data.image_list import ListEntry, read_list
from ssdh_surgery.errors import DataError, FileError
from ssdh_surgery.location import Location


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.jpg", "my cat.jpg", "c.jpg 1", "noext"):
        (tmp_path / "pictures" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "pictures" / name).touch()
    return tmp_path


def listed(folder: Path, text: str | bytes) -> Path:
    path = folder / "train.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_good_list_has_entries_and_no_problems(folder: Path) -> None:
    path = listed(folder, "a.jpg 0\nmy cat.jpg 12\nc.jpg 1 3\nnoext +4\nb.jpg 007")
    read = read_list(path, folder / "pictures")
    assert read.entries == [
        ListEntry("a.jpg", 0, 0),
        ListEntry("my cat.jpg", 12, 1),
        ListEntry("c.jpg 1", 3, 2),
        ListEntry("noext", 4, 3),
        ListEntry("b.jpg", 7, 4),
    ]
    assert read.problems == []
    assert read.findings == ()
    assert read.file(read.entries[0]) == f"{folder}/pictures/a.jpg"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("a.jpg", "no-label"),
        ("my cat.jpg", "no-label"),
        (" 3", "no-label"),
        ("a.jpg 3 ", "trailing-space"),
        ("a.jpg 3\t", "trailing-space"),
        ("a.jpg\t3", "tab-for-space"),
        ("my cat.jpg\t3", "tab-for-space"),
        ("a.jpg \t3", "tab-for-space"),
        ("a.jpg cat", "label-not-a-number"),
        ("a.jpg 1.5", "label-not-a-number"),
        ("a.jpg 3x", "label-not-a-number"),
        ("a.jpg \u0663", "label-not-a-number"),
        ("a.jpg -1", "negative-label"),
        ("a.jpg 2147483648", "label-too-large"),
        ("a.jpg 1 5", "several-labels"),
        ("my cat.jpg 0 1 0", "several-labels"),
        ("a.jpg 1,5", "several-labels"),
        ("x.jpg 1", "missing-picture"),
        ("a.jpg  1", "missing-picture"),
        ("pictures 1", "missing-picture"),
        (" a.jpg 1", "missing-picture"),
        (f"{'x' * 503} 1", "path-too-long"),
    ],
)
def test_each_error_is_named_and_leaves_the_line_out(folder: Path, line: str, name: str) -> None:
    read = read_list(listed(folder, f"b.jpg 0\n{line}\n"), folder / "pictures")
    assert [entry.path for entry in read.entries] == ["b.jpg"]
    assert read.errors == 1
    (finding,) = read.findings
    assert (finding.name, finding.severity) == (name, "error")
    assert finding.location == Location(str(folder / "train.txt"), 2)


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        (b"\xef\xbb\xbfa.jpg 1\nb.jpg 2\n", "byte-order-mark", 1),
        (b"a.jpg 1\r\nb.jpg 2\r\n", "windows-line-ends", 1),
        (b"a.jpg 1\nb.jpg 2\n\n \n", "empty-line", 3),
        (b"a.jpg 1\nb.jpg 2\nb.jpg 2\n", "listed-twice", 3),
    ],
)
def test_a_warning_leaves_the_pictures_in(folder: Path, text: bytes, name: str, line: int) -> None:
    read = read_list(listed(folder, text), folder / "pictures")
    assert [(entry.path, entry.label) for entry in read.entries[:2]] == [("a.jpg", 1), ("b.jpg", 2)]
    assert read.errors == 0
    (finding,) = read.findings
    assert (finding.name, finding.severity) == (name, "warning")
    assert finding.location == Location(str(folder / "train.txt"), line)


def test_lines_are_counted_as_caffe_counts_them(folder: Path) -> None:
    read = read_list(listed(folder, "x.jpg 1\n\na.jpg 2\nbad\nb.jpg 3\n"), folder / "pictures")
    assert [(entry.path, entry.line_id) for entry in read.entries] == [("a.jpg", 2), ("b.jpg", 4)]


def test_problems_are_told_together_and_grouped(folder: Path) -> None:
    text = "a.jpg 1\nx\ty.jpg\t1\nno.jpg 4\na.jpg 2\nb.jpg 2 \n\nz\xe9.jpg 1\n"
    path = listed(folder, text.encode("latin-1"))
    findings = read_list(path, folder / "pictures").findings
    assert [str(finding) for finding in findings] == [
        f"{path}:3: error SSDH601 missing-picture: 2 lines with images that do not exist\n"
        "    line 3: 'no.jpg'\n"
        "    line 7: 'z\\xe9.jpg'\n"
        "hint: paths are relative to the root folder (--root)",
        f"{path}:5: error SSDH604 trailing-space: 1 line with white space after the label\n"
        "    line 5: 'b.jpg 2 '\n"
        "hint: Caffe splits at the last space, so a space there means label 0",
        f"{path}:2: error SSDH605 tab-for-space: 1 line with a tab before the label\n"
        "    line 2: 'x\\ty.jpg\\t1'\n"
        "hint: Caffe splits at a space: replace the tab with one",
        f"{path}:4: error SSDH610 contradicting-labels: 1 line with images that are listed before "
        f"with "
        "another label\n"
        "    line 4: 'a.jpg' has label 1 on line 1, here label 2",
        f"{path}:6: warning SSDH614 empty-line: 1 line without content",
    ]


def test_many_problems_are_told_by_their_lines(folder: Path) -> None:
    lines = ["a.jpg 1" if i in (20, 21, 30) else f"no{i}.jpg 1" for i in range(1, 40)]
    read = read_list(listed(folder, "\n".join(lines)), folder / "pictures")
    missing = read.findings[0].message.split("\n")
    assert missing[0] == "36 lines with images that do not exist"
    assert missing[1:11] == [f"    line {i}: 'no{i}.jpg'" for i in range(1, 11)]
    assert missing[11:] == ["    and lines 11-19, 22-29, 31-39"]
    odd = [f"{name}{i}.jpg 1" if name else "a.jpg 1" for i in range(60) for name in ("", "x")]
    read = read_list(listed(folder, "\n".join(odd)), folder / "pictures")
    assert read.findings[0].message.endswith(", 92, 94, 96, 98, 100 and 10 more")


def test_without_a_look_at_the_files_only_the_form_counts(tmp_path: Path) -> None:
    path = listed(tmp_path, "no.jpg 4\nno such 5\nno.jpg 1 2\n")
    read = read_list(path, check_files=False)
    assert [entry.path for entry in read.entries] == ["no.jpg", "no such"]
    assert [problem.kind.rule.name for problem in read.problems] == ["several-labels"]


def test_paths_beside_the_list_are_pointed_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    path = listed(folder / "pictures", "a.jpg 1\n")
    assert read_list(path).findings[0].message == (
        "1 line with images that do not exist\n"
        "    line 1: 'a.jpg' (it exists relative to the list's folder)"
    )


def test_names_that_are_no_text_are_kept(folder: Path) -> None:
    name = b"caf\xe9.jpg"
    Path(str(folder / "pictures") + "/" + name.decode("utf-8", "surrogateescape")).touch()
    read = read_list(listed(folder, name + b" 5\n"), folder / "pictures")
    (entry,) = read.entries
    assert entry == ListEntry("caf\udce9.jpg", 5, 0)
    assert read.problems == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the list is empty"),
        (b"\x89PNG\r\n\x00", "not a list: it is not text"),
        (b"\x89PNG\x00\n", "not a list: it is not text"),
    ],
    ids=["empty", "png", "png-line"],
)
def test_what_is_no_list_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = listed(tmp_path, data)
    with pytest.raises(DataError) as caught:
        read_list(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_missing_list_is_a_file_error(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read_list(tmp_path / "x.txt")
    assert str(caught.value) == f"{tmp_path / 'x.txt'}: cannot read: no such file"
