"""Random nets of every dialect in every layout that people write, with forks' own fields."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from ssdh_surgery.prototxt.cst import Message
from ssdh_surgery.prototxt.parser import parse

# A value is a literal as written, or the fields of a message.
Fields = list[tuple[str, "str | Fields"]]

_FORK_FIELDS: Fields = [
    ("expand_ratio", "2"),
    ("multibox_param", [("code_type", "CENTER_SIZE"), ("variance", "- .1")]),
    ("[caffe.ext]", [("debug", "true")]),
    ("note", '"caf\udce9 \\xe9"'),
    ("pooling_param", [("pool", "MEDIAN")]),
]
_COMMENTS = ["#", "# why", '# name: "x" {', "# } ]", "#\u4e2d\udcd6\udcd0", "# it's \\"]


@dataclass
class _Habits:
    """How one file is written, with the exceptions that people make."""

    rng: random.Random
    newline: str = "\n"
    indent: str = "  "
    after_colon: str = " "
    head: str = " "
    padding: str = " "
    braces: str = "{}"
    separator: str = ""
    trivia: float = 0.0
    one_line: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def drawn(cls, rng: random.Random) -> _Habits:
        return cls(
            rng,
            newline=rng.choice(["\n", "\n", "\r\n"]),
            indent=rng.choice(["  ", "  ", "    ", "\t", ""]),
            after_colon=rng.choice([" ", " ", "", "  "]),
            head=rng.choice([" ", " ", "", ": ", ":", "\n"]),
            padding=rng.choice([" ", " ", ""]),
            braces=rng.choice(["{}", "{}", "{}", "<>"]),
            separator=rng.choice(["", "", "", ",", ";"]),
            trivia=rng.choice([0.0, 0.1, 0.4]),
        )

    def often(self, chance: float) -> bool:
        return self.rng.random() < chance

    def is_one_line(self, name: str) -> bool:
        usual = self.one_line.setdefault(name, self.rng.random() < 0.4)
        return usual != self.often(0.1)


class _Layout:
    """Fields as the text of a file."""

    def __init__(self, habits: _Habits) -> None:
        self.habits = habits

    def file(self, fields: Fields) -> str:
        habits, rng = self.habits, self.habits.rng
        text = self.inline(fields) if habits.often(0.15) else self.block(fields, "")
        header = rng.choice(["", "", f"# header{habits.newline}", habits.newline])
        text = header + text
        if habits.often(0.2):
            text += f"# the end{habits.newline}"
        if habits.often(0.25):
            text = text.rstrip("\r\n")
        return rng.choice(["", "", "\ufeff"]) + text

    def block(self, fields: Fields, margin: str) -> str:
        """Fields on lines of their own, mostly."""
        habits, parts = self.habits, []
        groups = self._groups(fields)
        for number, (name, values, is_list) in enumerate(groups):
            shares = bool(parts) and parts[-1].endswith(" ")
            if not shares:
                parts.append(self.above(margin))
            text = (
                self.list(name, values, margin) if is_list else self.field(name, values[0], margin)
            )
            last = number == len(groups) - 1
            text += habits.separator if not last or habits.often(0.5) else ""
            if not last and habits.often(0.04):
                parts.append(("" if shares else margin) + text + " ")
                continue
            trailing = f" {habits.rng.choice(_COMMENTS)}" if habits.often(habits.trivia) else ""
            blank = " " if habits.often(0.02) else ""
            parts.append(("" if shares else margin) + text + trailing + blank + habits.newline)
        if habits.often(habits.trivia / 3):
            parts.append(f"{margin}# at the end{habits.newline}")
        return "".join(parts)

    def above(self, margin: str) -> str:
        """What may stand above a field: blank lines and comments in any order."""
        habits, rows = self.habits, []
        while habits.often(habits.trivia):
            comment = margin + habits.rng.choice(_COMMENTS)
            rows.append(habits.rng.choice(["", " ", comment, comment]))
        return "".join(row + habits.newline for row in rows)

    def field(self, name: str, value: str | Fields, margin: str) -> str:
        habits = self.habits
        if isinstance(value, str):
            return f"{name}:{habits.after_colon}{value}"
        head = habits.head.replace("\n", habits.newline + margin)
        return name + head + self.message(name, value, margin)

    def message(self, name: str, fields: Fields, margin: str) -> str:
        habits = self.habits
        opening, closing = habits.braces
        if habits.is_one_line(name):
            inner = self.inline(fields)
            padding = habits.padding if inner or habits.often(0.5) else ""
            return opening + padding + inner + (padding if inner else "") + closing
        body = self.block(fields, margin + habits.indent)
        comment = f" {habits.rng.choice(_COMMENTS)}" if habits.often(habits.trivia / 3) else ""
        return opening + comment + habits.newline + body + margin + closing

    def inline(self, fields: Fields) -> str:
        habits = self.habits
        head = habits.head.replace("\n", " ")
        opening, closing = habits.braces
        texts = [
            f"{name}:{habits.after_colon}{value}"
            if isinstance(value, str)
            else f"{name}{head}{opening}{habits.padding}{self.inline(value)}{closing}"
            for name, value in fields
        ]
        return f"{habits.separator} ".join(texts)

    def list(self, name: str, values: list[str | Fields], margin: str) -> str:
        """Values of one field in brackets, on one line or each on its own."""
        habits = self.habits
        inner = margin + habits.indent
        items = [
            value if isinstance(value, str) else self.message(name, value, inner)
            for value in values
        ]
        if habits.often(0.5):
            return f"{name}: [" + habits.rng.choice([",", ", ", " , "]).join(items) + "]"
        rows = []
        for number, item in enumerate(items):
            comma = "," if number < len(items) - 1 else ""
            trailing = f" {habits.rng.choice(_COMMENTS)}" if habits.often(habits.trivia) else ""
            rows.append(self.above(inner) + inner + item + comma + trailing + habits.newline)
        return f"{name}: [{habits.newline}{''.join(rows)}{margin}]"

    def _groups(self, fields: Fields) -> list[tuple[str, list[str | Fields], bool]]:
        """Fields, some of those that follow each other with one name as a list."""
        groups: list[tuple[str, list[str | Fields], bool]] = []
        # The inner `layer` of V0 is a single message.
        repeated = set(_REPEATED) - (
            {"layer"} if any(name == "top" for name, _ in fields) else set()
        )
        for name, value in fields:
            if groups and groups[-1][0] == name and groups[-1][2]:
                groups[-1][1].append(value)
            else:
                groups.append((name, [value], self.habits.often(0.1) and name in repeated))
        return groups


_REPEATED = ("layer", "layers", "bottom", "top", "param", "blobs_lr", "input_dim", "include")


def _quoted(rng: random.Random, text: str) -> str:
    """A string literal: with either quote, or in two parts."""
    if len(text) > 2 and rng.random() < 0.05:
        return f"'{text[:2]}' \"{text[2:]}\""
    return rng.choice(['"{}"', '"{}"', "'{}'"]).format(text)


def _number(rng: random.Random, number: int) -> str:
    return rng.choice([str(number)] * 4 + [hex(number), f"0{number:o}"])


def _real(rng: random.Random) -> str:
    return rng.choice(["1", "0.01", ".5", "1e-3", "2.", "1f", "2F", "- 1", "-0.5", "inf"])


class _Nets:
    """Random nets as fields; `forks` is how much in them no Caffe of BVLC's knows."""

    def __init__(self, rng: random.Random, forks: float) -> None:
        self.rng = rng
        self.forks = forks

    def net(self) -> Fields:
        rng = self.rng
        dialect = rng.choice(["current", "current", "current", "V1", "V0"])
        fields: Fields = [("name", _quoted(rng, "net"))] if rng.random() < 0.8 else []
        blobs = []
        if rng.random() < 0.3:
            fields.append(("input", _quoted(rng, "data")))
            fields += [("input_dim", _number(rng, dim)) for dim in (1, 3, 8, 8)]
            blobs = ["data"]
        for number in range(rng.randint(0, 5)):
            fields += self.own_fields()
            fields.append(self.layer(dialect, number, blobs))
        return fields + self.own_fields()

    def own_fields(self) -> Fields:
        if self.rng.random() < self.forks:
            return [self.rng.choice(_FORK_FIELDS)]
        return []

    def layer(self, dialect: str, number: int, blobs: list[str]) -> tuple[str, Fields]:
        rng = self.rng
        name = rng.choice([f"fc{number}", f"fc{number}", "fc"])
        bottoms = rng.sample(blobs, min(len(blobs), rng.randint(0, 2)))
        top = rng.choice([name, *bottoms[:1]])
        blobs.append(top)
        links: Fields = [("bottom", _quoted(rng, blob)) for blob in bottoms]
        links.append(("top", _quoted(rng, top)))
        if rng.random() < 0.2:
            links.append((rng.choice(["include", "exclude"]), [("phase", "TRAIN")]))
        named = ("name", _quoted(rng, name))
        if dialect == "V0":
            core: Fields = [named, ("type", _quoted(rng, "innerproduct")), ("num_output", "3")]
            return "layers", [("layer", [*core, *self.own_fields()]), *links]
        if dialect == "V1":
            rates: Fields = [("blobs_lr", _real(rng)) for _ in range(rng.randint(0, 2))]
            kind: Fields = [("type", "INNER_PRODUCT")]
            return "layers", [*kind, named, *links, *rates, *self.inner_product(), *self.doubled()]
        kind = [("type", _quoted(rng, "InnerProduct"))]
        return "layer", [
            named,
            *kind,
            *links,
            *self.params(),
            *self.inner_product(),
            *self.doubled(),
        ]

    def doubled(self) -> Fields:
        """A field given twice, which protobuf refuses."""
        again = self.rng.random() < self.forks / 2
        return [*self.own_fields(), *([("name", '"again"')] if again else [])]

    def params(self) -> Fields:
        rng = self.rng
        return [
            (
                "param",
                [("lr_mult", _real(rng)), ("decay_mult", _real(rng))][: rng.randint(0, 2)],
            )
            for _ in range(rng.randint(0, 2))
        ]

    def inner_product(self) -> Fields:
        rng = self.rng
        filler: Fields = [("type", _quoted(rng, "gaussian")), ("std", "0.01")]
        inner: Fields = [("num_output", _number(rng, 12)), ("weight_filler", filler)]
        return [("inner_product_param", inner)] if rng.random() < 0.7 else []


