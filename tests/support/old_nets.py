"""Random nets of Caffe's old dialects: what they say, and texts of every layout that say it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from support.strategies import layouts

# A message: names with their values in order. A value is a text, or a message.
Fields = list[tuple[str, Any]]

_FILLERS = st.sampled_from(
    [
        [("type", '"xavier"')],
        [("type", '"gaussian"'), ("std", "0.01")],
        [("type", '"constant"'), ("value", "0")],
    ]
)
_RATES = st.lists(st.sampled_from(["0", "1", "2", "0.5"]), max_size=3)
# Protobuf takes a list in brackets for these alone.
_REPEATED = (
    *("layers", "bottom", "top", "blobs_lr", "weight_decay", "include"),
    *("input", "input_dim", "input_shape", "dim"),
)
_V1_NUMBERS = {"CONVOLUTION": "4", "INNER_PRODUCT": "14", "RELU": "18", "POOLING": "17"}


class _Stack:
    """A net that grows from its data upwards."""

    def __init__(self, draw: st.DrawFn, *, is_v0: bool, is_deploy: bool) -> None:
        self.draw = draw
        self.is_v0 = is_v0
        self.fields: Fields = []
        self.count = 0
        self.top = "data"
        if draw(st.booleans()):
            self.fields.append(("name", '"net"'))
        if is_deploy:
            self.inputs()
        else:
            self.data()

    def maybe(self, *fields: tuple[str, Any]) -> Fields:
        return [field for field in fields if self.draw(st.booleans())]

    def layer(
        self, kind: str, own: Fields, bottoms: list[str], tops: list[str], outer: Fields = ()
    ) -> None:
        """One layer: its type, its own fields, and what connects it."""
        self.count += 1
        name = ("name", f'"{kind.lower()}{self.count}"')
        connections = [*(("bottom", f'"{each}"') for each in bottoms)]
        connections += [("top", f'"{each}"') for each in tops]
        if self.is_v0:
            inner = [name, ("type", f'"{kind}"'), *own]
            fields = self.shuffled([("layer", inner)], connections)
        else:
            if kind in _V1_NUMBERS and self.draw(st.integers(0, 5)) == 0:
                kind = _V1_NUMBERS[kind]
            fields = self.shuffled([name, ("type", kind)], connections, own, list(outer))
        self.fields.append(("layers", fields))

    def shuffled(self, *groups: Fields) -> Fields:
        return [field for group in self.draw(st.permutations(groups)) for field in group]

    def inputs(self) -> None:
        dims = [("input_dim", str(size)) for size in (2, 3, 24, 24)]
        shape = [("input_shape", [("dim", str(size)) for size in (2, 3, 24, 24)])]
        sizes = dims if self.is_v0 or self.draw(st.booleans()) else shape
        self.fields += [("input", '"data"'), *sizes]

    def data(self) -> None:
        phases = [None] if self.is_v0 else self.draw(st.sampled_from([[None], ["TRAIN", "TEST"]]))
        for phase in phases:
            if self.is_v0:
                own = [("source", '"a"'), ("batchsize", "4")]
                own += self.maybe(
                    ("meanfile", '"m"'), ("cropsize", "24"), ("mirror", "true"), ("scale", "0.5")
                )
                own += self.maybe(("det_crop_mode", '"warp"'))
                self.layer("data", own, [], ["data", "label"])
                continue
            param = [("source", '"a"'), ("batch_size", "4")]
            param += self.maybe(("mean_file", '"m"'), ("crop_size", "24"), ("backend", "LMDB"))
            own = [("data_param", param)]
            transform = self.maybe(("mirror", "true"), ("scale", "0.5"), ("crop_size", "20"))
            own += [("transform_param", transform)] if transform else []
            outer = [("include", [("phase", phase)])] if phase else []
            kind = self.draw(st.sampled_from(["DATA", "5"]))
            self.layer(kind, own, [], ["data", "label"], outer)

    def rates(self) -> Fields:
        rates, decays = self.draw(_RATES), self.draw(_RATES)
        new = [("blobs_lr", each) for each in rates]
        return new + [("weight_decay", each) for each in decays]

    def weights(self, num_output: str) -> Fields:
        bias = "biasterm" if self.is_v0 else "bias_term"
        new: Fields = [("num_output", num_output)]
        new += self.maybe((bias, "false"), ("weight_filler", self.draw(_FILLERS)))
        return new + self.maybe(("bias_filler", self.draw(_FILLERS)))

    def middle(self) -> None:
        """One layer between the data and the classifier."""
        kinds = ["convolution", "pooling", "relu", "dropout", "product"]
        kind = self.draw(st.sampled_from(kinds + ["padding"] * self.is_v0))
        getattr(self, kind)()

    def convolution(self) -> None:
        kernel = "kernelsize" if self.is_v0 else "kernel_size"
        own = [*self.weights("3"), (kernel, "3"), *self.maybe(("pad", "1"), ("stride", "1"))]
        self.above("conv", "CONVOLUTION", "convolution_param", own, self.rates())

    def pooling(self) -> None:
        kernel = "kernelsize" if self.is_v0 else "kernel_size"
        own = [("pool", "MAX"), (kernel, "2"), *self.maybe(("stride", "1"))]
        self.above("pool", "POOLING", "pooling_param", own)

    def padding(self) -> None:
        pad, below = f"pad{self.count}", self.top
        self.layer("padding", self.maybe(("pad", "2")), [below], [pad])
        self.top = pad
        self.convolution()

    def relu(self) -> None:
        self.layer("relu" if self.is_v0 else "RELU", [], [self.top], [self.top])

    def dropout(self) -> None:
        own: Fields = [("dropout_ratio", "0.5")]
        own = own if self.is_v0 else [("dropout_param", own)]
        self.layer("dropout" if self.is_v0 else "DROPOUT", own, [self.top], [self.top])

    def product(self) -> None:
        own = self.weights("5")
        self.above("innerproduct", "INNER_PRODUCT", "inner_product_param", own, self.rates())

    def above(self, v0: str, v1: str, message: str, own: Fields, rates: Fields = ()) -> None:
        below, self.top = self.top, f"b{self.count}"
        if self.is_v0:
            self.layer(v0, self.shuffled(own, list(rates)), [below], [self.top])
        else:
            self.layer(v1, self.shuffled([(message, own)], list(rates)), [below], [self.top])

    def judged(self) -> None:
        """A classifier with what judges it."""
        self.product()
        loss, accuracy = (
            ("softmax_loss", "accuracy") if self.is_v0 else ("SOFTMAX_LOSS", "ACCURACY")
        )
        outer = self.maybe(("loss_weight", "2")) if not self.is_v0 else []
        self.layer(
            loss, [], [self.top, "label"], ["loss"] if self.draw(st.booleans()) else [], outer
        )
        if self.draw(st.booleans()):
            outer = [] if self.is_v0 else [("include", [("phase", "TEST")])]
            self.layer(accuracy, [], [self.top, "label"], ["accuracy"], outer)

    def answers(self) -> None:
        """A classifier whose probabilities are the net's output."""
        self.product()
        self.layer("softmax" if self.is_v0 else "SOFTMAX", [], [self.top], ["prob"])


