"""The source of an HDF5Data layer: a list of HDF5 files, and what Caffe needs of their datasets.

Source: hdf5_data_layer.cpp and util/hdf5.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from ssdh_surgery import findings as rules
from ssdh_surgery.errors import DataError, did_you_mean
from ssdh_surgery.files import read_regular
from ssdh_surgery.findings import FindingRule
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_text, shape_text

# The signature is at the start of a file, or behind a block of the user's, as MATLAB writes one.
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SIGNATURE_PLACES = (0, 512, 1024, 2048)
# The values of a blob are counted by an int.
_MOST_VALUES = (1 << 31) - 1
_NAMED = 8


class Dataset(NamedTuple):
    """A dataset: its shape, None for a group, and the class of its type, `integer` or `float`."""

    shape: tuple[int, ...] | None
    kind: str


@dataclass(frozen=True)
class Hdf5Refusal:
    """Something that Caffe refuses of a file; `rule` is the finding."""

    rule: FindingRule
    message: str
    hint: str | None = None


def is_hdf5(data: bytes) -> bool:
    """Whether the start of a file is that of HDF5."""
    return any(data.startswith(_SIGNATURE, place) for place in _SIGNATURE_PLACES)


def listed_files(folder: Path, source: str) -> list[str]:
    """The files that a list names, split at white space as by Caffe; `folder` is caffe's.

    Raises:
        FileError: the list cannot be read.
        DataError: it names no file, or is itself HDF5; the rule is in the error's data.
    """
    data = read_regular(folder / source)
    where = Location(str(folder / source))
    if is_hdf5(data):
        raise DataError(
            "is an HDF5 file, but source names a text that lists HDF5 files, one a line",
            location=where,
            hint=f"make a list of it, and name that as source: echo {quote(source)} > "
            + quote(f"{Path(source).stem}_list.txt"),
            rule=rules.HDF5_AS_LIST,
        )
    names = name_text(data).split()
    if not names:
        raise DataError("the list names no HDF5 files", location=where, rule=rules.UNREADABLE_LIST)
    return names


def refusals(
    tops: Sequence[str], datasets: Mapping[str, Dataset], first: Mapping[str, Dataset] | None = None
) -> Iterator[Hdf5Refusal]:
    """What Caffe refuses of one file: `datasets` are those of its root.

    `first` are those of the first file, whose shapes are those of the tops.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for top in tops:
        dataset = datasets.get(top)
        if dataset is None or dataset.shape is None:
            yield _without(top, datasets)
        elif problem := _problem(dataset):
            yield Hdf5Refusal(rules.DATASET_REFUSED, f"the dataset '{top}' {problem}")
        else:
            shapes[top] = dataset.shape
    if len({shape[0] for shape in shapes.values()}) > 1:
        rows = ", ".join(f"'{top}' has {shape[0]:,}" for top, shape in shapes.items())
        yield Hdf5Refusal(
            rules.DATASET_ROWS, f"the datasets of the tops need one number of rows: {rows}"
        )
    if first is None or len(shapes) < len(tops):
        return
    for top, shape in shapes.items():
        other = first[top].shape or ()
        if prod(shape[1:]) != prod(other[1:]):
            yield Hdf5Refusal(
                rules.DATASETS_DIFFER,
                f"a row of '{top}' is {shape_text(shape[1:])}, in the first file of the list "
                f"{shape_text(other[1:])}",
            )


def _without(top: str, datasets: Mapping[str, Dataset]) -> Hdf5Refusal:
    names = [name for name, dataset in datasets.items() if dataset.shape is not None]
    listed = ", ".join(f"'{name}'" for name in names[:_NAMED])
    listed += f" and {len(names) - _NAMED:,} more" if names[_NAMED:] else ""
    group = "a group of that name, and " if top in datasets else ""
    return Hdf5Refusal(
        rules.NO_DATASET,
        f"no dataset '{top}', a top of the layer; the file has {group}{listed or 'none'}",
        did_you_mean(top, names) or "the tops of the layer and the datasets need the same names",
    )


def _problem(dataset: Dataset) -> str | None:
    """What is wrong with a dataset alone."""
    shape = dataset.shape
    if not shape:
        return "is a single value, without rows"
    if dataset.kind not in ("integer", "float"):
        return f"holds no numbers: its type is {dataset.kind}"
    count = prod(shape)
    if not count:
        return f"is empty: {shape_text(shape)}"
    if count > _MOST_VALUES:
        return f"has {count:,} values, and a blob of Caffe at most {_MOST_VALUES:,}"
    return None
