"""Queries and their hits as images: a row each, the query first, then the hits, nearest first."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ssdh_surgery.errors import DataError
from ssdh_surgery.files import refuse_existing, write_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable
from ssdh_surgery.report.contact_sheet import Cell, Verdict, refuse_sheet_kind, sheet
from ssdh_surgery.report.pictures import Pictures
from ssdh_surgery.retrieval.codes.label_text import Label, label_text, share_class

Report = Callable[[str], None]
# More rows would make an image too tall to look at.
_ROWS = 50
_VERDICTS: dict[bool | None, Verdict | None] = {True: "right", False: "wrong", None: None}
_ROOT_HINT = "give the folder that their ids are relative to: --root DIR"


@dataclass(frozen=True)
class SheetItem:
    """An item of a row; its label is a number, several, or None if unknown."""

    id: str
    label: Label = None


@dataclass(frozen=True)
class SheetRow:
    """A query with its hits and their Hamming distances, nearest first."""

    query: SheetItem
    hits: Sequence[tuple[SheetItem, int]]


@dataclass(frozen=True)
class ItemSource:
    """Where the images and the names of items come from.

    Args:
        file: the file of codes or the index.
        recipe: its recipe, which says where its images are.
        names: the name of each label; empty if unknown.
        root: where to look instead; None for the recipe's source.
    """

    file: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    names: Sequence[str] = ()
    root: str | None = None

    def below(self, root: str | None) -> ItemSource:
        """The same items with images in another folder; None keeps the recipe's."""
        return replace(self, root=root)

    def pictures(self) -> Pictures:
        """The images of the items."""
        return Pictures(self.recipe, os.path.dirname(self.file), self.root)


@dataclass(frozen=True)
class HitSheet:
    """A sheet that was written: the numbers of rows, of images on it, and of missing ones."""

    rows: int
    images: int
    missing: int

    def words(self) -> str:
        """What is on it, in a few words."""
        missing = f", {self.missing:,} missing" if self.missing else ""
        queries = "1 query" if self.rows == 1 else f"{self.rows:,} queries"
        images = "1 image" if self.images == 1 else f"{self.images:,} images"
        return f"{queries}, {images}{missing}"


@dataclass(frozen=True)
class SheetFile:
    """The PNG of a sheet.

    Args:
        path: the PNG.
        root: the folder that the ids of hits are relative to; None for the folder that was encoded.
        force: replace an existing file.
        inputs: the files of the command, which are never replaced.

    Raises:
        UsageError: it is not a PNG.
        FileError: it is one of the inputs.
    """

    path: Path
    root: str | None = None
    force: bool = False
    inputs: Sequence[Path | None] = ()

    def __post_init__(self) -> None:
        refuse_sheet_kind(self.path)
        refuse_existing(self.path, force=True, inputs=self.inputs)


def write_hit_sheet(
    file: SheetFile,
    rows: Sequence[SheetRow],
    queries: ItemSource | None,
    items: ItemSource,
    report: Report,
) -> HitSheet:
    """Draw the first queries with their hits on a PNG.

    Args:
        file: the PNG.
        rows: the queries with their hits.
        queries: where the images of the queries are; None for queries without images.
        items: where the images of the hits are.
        report: gets a warning if images are missing, whose places stay empty.

    Raises:
        DataError: none of the images exists.
        FileError: the PNG exists, or cannot be written.
        MissingExtra: OpenCV is not installed.
    """
    refuse_existing(file.path, force=file.force)
    rows = rows[:_ROWS]
    with ExitStack() as stack:
        hit_images = stack.enter_context(items.pictures())
        query_images = hit_images
        if queries is not None and (queries.recipe, queries.root) != (items.recipe, items.root):
            query_images = stack.enter_context(queries.pictures())
        cells = [
            [
                _query_cell(row.query, queries, query_images),
                *_hit_cells(row, queries, items, hit_images),
            ]
            for row in rows
        ]
    both = [hit_images] if query_images is hit_images else [query_images, hit_images]
    images, missing = sum(map(len, both)), sum(len(each.missing) for each in both)
    if not images:
        raise DataError(
            "none of the images of the hits exists",
            location=Location(hit_images.place),
            hint=_ROOT_HINT,
        )
    for pictures in both:
        _report_missing(pictures, _ROOT_HINT if pictures is hit_images else None, report)
    write_bytes(file.path, sheet(cells))
    return HitSheet(len(rows), images, missing)


def _report_missing(pictures: Pictures, hint: str | None, report: Report) -> None:
    if not pictures.missing:
        return
    count, total = len(pictures.missing), len(pictures) + len(pictures.missing)
    report(
        f"{pictures.place}: {count:,} of {total:,} images missing, the first is "
        f"'{printable(pictures.missing[0])}'" + (f"; {hint}" if hint else "")
    )


def _query_cell(query: SheetItem, queries: ItemSource | None, pictures: Pictures) -> Cell:
    if queries is None:
        return Cell(None, ["query"], place="code")
    caption = ["query", label_text(query.label, queries.names)]
    return Cell(pictures.thumbnail(query.id), caption)


def _hit_cells(
    row: SheetRow, queries: ItemSource | None, items: ItemSource, pictures: Pictures
) -> list[Cell]:
    names = queries.names if queries else ()
    cells = []
    for item, distance in row.hits:
        is_right = share_class(row.query.label, names, item.label, items.names)
        caption = [f"distance {distance:,}", label_text(item.label, items.names)]
        cells.append(Cell(pictures.thumbnail(item.id), caption, _VERDICTS[is_right]))
    return cells
