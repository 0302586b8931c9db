"""What a search found as pictures: a row for each query, its hits from the nearest on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ssdh_surgery.data.datum import read_datum
from ssdh_surgery.data.image import planar, read_image
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.errors import DataError, FileError
from ssdh_surgery.files import write_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes
from ssdh_surgery.pipeline.search.search import Answer
from ssdh_surgery.report.contact_sheet import Thumbnail, sheet, thumbnail

# More queries would make a picture that nobody can look at.
_ROWS = 50


def write_search_sheet(
    out: Path, answers: Sequence[Answer], recipe: Mapping[str, Any], root: str | None
) -> int:
    """Draw the hits of the first queries on a PNG; how many pictures were found.

    Args:
        out: the PNG.
        answers: what the queries found.
        recipe: of the index: its source, an LMDB or a folder, is where the pictures are.
        root: the folder that ids are paths from, where it is not the source.

    Raises:
        DataError: none of the pictures is there.
        FileError: the PNG cannot be written.
        MissingExtra: OpenCV is not installed.
    """
    source = str(recipe.get("source", ""))
    rows = [[hit.id for hit in answer.hits] for answer in answers[:_ROWS]]
    wanted = {each for row in rows for each in row}
    if root is None and os.path.isfile(os.path.join(source, "data.mdb")):
        pictures = _of_records(source, wanted)
    else:
        folder = root if root is not None else source if os.path.isdir(source) else ""
        pictures = _of_files(folder, wanted)
    if not pictures:
        raise DataError(
            "none of the pictures that were found is there",
            location=Location(root or source or "."),
            hint="say where their ids are paths from: --root DIR",
        )
    write_bytes(out, sheet([[pictures.get(each) for each in row] for row in rows]))
    return len(pictures)


def _of_files(folder: str, ids: set[str]) -> dict[str, Thumbnail]:
    found = {}
    for each in ids:
        try:
            found[each] = thumbnail(planar(read_image(os.path.join(folder, each))))
        except (DataError, FileError):
            continue  # its place stays free
    return found


def _of_records(lmdb: str, ids: set[str]) -> dict[str, Thumbnail]:
    found: dict[str, Thumbnail] = {}
    with LmdbStore(lmdb) as store:
        for each in ids:
            record = store.get(name_bytes(each))
            if record is not None:
                pixels: NDArray[Any] = read_datum(record).pixels()
                found[each] = thumbnail(pixels)
    return found
