"""The tree says where everything stands, and answers for fields by name."""

from __future__ import annotations

import pytest
from hypothesis import given

from ssdh_surgery import Document, parse
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.cst import Entry, Field, Message, Scalar
from support.strategies import Tree, documents, searched

NET = b"""\
name: "n" 'et'  # two strings
layer {
  name: "ip"
  bottom: ["a", 'b'];
  bottom: "c"
  param { lr_mult: 1 } param < lr_mult: - # apart
    2 >,
  blobs_lr: []
  pad: 3
  pad: EXTRA
}
layer [ { name: "relu" }, { } ]
[a.b]: 017
"""


@pytest.fixture
def net() -> Document:
    return parse(NET, "net.prototxt")


@pytest.fixture
def layer(net: Document) -> Message:
    return net.root.messages("layer")[0]


def text_of(field: Field) -> str:
    return field.document.text[field.start : field.end]


def test_document(net: Document) -> None:
    assert bytes(net) == NET
    assert net.text == NET.decode()
    assert net.fields is net.root.fields
    assert [field.name for field in net.fields] == ["name", "layer", "layer", "[a.b]"]
    assert net.root.is_root
    assert (net.root.first, net.root.last) == (-1, len(net.tokens))
    assert net.depth == 2


def test_depth_of_flat_and_empty_files() -> None:
    assert parse(b"").depth == 0
    assert parse(b"a: 1").depth == 0
    assert parse(b"a {}").depth == 1
    assert parse(b"a: [{}, {b {}}] c: 1").depth == 2


def test_fields_know_their_tokens(net: Document, layer: Message) -> None:
    tokens = net.tokens
    bottom, single = layer.fields[1:3]
    assert text_of(bottom) == "bottom: [\"a\", 'b']"
    assert [tokens[at] for at in (bottom.first, bottom.last)] == ["bottom", "]"]
    assert [tokens[at] for at in (bottom.colon, bottom.open, bottom.close)] == [":", "[", "]"]
    assert tokens[bottom.separator] == ";"
    assert bottom.is_list
    assert text_of(single) == 'bottom: "c"'
    assert (single.open, single.close, single.separator) == (-1, -1, -1)
    assert not single.is_list
    assert single.document is net
    assert single.parent is layer


def test_messages_know_their_tokens(net: Document, layer: Message) -> None:
    assert [net.tokens[at] for at in (layer.first, layer.last)] == ["{", "}"]
    assert layer.depth == 1
    assert not layer.is_root
    field = layer.fields[3]
    assert (text_of(field), field.colon) == ("param { lr_mult: 1 }", -1)
    angled = layer.fields[4]
    assert text_of(angled) == "param < lr_mult: - # apart\n    2 >"
    assert net.tokens[angled.separator] == ","
    relu = net.fields[2]
    assert text_of(relu) == 'layer [ { name: "relu" }, { } ]'
    assert (relu.colon, net.tokens[relu.open], net.tokens[relu.close]) == (-1, "[", "]")


def test_entries_spread_lists(layer: Message) -> None:
    entries = layer.entries("bottom")
    assert [(entry.field is layer.fields[1], entry.index) for entry in entries] == [
        (True, 0),
        (True, 1),
        (False, 0),
    ]
    assert [scalar.string for scalar in layer.scalars("bottom")] == ["a", "b", "c"]
    assert layer.entries("top") == []
    assert layer.entries("blobs_lr") == []


def test_the_last_value_counts(net: Document, layer: Message) -> None:
    entry = layer.entry("bottom")
    assert entry == Entry(layer.fields[2], 0)
    pad = layer.scalar("pad")
    assert pad is not None
    assert pad.text == "EXTRA"
    assert layer.string("pad") == "EXTRA"
    assert net.root.message("layer") is net.root.messages("layer")[2]
    assert layer.message("param") is layer.fields[4].values[0]


def test_an_empty_list_is_no_value(layer: Message) -> None:
    assert layer.entry("blobs_lr") is None
    assert parse(b"a: 1 a: []").root.string("a") == "1"


