"""What is inserted looks like its neighbours, and removing it restores the bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery import Document, parse
from ssdh_surgery.prototxt import insertion
from ssdh_surgery.prototxt.cst import Field, Message
from ssdh_surgery.prototxt.edits import Edit, apply, sort_edits
from ssdh_surgery.prototxt.removal import remove
from ssdh_surgery.prototxt.render import NewFields, Word, is_message
from ssdh_surgery.prototxt.style import neighbour_style, style_of
from ssdh_surgery.surgery.core.change import insertions_after, insertions_before, insertions_inside
from ssdh_surgery.surgery.core.promise import Promise
from ssdh_surgery.surgery.core.semantics import first_difference, tree_of
from ssdh_surgery.surgery.core.step import Insert
from support.entries import entries, inserted, marked
from support.net_files import net_files
from support.strategies import documents, searched

LAYER: NewFields = [("layer", [("name", "new"), ("param", [("lr_mult", 1)])])]
TWO: NewFields = [("layer", [("name", "new")]), ("layer", [("name", "too")])]
FIELD: NewFields = [("new", "x")]
ITEMS: NewFields = [("here", Word("new")), ("here", Word("too"))]

GOOGLENET = """name: "net"
layer {
  name: "a"
  type: "ReLU"
}
layer {
  name: "here"
  param {
    lr_mult: 1
  }
}
"""

# The verb, what is new, the text before and after; the entry is the one called `here`.
LAYOUTS: list[tuple[str, str, NewFields, str, str]] = [
    (
        "caffe-after",
        "after",
        LAYER,
        GOOGLENET,
        GOOGLENET + 'layer {\n  name: "new"\n  param {\n    lr_mult: 1\n  }\n}\n',
    ),
    (
        "caffe-before",
        "before",
        LAYER,
        GOOGLENET,
        GOOGLENET.replace(
            'layer {\n  name: "here"',
            'layer {\n  name: "new"\n  param {\n    lr_mult: 1\n  }\n}\nlayer {\n  name: "here"',
        ),
    ),
    (
        "two-of-them",
        "after",
        TWO,
        "layer {\n  mark: here\n}\n# end\n",
        'layer {\n  mark: here\n}\nlayer {\n  name: "new"\n}\nlayer {\n  name: "too"\n}\n# end\n',
    ),
    (
        "crlf",
        "after",
        LAYER,
        "layer {\r\n  mark: here\r\n}\r\n",
        'layer {\r\n  mark: here\r\n}\r\nlayer {\r\n  name: "new"\r\n  param {\r\n'
        "    lr_mult: 1\r\n  }\r\n}\r\n",
    ),
    (
        "crlf-mostly",
        "after",
        FIELD,
        "a: 1\r\nhere: 2\nb: 3\r\n",
        'a: 1\r\nhere: 2\nnew: "x"\r\nb: 3\r\n',
    ),
    ("tabs", "after", FIELD, "m {\n\there: 1\n}\n", 'm {\n\there: 1\n\tnew: "x"\n}\n'),
    (
        "tabs-within",
        "after",
        LAYER,
        "layer {\n\tmark: here\n}\n",
        'layer {\n\tmark: here\n}\nlayer {\n\tname: "new"\n\tparam {\n\t\tlr_mult: 1\n\t}\n}\n',
    ),
    ("quotes", "after", FIELD, "a: 'b'\nhere: 'c'\n", "a: 'b'\nhere: 'c'\nnew: 'x'\n"),
    (
        "quotes-of-the-neighbour",
        "after",
        FIELD,
        'a: "b" c: "d"\nm {\n  here: \'c\'\n}\n',
        "a: \"b\" c: \"d\"\nm {\n  here: 'c'\n  new: 'x'\n}\n",
    ),
    ("tight", "after", FIELD, "m{\nhere:1\n}\n", 'm{\nhere:1\nnew:"x"\n}\n'),
    (
        "colon-before-brace",
        "after",
        LAYER,
        "layer: {\n  mark: here\n}\n",
        'layer: {\n  mark: here\n}\nlayer: {\n  name: "new"\n  param: {\n    lr_mult: 1\n  }\n}\n',
    ),
    (
        "colon-before-some-braces",
        "after",
        LAYER,
        "layer {\n  mark: here\n  param: { lr_mult: 2 }\n}\n",
        "layer {\n  mark: here\n  param: { lr_mult: 2 }\n}\n"
        'layer {\n  name: "new"\n  param: { lr_mult: 1 }\n}\n',
    ),
    (
        "angles",
        "after",
        LAYER,
        "layer <\n  mark: here\n>\n",
        'layer <\n  mark: here\n>\nlayer <\n  name: "new"\n  param <\n    lr_mult: 1\n  >\n>\n',
    ),
    (
        "brace-below",
        "after",
        LAYER,
        "layer\n{\n  mark: here\n  param\n  {\n    lr_mult: 2\n  }\n}\n",
        "layer\n{\n  mark: here\n  param\n  {\n    lr_mult: 2\n  }\n}\n"
        'layer\n{\n  name: "new"\n  param\n  {\n    lr_mult: 1\n  }\n}\n',
    ),
    (
        "one-line-params",
        "after",
        LAYER,
        "layer {\n  mark: here\n  param {lr_mult: 2 decay_mult: 1}\n}\n",
        "layer {\n  mark: here\n  param {lr_mult: 2 decay_mult: 1}\n}\n"
        'layer {\n  name: "new"\n  param {lr_mult: 1}\n}\n',
    ),
    (
        "one-line-params-of-the-file",
        "after",
        LAYER,
        "layer {\n  param { lr_mult: 2 }\n}\nlayer {\n  mark: here\n  size { x: 1 }\n}\n",
        "layer {\n  param { lr_mult: 2 }\n}\nlayer {\n  mark: here\n  size { x: 1 }\n}\n"
        'layer {\n  name: "new"\n  param { lr_mult: 1 }\n}\n',
    ),
    (
        "separators-of-lines",
        "after",
        FIELD,
        "m {\n  a: 1,\n  here: 2\n}\n",
        'm {\n  a: 1,\n  here: 2,\n  new: "x"\n}\n',
    ),
    (
        "separators-of-lines-all",
        "after",
        FIELD,
        "m {\n  a: 1;\n  here: 2; # its\n}\n",
        'm {\n  a: 1;\n  here: 2; # its\n  new: "x";\n}\n',
    ),
    (
        "separators-of-one-line",
        "after",
        FIELD,
        "m { a: 1, here: 2 }",
        'm { a: 1, here: 2, new: "x" }',
    ),
    ("separators-before", "before", FIELD, "m { a: 1, here: 2 }", 'm { a: 1, new: "x", here: 2 }'),
    ("separators-first", "before", FIELD, "m { here: 1, a: 2 }", 'm { new: "x", here: 1, a: 2 }'),
    (
        "separators-within",
        "after",
        [("m", [("a", 1), ("b", 2)])],
        "m { mark: here, b: 3 }\n",
        "m { mark: here, b: 3 }\nm { a: 1, b: 2 }\n",
    ),
    (
        "one-line-file",
        "after",
        LAYER,
        "layer { mark: here } b: 1",
        'layer { mark: here } layer { name: "new" param { lr_mult: 1 } } b: 1',
    ),
    ("one-line-file-last", "after", FIELD, "a: 1 here: 2", 'a: 1 here: 2 new: "x"'),
    ("one-line-file-first", "before", FIELD, "here: 2 b: 3\n", 'new: "x" here: 2 b: 3\n'),
    ("one-line-file-spaces", "before", FIELD, "a: 1   here: 2", 'a: 1 new: "x"   here: 2'),
    ("one-line-file-of-one", "after", FIELD, "here: 2", 'here: 2\nnew: "x"'),
    ("one-line-file-comment", "after", FIELD, "a: 1 here: 2 # c\n", 'a: 1 here: 2 # c\nnew: "x"\n'),
    ("touching", "after", FIELD, "here{}b{}", 'here{}new: "x" b{}'),
    ("touching-before", "before", FIELD, "a{}here{}", 'a{}new: "x" here{}'),
    ("touching-separated", "after", FIELD, "here:1,b:2", 'here:1,new:"x",b:2'),
    ("touching-a-bracket", "after", FIELD, "here: b[e.x]: 1", 'here: b new: "x"[e.x]: 1'),
    ("touching-braces", "after", FIELD, "m{here:1}", 'm{here:1 new:"x"}'),
    ("touching-braces-before", "before", FIELD, "m{here:1}", 'm{new:"x" here:1}'),
    ("no-final-newline", "after", FIELD, "a: 1\nhere: 2", 'a: 1\nhere: 2\nnew: "x"'),
    ("no-final-newline-before", "before", FIELD, "a: 1\nhere: 2", 'a: 1\nnew: "x"\nhere: 2'),
    ("bom", "before", FIELD, "\ufeffhere: 1\nb: 2\n", '\ufeffnew: "x"\nhere: 1\nb: 2\n'),
    (
        "after-its-comment",
        "after",
        FIELD,
        "here: 1 # its\n# of b\nb: 2\n",
        'here: 1 # its\nnew: "x"\n# of b\nb: 2\n',
    ),
    (
        "before-its-comments",
        "before",
        FIELD,
        "a: 1\n# its\nhere: 1\n",
        'a: 1\nnew: "x"\n# its\nhere: 1\n',
    ),
    ("below-the-header", "before", FIELD, "# header\nhere: 1\n", '# header\nnew: "x"\nhere: 1\n'),
    (
        "blank-lines-after",
        "after",
        TWO,
        "layer {\n}\n\nlayer {\n  mark: here\n}\n\nlayer {\n}\n",
        'layer {\n}\n\nlayer {\n  mark: here\n}\n\nlayer {\n  name: "new"\n}\n\n'
        'layer {\n  name: "too"\n}\n\nlayer {\n}\n',
    ),
    (
        "blank-lines-before",
        "before",
        TWO,
        "layer {\n}\n\nlayer {\n  mark: here\n}\n",
        'layer {\n}\n\nlayer {\n  name: "new"\n}\n\nlayer {\n  name: "too"\n}\n\n'
        "layer {\n  mark: here\n}\n",
    ),
    (
        "blank-lines-no-final-newline",
        "after",
        LAYER,
        "layer {\n}\n\nlayer { mark: here }",
        'layer {\n}\n\nlayer { mark: here }\n\nlayer { name: "new" param { lr_mult: 1 } }',
    ),
    (
        "line-of-two",
        "before",
        FIELD,
        "m {\n  here: 1 b: 2\n}\n",
        'm {\n  new: "x"\n  here: 1 b: 2\n}\n',
    ),
    (
        "line-of-two-last",
        "after",
        FIELD,
        "m {\n  a: 1 here: 2\n}\n",
        'm {\n  a: 1 here: 2 new: "x"\n}\n',
    ),
    (
        "lines-that-share-braces",
        "after",
        [("m", [("a", 1)])],
        "m {\n  mark: here\n} m {\n  b: 2\n}\n",
        "m {\n  mark: here\n} m {\n  a: 1\n} m {\n  b: 2\n}\n",
    ),
    ("list-first", "before", ITEMS, "a: [b, c] here: [x, y]", "a: [b, c] here: [x, new, too, y]"),
    ("list-last", "after", ITEMS, "here: [x, y]", "here: [x, y, new, too]"),
    ("list-tight", "after", ITEMS, "here: [x,y]", "here: [x,y, new, too]"),
    (
        "list-of-lines",
        "after",
        [("layer", [("name", "new")])],
        'layer: [\n  { name: "a" }, # of a\n  { mark: here } # its\n]\n',
        'layer: [\n  { name: "a" }, # of a\n  { mark: here }, # its\n  { name: "new" }\n]\n',
    ),
    (
        "list-compact",
        "after",
        [("layer", [("name", "new")])],
        'layer: [{\n  mark: here\n}, {\n  name: "b"\n}]\n',
        'layer: [{\n  mark: here\n}, {\n  name: "new"\n}, {\n  name: "b"\n}]\n',
    ),
    (
        "list-of-other-fields",
        "after",
        FIELD,
        "m {\n  here: [1, 2]\n}\n",
        'm {\n  here: [1, 2]\n  new: "x"\n}\n',
    ),
]


def edited(document: Document, verb: str, new: NewFields, comment: str | None = None) -> str:
    found = marked(document, "here")
    messages = [entry for entry in found if isinstance(entry.value, Message)]
    entry = (messages or found)[-1]
    put = insertion.after if verb == "after" else insertion.before
    return apply(document.text, put(entry, new, neighbour_style(entry), comment))


@pytest.mark.parametrize(
    ("verb", "new", "before", "after"),
    [pytest.param(*case[1:], id=case[0]) for case in LAYOUTS],
)
def test_insertion_looks_like_its_neighbours(
    verb: str, new: NewFields, before: str, after: str
) -> None:
    document = parse(before.encode())
    assert edited(document, verb, new) == after


COMMENTS = [
    ("above", "after", "here: 1\nb: 2\n", 'here: 1\n# why\nnew: "x"\nb: 2\n'),
    ("in-a-message", "after", "m {\n\there: 1\n}\n", 'm {\n\there: 1\n\t# why\n\tnew: "x"\n}\n'),
    ("crlf", "before", "a: 1\r\nhere: 1\r\n", 'a: 1\r\n# why\r\nnew: "x"\r\nhere: 1\r\n'),
    ("apart-from-the-header", "before", "# h\nhere: 1\n", '# h\n\n# why\nnew: "x"\nhere: 1\n'),
    ("below-a-blank-line", "before", "# h\n\nhere: 1\n", '# h\n\n# why\nnew: "x"\n\nhere: 1\n'),
    ("left-out-on-a-shared-line", "after", "here: 1 b: 2\n", 'here: 1 new: "x" b: 2\n'),
]


@pytest.mark.parametrize(
    ("verb", "before", "after"), [pytest.param(*case[1:], id=case[0]) for case in COMMENTS]
)
def test_comment_above_what_is_inserted(verb: str, before: str, after: str) -> None:
    assert edited(parse(before.encode()), verb, FIELD, "why") == after


def test_a_comment_of_lines_stays_a_comment() -> None:
    text = edited(parse(b"here: 1\n"), "after", FIELD, "one\ntwo: 2")
    assert text == 'here: 1\n# one\n# two: 2\nnew: "x"\n'


INSIDE = [
    ("after-the-last", "m {\n  a: 1\n  # of m\n}\n", 'm {\n  a: 1\n  new: "x"\n  # of m\n}\n'),
    ("one-line", "m { a: 1 }", 'm { a: 1 new: "x" }'),
    ("after-an-empty-list", "m { a: [] }", 'm { a: [] new: "x" }'),
    ("empty", "m { }", 'm { new: "x" }'),
    ("empty-tight", "m{}", 'm{new: "x"}'),
    ("empty-of-lines", "m {\n}\n", 'm {\n  new: "x"\n}\n'),
    ("empty-with-comments", "m { # a\n  # b\n}\n", 'm { # a\n  new: "x"\n  # b\n}\n'),
    ("empty-with-a-blank-line", "m {\n\n}\n", 'm {\n  new: "x"\n\n}\n'),
    ("empty-indented", "n {\n\tm {\n\t}\n}\n", 'n {\n\tm {\n\t\tnew: "x"\n\t}\n}\n'),
]


@pytest.mark.parametrize(
    ("before", "after"), [pytest.param(*case[1:], id=case[0]) for case in INSIDE]
)
def test_inside_a_message(before: str, after: str) -> None:
    document = parse(before.encode())
    message = next(entry.value for entry in marked(document, "m"))
    assert isinstance(message, Message)
    assert apply(before, insertion.inside(message, FIELD, style_of(document, message))) == after


FILES_OF_NOTHING = [
    ("nothing", "", 'new: "x"\n'),
    ("header", "# h\n", '# h\nnew: "x"\n'),
    ("header-no-final-newline", "# h", '# h\nnew: "x"'),
    ("header-and-blank-line", "# h\n\n", '# h\n\n\nnew: "x"\n'),
    ("bom", "\ufeff", '\ufeffnew: "x"\n'),
    ("blanks", "  ", '  \n\nnew: "x"'),
    ("crlf", "# h\r\n", '# h\r\nnew: "x"\r\n'),
]


@pytest.mark.parametrize(
    ("before", "after"), [pytest.param(*case[1:], id=case[0]) for case in FILES_OF_NOTHING]
)
def test_inside_a_file_of_nothing(before: str, after: str) -> None:
    document = parse(before.encode())
    assert apply(before, insertion.inside(document.root, FIELD, style_of(document))) == after


NEW: list[NewFields] = [
    [("x", 1)],
    [("name", "n\udce9")],
    [("x", 1), ("x", 2)],
    [("layer", [("name", "l"), ("param", [("lr_mult", 1)])])],
    [("layer", [("name", "l")]), ("layer", [])],
    [("bottom", "a"), ("param", [("b", Word("E"))])],
]
FILES = st.one_of(documents().map(lambda sample: sample[0]), net_files(0.2))


@searched
@given(FILES, st.sampled_from(NEW), st.sampled_from([None, None, "why"]), st.data())
def test_removing_what_was_inserted_restores_the_bytes(
    data: bytes, new: NewFields, comment: str | None, draw: st.DataObject
) -> None:
    document = parse(data)
    edits, steps = _insertion(document, new, comment, draw)
    if edits and comment and not document.text[: edits[0].start].strip().strip("\ufeff"):
        # A comment at the very beginning is the file's, and stays.
        edits, steps = _insertion(document, new, None, draw)
    text = apply(document.text, sort_edits(edits))
    after = parse(text.encode("utf-8", "surrogateescape"))
    expected = tree_of(document.root)
    Promise(tuple(steps)).apply_tree(expected)
    assert first_difference(expected, tree_of(after.root)) is None
    assert apply(after.text, remove(inserted(after, steps))) == document.text


def _insertion(
    document: Document, new: NewFields, comment: str | None, draw: st.DataObject
) -> tuple[list[Edit], list[Insert]]:
    """New fields somewhere in a document."""
    found = [entry for entry in entries(document) if _takes(entry.field, new)]
    place = draw.draw(st.sampled_from(["after", "before", "inside"] if found else ["inside"]))
    if place == "inside":
        values = [entry.value for entry in entries(document)]
        messages = [document.root, *(value for value in values if isinstance(value, Message))]
        message = draw.draw(st.sampled_from(messages))
        if message.fields and not _takes(message.fields[-1], new):
            return [], []
        edits = insertion.inside(message, new, style_of(document, message))
        return edits, insertions_inside(message, new)
    entry = draw.draw(st.sampled_from(found))
    if draw.draw(st.booleans()) and _takes(entry.field, [(entry.field.name, new[0][1])]):
        new = [(entry.field.name, value) for _, value in new]
    if place == "after":
        edits = insertion.after(entry, new, neighbour_style(entry), comment)
        return edits, insertions_after(entry, new)
    edits = insertion.before(entry, new, neighbour_style(entry), comment)
    return edits, insertions_before(entry, new)


def _takes(field: Field, new: NewFields) -> bool:
    """Whether the text can hold it: a list without a colon has no scalars."""
    scalars = any(not is_message(value) for name, value in new if name == field.name)
    return not (field.is_list and field.colon < 0 and scalars)
