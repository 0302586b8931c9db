"""Which comments and blank lines go with a field: a case for each sentence of the rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery import Document, parse
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.prototxt.edits import apply, sort_edits
from ssdh_surgery.prototxt.removal import comment_out, remove
from ssdh_surgery.prototxt.trivia import first_token
from ssdh_surgery.surgery.core.change import path_of
from ssdh_surgery.surgery.core.promise import Promise
from ssdh_surgery.surgery.core.semantics import first_difference, tree_of
from ssdh_surgery.surgery.core.step import Delete
from support.entries import entries, keeps_comments, marked
from support.net_files import net_files
from support.strategies import documents, searched

# Text before and after the values called `gone` are taken out.
REMOVALS = [
    # A comment goes with a field if it begins on the field's last line ...
    ("comment-on-the-line", "a: 1\ngone: 2 # its\nb: 3\n", "a: 1\nb: 3\n"),
    ("comment-on-the-last-line", "gone {\n  a: 1\n} # its\nb: 3\n", "b: 3\n"),
    ("comment-on-the-first-line", "gone { # its\n  a: 1\n}\nb: 3\n", "b: 3\n"),
    ("comment-after-separator", "a: 1,\ngone: 2, # its\nb: 3\n", "a: 1,\nb: 3\n"),
    ("comment-before-separator", "gone: 2 # its\n; b: 3\n", "b: 3\n"),
    ("comment-of-the-message", "m { gone: 1 } # of m\n", "m { } # of m\n"),
    ("comment-of-the-next-on-the-line", "gone: 1 b: 2 # of b\n", "b: 2 # of b\n"),
    ("comment-of-the-last-on-the-line", "b: 2 gone: 1 # its\n", "b: 2\n"),
    ("comment-of-the-field-before", "a: 1 # of a\ngone: 2\n", "a: 1 # of a\n"),
    # ... or stands on its own lines directly above the field's first line ...
    ("comment-above", "a: 1\n# its\ngone: 2\nb: 3\n", "a: 1\nb: 3\n"),
    ("comments-above", "a: 1\n# its\n  #its\ngone: 2\nb: 3\n", "a: 1\nb: 3\n"),
    ("comment-above-in-a-message", "m {\n  # its\n  gone: 2\n}\n", "m {\n}\n"),
    ("comment-above-of-the-next", "gone: 2\n# of b\nb: 3\n", "# of b\nb: 3\n"),
    ("comment-after-the-brace", "m { # of m\n  gone: 2\n}\n", "m { # of m\n}\n"),
    ("comment-above-a-line-of-two", "a: 1\n# its\ngone: 2 b: 3\n", "a: 1\nb: 3\n"),
    ("comment-above-the-first-of-two", "a: 1\n# of b\nb: 3 gone: 2\n", "a: 1\n# of b\nb: 3\n"),
    # ... with no blank line between; what it says is never looked at.
    ("comment-apart", "a: 1\n# free\n\ngone: 2\nb: 3\n", "a: 1\n# free\nb: 3\n"),
    ("comment-apart-by-blanks", "a: 1\n# free\n \t\ngone: 2\nb: 3\n", "a: 1\n# free\nb: 3\n"),
    ("comment-apart-above-its", "a: 1\n# free\n\n# its\ngone: 2\n", "a: 1\n# free\n"),
    ("comment-that-names-another", "a: 1\n# about b:\ngone: 2\nb: 3\n", "a: 1\nb: 3\n"),
    ("comment-of-code", "a: 1\n# b { c: 1 }\ngone: 2\nb: 3\n", "a: 1\nb: 3\n"),
    # The comment block that begins the file belongs to the file ...
    ("header", "# header\ngone: 1\nb: 2\n", "# header\nb: 2\n"),
    ("header-of-lines", "# header\n#\n# more\ngone: 1\nb: 2\n", "# header\n#\n# more\nb: 2\n"),
    ("header-after-blanks", "\n\n# header\ngone: 1\nb: 2\n", "\n\n# header\nb: 2\n"),
    ("header-after-bom", "\ufeff# header\ngone: 1\nb: 2\n", "\ufeff# header\nb: 2\n"),
    ("header-after-bom-and-blank", "\ufeff # h\ngone: 1\nb: 2\n", "\ufeff # h\nb: 2\n"),
    ("header-after-bom-and-line", "\ufeff\n# h\ngone: 1\nb: 2\n", "\ufeff\n# h\nb: 2\n"),
    ("header-apart-from-its", "# header\n\n# its\ngone: 1\nb: 2\n", "# header\nb: 2\n"),
    # ... and one before a closing brace to the message.
    ("comment-before-the-brace", "m {\n  gone: 1\n  # of m\n}\n", "m {\n  # of m\n}\n"),
    ("comment-before-the-bracket", "m: [a,\n  gone\n  # of m\n]\n", "m: [a\n  # of m\n]\n"),
    ("comment-that-ends-the-file", "a: 1\ngone: 2\n# of the file\n", "a: 1\n# of the file\n"),
    # Removing a field removes its comments, one preceding blank line and nothing else.
    ("one-blank-line", "a: 1\n\n\ngone: 2\n\nb: 3\n", "a: 1\n\n\nb: 3\n"),
    ("blank-line-above-its-comment", "a: 1\n\n# its\ngone: 2\n\nb: 3\n", "a: 1\n\nb: 3\n"),
    ("no-blank-line-below", "a: 1\ngone: 2\n\nb: 3\n", "a: 1\n\nb: 3\n"),
    ("blank-line-that-begins-the-file", "\ngone: 1\nb: 2\n", "b: 2\n"),
    ("blank-line-of-blanks", "a: 1\n \t \ngone: 2\nb: 3\n", "a: 1\nb: 3\n"),
    ("blank-line-in-a-message", "m {\n\n  gone: 1\n  b: 2\n}\n", "m {\n  b: 2\n}\n"),
    ("two-with-their-blank-lines", "a: 1\n\ngone: 2\n\ngone: 3\n\nb: 4\n", "a: 1\n\nb: 4\n"),
    ("two-with-more-between", "a: 1\ngone: 2\n\n\ngone: 3\nb: 4\n", "a: 1\n\nb: 4\n"),
    ("two-around-a-comment", "gone: 1\n# free\n\ngone: 2\nb: 3\n", "# free\nb: 3\n"),
    ("two-on-a-line", "a: 1\ngone: 2 gone: 3\nb: 4\n", "a: 1\nb: 4\n"),
    ("all", "gone: 1\ngone: 2\n", ""),
    # Layouts.
    ("crlf", "a: 1\r\n\r\n# its\r\ngone: 2 # its\r\nb: 3\r\n", "a: 1\r\nb: 3\r\n"),
    ("no-final-newline", "a: 1\ngone: 2", "a: 1"),
    ("no-final-newline-crlf", "a: 1\r\ngone: 2", "a: 1"),
    ("no-final-newline-after-blank-line", "a: 1\n\ngone: 2", "a: 1"),
    ("no-final-newline-before", "gone: 2\nb: 3", "b: 3"),
    ("no-final-newline-two", "a: 1\ngone: 2\ngone: 3", "a: 1"),
    ("no-final-newline-comment", "a: 1\ngone: 2 # its", "a: 1"),
    ("bom", "\ufeffgone: 1\nb: 2\n", "\ufeffb: 2\n"),
    ("bom-blank-line", "\ufeff\ngone: 1\nb: 2\n", "\ufeffb: 2\n"),
    ("tabs", "m {\n\ta: 1\n\t# its\n\tgone: 2\n}\n", "m {\n\ta: 1\n}\n"),
    ("one-line-first", "gone: 1 a: 2 b: 3", "a: 2 b: 3"),
    ("one-line-middle", "a: 2  gone: 1   b: 3", "a: 2   b: 3"),
    ("one-line-last", "a: 2 b: 3 gone: 1", "a: 2 b: 3"),
    ("one-line-message", "a { b: 1 gone: 2 c: 3 }", "a { b: 1 c: 3 }"),
    ("one-line-only", "a { gone: 2 }", "a { }"),
    ("one-line-tight", "a{gone:2}", "a{}"),
    ("tight-between-braces", "a{}gone{}b{}", "a{}b{}"),
    ("words-would-meet", "a: b gone{}c: 1", "a: b c: 1"),
    ("first-on-a-line-of-two", "  gone: 1 b: 2\n", "  b: 2\n"),
    ("separators", "a: 1, gone: 2, b: 3", "a: 1, b: 3"),
    ("separator-before-the-last", "m { a: 1, gone: 2 }", "m { a: 1 }"),
    ("separator-after-the-last", "m { a: 1, gone: 2, }", "m { a: 1, }"),
    ("separator-of-lines", "m {\n  a: 1;\n  gone: 2\n}\n", "m {\n  a: 1\n}\n"),
    ("separator-apart", "m { a: 1 , gone: 2 }", "m { a: 1 }"),
    ("angles", "m < gone: 1 b: 2 >", "m < b: 2 >"),
    # Items of lists.
    ("list-first", "m: [gone, a, b]", "m: [a, b]"),
    ("list-middle", "m: [a, gone, b]", "m: [a, b]"),
    ("list-last", "m: [a, b, gone]", "m: [a, b]"),
    ("list-last-two", "m: [a, gone, gone]", "m: [a]"),
    ("list-around", "m: [gone, a, gone]", "m: [a]"),
    ("list-all", "a: 1 m: [gone, gone] b: 2", "a: 1 b: 2"),
    ("list-comma-apart", "m: [a , gone , b]", "m: [a , b]"),
    (
        "list-of-lines",
        "m: [\n  {mark: gone}, # its\n  # of a\n  {a: 1}\n]\n",
        "m: [\n  # of a\n  {a: 1}\n]\n",
    ),
    (
        "list-of-lines-last",
        "m: [\n  {a: 1}, # of a\n  # its\n  {mark: gone} # its\n]\n",
        "m: [\n  {a: 1} # of a\n]\n",
    ),
    ("list-compact", "m: [{\n  a: 1\n}, {\n  mark: gone\n}]\n", "m: [{\n  a: 1\n}]\n"),
    # Within each other.
    ("inner-and-outer", "a: 1\ngone { b: 1 gone: 2 }\n", "a: 1\n"),
]

# Text before and after the values called `gone` are commented out.
COMMENTINGS = [
    ("line", "a: 1\ngone: 2\nb: 3\n", "a: 1\n# gone: 2\nb: 3\n"),
    ("its-comments-stay", "# h\n\n# its\ngone: 2 # too\n", "# h\n\n# its\n# gone: 2 # too\n"),
    ("blank-lines-stay", "a: 1\n\ngone: 2\n\nb: 3\n", "a: 1\n\n# gone: 2\n\nb: 3\n"),
    (
        "lines",
        "gone {\n  a: 1\n\n  # in it\n  b { c: 1 }\n} # its\n",
        "# gone {\n#   a: 1\n\n#   # in it\n#   b { c: 1 }\n# } # its\n",
    ),
    ("indented", "m {\n  gone {\n    a: 1\n  }\n}\n", "m {\n  # gone {\n  #   a: 1\n  # }\n}\n"),
    ("outdented-inside", "  gone {\na: 1\n  }\n", "  # gone {\n# a: 1\n  # }\n"),
    ("tabs", "m {\n\tgone {\n\t\ta: 1\n\t}\n}\n", "m {\n\t# gone {\n\t# \ta: 1\n\t# }\n}\n"),
    ("crlf", "gone {\r\n  a: 1\r\n}\r\nb: 2\r\n", "# gone {\r\n#   a: 1\r\n# }\r\nb: 2\r\n"),
    ("crlf-on-a-line", "m {\r\n  gone: 1 }\r\n", "m {\r\n  # gone: 1\r\n  }\r\n"),
    ("no-final-newline", "a: 1\ngone: 2", "a: 1\n# gone: 2"),
    ("bom", "\ufeffgone: 1\n", "\ufeff# gone: 1\n"),
    ("one-line-first", "gone: 1 b: 2", "# gone: 1\nb: 2"),
    ("one-line-middle", "a: 1 gone: 2 b: 3", "a: 1 # gone: 2\nb: 3"),
    ("one-line-last", "a: 1 gone: 2", "a: 1 # gone: 2"),
    ("one-line-two", "gone: 1 gone: 2 b: 3", "# gone: 1\n# gone: 2\nb: 3"),
    ("brace-follows", "  m { a: 1 gone: 2 }\n", "  m { a: 1 # gone: 2\n  }\n"),
    ("tight", "m{gone:1}", "m{ # gone:1\n}"),
    ("separator-goes-too", "a: 1, gone: 2, b: 3", "a: 1, # gone: 2,\nb: 3"),
    ("separator-on-its-own-line", "gone: 2\n; b: 3\n", "# gone: 2\n# ;\nb: 3\n"),
    ("string-in-parts", 'gone: "a" # x\n  "b"\nb: 1\n', '# gone: "a" # x\n#   "b"\nb: 1\n'),
    ("list-first", "m: [gone, a]", "m: [ # gone,\na]"),
    ("list-last", "m: [a, gone]", "m: [a # , gone\n]"),
    ("list-last-two", "m: [a, gone, gone]", "m: [a # , gone,\n# gone\n]"),
    (
        "list-of-lines",
        "m: [\n  {a: 1}, # of a\n  {mark: gone}\n]\n",
        "m: [\n  {a: 1} # , # of a\n  # {mark: gone}\n]\n",
    ),
    (
        "list-of-lines-with-comments",
        "m: [\n  {a: 1},\n  # its\n  {mark: gone}, # its\n  {mark: gone}\n]\n",
        "m: [\n  {a: 1} # ,\n  # its\n  # {mark: gone}, # its\n  # {mark: gone}\n]\n",
    ),
    ("list-all", "m: [gone,\n  gone]\n", "# m: [gone,\n#   gone]\n"),
    ("inner-and-outer", "gone { b: 1 gone: 2 }\n", "# gone { b: 1 gone: 2 }\n"),
]


@pytest.mark.parametrize(
    ("before", "after"), [pytest.param(*case[1:], id=case[0]) for case in REMOVALS]
)
def test_removal(before: str, after: str) -> None:
    document = parse(before.encode())
    assert apply(before, remove(marked(document, "gone"))) == after


@pytest.mark.parametrize(
    ("before", "after"), [pytest.param(*case[1:], id=case[0]) for case in COMMENTINGS]
)
def test_commenting(before: str, after: str) -> None:
    document = parse(before.encode())
    newline = "\r\n" if "\r\n" in before else "\n"
    assert apply(before, comment_out(marked(document, "gone"), newline)) == after
    parse(after.encode())


@pytest.mark.parametrize("text", ["", "# only a comment", "a: 1"])
def test_nothing_to_take_out_gives_no_edits(text: str) -> None:
    document = parse(text.encode())
    assert remove(marked(document, "gone")) == []
    assert comment_out(marked(document, "gone"), "\n") == []


def some(data: st.DataObject, document: Document) -> list[Entry]:
    found = entries(document)
    if not found:
        return []
    return data.draw(st.lists(st.sampled_from(found), max_size=3, unique=True))


def without(document: Document, chosen: list[Entry]) -> object:
    """The tree of a document once some of its values are gone."""
    tree = tree_of(document.root)
    Promise(tuple(Delete(path_of(entry)) for entry in chosen)).apply_tree(tree)
    return tree


FILES = st.one_of(documents().map(lambda sample: sample[0]), net_files(0.2))


@searched
@given(FILES, st.data())
def test_what_is_removed_is_gone_and_nothing_else(data: bytes, draw: st.DataObject) -> None:
    document = parse(data)
    chosen = some(draw, document)
    expected = without(document, chosen)
    after = apply(document.text, remove(chosen))
    found = tree_of(parse(after.encode("utf-8", "surrogateescape")).root)
    assert first_difference(expected, found) is None


@searched
@given(FILES, st.data(), st.sampled_from(["\n", "\r\n"]))
def test_what_is_commented_out_is_gone_and_every_comment_stays(
    data: bytes, draw: st.DataObject, newline: str
) -> None:
    document = parse(data)
    chosen = some(draw, document)
    expected = without(document, chosen)
    edits = sort_edits(comment_out(chosen, newline))
    after = parse(apply(document.text, edits).encode("utf-8", "surrogateescape"))
    assert first_difference(expected, tree_of(after.root)) is None
    assert keeps_comments(document, after)
    assert all(document.text[edit.start : edit.end].strip() == "" for edit in edits)


class _Tokens(list[str]):
    """Tokens that count those that slices copy."""

    copied = 0

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            self.copied += len(range(*index.indices(len(self))))
        return super().__getitem__(index)


@pytest.mark.parametrize("count", [10, 100])
def test_first_token_reads_only_what_is_near(count: int) -> None:
    document = parse(b"# of the file\na: 1\n# above\n" * count + b"b: 2\n")
    tokens = document.tokens = _Tokens(document.tokens)
    for field in document.fields:
        first_token(field)
    assert tokens.copied == 0