def test_what_is_missing_or_of_the_other_kind(net: Document, layer: Message) -> None:
    assert layer.entry("top") is None
    assert layer.scalar("top") is None
    assert layer.scalar("param") is None
    assert layer.message("pad") is None
    assert layer.messages("pad") == []
    assert layer.scalars("param") == []
    assert layer.string("top") == ""
    assert layer.string("param", "none") == "none"
    assert net.root.message("top") is None


def test_entries_are_equal_by_field_and_index(layer: Message) -> None:
    one, other, single = layer.entries("bottom")
    assert one == Entry(layer.fields[1], 0)
    assert hash(one) == hash(Entry(layer.fields[1], 0))
    assert one != other
    assert other != single
    assert one != 0
    assert one.document is layer.document


def test_scalars(net: Document, layer: Message) -> None:
    name = net.root.scalar("name")
    assert name is not None
    assert (name.text, name.string, name.data) == ("\"n\"'et'", "net", b"net")
    assert (name.is_string, name.is_word) == (True, False)
    assert name.words == ['"n"', "'et'"]
    rate = layer.messages("param")[1].scalar("lr_mult")
    assert rate is not None
    assert (rate.text, rate.string, rate.data) == ("-2", "-2", b"-2")
    assert (rate.is_string, rate.is_word) == (False, False)
    word = layer.scalar("pad")
    assert word is not None
    assert (word.is_string, word.is_word) == (False, True)


def test_a_string_that_is_not_utf8() -> None:
    (value,) = parse(rb'a: "\351" "b"').root.scalars("a")
    assert (value.data, value.string) == (b"\xe9b", "\udce9b")


def test_locations(net: Document, layer: Message) -> None:
    first, second, single = layer.entries("bottom")
    file = "net.prototxt"
    list_line = "  bottom: [\"a\", 'b'];"
    assert first.location == Location(file, 4, 12, list_line, 3)
    assert second.location == Location(file, 4, 17, list_line, 3)
    assert single.location == Location(file, 5, 11, '  bottom: "c"', 3)
    param = layer.entries("param")[1]
    params_line = "  param { lr_mult: 1 } param < lr_mult: - # apart"
    assert param.location == Location(file, 6, 24, params_line, 5)
    relu = net.root.entries("layer")[1]
    assert relu.location == Location(file, 12, 9, 'layer [ { name: "relu" }, { } ]', 1)
    name = net.root.entries("name")[0]
    assert name.location == Location(file, 1, 7, "name: \"n\" 'et'  # two strings", 8)


def test_lines() -> None:
    document = parse(b"a:\n  1\nb: [\n  2,\n  3\n]\nc: [ { },\n{ } ]\nd\n{ }")
    lines = {name: [entry.line for entry in document.root.entries(name)] for name in "abcd"}
    assert lines == {"a": [1], "b": [4, 5], "c": [7, 8], "d": [9]}


def test_walk_is_in_the_order_of_the_text(net: Document) -> None:
    names = [field.name for field in net.root.walk()]
    assert " ".join(names) == (
        "name layer name bottom bottom param lr_mult param lr_mult blobs_lr pad pad"
        " layer name [a.b]"
    )
    assert [message.depth for message in net.walk_messages()] == [1, 2, 2, 1, 1]


def test_walk_goes_through_the_items_of_a_list_in_order() -> None:
    document = parse(b"a: [{ b: 1 }, 2, { c { d: 3 } }, { e: 4 }] f: 5")
    assert "".join(field.name for field in document.root.walk()) == "abcdef"


@searched
@given(documents())
def test_every_field_stands_in_its_parent(sample: tuple[bytes, Tree]) -> None:
    document = parse(sample[0])
    ends = {id(document.root): 0}
    for field in document.root.walk():
        parent = field.parent
        assert ends[id(parent)] <= field.start < field.end
        assert parent.first < field.first <= field.last < parent.last
        ends[id(parent)] = field.end
        for entry in field.entries:
            value = entry.value
            assert field.first < value.first <= value.last <= field.last
            if isinstance(value, Scalar):
                assert document.tokens[value.first][0] in value.text
            else:
                assert document.tokens[value.first] + document.tokens[value.last] in ("{}", "<>")
                assert value.depth == parent.depth + 1
                ends[id(value)] = document.offsets[value.first + 1]
        if field.separator >= 0:
            assert document.tokens[field.separator] in (",", ";")
            assert field.last < field.separator < parent.last
