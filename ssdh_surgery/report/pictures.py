"""The images of items, found by their ids: files below a folder, or records of an LMDB.

Codes record the folder that their ids are relative to, or their LMDB, as an absolute path, so
that images are found from any working directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple, Self

from ssdh_surgery.data.datum import read_datum
from ssdh_surgery.data.image import planar, read_image
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.errors import DataError, FileError
from ssdh_surgery.names import name_bytes
from ssdh_surgery.report.contact_sheet import Thumbnail, thumbnail


class _Source(NamedTuple):
    """A folder or LMDB with images, and what ids have before their paths or keys."""

    root: str
    id_prefix: str = ""


class Pictures:
    """The images of the items of a file of codes, or of an index.

    `missing` has the ids whose images were not found, each once.

    Args:
        recipe: how the codes were made, with their source.
        folder: the folder of the file that has the recipe, where an old recipe's relative source
            may be.
        root: a folder or LMDB to look in instead; None for the source of the recipe.
    """

    def __init__(self, recipe: Mapping[str, Any], folder: str, root: str | None = None) -> None:
        self._sources = _sources(recipe, folder)
        if root is not None:
            self._sources = [_Source(root, str(recipe.get("id_prefix") or ""))]
        self._stores: dict[str, LmdbStore] = {}
        self._open = ExitStack()
        self._thumbnails: dict[str, Thumbnail | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def missing(self) -> list[str]:
        """The ids of images that were looked for and not found."""
        return [name for name, image in self._thumbnails.items() if image is None]

    @property
    def place(self) -> str:
        """Where images are looked for first."""
        return self._sources[0].root or "."

    def __len__(self) -> int:
        """The number of different images that were found."""
        return len(self._thumbnails) - len(self.missing)

    def thumbnail(self, name: str) -> Thumbnail | None:
        """The image of an item, None if it is missing or cannot be read."""
        if name not in self._thumbnails:
            found = (self._read(source, name) for source in self._sources)
            self._thumbnails[name] = next((each for each in found if each is not None), None)
        return self._thumbnails[name]

    def _read(self, source: _Source, name: str) -> Thumbnail | None:
        root, path = source.root, name.removeprefix(source.id_prefix)
        try:
            if os.path.isfile(os.path.join(root, "data.mdb")):
                record = self._store(root).get(name_bytes(path))
                return None if record is None else thumbnail(read_datum(record).pixels())
            joined = os.path.join(root, path)
            # As in convert_imageset, the root is a prefix even of a path that begins with '/'.
            name = joined if os.path.exists(joined) else f"{root}{path}"
            return thumbnail(planar(read_image(name)))
        except (DataError, FileError):
            return None

    def _store(self, lmdb: str) -> LmdbStore:
        if lmdb not in self._stores:
            self._stores[lmdb] = self._open.enter_context(LmdbStore(lmdb))
        return self._stores[lmdb]


def _sources(recipe: Mapping[str, Any], folder: str) -> list[_Source]:
    """Where the images of a recipe are; where nothing is recorded or left, where they may be."""
    recorded = [recipe, *(recipe.get("more_sources") or ())]
    prefix = str(recipe.get("id_prefix") or "")
    sources = [
        _Source(str(each["root"]), str(each.get("id_prefix") or ""))
        for each in recorded
        if each.get("root") and os.path.isdir(each["root"])
    ]
    if sources:
        return sources
    source = str(recipe.get("source") or "")
    places = [source, os.path.join(folder, source)] if source else []
    return [_Source(place, prefix) for place in [*filter(os.path.isdir, places), ""]]
