"""What one pass over the records of a database finds: labels, sizes, order, damage, fingerprints.

Pixels are not read, except for fingerprints; images are not decoded. Records that are built alike,
as nearly all are, are recognised by the bytes around their pixels, which takes a microsecond.
"""

from __future__ import annotations

import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ssdh_surgery.data.datum import Header, Shape, read_header, size_mismatch
from ssdh_surgery.data.image_header import JPEG, PNG, read_image_header
from ssdh_surgery.errors import DataError
from ssdh_surgery.names import printable, size_text

# Called with the number of records that are done, and of all if that is known.
Progress = Callable[[int, int | None], None]

# What may be wrong with a record:
#   not-a-datum  Caffe takes what it can read of it, without a word
#   not-an-image it is encoded and cannot be decoded
#   no-sizes     it is raw, and has no channels, height or width
#   too-short    it has fewer values than its sizes say
#   too-long     it has more values than its sizes say
#   cut          its image ends before its end marker
DAMAGE = ("not-a-datum", "not-an-image", "no-sizes", "too-short", "too-long", "cut")

# Content up to so many bytes is read for fingerprints; of a larger database a sample is.
_FINGERPRINTED = 128 << 20
_PART = 32
_STEPS = 4096


@dataclass(frozen=True)
class Occurrence:
    """How many records have something in common, and the key of the first."""

    count: int
    key: str


@dataclass(frozen=True)
class Damage:
    """What is wrong with some records, by the example of the first."""

    kind: str
    count: int
    key: str
    reason: str


@dataclass
class RecordScan:
    """The records of a database.

    Attributes:
        records: the number of records that were read.
        is_complete: whether these are all.
        labels: each label.
        label_runs: how many times another label follows, counting the first.
        sizes: each (channels, height, width), of raw records and of images whose header says it.
        encoded: the records with an encoded image; None if there are none.
        raw: those with pixels or numbers.
        deep: those with images of more than 8 bits per channel.
        damage: what is wrong with records.
        share: of so many records one has a fingerprint, chosen by its content.
        fingerprints: hashes of content, label and sizes aside, in the order of the records;
            blank images have none.
        numbers: the position of each record with a fingerprint.
    """

    records: int = 0
    is_complete: bool = True
    labels: dict[int, Occurrence] = field(default_factory=dict)
    label_runs: int = 0
    sizes: dict[Shape, Occurrence] = field(default_factory=dict)
    encoded: Occurrence | None = None
    raw: Occurrence | None = None
    deep: Occurrence | None = None
    damage: tuple[Damage, ...] = ()
    share: int = 1
    fingerprints: array[int] = field(default_factory=lambda: array("Q"))
    numbers: array[int] = field(default_factory=lambda: array("Q"))

    @property
    def label_counts(self) -> Counter[int]:
        """The number of records of each label."""
        return Counter({label: each.count for label, each in self.labels.items()})

    @property
    def common_size(self) -> Shape | None:
        """The size of all records, None if they differ or one is unknown."""
        return next(iter(self.sizes)) if len(self.sizes) == 1 else None


