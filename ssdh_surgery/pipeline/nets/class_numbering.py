"""The numbering of classes: chosen by the user, or that of the data that a net is trained on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ssdh_surgery.data.class_names import ClassNames, class_names_beside, read_class_names
from ssdh_surgery.errors import SsdhError, UsageError
from ssdh_surgery.pipeline.nets.trained_files import train_sources
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import NAME, relative_to_cwd
from ssdh_surgery.pipeline.workspace.workspace import Workspace


def chosen_names(labels_file: Path | None) -> ClassNames | None:
    """The names in the file of `--labels-file`; none for the word `none`, None without a choice.

    Raises:
        FileError, DataError: it cannot be read, or does not name classes.
    """
    if labels_file is None:
        return None
    return ClassNames() if str(labels_file) == "none" else read_class_names(labels_file)


def names_of_net(record: NetRecord | None) -> ClassNames | None:
    """The names that a net is trained with: `labels.txt` of its data, else of its workspace.

    Raises:
        FileError, DataError: the file cannot be read, or does not name classes.
    """
    if record is None:
        return None
    return _of_data([record]) or class_names_beside(relative_to_cwd(record.folder / NAME))


def numbering_of_build(source: Path, out: Path, labels_file: Path | None) -> ClassNames | None:
    """The numbering of the classes of a new LMDB; None for a list, whose labels are numbers.

    That of the user's choice, of the LMDBs next to it, or of the workspace; else one without names.

    Raises:
        FileError, DataError: the file cannot be read, or does not name classes.
        WorkspaceError: `ssdh.toml` cannot be read.
        UsageError: names were chosen for a list.
    """
    if not source.is_dir():
        if labels_file is not None:
            raise UsageError("--labels-file numbers class folders, but a list has numbers")
        return None
    names = chosen_names(labels_file)
    if names is None:
        names = class_names_beside(out)
    workspace = Workspace.find() if names is None else None
    if workspace is not None:
        names = _of_data(workspace.nets.values())
        names = names or class_names_beside(relative_to_cwd(workspace.path))
    return names or ClassNames()


def _of_data(records: Iterable[NetRecord]) -> ClassNames | None:
    """The names beside the data of nets; None where there are none, or the nets differ in them."""
    sources = {source: None for record in records for source in _sources(record)}
    all_names = {each.names: each for each in map(class_names_beside, sources) if each}
    return next(iter(all_names.values())) if len(all_names) == 1 else None


def _sources(record: NetRecord) -> list[Path]:
    try:
        return list(train_sources(record))
    except SsdhError:
        return []  # what is wrong with the train net is the concern of other commands
