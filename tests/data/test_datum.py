"""Records beside what protobuf makes of the same bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.data.datum import blank_raw, read_datum, read_header, write_encoded, write_raw
from ssdh_surgery.errors import DataError

INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
DATUMS = st.fixed_dictionaries(
    {},
    optional={
        "channels": INT32,
        "height": INT32,
        "width": INT32,
        "label": INT32,
        "data": st.binary(max_size=200),
        "float_data": st.lists(st.floats(width=32, allow_nan=False), max_size=8),
        "encoded": st.booleans(),
    },
)


def protobuf(**values: Any) -> Any:
    return schema.message_class("Datum")(**values)


@given(DATUMS)
def test_every_field_is_read_as_protobuf_reads_it(values: dict[str, Any]) -> None:
    message = protobuf(**values)
    record = message.SerializeToString()
    datum = read_datum(record)
    assert datum.shape == (message.channels, message.height, message.width)
    assert (datum.label, datum.encoded) == (message.label, message.encoded)
    assert datum.data == message.data
    floats = [] if datum.floats is None else datum.floats.tolist()
    assert floats == list(message.float_data)
    assert read_header(memoryview(record)).label == message.label


@given(DATUMS, DATUMS)
def test_a_field_given_twice_counts_as_protobuf_counts_it(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    record = b"".join(protobuf(**values).SerializeToString() for values in (first, second))
    message = schema.message_class("Datum").FromString(record)
    datum = read_datum(record)
    assert (datum.label, datum.data, datum.encoded) == (
        message.label,
        message.data,
        message.encoded,
    )
    floats = [] if datum.floats is None else datum.floats.tolist()
    assert floats == list(message.float_data)


def test_packed_floats_and_unknown_fields_are_read_like_the_others() -> None:
    values = np.array([1.5, -2, 3], "<f4")
    unknown = b"\x7a\x03abc" + b"\x71" + bytes(8)
    record = b"\x32\x0c" + values.tobytes() + unknown + b"\x28\x07"
    datum = read_datum(record)
    assert datum.label == 7
    assert datum.floats is not None
    assert datum.floats.tolist() == values.tolist()


def test_a_raw_record_has_the_bytes_that_protobuf_writes() -> None:
    pixels = np.arange(3 * 200 * 7, dtype=np.uint8).reshape(3, 200, 7)
    for label in (0, 7, 300, 2**31 - 1, -1):
        message = protobuf(
            channels=3, height=200, width=7, data=pixels.tobytes(), label=label, encoded=False
        )
        assert write_raw(pixels, label) == message.SerializeToString()
        np.testing.assert_array_equal(read_datum(write_raw(pixels, label)).pixels(), pixels)


def test_an_encoded_record_has_the_bytes_that_protobuf_writes() -> None:
    message = protobuf(data=b"picture" * 30, label=12, encoded=True)
    assert write_encoded(b"picture" * 30, 12) == message.SerializeToString()


def test_a_blank_record_is_filled_in_place() -> None:
    record, pixels = blank_raw((1, 2, 3), 4)
    pixels[...] = 9
    assert bytes(record) == write_raw(np.full((1, 2, 3), 9, np.uint8), 4)


def test_floats_are_the_pixels_where_there_is_no_data() -> None:
    message = protobuf(channels=1, height=2, width=2, float_data=[0.5, 1, 2, -3])
    pixels = read_datum(message.SerializeToString()).pixels()
    assert pixels.dtype == np.float32
    assert pixels.tolist() == [[[0.5, 1], [2, -3]]]


def test_the_header_says_where_the_content_lies() -> None:
    record = write_encoded(b"picture", 3)
    header = read_header(record)
    begin, stop = header.data
    assert record[begin:stop] == b"picture"
    assert (header.shape, header.label, header.encoded) == ((0, 0, 0), 3, True)


def test_every_truncation_is_refused_or_ends_at_a_field() -> None:
    record = write_raw(np.full((1, 2, 3), 200, np.uint8), 300)
    whole = {0, 2, 4, 6, 14, 17, len(record)}
    for size in range(len(record) + 1):
        if size in whole:
            read_datum(record[:size])
        else:
            with pytest.raises(DataError, match=r"^not a Datum: "):
                read_datum(record[:size])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"\x35\x00\x00", "not a Datum: the field at byte 0 runs past the end"),
        (b"hello", "not a Datum: the field at byte 0 runs past the end"),
        (b"\x07", "not a Datum: no field begins at byte 0"),
    ],
    ids=["float", "text", "no-field"],
)
def test_what_is_no_datum_is_refused(record: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_datum(record)
    if record != b"hello":
        assert str(caught.value) == message


def test_sizes_that_do_not_fit_the_content_are_refused() -> None:
    message = protobuf(channels=3, height=2, width=2, data=b"12345")
    with pytest.raises(DataError) as caught:
        read_datum(message.SerializeToString()).pixels()
    assert str(caught.value) == (
        "5 values, but the sizes require 12 (3 x 2 x 2: channels x height x width)"
    )
