"""Renames of several files and folders: all are done or none, whenever the process is killed."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from ssdh_surgery.errors import FileError
from ssdh_surgery.staging import exchange, renames
from ssdh_surgery.staging.journal import NAME, new_journal, read_journal
from ssdh_surgery.staging.renames import Rename, finish_renames, rename_all, settle
from ssdh_surgery.staging.staged_file import Write, clean_folders, write_files
from ssdh_surgery.staging.temporary import Temporary
from support.killed import killed_at_lines

# The modules that change files: elsewhere, the moment of a kill makes no difference.
MODULES = tuple(f"staging/{name}.py" for name in ("renames", "exchange", "journal", "staged_file"))


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder and of those in it, by path."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def reset(folder: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.fixture(autouse=True)
def _without_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the syncs, which cost most of the time: a kill loses nothing that was written."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(params=["renameat2", "without renameat2"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to exchange two paths: that of Linux, and that of systems which lack it."""
    if request.param != "renameat2":
        monkeypatch.setattr(exchange, "_function", lambda: None)
    return str(request.param)


@pytest.mark.parametrize(
    ("system", "folders"),
    [
        pytest.param("renameat2", ("one/", "two/"), id="two folders"),
        pytest.param("without renameat2", ("", ""), id="without renameat2"),
    ],
    indirect=["system"],
)
@pytest.mark.usefixtures("system")
def test_a_kill_leaves_all_files_old_or_all_new(tmp_path: Path, folders: tuple[str, str]) -> None:
    folder = tmp_path / "work"
    train, solver, new = f"{folders[0]}train", f"{folders[1]}solver", f"{folders[1]}new"
    old = {train: b"old net", solver: b"old solver"}
    expected = {train: b"new net", solver: b"new solver", new: b"a new file"}
    outcomes = set()
    for _ in killed_at_lines(
        MODULES,
        lambda: reset(folder, old),
        lambda: write_files([Write(folder / name, data) for name, data in expected.items()]),
    ):
        for each in {(folder / name).parent for name in old}:
            finish_renames(each)
        left = contents(folder)
        found = {name: data for name, data in left.items() if name in expected}
        assert found in (old, expected)
        outcomes.add(found == expected)
        for each in {(folder / name).parent for name in old}:
            write_files([Write(each / "other", b"")])
            (each / "other").unlink()
        assert contents(folder) == found, "the temporary files of a killed process are removed"
    assert contents(folder) == expected
    assert outcomes == {False, True}


@pytest.mark.usefixtures("system")
def test_a_kill_never_leaves_a_folder_missing(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    old = {"lmdb/data": b"old", ".lmdb.partial/data": b"new"}
    for _ in killed_at_lines(
        MODULES,
        lambda: reset(folder, old),
        lambda: rename_all([Rename(folder / ".lmdb.partial", folder / "lmdb", "lmdb")]),
    ):
        finish_renames(folder)
        assert (folder / "lmdb/data").read_bytes() in (b"old", b"new")
    assert contents(folder) == {"lmdb/data": b"new"}


@pytest.mark.usefixtures("system")
def test_a_rename_that_fails_takes_the_others_back(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "theirs").write_bytes(b"theirs")
    made = [Temporary(tmp_path / name) for name in ("file", "new", "theirs")]
    targets = [tmp_path / name for name in ("file", "new", "theirs")]
    renames = [
        Rename(each.path, target, target.name, is_new=target.name == "theirs")
        for each, target in zip(made, targets, strict=True)
    ]
    with pytest.raises(FileError) as caught:
        rename_all(renames)
    for each in made:
        each.remove()
    assert str(caught.value).startswith("theirs: appeared in the meantime")
    assert contents(tmp_path) == {"file": b"old", "theirs": b"theirs"}


def test_a_journal_of_others_is_not_followed(tmp_path: Path) -> None:
    """A journal in a folder of a stranger must not move or remove files elsewhere."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.profile").write_bytes(b"mine")
    (tmp_path / "home/.ssdh-aaaaaaaa.tmp").write_bytes(b"evil")
    (tmp_path / "home/target").write_bytes(b"mine")
    (tmp_path / "archive").mkdir()
    for source, target in (
        ("archive/evil", "home/.profile"),
        ("home/.profile", "home/other"),
        ("home/.ssdh-aaaaaaaa.tmp", "home/target"),
    ):
        (tmp_path / "archive/evil").write_bytes(b"evil")
        planted = new_journal([(tmp_path / source, tmp_path / target)])
        planted._write_in(tmp_path / "archive")
        before = contents(tmp_path / "home")
        finish_renames(tmp_path / "archive")
        assert contents(tmp_path / "home") == before
        (tmp_path / "archive" / NAME).unlink(missing_ok=True)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"identity": 1}', b"\xff", b"[" * 100_000])
def test_a_damaged_journal_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)
    assert read_journal(tmp_path) is None
    write_files([Write(tmp_path / "a", b"1"), Write(tmp_path / "b", b"2")])
    assert contents(tmp_path) == {"a": b"1", "b": b"2"}


def test_a_link_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "far").write_bytes(b"{}")
    os.symlink("far", tmp_path / NAME)
    write_files([Write(tmp_path / "a", b"1"), Write(tmp_path / "b", b"2")])
    assert contents(tmp_path) == {"far": b"{}", "a": b"1", "b": b"2"}


@pytest.mark.usefixtures("system")
def test_a_journal_that_cannot_be_removed_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rename that is done stays done, also when the journal is found later."""
    reset(tmp_path, {"one": b"old", "two": b"old"})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", _refuse)
        write_files([Write(tmp_path / name, b"new") for name in ("one", "two")])
    assert read_journal(tmp_path) is not None
    (tmp_path / "one").write_bytes(b"newer")
    clean_folders([tmp_path])
    assert contents(tmp_path) == {"one": b"newer", "two": b"new"}


def test_a_command_with_nothing_to_write_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    reset(tmp_path, {".ssdh-abcdefgh.tmp": b"half", "file": b"whole"})
    clean_folders([tmp_path, tmp_path / "missing"])
    assert contents(tmp_path) == {"file": b"whole"}


def _refuse(*_: object, **__: object) -> None:
    raise PermissionError


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_reader_in_a_folder_that_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    pairs = [(Temporary(tmp_path / name), tmp_path / name) for name in ("net", "solver")]
    journal = new_journal([(temporary.path, target) for temporary, target in pairs])
    journal.write()
    for temporary, target in pairs[:done]:
        os.rename(temporary.path, target)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as read_only:
        for module, name in ((renames, "_put"), (Path, "unlink"), (os, "unlink")):
            read_only.setattr(module, name, refuse)
        if done == 1:
            with pytest.raises(FileError, match="some files old and others new") as caught:
                settle(tmp_path / "net")
            assert caught.value.hint == "make the folder writable and run the command again"
        else:
            settle(tmp_path / "net")
    settle(tmp_path / "net")
    assert sorted(os.listdir(tmp_path)) == ["net", "solver"]
    for temporary, _ in pairs:
        temporary.release()


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 5000, ""])
def test_a_name_that_no_file_can_have_is_left_to_the_reader(name: str) -> None:
    settle(name)
