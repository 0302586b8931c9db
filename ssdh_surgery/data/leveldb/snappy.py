"""Snappy, the compression of LevelDB's blocks."""

from __future__ import annotations

from ssdh_surgery.caffe.messages.wire import WireError, varint

# Blocks are smaller; what states more is damaged.
_LARGEST = 1 << 30


def decompress(data: bytes) -> bytes:
    """The content of a compressed block.

    Raises:
        WireError: it is damaged.
    """
    size, at = varint(data, 0, len(data))
    if size > _LARGEST:
        raise WireError(f"a block states a size of {size:,} bytes")
    content = bytearray()
    end = len(data)
    try:
        while at < end:
            tag = data[at]
            at += 1
            kind = tag & 3
            if kind == 0:
                length = tag >> 2
                if length >= 60:
                    width = length - 59
                    length = int.from_bytes(data[at : at + width], "little")
                    at += width
                at += length + 1
                content += data[at - length - 1 : at]
                continue
            if kind == 1:
                length, offset = 4 + (tag >> 2 & 7), (tag & 0xE0) << 3 | data[at]
                at += 1
            else:
                width = 2 if kind == 2 else 4
                length, offset = 1 + (tag >> 2), int.from_bytes(data[at : at + width], "little")
                at += width
            start = len(content) - offset
            if offset == 0 or start < 0:
                raise WireError(f"a compressed block refers to what is before it, at byte {at}")
            if offset >= length:
                content += content[start : start + length]
            else:  # repeats what it writes
                part = content[start:]
                content += (part * (length // offset + 1))[:length]
    except IndexError:
        raise WireError("a compressed block ends too early") from None
    if at != end or len(content) != size:
        raise WireError(f"a compressed block has {len(content):,} of {size:,} bytes")
    return bytes(content)
