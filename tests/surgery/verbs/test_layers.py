"""Verbs on layers in every dialect, each with its no-op twin."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.prototxt.render import NewFields
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.verbs import layers
from ssdh_surgery.surgery.verbs.fields import Removal

CURRENT = """name: "n"
# the features
layer {
  name: "fc7"
  type: "InnerProduct"
}
# the classifier
layer {
  name: "fc8"  # of 1000 classes
  type: "InnerProduct"
}
"""
V1 = CURRENT.replace("layer {", "layers {").replace('"InnerProduct"', "INNER_PRODUCT")
V0 = """layers { layer { name: "fc7" type: "innerproduct" } top: "fc7" }
layers { layer { name: "fc8" type: "innerproduct" } top: "fc8" }
"""


def net(text: str) -> Net:
    return Net(parse(text.encode(), "n.prototxt"))


def made(of: Net, change: Change) -> str:
    return prove(of.document, change, "NetParameter").document.text


CODE: NewFields = [("name", "code"), ("type", "Sigmoid")]
CODE_WITH_TOP: NewFields = [*CODE, ("top", "code")]


@pytest.mark.parametrize(
    ("text", "new", "shown"),
    [
        pytest.param(
            CURRENT, CODE, 'layer {\n  name: "code"\n  type: "Sigmoid"\n}\n', id="current"
        ),
        pytest.param(V1, CODE, 'layers {\n  name: "code"\n  type: SIGMOID\n}\n', id="V1"),
        pytest.param(
            V0,
            CODE_WITH_TOP,
            'layers { layer { name: "code" type: "sigmoid" } top: "code" }\n',
            id="V0",
        ),
    ],
)
def test_insert(text: str, new: NewFields, shown: str) -> None:
    of = net(text)
    first, last = of.layers
    place = text.index("# the classifier") if "# the" in text else text.index("\n") + 1
    between = text[:place] + shown + text[place:]
    assert made(of, layers.insert_after(first, [new])) == between
    assert made(of, layers.insert_before(last, [new])) == between
    assert made(of, layers.insert_after(last, [new])) == text + shown


def test_insert_with_a_comment() -> None:
    of = net(V0)
    change = layers.insert_after(of.layers[1], [CODE_WITH_TOP, CODE_WITH_TOP], "of 48 bits")
    layer = 'layers { layer { name: "code" type: "sigmoid" } top: "code" }\n'
    assert made(of, change) == V0 + "# of 48 bits\n" + layer * 2


def test_insert_noop() -> None:
    layer = net(CURRENT).layers[0]
    assert layers.insert_after(layer, []) == Change()
    assert layers.insert_before(layer, [], "comment") == Change()


@pytest.mark.parametrize(
    ("how", "after"),
    [
        pytest.param("delete", CURRENT[: CURRENT.index("# the classifier")], id="delete"),
        pytest.param(
            "comment",
            CURRENT[: CURRENT.index('layer {\n  name: "fc8"')]
            + '# layer {\n#   name: "fc8"  # of 1000 classes\n#   type: "InnerProduct"\n# }\n',
            id="comment",
        ),
    ],
)
def test_take_out(how: Removal, after: str) -> None:
    of = net(CURRENT)
    assert made(of, layers.take_out([of.layer("fc8")], how)) == after


def test_take_out_all() -> None:
    of = net(CURRENT)
    assert made(of, layers.take_out(of.layers, "delete")) == 'name: "n"\n'


@pytest.mark.parametrize("how", ["comment", "delete"])
def test_take_out_noop(how: Removal) -> None:
    assert layers.take_out([], how) == Change()


SPACED = CURRENT.replace("# the", "\n# the")
LIST = 'layer: [\n  { name: "a" },\n  # of b\n  { name: "b" },\n  { name: "c" }\n]\n'
ROW = 'layer: [{ name: "a" }, { name: "b" }, { name: "c" }]\n'
SHOWN = '{ name: "code" type: "Sigmoid" }'
# New layers in the place of `b` (or `fc8`) and all after it.
REPLACED: list[tuple[str, str, Removal, str]] = [
    (
        "blank-lines",
        SPACED,
        "delete",
        SPACED[: SPACED.index("# the classifier")]
        + 'layer {\n  name: "code"\n  type: "Sigmoid"\n}\n',
    ),
    (
        "no-final-newline",
        'layer { name: "a" }\nlayer { name: "b" }\nlayer { name: "c" }',
        "delete",
        f'layer {{ name: "a" }}\nlayer {SHOWN}',
    ),
    ("list", LIST, "delete", f'layer: [\n  {{ name: "a" }},\n  {SHOWN}\n]\n'),
    (
        "list-commented",
        LIST,
        "comment",
        f'layer: [\n  {{ name: "a" }},\n  {SHOWN}\n  # of b\n  # {{ name: "b" }},\n'
        '  # { name: "c" }\n]\n',
    ),
    ("list-on-a-line", ROW, "delete", f'layer: [{{ name: "a" }}, {SHOWN}]\n'),
    (
        "list-on-a-line-commented",
        ROW,
        "comment",
        f'layer: [{{ name: "a" }}, {SHOWN} # {{ name: "b" }},\n# {{ name: "c" }}\n]\n',
    ),
    (
        "separators",
        'layer { name: "a" }, layer { name: "b" }, layer { name: "c" }\n',
        "delete",
        f'layer {{ name: "a" }} layer {SHOWN},\n',
    ),
]


@pytest.mark.parametrize(
    ("before", "how", "after"), [pytest.param(*case[1:], id=case[0]) for case in REPLACED]
)
def test_replace(before: str, how: Removal, after: str) -> None:
    of = net(before)
    gone = of.layers[1:]
    assert made(of, layers.replace(gone[0], gone, [CODE], how)) == after


@pytest.mark.parametrize("how", ["comment", "delete"])
@pytest.mark.parametrize("text", [LIST, ROW], ids=["lines", "row"])
def test_replace_all_of_a_list(text: str, how: Removal) -> None:
    of = net(text)
    after = made(of, layers.replace(of.layers[1], of.layers, [CODE, CODE], how))
    assert after.startswith(f"layer {SHOWN}\nlayer {SHOWN}\n")


@pytest.mark.parametrize(
    ("gone", "after"),
    [
        pytest.param(
            [], f'[{{ name: "a" }}, {SHOWN}, {{ name: "b" }}, {{ name: "c" }}]', id="none"
        ),
        pytest.param([0], f'[{SHOWN}, {{ name: "b" }}, {{ name: "c" }}]', id="before"),
        pytest.param([1], f'[{{ name: "a" }}, {SHOWN}, {{ name: "c" }}]', id="itself"),
        pytest.param([2], f'[{{ name: "a" }}, {SHOWN}, {{ name: "b" }}]', id="last"),
        pytest.param([0, 1, 2], None, id="all"),
    ],
)
def test_replace_some_of_a_list(gone: list[int], after: str | None) -> None:
    of = net(ROW)
    change = layers.replace(of.layers[1], [of.layers[index] for index in gone], [CODE], "delete")
    assert made(of, change) == (f"layer: {after}\n" if after else f"layer {SHOWN}\n")


def test_replace_by_nothing() -> None:
    of = net(ROW)
    change = layers.replace(of.layers[1], of.layers[1:], [], "delete")
    assert made(of, change) == 'layer: [{ name: "a" }]\n'


def test_replace_noop() -> None:
    assert layers.replace(net(ROW).layers[1], [], [], "delete") == Change()


@pytest.mark.parametrize(
    "text",
    [pytest.param(CURRENT, id="current"), pytest.param(V1, id="V1"), pytest.param(V0, id="V0")],
)
def test_rename(text: str) -> None:
    of = net(text)
    after = text.replace('name: "fc8"', 'name: "fc8_change"')
    assert made(of, layers.rename(of.layer("fc8"), "fc8_change")) == after


@pytest.mark.parametrize(
    "text",
    [pytest.param(CURRENT, id="current"), pytest.param(V1, id="V1"), pytest.param(V0, id="V0")],
)
def test_rename_noop(text: str) -> None:
    assert layers.rename(net(text).layer("fc8"), "fc8") == Change()


def test_rename_a_layer_without_a_name() -> None:
    of = net('layer { type: "ReLU" }')
    assert made(of, layers.rename(of.layers[0], "a")) == 'layer { type: "ReLU" name: "a" }'