@st.composite
def old_nets(draw: st.DrawFn, *, is_deploy: bool = False) -> Fields:
    """A net of V0 or V1 that Caffe upgrades, and that has one classifier."""
    stack = _Stack(draw, is_v0=draw(st.booleans()), is_deploy=is_deploy)
    for _ in range(draw(st.integers(0, 3))):
        stack.middle()
    if is_deploy:
        stack.answers()
    else:
        stack.judged()
    return stack.fields


@st.composite
def texts(draw: st.DrawFn, fields: Fields) -> bytes:
    """A net in any layout: lists in brackets, `<>`, separators, comments in odd places."""
    tokens: list[str] = []
    _write(draw, fields, tokens)
    return draw(layouts(tokens))


def _write(draw: st.DrawFn, fields: Fields, tokens: list[str]) -> None:
    index = 0
    while index < len(fields):
        name, value = fields[index]
        alike = 1
        while index + alike < len(fields) and fields[index + alike][0] == name:
            alike += 1
        count = alike if alike > 1 and draw(st.booleans()) else 1
        tokens.append(name)
        if count > 1 or (name in _REPEATED and draw(st.integers(0, 9)) == 0):
            tokens += [":", "["]
            for place, (_, each) in enumerate(fields[index : index + count]):
                tokens += [","] if place else []
                _value(draw, each, tokens)
            tokens.append("]")
        else:
            tokens += [":"] if isinstance(value, str) or draw(st.booleans()) else []
            _value(draw, value, tokens)
        separator = draw(st.sampled_from(["", "", "", ",", ";"]))
        tokens += [separator] if separator else []
        index += count


def _value(draw: st.DrawFn, value: Any, tokens: list[str]) -> None:
    if isinstance(value, str):
        tokens.append(value)
        return
    opening, closing = draw(st.sampled_from(["{}", "{}", "<>"]))
    tokens.append(opening)
    _write(draw, value, tokens)
    tokens.append(closing)
