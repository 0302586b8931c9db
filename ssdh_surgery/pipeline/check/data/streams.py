"""What data layers read item by item: how many, in which order, and under which names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.data.open_records import open_records
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes
from ssdh_surgery.pipeline.check.data.hdf5_files import row_count
from ssdh_surgery.pipeline.check.data.images import listed_images
from ssdh_surgery.pipeline.check.data.layer_paths import path_of, setting_entry
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery.verbs.data_layers import SOURCES

# The number with which most keys begin, and the path of the image behind it.
_KEY = re.compile(rb"(\d+)(?:_(.*))?", re.DOTALL)
_TRUE = ("true", "True", "t", "1")


@dataclass(frozen=True)
class ItemName:
    """A key or a line: its number, if it begins with one, and the name of its image, if any."""

    number: int | None
    name: bytes | None

    @classmethod
    def of_key(cls, key: bytes) -> ItemName:
        """The parts of a key such as `00000003_cats/1.jpg`."""
        match = _KEY.fullmatch(key)
        if match is None:
            return cls(None, _image(key))
        return cls(int(match[1]), _image(match[2]) if match[2] else None)


def _image(path: bytes) -> bytes:
    """The name of an image without folder and extension: masks and vectors have others."""
    return name_bytes(PurePosixPath(path.decode("utf-8", "surrogateescape")).stem)


@dataclass(frozen=True)
class Stream:
    """A data layer that reads items one after the other."""

    layer: Layer
    entry: Entry
    path: Path
    subject: Subject

    @classmethod
    def of(cls, layer: Layer, subject: Subject) -> Stream | None:
        """The stream of a layer; None where it names no source, or reads in another way."""
        if layer.type not in SOURCES or layer.type == "WindowData":
            return None
        entry = setting_entry(layer, SOURCES[layer.type], "source")
        if entry is None:
            return None
        return cls(layer, entry, path_of(entry, subject.folder), subject)

    @property
    def place(self) -> Location:
        """Where the net names its source."""
        return self.entry.location

    @property
    def unit(self) -> str:
        """What it reads."""
        return {"Data": "record", "ImageData": "line"}.get(self.layer.type, "row")

    @property
    def batch(self) -> int:
        """The number of items that it reads for a batch."""
        size: int = getattr(self.layer.parameter, SOURCES[self.layer.type]).batch_size
        return size

    @property
    def is_shuffled(self) -> bool:
        """Whether it reads in random order; a Data layer of a fork may."""
        return self.layer.setting(SOURCES[self.layer.type], "shuffle") in _TRUE

    @property
    def skip(self) -> int:
        """The number of items of which it skips a random part at the start."""
        text = self.layer.setting(SOURCES[self.layer.type], "rand_skip")
        return int(text) if text.isdecimal() else 0

    @cached_property
    def keys(self) -> Sequence[bytes]:
        """The keys of its records, or the paths of its lines; none for rows.

        Raises:
            SsdhError, OSError: they cannot be read.
        """
        if self.layer.type == "Data":
            with open_records(self.path) as store:
                return store.keys()
        if self.layer.type == "ImageData":
            return [line.rpartition(b" ")[0] for line in self._lines]
        return ()

    def names(self) -> list[ItemName]:
        """The keys in their parts."""
        if self.layer.type == "Data":
            return [ItemName.of_key(key) for key in self.keys]
        return [ItemName(None, _image(key)) for key in self.keys]

    @cached_property
    def count(self) -> int | None:
        """The number of its items; None if that is unknown."""
        try:
            if self.layer.type == "Data":
                scan = self.subject.databases.scan(self.path)
                return scan.records if scan.is_complete else None
            if self.layer.type == "ImageData":
                files = listed_images(self.layer, self.subject.folder)
                return None if files is None else len(files.images)
            return row_count(self.layer, self.subject.folder)
        except (SsdhError, OSError):
            return None

    @cached_property
    def _lines(self) -> list[bytes]:
        return [line for line in self.path.read_bytes().splitlines() if line.strip()]
