"""Protobuf reads every text that we read, and reads in it what Caffe would."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery import parse
from ssdh_surgery.errors import ParseError, SchemaError
from ssdh_surgery.surgery.core.judge import judge_text, protobuf_message
from support.net_files import net_files
from support.strategies import documents, searched, soups

NAMES: list[tuple[str, bytes, str]] = [
    ("plain", b'name: "n"', "n"),
    ("bom", b'\xef\xbb\xbfname: "n"', "n"),
    ("utf-8", 'name: "caf\u00e9"'.encode(), "caf\u00e9"),
    ("raw-byte", b'name: "caf\xe9"', "caf\uf7e9"),
    ("escaped-byte", rb'name: "caf\xe9"', "caf\uf7e9"),
    ("octal", rb'name: "\143\141f\351"', "caf\uf7e9"),
    ("escapes", rb'name: "a\n\t\\\"b"', 'a\n\t\\"b'),
    ("other-quote", b"name: 'say \"n\"'", 'say "n"'),
    ("parts", b'name: "caf" # c\n \'\xc3\' "\xa9"', "caf\u00e9"),
    ("caffe-alone", rb'name: "\777"', "\uf7ff"),
    ("comment", b'# \xd6\xd0\0\nname: "n"# \xff', "n"),
]


@pytest.mark.parametrize(("data", "name"), [pytest.param(*case[1:], id=case[0]) for case in NAMES])
def test_strings(data: bytes, name: str) -> None:
    message: Any = protobuf_message(parse(data), "NetParameter")
    assert message.name == name


RATES = [
    ("joined", "-1", -1.0),
    ("apart", "- 1", -1.0),
    ("apart-by-a-comment", "- # c\n 1", -1.0),
    ("apart-real", "-\t.5e1", -5.0),
    ("float", "2F", 2.0),
    ("float-of-a-point", ".5F", 0.5),
    ("float-apart", "- 2.F", -2.0),
    ("infinity", "- inf", float("-inf")),
]


@pytest.mark.parametrize(("text", "rate"), [pytest.param(*case[1:], id=case[0]) for case in RATES])
def test_numbers(text: str, rate: float) -> None:
    message: Any = protobuf_message(
        parse(f"base_lr: {text} max_iter: 5".encode()), "SolverParameter"
    )
    assert (message.base_lr, message.max_iter) == (rate, 5)


def test_an_f_that_is_a_digit_stays() -> None:
    message: Any = protobuf_message(parse(b"max_iter: - 0x1F device_id: 0xF"), "SolverParameter")
    assert (message.max_iter, message.device_id) == (-31, 15)


def test_lists_of_messages_without_a_colon() -> None:
    message: Any = protobuf_message(parse(b'layer [{ name: "a" }, { name: "b" }]'), "NetParameter")
    assert [layer.name for layer in message.layer] == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(
            b'name: "n"\nlayer {\n  nam: "a"\n}\n',
            'n.prototxt:3:3: Message type "LayerParameter" has no field named "nam"\n'
            '  3 |   nam: "a"\n    |   ^',
            id="field",
        ),
        pytest.param(
            b'\xef\xbb\xbf# \xd6\xd0\nlayer {\n  name: "a" "b"\n  phase: NONE\n}\n',
            'n.prototxt:4:10: Enum type "Phase" has no value named NONE\n'
            "  4 |   phase: NONE\n    |          ^",
            id="enum-below-what-was-put-otherwise",
        ),
        pytest.param(
            b'name: "n"\r\nname: "m"\r\n',
            'n.prototxt:2:7: Message type "NetParameter" should not have multiple "name" fields\n'
            '  2 | name: "m"\n    |       ^',
            id="twice",
        ),
    ],
)
def test_refusals_name_the_line(data: bytes, said: str) -> None:
    with pytest.raises(SchemaError) as caught:
        protobuf_message(parse(data, "n.prototxt"), "NetParameter")
    assert str(caught.value) == said


def _open_message() -> type:
    """A message without fields that takes any extension."""
    file = descriptor_pb2.FileDescriptorProto(name="open.proto", package="open")
    file.message_type.add(name="Open").extension_range.add(start=1, end=1000)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName("open.Open")
    # protobuf before 4.22 makes classes with a factory that the pool is given to.
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(found)
    factory: Any = message_factory
    made: type = factory.MessageFactory(pool).GetPrototype(found)
    return made


OPEN = _open_message()


@searched
@given(st.one_of(documents().map(lambda sample: sample[0]), soups(), net_files(0.3)))
def test_python_reads_whatever_is_parsed(data: bytes) -> None:
    try:
        document = parse(data)
    except ParseError:
        return
    text = judge_text(document)
    assert text.count("\n") == document.text.count("\n")
    with warnings.catch_warnings():
        # Python warns of escapes that it does not know.
        warnings.simplefilter("ignore")
        text_format.Parse(text, OPEN(), allow_unknown_field=True, allow_unknown_extension=True)