@st.composite
def net_files(draw: st.DrawFn, forks: float = 0.1) -> bytes:
    """Files that hold a net, as people and programs write them."""
    rng = draw(st.randoms(use_true_random=False))
    # Half of them are nothing that a fork alone knows.
    fields = _Nets(rng, rng.choice([0.0, forks])).net()
    text = _Layout(_Habits.drawn(rng)).file(fields)
    return text.encode("utf-8", "surrogateescape")


class _Classifiers:
    """Random nets that classify: data, features with in-place layers, classifier, judges."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def often(self, chance: float) -> bool:
        return self.rng.random() < chance

    def layer(self, name: str, kind: str, bottoms: list[str], tops: list[str], *more: Any) -> Any:
        rng = self.rng
        links = [("bottom", _quoted(rng, blob)) for blob in bottoms]
        links += [("top", _quoted(rng, blob)) for blob in tops]
        named = [("name", _quoted(rng, name)), ("type", _quoted(rng, kind))]
        return "layer", [*named, *links, *more]

    def inner_product(self, name: str, bottom: str, outputs: int) -> Any:
        inner: Fields = [("num_output", _number(self.rng, outputs))]
        if self.often(0.2):
            inner.append(("bias_term", "false"))
        rates: Fields = [("lr_mult", self.rng.choice(["1", "2.", "0.1", ".5f", "1e-2"]))]
        params: Fields = [
            ("param", self.rng.choice([rates, [*rates, ("decay_mult", "0")], []]))
            for _ in range(self.rng.randint(0, 1 if len(inner) > 1 else 2))
        ]
        return self.layer(
            name, "InnerProduct", [bottom], [name], *params, ("inner_product_param", inner)
        )

    def data(self) -> Fields:
        source: Fields = [("source", '"list.txt"'), ("batch_size", "2")]
        both = self.layer("data", "HDF5Data", [], ["data", "label"], ("hdf5_data_param", source))
        if self.often(0.5):
            return [both]
        rules = [("include", [("phase", phase)]) for phase in ("TRAIN", "TEST")]
        return [(both[0], [*both[1], rule]) for rule in rules]

    def deploy_net(self) -> Fields:
        dims: Fields = [("dim", "1"), ("dim", "8")]
        fields: Fields = [("name", '"net"')] if self.often(0.8) else []
        fields += [("input", _quoted(self.rng, "data")), ("input_shape", dims)]
        fields += self.features("data", aux=False)
        tops = [("prob", "Softmax"), ("best", "ArgMax")]
        for name, kind in tops[: self.rng.randint(0, 2)]:
            fields.append(self.layer(name, kind, ["classifier"], [name]))
        return fields

    def net(self) -> Fields:
        fields: Fields = [("name", '"net"')] if self.often(0.8) else []
        fields += self.data()
        fields += self.features("data", aux=True)
        accuracy = self.layer("accuracy", "Accuracy", ["classifier", "label"], ["accuracy"])
        accuracy[1].append(("include", [("phase", "TEST")]))
        loss = self.layer("loss", "SoftmaxWithLoss", ["classifier", "label"], ["loss"])
        fields += self.rng.choice([[accuracy, loss], [loss, accuracy], [loss]])
        return fields

    def features(self, blob: str, aux: bool) -> Fields:
        """Layers from a blob to the classifier, some of them in place."""
        fields: Fields = []
        for number in range(self.rng.randint(0, 3)):
            fields.append(self.inner_product(f"fc{number}", blob, 8))
            blob = f"fc{number}"
            for kind in self.rng.choice([[], ["ReLU"], ["ReLU", "Dropout"]]):
                fields.append(self.layer(f"{kind}{number}", kind, [blob], [blob]))
            if aux and self.often(0.2):
                fields.append(self.inner_product(f"aux{number}", blob, 3))
                weight: Fields = [("loss_weight", "0.3")]
                judged = [f"aux{number}", "label"]
                fields.append(
                    self.layer(
                        f"aloss{number}", "SoftmaxWithLoss", judged, [f"al{number}"], *weight
                    )
                )
        return [*fields, self.inner_product("classifier", blob, 3)]


@st.composite
def classifier_files(draw: st.DrawFn, deploy: bool = False) -> bytes:
    """Files that hold a net with a classifier that can be hashed, with in-place layers."""
    rng = draw(st.randoms(use_true_random=False))
    classifiers = _Classifiers(rng)
    fields = classifiers.deploy_net() if deploy else classifiers.net()
    text = _Layout(_Habits.drawn(rng)).file(fields)
    return text.encode("utf-8", "surrogateescape")


def fields_of(message: Message) -> Fields:
    """The fields of a message, each value as it is written."""
    return [
        (each.name, fields_of(value) if isinstance(value, Message) else value.text)
        for each in message.fields
        for value in each.values
    ]


@st.composite
def laid_out(draw: st.DrawFn, text: str) -> bytes:
    """A net in another layout, as people and programs write them."""
    rng = draw(st.randoms(use_true_random=False))
    written = _Layout(_Habits.drawn(rng)).file(fields_of(parse(text.encode()).root))
    return written.encode("utf-8", "surrogateescape")
