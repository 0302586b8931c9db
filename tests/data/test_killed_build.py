"""A build that is killed while its files are put in place: the next command has all or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from numpy.typing import NDArray

from ssdh_surgery.data.build import build
from ssdh_surgery.data.class_names import read_class_names
from ssdh_surgery.data.image import encode
from ssdh_surgery.data.list_line import SeveralLabels
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.record import RecordOptions
from ssdh_surgery.errors import FileError
from ssdh_surgery.staging import renames
from support.killed import killed_at_lines

# The modules that put files in place.
MODULES = ("staging/renames.py", "staging/exchange.py")
PLAIN = RecordOptions(size=(4, 4))
SPLIT = RecordOptions(size=(4, 4), split=0.5)


@pytest.fixture(autouse=True)
def folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    picture: Callable[..., NDArray],
) -> Path:
    """Eight pictures in two folders, and two lists of them that differ in the labels."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.chdir(tmp_path)
    for number in range(8):
        file = Path("pictures", "ab"[number % 2], f"{number}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(picture(number, 4, 4), "png"))
        for name, label in (("old.txt", 1), ("new.txt", 2)):
            with open(name, "a", encoding="ascii") as file_list:
                file_list.write(f"{file} {label} {number}\n")
    return tmp_path


def from_list(name: str, *, replace: bool = False) -> None:
    build(
        name, "x", SPLIT, several=SeveralLabels(), labels_as="hdf5",
        replace=replace, threads=1,
    )  # fmt: skip


def records(path: str) -> list[tuple[bytes, bytes]] | None:
    """What an LMDB holds, as a reader finds it; None if there is none."""
    if not Path(path).exists():
        return None
    with LmdbStore(Path(path)) as store:
        return list(store.items())


def clear(*names: str) -> None:
    for path in Path().iterdir():
        if path.name not in ("pictures", "old.txt", "new.txt", *names):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def killed(
    prepare: Callable[[], None], run: Callable[[], None], state: Callable[[], object]
) -> None:
    """Kill a build at each line; what is read afterwards is as before it, or as after it."""
    prepare()
    before = state()
    run()
    after = state()
    assert before != after
    outcomes = []
    for _ in killed_at_lines(MODULES, prepare, run):
        outcomes.append(state())
        assert outcomes[-1] in (before, after)
    assert outcomes[0] == before
    assert outcomes[-1] == after


def test_a_split_with_label_files(folder: Path) -> None:
    def state() -> object:
        lmdbs = [records("x_train"), records("x_test")]
        texts = [Path(f"x_{side}_labels.txt") for side in ("train", "test")]
        files = [path.with_suffix(".h5") for path in texts]
        return lmdbs, [path.read_bytes() if path.exists() else None for path in (*texts, *files)]

    def prepare() -> None:
        clear()
        from_list("old.txt")

    killed(prepare, lambda: from_list("new.txt", replace=True), state)


def test_a_folder_with_class_names(folder: Path) -> None:
    def state() -> object:
        lmdb = records("x")
        return lmdb, Path("labels.txt").exists() and read_class_names(Path("labels.txt")).names

    killed(clear, lambda: build("pictures", "x", PLAIN, threads=1) and None, state)


def test_an_lmdb_that_is_replaced(folder: Path) -> None:
    def prepare() -> None:
        clear()
        build("old.txt", "x", PLAIN, several=SeveralLabels(), threads=1)

    def run() -> None:
        build("new.txt", "x", PLAIN, several=SeveralLabels(), replace=True, threads=1)

    killed(prepare, run, lambda: (records("x"), records("x_labels")))


def test_an_error_at_the_last_rename_leaves_all_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_list("old.txt")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    put = renames._put

    def fail(source: Path, target: Path) -> bool:
        if target.name == "x_test_labels.txt":
            raise OSError(5, "Input/output error")
        return put(source, target)

    monkeypatch.setattr(renames, "_put", fail)
    with pytest.raises(FileError, match="Input/output error"):
        from_list("new.txt", replace=True)
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_class_names_that_another_build_wrote_meanwhile(folder: Path) -> None:
    def write(done: int, total: int) -> None:
        Path("labels.txt").write_text("b\na\n", encoding="ascii")

    with pytest.raises(FileError, match=r"labels\.txt: appeared in the meantime") as caught:
        build("pictures", "x", PLAIN, progress=write)
    assert caught.value.hint == "run the command again"
    assert Path("labels.txt").read_text(encoding="ascii") == "b\na\n"
    assert not Path("x").exists()


def test_an_lmdb_that_another_build_wrote_meanwhile(folder: Path) -> None:
    def write(done: int, total: int) -> None:
        if done == total:
            shutil.copytree("other", "x")

    build("old.txt", "other", PLAIN, several=SeveralLabels())
    before = records("other")
    with pytest.raises(FileError, match="x: appeared in the meantime"):
        build("pictures", "x", PLAIN, progress=write)
    assert records("x") == before
