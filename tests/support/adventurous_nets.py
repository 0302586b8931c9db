"""Random nets whose layers are shaped in every way, for Hypothesis: valid to their last layer.

Branches, chains in place, phases, shared weights, axes counted from either end, odd windows,
blobs of one to five axes, and the old spelling V1. A layer that our shapes refuse is the last
one, so that a net shows one mistake and what stands below it is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import assume
from hypothesis import strategies as st

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import V1_TYPES
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.findings import Finding
from ssdh_surgery.prototxt.parser import parse

_V1_WORDS = {current: word for word, current in V1_TYPES.items()}
_V1_FIELDS = schema.descriptor("V1LayerParameter").fields_by_name
_AXES = st.integers(-5, 4)
_SMALL = st.integers(1, 4)
_RARELY_ZERO = st.sampled_from([0, 1, 1, 2, 2, 3, 4, 5])


def _maybe(draw: st.DrawFn, name: str, values: st.SearchStrategy[object]) -> str:
    return f"{name}: {draw(values)} " if draw(st.booleans()) else ""


def _in(message: str, inner: str) -> str:
    return f"{message} {{ {inner}}}" if inner else ""


def _window(draw: st.DrawFn, name: str, old: str, values: st.SearchStrategy[int]) -> str:
    """A setting of a window in one number, in two, or (rarely) in a way that may not be."""
    match draw(st.sampled_from(["", old, old, "two", "two", "one side", "all"])):
        case "":
            return ""
        case "two":
            return f"{name}_h: {draw(values)} {name}_w: {draw(values)} "
        case "one side":
            return f"{name}_h: {draw(values)} "
        case "all":
            return f"{old}: {draw(values)} {name}_h: {draw(values)} {name}_w: {draw(values)} "
    return f"{old}: {draw(values)} "


def _convolution(draw: st.DrawFn) -> str:
    inner = _maybe(draw, "axis", st.integers(-3, 2)) if draw(st.integers(0, 4)) == 0 else ""
    inner += f"num_output: {draw(_SMALL) * draw(st.sampled_from([1, 2]))} "
    inner += _maybe(draw, "group", st.integers(1, 3))
    inner += _maybe(draw, "bias_term", st.just("false"))
    if draw(st.integers(0, 3)) == 0:
        # A number for each spatial axis: right for one count of axes.
        sizes = draw(st.lists(_SMALL, min_size=1, max_size=3))
        inner += f"kernel_size: {sizes} "
        inner += _maybe(draw, "stride", st.just([1 + size % 2 for size in sizes]))
        inner += _maybe(draw, "dilation", st.just([1 + size // 4 for size in sizes]))
        return _in("convolution_param", inner)
    inner += _window(draw, "kernel", "kernel_size", _RARELY_ZERO)
    # Of a stride for one side the built Caffe has a default for the other, unlike BVLC's.
    inner += _maybe(draw, "stride", _SMALL)
    inner += _window(draw, "pad", "pad", st.integers(0, 3))
    return _in("convolution_param", inner + _maybe(draw, "dilation", st.integers(1, 2)))


def _pooling(draw: st.DrawFn) -> str:
    inner = _maybe(draw, "pool", st.sampled_from(["MAX", "AVE", "STOCHASTIC"]))
    if draw(st.integers(0, 4)) == 0:
        inner += "global_pooling: true "
        inner += _maybe(draw, "stride", st.integers(1, 2))
        return _in("pooling_param", inner)
    inner += _window(draw, "kernel", "kernel_size", _RARELY_ZERO)
    inner += _window(draw, "stride", "stride", _SMALL)
    return _in("pooling_param", inner + _window(draw, "pad", "pad", st.integers(0, 2)))


def _inner_product(draw: st.DrawFn) -> str:
    shared = draw(st.sampled_from(["", "", 'param { name: "w" }', 'param { name: "w" } param { }']))
    inner = f"num_output: {draw(_SMALL)} " + _maybe(draw, "bias_term", st.just("false"))
    inner += _maybe(draw, "axis", _AXES) + _maybe(draw, "transpose", st.just("true"))
    return f"{shared} {_in('inner_product_param', inner)}"


def _reshape(draw: st.DrawFn) -> str:
    dims = draw(st.lists(st.sampled_from([0, 0, -1, 1, 2, 4]), max_size=4))
    inner = f"shape {{ {' '.join(f'dim: {dim}' for dim in dims)} }} "
    inner += _maybe(draw, "axis", _AXES) + _maybe(draw, "num_axes", st.integers(-1, 3))
    return _in("reshape_param", inner)


def _scale(draw: st.DrawFn) -> str:
    inner = _maybe(draw, "axis", _AXES) + _maybe(draw, "num_axes", st.integers(-1, 3))
    return _in("scale_param", inner + _maybe(draw, "bias_term", st.just("true")))


def _bias(draw: st.DrawFn) -> str:
    return _in("bias_param", _maybe(draw, "axis", _AXES))


def _flatten(draw: st.DrawFn) -> str:
    return _in("flatten_param", _maybe(draw, "axis", _AXES) + _maybe(draw, "end_axis", _AXES))


def _reduction(draw: st.DrawFn) -> str:
    return _in("reduction_param", _maybe(draw, "axis", _AXES) + _maybe(draw, "coeff", _SMALL))


def _slice(draw: st.DrawFn) -> str:
    inner = _maybe(draw, "axis", _AXES)
    points = draw(st.lists(st.integers(0, 4), max_size=2))
    return _in("slice_param", inner + "".join(f"slice_point: {point} " for point in points))


def _concat(draw: st.DrawFn) -> str:
    return _in("concat_param", _maybe(draw, "axis", _AXES))


def _eltwise(draw: st.DrawFn) -> str:
    inner = _maybe(draw, "operation", st.sampled_from(["PROD", "SUM", "MAX"]))
    return _in("eltwise_param", inner + _maybe(draw, "coeff", st.just([1, 2])))


def _arg_max(draw: st.DrawFn) -> str:
    inner = _maybe(draw, "top_k", st.integers(0, 3)) + _maybe(draw, "axis", _AXES)
    return _in("argmax_param", inner + _maybe(draw, "out_max_val", st.just("true")))


def _crop(draw: st.DrawFn) -> str:
    offsets = draw(st.lists(st.integers(0, 2), max_size=3))
    inner = _maybe(draw, "axis", _AXES) + "".join(f"offset: {offset} " for offset in offsets)
    return _in("crop_param", inner)


def _softmax(draw: st.DrawFn) -> str:
    return _in("softmax_param", _maybe(draw, "axis", _AXES))


def _accuracy(draw: st.DrawFn) -> str:
    return _in("accuracy_param", _maybe(draw, "top_k", _SMALL) + _maybe(draw, "axis", _AXES))


def _tile(draw: st.DrawFn) -> str:
    return _in("tile_param", _maybe(draw, "axis", _AXES) + _maybe(draw, "tiles", _RARELY_ZERO))


def _lrn(draw: st.DrawFn) -> str:
    inner = _maybe(draw, "local_size", st.sampled_from([1, 3, 5, 4]))
    return _in("lrn_param", inner + _maybe(draw, "norm_region", st.just("WITHIN_CHANNEL")))


def _spp(draw: st.DrawFn) -> str:
    return f"spp_param {{ pyramid_height: {draw(st.integers(1, 3))} }}"


def _prelu(draw: st.DrawFn) -> str:
    return _in("prelu_param", _maybe(draw, "channel_shared", st.just("true")))


def _embed(draw: st.DrawFn) -> str:
    return f"embed_param {{ input_dim: 5 num_output: {draw(_RARELY_ZERO)} }}"


def _recurrent(draw: st.DrawFn) -> str:
    return f"recurrent_param {{ num_output: {draw(_SMALL)} }}"


def _plain(draw: st.DrawFn) -> str:
    return ""


# For each type how its settings are drawn, and the numbers of its bottoms and tops.
_LAYERS = {
    "AbsVal": (_plain, (1, 1), (1, 1)),
    "Accuracy": (_accuracy, (2, 2), (1, 2)),
    "ArgMax": (_arg_max, (1, 1), (1, 1)),
    "BatchNorm": (_plain, (1, 1), (1, 1)),
    "BatchReindex": (_plain, (2, 2), (1, 1)),
    "Bias": (_bias, (1, 2), (1, 1)),
    "Concat": (_concat, (1, 3), (1, 1)),
    "ContrastiveLoss": (_plain, (3, 3), (1, 1)),
    "Convolution": (_convolution, (1, 2), (1, 2)),
    "Crop": (_crop, (2, 2), (1, 1)),
    "Deconvolution": (_convolution, (1, 1), (1, 1)),
    "Dropout": (_plain, (1, 1), (1, 1)),
    "Eltwise": (_eltwise, (2, 2), (1, 1)),
    "Embed": (_embed, (1, 1), (1, 1)),
    "EuclideanLoss": (_plain, (2, 2), (0, 1)),
    "Flatten": (_flatten, (1, 1), (1, 1)),
    "HingeLoss": (_plain, (2, 2), (0, 1)),
    "Im2col": (_convolution, (1, 1), (1, 1)),
    "InnerProduct": (_inner_product, (1, 1), (1, 1)),
    "LRN": (_lrn, (1, 1), (1, 1)),
    "LSTM": (_recurrent, (2, 3), (1, 1)),
    "MVN": (_plain, (1, 1), (1, 1)),
    "PReLU": (_prelu, (1, 1), (1, 1)),
    "Pooling": (_pooling, (1, 1), (1, 2)),
    "RNN": (_recurrent, (2, 3), (1, 1)),
    "ReLU": (_plain, (1, 1), (1, 1)),
    "Reduction": (_reduction, (1, 1), (1, 1)),
    "Reshape": (_reshape, (1, 1), (1, 1)),
    "SPP": (_spp, (1, 1), (1, 1)),
    "Scale": (_scale, (1, 1), (1, 1)),
    "SigmoidCrossEntropyLoss": (_plain, (2, 2), (0, 1)),
    "Silence": (_plain, (1, 2), (0, 0)),
    "Slice": (_slice, (1, 1), (1, 3)),
    "Softmax": (_softmax, (1, 1), (1, 1)),
    "SoftmaxWithLoss": (_softmax, (2, 2), (0, 2)),
    "Split": (_plain, (1, 1), (1, 2)),
    "Tile": (_tile, (1, 1), (1, 1)),
}  # fmt: skip
# What most layers of a net are.
_USUAL = ["Convolution", "Pooling", "InnerProduct", "ReLU", "Concat", "Reshape", "Slice"]


@dataclass
class _Growing:
    """A net that grows by one layer after the other."""

    is_v1: bool
    layers: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)

    def with_layer(self, layer: str) -> str:
        return "\n".join([*self.layers, layer]) + "\n"

    def layer(self, kind: str, name: str, bottoms: list[str], tops: list[str], rest: str) -> str:
        wires = [f'bottom: "{blob}"' for blob in bottoms] + [f'top: "{blob}"' for blob in tops]
        word = f'"{kind}"'
        if self.is_v1:
            word, rest = _V1_WORDS[kind], _as_v1(rest)
            if rest.strip() and rest.split()[0].strip(":") not in _V1_FIELDS:
                rest = ""
        outer = "layers" if self.is_v1 else "layer"
        return f'{outer} {{ name: "{name}" type: {word} {" ".join(wires)} {rest} }}'


def _as_v1(settings: str) -> str:
    """V1 has the names of shared params in the layer itself."""
    return settings.replace('param { name: "w" }', 'param: "w"').replace("param { }", 'param: ""')


@st.composite
def nets(draw: st.DrawFn) -> str:
    """The text of a net for both phases."""
    net = _Growing(draw(st.integers(0, 3)) == 0)
    _add_inputs(draw, net)
    for number in range(draw(st.integers(1, 7))):
        layer, tops = _layer(draw, net, number)
        is_refused = bool(mistakes(net.with_layer(layer)))
        if is_refused and draw(st.integers(0, 3)):
            continue
        net.layers.append(layer)
        net.blobs += [top for top in tops if top not in net.blobs]
        if is_refused:
            break
    return "\n".join(net.layers) + "\n"


def _add_inputs(draw: st.DrawFn, net: _Growing) -> None:
    items = draw(_SMALL)
    for name in ("data", "more", "label")[: draw(st.integers(1, 3))]:
        sizes = draw(st.sampled_from([[items], [items, 3], [4, items, 2], [2, 2, 3, 4, 4]]))
        if name == "data" and draw(st.booleans()):
            sizes = [items, *draw(st.lists(st.integers(1, 8), min_size=3, max_size=3))]
        dims = " ".join(f"dim: {size}" for size in sizes)
        if net.is_v1:
            net.layers.insert(0, f'input: "{name}"')
            net.layers.append(f"input_shape {{ {dims} }}")
        else:
            rest = f"input_param {{ shape {{ {dims} }} }}"
            net.layers.append(net.layer("Input", name, [], [name], rest))
        net.blobs.append(name)
    if net.is_v1:
        inputs = [line for line in net.layers if line.startswith("input:")]
        net.layers[: len(inputs)] = reversed(inputs)


_IN_PLACE = ("BatchNorm", "Bias", "Dropout", "PReLU", "ReLU", "Scale", "Softmax")
# What no features are made of: they judge, mix the items, take indices alone, or end the net.
_NO_FEATURES = ("Accuracy", "BatchReindex", "Embed", "LSTM", "RNN", "Silence", "Softmax")


@st.composite
def train_nets(draw: st.DrawFn) -> str:
    """The text of a net with data of its own, a classifier, a loss and an accuracy."""
    net = _Growing(is_v1=False)
    items, tested = draw(_SMALL), draw(_SMALL)
    sizes = draw(st.lists(st.integers(3, 8), min_size=3, max_size=3))
    for phase, batch in [("TRAIN", items), ("TEST", tested)] if draw(st.booleans()) else [("", 3)]:
        net.layers.append(_data(batch, sizes, phase))
    net.blobs.append("data")
    kinds = [kind for kind in _LAYERS if kind not in _NO_FEATURES and not kind.endswith("Loss")]
    for number in range(draw(st.integers(1, 6))):
        layer, tops = _layer(draw, net, number, [*kinds, *_USUAL])
        if tops == ["data"] or (tops[:1] != [f"b{number}_0"] and not _keeps_shape(layer)):
            # Caffe sets up a layer in place that gives another shape, and cannot run it.
            continue
        if not mistakes(net.with_layer(layer)):
            net.layers.append(layer)
            net.blobs += [top for top in tops if top not in net.blobs]
    features = draw(st.sampled_from(_features(net) or ["data"]))
    bias = draw(st.sampled_from(["", "bias_term: false"]))
    rest = f"inner_product_param {{ num_output: 3 {bias} }}"
    net.layers += [
        net.layer("InnerProduct", "classifier", [features], ["scores"], rest),
        net.layer("SoftmaxWithLoss", "loss", ["scores", "label"], ["loss"], ""),
        net.layer("Accuracy", "accuracy", ["scores", "label"], ["hits"], "include { phase: TEST }"),
    ]
    text = "\n".join(net.layers) + "\n"
    own = [layer for layer in net.layers if 'type: "DummyData"' not in layer]
    alone = "\n".join([_data(1, sizes, ""), *own]) + "\n"
    # A deploy net is to have the same weights with another batch.
    assume(not mistakes(text) and not mistakes(alone) and _params(text) == _params(alone))
    return text


def _params(text: str) -> object:
    return shapes(Net(parse(text.encode())), "TEST").params


def _keeps_shape(layer: str) -> bool:
    return any(f'type: "{kind}"' in layer for kind in _IN_PLACE)


def _data(batch: int, sizes: list[int], phase: str) -> str:
    dims = " ".join(f"dim: {size}" for size in [batch, *sizes])
    rule = f"include {{ phase: {phase} }}" if phase else ""
    return (
        f'layer {{ name: "data" type: "DummyData" top: "data" top: "label" {rule} '
        f"dummy_data_param {{ shape {{ {dims} }} shape {{ dim: {batch} }} "
        'data_filler { type: "gaussian" std: 1 } data_filler { value: 1 } } }'
    )


def _features(net: _Growing) -> list[str]:
    """The blobs that hold something of each item, in both phases."""
    of = Net(parse("\n".join(net.layers).encode()))
    known = [shapes(of, phase).blobs for phase in PHASES]
    return [
        name
        for name in net.blobs
        if all(
            len(blobs.get(name) or ()) > 1 and blobs[name][0] == blobs["label"][0]
            for blobs in known
        )
    ]


def _layer(
    draw: st.DrawFn, net: _Growing, number: int, kinds: Sequence[str] = (*_LAYERS, *_USUAL * 3)
) -> tuple[str, list[str]]:
    kind = draw(st.sampled_from([kind for kind in kinds if not net.is_v1 or kind in _V1_WORDS]))
    settings, (least, most), (fewest, greatest) = _LAYERS[kind]
    # What was written last is read most, so that nets grow deep.
    choice = [*net.blobs, *net.blobs[-1:] * 3]
    bottoms = [draw(st.sampled_from(choice)) for _ in range(draw(st.integers(least, most)))]
    if kind == "Convolution":
        bottoms = bottoms[:1] * len(bottoms)
    tops = [f"b{number}_{index}" for index in range(draw(st.integers(fewest, greatest)))]
    # A loss in place of what it judges shrinks it before it looks at it: nobody writes that.
    if len(tops) == 1 and not kind.endswith("Loss") and draw(st.integers(0, 3)) == 0:
        tops = bottoms[:1]
    rules = ["", "", "", "", "TRAIN", "TEST"]
    phase = draw(st.sampled_from(rules))
    rest = settings(draw)
    if phase and not net.is_v1:
        rest += f" {draw(st.sampled_from(['include', 'exclude']))} {{ phase: {phase} }}"
    return net.layer(kind, f"l{number}", bottoms, tops, rest), tops


def mistakes(text: str, phase: str | None = None) -> list[Finding]:
    """What we say that Caffe would stop at, in one phase or in any."""
    net = Net(parse(text.encode()))
    found: list[Finding] = []
    for each in PHASES:
        if phase in (None, each):
            found += [*net.graph(each).findings, *shapes(net, each).findings]
    return [finding for finding in found if finding.severity == "error"]