def scan_records(
    items: Iterable[tuple[Any, Any]],
    total: int | None,
    size: int,
    progress: Progress | None = None,
) -> RecordScan:
    """Read all records of a database.

    Args:
        items: key and bytes of each record; both may be views that are valid until the next.
        total: the number of records, None if unknown.
        size: the size of the database in bytes.
        progress: called now and then.

    Raises:
        DataError: the database cannot be read on.
    """
    scan = _Scan(1 << max(0, (size - 1) // _FINGERPRINTED).bit_length())
    number = 0
    for number, (key, record) in enumerate(items, 1):
        scan.add(key, record)
        if progress is not None and number % _STEPS == 0:
            progress(number, total)
    return scan.result(number)


@dataclass(slots=True)
class _Form:
    """Records that are built alike: their number, the key of the first, and their header."""

    header: Header
    key: str
    reason: tuple[str, str] | None
    count: int = 0


class _Scan:
    """The pass itself; records of the last form but their labels are recognised at once."""

    def __init__(self, share: int) -> None:
        self._share = share
        # The first bytes and the length of the last raw record, and the span of its pixels.
        self._prefix, self._length = b"", -1
        self._begin = self._stop = 0
        # By their last bytes, forms with that prefix and length; and all that there were.
        self._forms: dict[bytes, _Form] = {}
        self._all_forms: list[_Form] = []
        self._label: int | None = None
        self._runs = self._number = 0
        self._labels: dict[int, list[Any]] = {}
        self._sizes: dict[Shape, list[Any]] = {}
        self._marks: dict[str, list[Any]] = {}
        self._damage: dict[str, list[Any]] = {}
        self._fingerprints, self._numbers = array("Q"), array("Q")

    def add(self, key: Any, record: Any) -> None:
        """Read one record."""
        form = None
        if len(record) == self._length and record[: self._begin] == self._prefix:
            form = self._forms.get(bytes(record[self._stop :]))
        if form is None:
            form = self._read(key, record)
            if form is None:
                self._number += 1
                return
        form.count += 1
        header = form.header
        if header.label != self._label:
            self._label = header.label
            self._runs += 1
        begin, stop = header.data
        if stop > begin:
            content = record[begin:stop]
            is_sampled = self._share == 1 or _sample(content) % self._share == 0
            if is_sampled and not _is_blank(content):
                self._fingerprints.append(zlib.crc32(content) << 32 | zlib.adler32(content))
                self._numbers.append(self._number)
        self._number += 1

    def _read(self, key: Any, record: Any) -> _Form | None:
        """The form of a record by its header; None if it is no record."""
        if len(self._all_forms) > _STEPS:
            self._settle()
        name = printable(bytes(key))
        try:
            header = read_header(record)
        except DataError as error:
            _add(self._damage, "not-a-datum", 1, name, error.message)
            return None
        begin, stop = header.data
        if header.encoded:
            self._read_image(name, record[begin:stop])
        reason = None if header.encoded else _raw_damage(record, header)
        form = _Form(header, name, reason)
        self._all_forms.append(form)
        if not (header.encoded or header.floats or stop == begin):
            prefix = bytes(record[:begin])
            if prefix != self._prefix or len(record) != self._length:
                self._prefix, self._length = prefix, len(record)
                self._begin, self._stop = begin, stop
                self._forms = {}
            self._forms[bytes(record[stop:])] = form
        return form

    def _read_image(self, name: str, data: Any) -> None:
        try:
            image = read_image_header(data)
        except DataError as error:
            _add(self._damage, "not-an-image", 1, name, error.message)
            return
        if image.is_cut:
            _add(self._damage, "cut", 1, name, "the image has no end")
        if image.bits != 8:
            _add(self._marks, "deep", 1, name)
        if image.shape is not None:
            _add(self._sizes, image.shape, 1, name)

    def _settle(self) -> None:
        """Add up what forms have in common, in the order of their first records."""
        for form in self._all_forms:
            header, count = form.header, form.count
            _add(self._labels, header.label, count, form.key)
            _add(self._marks, "encoded" if header.encoded else "raw", count, form.key)
            if form.reason is not None:
                _add(self._damage, form.reason[0], count, form.key, form.reason[1])
            if not header.encoded and min(header.shape) > 0:
                _add(self._sizes, header.shape, count, form.key)
        self._all_forms, self._forms, self._length = [], {}, -1

    def result(self, records: int) -> RecordScan:
        """What was found."""
        self._settle()

        def mark(name: str) -> Occurrence | None:
            return Occurrence(*self._marks[name][:2]) if name in self._marks else None

        return RecordScan(
            records=records,
            labels={each: Occurrence(*entry[:2]) for each, entry in self._labels.items()},
            label_runs=self._runs,
            sizes={each: Occurrence(*entry[:2]) for each, entry in self._sizes.items()},
            encoded=mark("encoded"),
            raw=mark("raw"),
            deep=mark("deep"),
            damage=tuple(Damage(kind, *entry) for kind, entry in self._damage.items()),
            share=self._share,
            fingerprints=self._fingerprints,
            numbers=self._numbers,
        )


def _sample(content: Any) -> int:
    """A number by which identical contents are chosen, or not, in each database alike."""
    middle = len(content) // 2
    return zlib.crc32(content[middle : middle + _PART], zlib.crc32(content[-_PART:]))


def _is_blank(content: Any) -> bool:
    """Whether all bytes are the same: such pixels are no image in particular."""
    first = content[0]
    if content[-1] != first or content[len(content) // 2] != first:
        return False
    return bytes(content).count(first) == len(content)


def _add(table: dict[Any, list[Any]], name: Any, count: int, key: str, reason: str = "") -> None:
    """Count more, keeping the key and the reason of the first."""
    entry = table.setdefault(name, [0, key, reason])
    entry[0] += count


def _raw_damage(record: Any, header: Header) -> tuple[str, str] | None:
    """What is wrong with the values of a raw record."""
    begin, stop = header.data
    values = stop - begin
    if not values:
        # A float has 4 bytes, with a tag of one more before each that is not packed.
        values = sum(-(-(stop - begin - 3) // stride) for begin, stop, stride in header.floats)
    channels, height, width = header.shape
    expected = channels * height * width
    start = bytes(record[begin : begin + len(PNG)])
    is_image = start.startswith((JPEG, PNG)) and values != expected
    flag = "; it is an encoded image, but does not say so (encoded: true)" if is_image else ""
    if min(header.shape) < 1:
        return "no-sizes", f"no sizes ({size_text(header.shape)}){flag}"
    reason = size_mismatch(header.shape, values)
    if reason is None:
        return None
    return "too-short" if values < expected else "too-long", f"{reason}{flag}"
