"""The concrete syntax tree: fields and values that point into the token stream.

The tree is read-only and knows no schema. It stores token indices, never text, so that
`bytes(document)` equals the input.
"""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.location import Location
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.source import Source
from ssdh_surgery.prototxt.tokens import is_comment, is_space, is_string, is_word


class Scalar:
    """A value that is not a message; `first` and `last` are token indices, inclusive."""

    __slots__ = ("document", "first", "last")

    def __init__(self, document: Document, first: int, last: int) -> None:
        self.document = document
        self.first = first
        self.last = last

    @property
    def words(self) -> list[str]:
        """The tokens of the value without white space and comments."""
        tokens = self.document.tokens[self.first : self.last + 1]
        return [token for token in tokens if not is_comment(token) and not is_space(token)]

    @property
    def text(self) -> str:
        """The value as written, with its sign attached; strings keep their quotes."""
        return self.document.tokens[self.first] if self.first == self.last else "".join(self.words)

    @property
    def is_string(self) -> bool:
        """Whether it is a quoted string."""
        return is_string(self.document.tokens[self.first])

    @property
    def is_word(self) -> bool:
        """Whether it is a bare word: an enum value, `true`, `inf`."""
        return is_word(self.document.tokens[self.first])

    @property
    def data(self) -> bytes:
        """The bytes of a string (adjacent strings joined), or of a bare value as written."""
        if not self.is_string:
            return self.text.encode()
        token = self.document.tokens[self.first]
        if self.first == self.last and token.isascii() and "\\" not in token:
            return token[1:-1].encode()
        # The parser has checked that they can be read.
        return literals.unescape(word[1:-1] for word in self.words) or b""

    @property
    def string(self) -> str:
        """The string as text, or a bare value as written."""
        return self.data.decode("utf-8", "surrogateescape")


class Message:
    """A message value: its fields, and the tokens that open and close it.

    The root has no such tokens; its `first` is -1 and its `last` the number of tokens.
    """

    __slots__ = ("depth", "document", "fields", "first", "last")

    def __init__(self, document: Document, first: int, depth: int) -> None:
        self.document = document
        self.first = first
        self.last = -1
        self.depth = depth
        self.fields: list[Field] = []

    @property
    def is_root(self) -> bool:
        """Whether this is the file itself."""
        return self.first < 0

    def entries(self, name: str) -> list[Entry]:
        """All values of a field in the order of the text; lists in brackets are flattened."""
        return [
            Entry(field, index)
            for field in self.fields
            if field.name == name
            for index in range(len(field.values))
        ]

    def entry(self, name: str) -> Entry | None:
        """The last value of a field, which is the effective one, or None."""
        for field in reversed(self.fields):
            if field.name == name and field.values:
                return field.entries[-1]
        return None

    def messages(self, name: str) -> list[Message]:
        """The values of a field that are messages."""
        values = (entry.value for entry in self.entries(name))
        return [value for value in values if isinstance(value, Message)]

    def message(self, name: str) -> Message | None:
        """The last value of a field, if it is a message."""
        entry = self.entry(name)
        return entry.value if entry and isinstance(entry.value, Message) else None

    def scalars(self, name: str) -> list[Scalar]:
        """The values of a field that are not messages."""
        values = (entry.value for entry in self.entries(name))
        return [value for value in values if isinstance(value, Scalar)]

    def scalar(self, name: str) -> Scalar | None:
        """The last value of a field, if it is not a message."""
        entry = self.entry(name)
        return entry.value if entry and isinstance(entry.value, Scalar) else None

    def string(self, name: str, default: str = "") -> str:
        """The last value of a field as text."""
        scalar = self.scalar(name)
        return default if scalar is None else scalar.string

    def walk(self) -> Iterator[Field]:
        """Every field below, at any depth, in the order of the text."""
        pending = [iter(self.fields)]
        while pending:
            field = next(pending[-1], None)
            if field is None:
                pending.pop()
                continue
            yield field
            pending.extend(
                iter(value.fields) for value in reversed(field.values) if isinstance(value, Message)
            )


Value = Scalar | Message


class Field:
    """A name with its value, or with the values of a list in brackets.

    `first` and `last` are its first and last token; `separator` is the `,` or `;` after it, or -1.
    """

    __slots__ = ("close", "colon", "first", "last", "name", "open", "parent", "separator", "values")

    def __init__(self, parent: Message, name: str, first: int) -> None:
        self.parent = parent
        self.name = name
        self.first = first
        self.last = first
        self.colon = -1
        self.open = -1
        self.close = -1
        self.separator = -1
        self.values: list[Value] = []

    @property
    def is_list(self) -> bool:
        """Whether its values are in `[ ]`."""
        return self.open >= 0

    @property
    def entries(self) -> list[Entry]:
        """Its values, one by one."""
        return [Entry(self, index) for index in range(len(self.values))]

    @property
    def document(self) -> Document:
        """The document that contains it."""
        return self.parent.document

    @property
    def start(self) -> int:
        """The offset of its beginning."""
        return self.document.offsets[self.first]

    @property
    def end(self) -> int:
        """The offset after its last token, without the separator."""
        return self.document.offsets[self.last + 1]


class Entry:
    """One value of a field: the field and the index of the value in it."""

    __slots__ = ("field", "index")

    def __init__(self, field: Field, index: int) -> None:
        self.field = field
        self.index = index

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entry):
            return NotImplemented
        return self.field is other.field and self.index == other.index

    def __hash__(self) -> int:
        return hash((id(self.field), self.index))

    @property
    def value(self) -> Value:
        """The value itself."""
        return self.field.values[self.index]

    @property
    def document(self) -> Document:
        """The document that contains it."""
        return self.field.document

    @property
    def location(self) -> Location:
        """The place of the value, or of the field's name if the value is a message."""
        value = self.value
        if isinstance(value, Scalar) or self.field.is_list:
            last = value.last if isinstance(value, Scalar) else value.first
            return self.document.location(value.first, last)
        return self.document.location(self.field.first)

    @property
    def line(self) -> int:
        """The line on which the field (or the list item) begins."""
        first = self.value.first if self.field.is_list else self.field.first
        return self.document.source.line(self.document.offsets[first])


class Document:
    """A parsed file: its source, its tokens with their offsets, and its fields (`root`).

    `depth` is the deepest nesting of messages, 0 for a flat file.
    """

    def __init__(self, source: Source, tokens: list[str], offsets: list[int]) -> None:
        self.source = source
        self.tokens = tokens
        self.offsets = offsets
        self.root = Message(self, -1, 0)
        self.root.last = len(tokens)
        self.depth = 0

    def __repr__(self) -> str:
        names = ", ".join(dict.fromkeys(field.name for field in self.fields))
        return f"<Document {self.source.file}: {names}>"

    def __bytes__(self) -> bytes:
        return "".join(self.tokens).encode("utf-8", "surrogateescape")

    @property
    def text(self) -> str:
        """The decoded text."""
        return self.source.text

    @property
    def fields(self) -> list[Field]:
        """The fields at the top of the file."""
        return self.root.fields

    def walk_messages(self) -> Iterator[Message]:
        """Every message below the root."""
        for field in self.root.walk():
            yield from (value for value in field.values if isinstance(value, Message))

    def location(self, first: int, last: int | None = None) -> Location:
        """The place of the tokens `first` to `last`."""
        start = self.offsets[first]
        end = self.offsets[(first if last is None else last) + 1]
        return self.source.location(start, max(1, end - start))
