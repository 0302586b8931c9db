"""The hits of a search as images: a row for each query, nearest first."""

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
from ssdh_surgery.report.contact_sheet import Thumbnail, sheet, thumbnail

# More rows would make an image too tall to look at.
_ROWS = 50


def write_search_sheet(
    out: Path, hits: Sequence[Sequence[str]], recipe: Mapping[str, Any], root: str | None
) -> int:
    """Draw the hits of the first queries on a PNG; the number of images that were found.

    Args:
        out: the PNG.
        hits: the ids of the hits of each query.
        recipe: the recipe of the index, whose source is an LMDB or a folder with the images.
        root: the folder that ids are relative to; None for the source.

    Raises:
        DataError: none of the images exists.
        FileError: the PNG cannot be written.
        MissingExtra: OpenCV is not installed.
    """
    source = str(recipe.get("source", ""))
    rows = hits[:_ROWS]
    ids = {each for row in rows for each in row}
    if root is None and os.path.isfile(os.path.join(source, "data.mdb")):
        images = _of_records(source, ids)
    else:
        folder = root if root is not None else source if os.path.isdir(source) else ""
        images = _of_files(folder, ids)
    if not images:
        raise DataError(
            "none of the images of the hits exists",
            location=Location(root or source or "."),
            hint="give the folder that their ids are relative to: --root DIR",
        )
    write_bytes(out, sheet([[images.get(each) for each in row] for row in rows]))
    return len(images)


def _of_files(folder: str, ids: set[str]) -> dict[str, Thumbnail]:
    thumbnails: dict[str, Thumbnail] = {}
    for each in ids:
        try:
            thumbnails[each] = thumbnail(planar(read_image(os.path.join(folder, each))))
        except (DataError, FileError):
            continue  # its cell stays empty
    return thumbnails


def _of_records(lmdb: str, ids: set[str]) -> dict[str, Thumbnail]:
    thumbnails: dict[str, Thumbnail] = {}
    with LmdbStore(lmdb) as store:
        for each in ids:
            record = store.get(name_bytes(each))
            if record is not None:
                pixels: NDArray[Any] = read_datum(record).pixels()
                thumbnails[each] = thumbnail(pixels)
    return thumbnails
