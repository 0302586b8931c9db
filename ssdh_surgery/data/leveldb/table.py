"""A table of a LevelDB: sorted entries in compressed blocks, with an index of the blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from ssdh_surgery.caffe.messages.wire import WireError, varint
from ssdh_surgery.data.leveldb.manifest import TRAILER
from ssdh_surgery.data.leveldb.snappy import decompress
from ssdh_surgery.errors import file_errors

_FOOTER, _MAGIC = 48, bytes.fromhex("57fb808b247547db")
# Behind each block: its compression, and a checksum.
_BLOCK_TRAILER = 5
_PLAIN, _SNAPPY = 0, 1

# Offset and size of a block.
Handle = tuple[int, int]
# The key, its sequence number with its kind in the last byte, and the value.
Entry = tuple[bytes, int, memoryview]


class Table:
    """A table, open for reading; a context manager.

    Raises:
        WireError: it is damaged.
        FileError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        with file_errors(path, "read"):
            self._file = open(path, "rb")  # noqa: SIM115 - closed by `close`
            self._size = self._file.seek(0, 2)
        try:
            self.handles = self._index()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _index(self) -> list[Handle]:
        footer = self._read(max(0, self._size - _FOOTER), _FOOTER)
        if footer[-len(_MAGIC) :] != _MAGIC:
            raise WireError("it does not end as a table does")
        _, at = varint(footer, 0, _FOOTER)
        _, at = varint(footer, at, _FOOTER)
        offset, at = varint(footer, at, _FOOTER)
        size, _ = varint(footer, at, _FOOTER)
        handles = []
        for _, view in _entries(self._block((offset, size))):
            value = bytes(view)
            begin, at = varint(value, 0, len(value))
            length, _ = varint(value, at, len(value))
            handles.append((begin, length))
        if sum(length for _, length in handles) > self._size:
            raise WireError("its blocks are larger than the file")
        return handles

    def _read(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(size)
        if len(data) != size:
            raise WireError(f"it ends before byte {offset + size:,}")
        return data

    def _block(self, handle: Handle) -> bytes:
        offset, size = handle
        if offset + size + _BLOCK_TRAILER > self._size:
            raise WireError(f"the block at byte {offset:,} runs past the end")
        data = self._read(offset, size + _BLOCK_TRAILER)
        compression = data[size]
        if compression == _PLAIN:
            return data[:size]
        if compression != _SNAPPY:
            raise WireError(f"compression {compression} is none that Caffe's LevelDB reads")
        return decompress(data[:size])

    def entries(self, handle: Handle) -> Iterator[Entry]:
        """The entries of a block."""
        for key, value in _entries(self._block(handle)):
            if len(key) < TRAILER:
                raise WireError(f"a key in the block at byte {handle[0]:,} is too short")
            yield key[:-TRAILER], int.from_bytes(key[-TRAILER:], "little"), value


def _entries(block: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """The keys and values of a block; a key continues the beginning of the one before."""
    view = memoryview(block)
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * restarts
    if len(block) < 4 or end < 0:
        raise WireError("a block has no list of restarts")
    at, key = 0, b""
    while at < end:
        shared, at = varint(block, at, end)
        rest, at = varint(block, at, end)
        size, at = varint(block, at, end)
        stop = at + rest + size
        if shared > len(key) or stop > end:
            raise WireError(f"the entry at byte {at} of a block runs past its end")
        key = key[:shared] + block[at : at + rest]
        yield key, view[at + rest : stop]
        at = stop
