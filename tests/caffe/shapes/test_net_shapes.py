"""Shapes of whole nets: what is known without data, shared params, totals, every dialect."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import NetShapes, Shape, shapes
from ssdh_surgery.errors import SchemaError, UnknownLayer
from ssdh_surgery.prototxt.parser import parse


def found(
    text: str, phase: str = "TEST", inputs: dict[str, tuple[int, ...]] | None = None
) -> NetShapes:
    net = Net(parse(text.encode(), "net.prototxt"))
    return shapes(net, "TRAIN" if phase == "TRAIN" else "TEST", inputs)


def data_layer(kind: str, settings: str, tops: tuple[str, ...] = ("data", "label")) -> str:
    named = " ".join(f'top: "{top}"' for top in tops)
    return f'layer {{ name: "d" type: "{kind}" {named} {settings} }}\n'


def tops(shaped: NetShapes) -> list[Shape | None]:
    return list(shaped.blobs.values())


@pytest.mark.parametrize(
    ("kind", "settings", "wanted"),
    [
        (
            "Data",
            "data_param { batch_size: 8 } transform_param { crop_size: 5 }",
            [(8, 3, 5, 5), (8,)],
        ),
        (
            "Data",
            "data_param { batch_size: 8 } transform_param { crop_size: 5 force_gray: true }",
            [(8, 1, 5, 5), (8,)],
        ),
        (
            "Data",
            "data_param { batch_size: 8 } transform_param { crop_size: 5 force_color: true }",
            [(8, 3, 5, 5), (8,)],
        ),
        (
            "Data",
            "data_param { batch_size: 8 } transform_param { crop_size: 5 mean_value: 1 }",
            [(8, 3, 5, 5), (8,)],
        ),
        (
            "Data",
            "data_param { batch_size: 8 } "
            "transform_param { crop_size: 5 mean_value: 1 mean_value: 2 }",
            [(8, 2, 5, 5), (8,)],
        ),
        ("Data", "data_param { batch_size: 8 }", [None, (8,)]),
        ("ImageData", "image_data_param { batch_size: 4 }", [None, (4,)]),
        (
            "ImageData",
            "image_data_param { batch_size: 4 new_height: 6 new_width: 7 is_color: false }",
            [(4, 1, 6, 7), (4,)],
        ),
        (
            "ImageData",
            "image_data_param { batch_size: 4 new_height: 6 new_width: 7 } "
            "transform_param { crop_size: 5 }",
            [(4, 3, 5, 5), (4,)],
        ),
        (
            "WindowData",
            "window_data_param { batch_size: 2 } transform_param { crop_size: 9 }",
            [(2, 3, 9, 9), (2,)],
        ),
        ("HDF5Data", "hdf5_data_param { batch_size: 2 }", [None, None]),
        (
            "MemoryData",
            "memory_data_param { batch_size: 2 channels: 1 height: 5 width: 6 }",
            [(2, 1, 5, 6), (2,)],
        ),
        ("DummyData", "dummy_data_param { shape { dim: 2 dim: 3 } }", [(2, 3), (2, 3)]),
        (
            "DummyData",
            "dummy_data_param { num: 2 num: 3 channels: 4 height: 5 width: 6 }",
            [(2, 4, 5, 6), (3, 4, 5, 6)],
        ),
        ("Input", "input_param { shape { dim: 2 } shape { } }", [(2,), ()]),
        ("Input", "", [None, None]),
        ("Python", "", [None, None]),
    ],
)
def test_data_layers_say_what_their_settings_say(
    kind: str, settings: str, wanted: list[Shape | None]
) -> None:
    assert tops(found(data_layer(kind, settings))) == wanted


def test_a_data_layer_without_labels() -> None:
    shaped = found(data_layer("Data", "transform_param { crop_size: 5 }", ("data",)))
    assert shaped.blobs == {"data": (0, 3, 5, 5)}


@pytest.mark.parametrize("kind", ["Data", "HDF5Data", "ImageData", "Input", "Python"])
def test_what_the_caller_knows_comes_first(kind: str) -> None:
    settings = "image_data_param { batch_size: 4 } data_param { batch_size: 4 }"
    shaped = found(data_layer(kind, settings), inputs={"data": (2, 1, 28, 28), "label": (2,)})
    assert shaped.blobs == {"data": (2, 1, 28, 28), "label": (2,)}


def test_labels_follow_the_batch_of_their_data() -> None:
    text = data_layer("Data", "data_param { batch_size: 4 }")
    assert found(text, inputs={"data": (2, 1, 28, 28)}).blobs["label"] == (2,)


def test_a_name_that_no_data_layer_gives_is_refused() -> None:
    text = data_layer("Data", "") + 'layer { name: "r" type: "ReLU" bottom: "data" top: "r" }'
    for name, hint in (("date", "did you mean 'data'?"), ("r", "the inputs are: data, label")):
        with pytest.raises(UnknownLayer) as caught:
            found(text, inputs={name: (1, 2)})
        assert str(caught.value) == (
            f"net.prototxt: '{name}' is neither an input nor a top of a data layer in phase TEST\n"
            f"hint: {hint}"
        )


UNKNOWN = """\
layer { name: "d" type: "Data" top: "data" top: "label" data_param { batch_size: 4 } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 2 kernel_size: 3 } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer { name: "o" type: "NewLayer" bottom: "label" top: "o" }
"""


def test_nothing_above_an_unknown_blob_is_guessed() -> None:
    shaped = found(UNKNOWN)
    assert shaped.blobs == {"data": None, "label": (4,), "c": None, "o": None}
    assert shaped.layer_params == (("d", ()), ("c", None), ("r", ()), ("o", None))
    assert [each.macs for each in shaped.layers] == [0, None, 0, None]
    assert (shaped.param_count, shaped.learned_count) == (None, None)
    assert (shaped.macs, shaped.memory) == (None, None)
    assert list(map(str, shaped.findings)) == [
        "net.prototxt:1:15: info SSDH211 unknown-shape: the shape of 'data' is not known "
        "without its data (layer 'd')\n"
        '  1 | layer { name: "d" type: "Data" top: "data" top: "label" data_param { batch_size: '
        "4 } }\n"
        "    |               ^^^\n"
        "hint: --input-shape data=N,C,H,W",
        "net.prototxt:5:25: warning SSDH210 unknown-layer-type: Unknown layer type: NewLayer "
        "(layer 'o'): its shapes are not known\n"
        '  5 | layer { name: "o" type: "NewLayer" bottom: "label" top: "o" }\n'
        "    |                         ^^^^^^^^^^",
    ]


def test_the_tops_of_an_unknown_layer_may_be_given() -> None:
    text = UNKNOWN + 'layer { name: "f" type: "Flatten" bottom: "o" top: "f" }'
    shaped = found(text, inputs={"data": (4, 1, 5, 5), "o": (4, 2, 3)})
    assert shaped.blobs["c"] == (4, 2, 3, 3)
    assert shaped.blobs["f"] == (4, 6)
    assert [finding.name for finding in shaped.findings] == ["unknown-layer-type"]


@pytest.mark.parametrize("kind", ["DepthwiseConvolution", "ConvolutionDepthwise"])
def test_the_depthwise_layers_of_forks_are_grouped_convolutions(kind: str) -> None:
    text = zoo.text("mobilenet-v1", "deploy")
    of_fork = "".join(
        f"layer {{{part}".replace('"Convolution"', f'"{kind}"') if "group:" in part else
        f"layer {{{part}"
        for part in text.split("layer {")
    ).removeprefix("layer {")  # fmt: skip
    assert of_fork.count(kind) == 13
    stock, fork = found(text), found(of_fork)
    assert (fork.blobs, fork.layer_params) == (stock.blobs, stock.layer_params)
    assert (fork.macs, fork.findings) == (stock.macs, ())


def test_one_of_them_has_a_kernel_a_channel_whatever_is_said() -> None:
    shaped = found(
        'input: "data" input_shape { dim: [2, 6, 9, 9] } layer { name: "c" bottom: "data" top: "c" '
        'type: "ConvolutionDepthwise" convolution_param { num_output: 4 kernel_size: 3 stride: 2 } '
        "}"
    )
    assert (shaped.blobs["c"], shaped.params["c"]) == ((2, 6, 4, 4), ((6, 1, 3, 3), (6,)))


def test_channels_that_are_taken_for_granted_are_told() -> None:
    shaped = found(
        data_layer("Data", "transform_param { crop_size: 5 } data_param { batch_size: 1 }")
    )
    assert [(each.code, each.message) for each in shaped.findings] == [
        ("SSDH212", "layer 'd': assuming 3 channels")
    ]


SIAMESE = """\
layer { name: "d" type: "Input" top: "a" top: "b" input_param { shape { dim: 2 dim: 8 } } }
layer { name: "ip" type: "InnerProduct" bottom: "a" top: "ip"
  param { name: "w" } param { name: "b" } inner_product_param { num_output: 4 } }
layer { name: "ip_p" type: "InnerProduct" bottom: "b" top: "ip_p"
  param { name: "w" } param { name: "b" } inner_product_param { num_output: 4 } }
layer { name: "bn" type: "BatchNorm" bottom: "ip" top: "ip" }
layer { name: "l" type: "EuclideanLoss" bottom: "ip" bottom: "ip_p" }
"""


def test_shared_params_and_in_place_blobs_count_once() -> None:
    shaped = found(SIAMESE)
    assert shaped.findings == ()
    assert shaped.params == {
        "ip": ((4, 8), (4,)),
        "ip_p": ((4, 8), (4,)),
        "bn": ((4,), (4,), (1,)),
    }
    assert [each.param_count for each in shaped.layers] == [0, 36, 36, 9, 0]
    assert [each.owned_count for each in shaped.layers] == [0, 36, 0, 9, 0]
    assert (shaped.param_count, shaped.statistics_count, shaped.learned_count) == (45, 9, 36)
    # What is shared is multiplied all the same.
    assert shaped.macs == 2 * (2 * 8 * 4)
    assert shaped.blobs["(automatic)"] == ()
    assert [each.memory for each in shaped.layers] == [128, 32, 32, 0, 4]
    assert shaped.memory == 196


@pytest.mark.parametrize(
    ("mode", "num_output", "message"),
    [
        ("", 4, None),
        (
            "",
            3,
            "Cannot share param 'w' owned by layer 'a' with layer 'b'; shape mismatch.  Owner "
            "layer param shape is 4 8 (32); sharing layer expects shape 3 8 (24)",
        ),
        ("share_mode: PERMISSIVE", 4, None),
        (
            "share_mode: PERMISSIVE",
            3,
            "Cannot share param 'w' owned by layer 'a' with layer 'b'; count mismatch.  Owner "
            "layer param shape is 4 8 (32); sharing layer shape is 3 8 (24)",
        ),
    ],
)
def test_shared_params_must_fit(mode: str, num_output: int, message: str | None) -> None:
    text = f"""\
input: "x" input_shape {{ dim: 1 dim: 8 }}
layer {{ name: "a" type: "InnerProduct" bottom: "x" top: "a" param {{ name: "w" }}
  inner_product_param {{ num_output: 4 bias_term: false }} }}
layer {{ name: "b" type: "InnerProduct" bottom: "x" top: "b" param {{ name: "w" {mode} }}
  inner_product_param {{ num_output: {num_output} bias_term: false }} }}
"""
    findings = found(text).findings
    assert [finding.message for finding in findings] == ([] if message is None else [message])
    if message:
        assert findings[0].code == "SSDH215"
        place = findings[0].location
        assert place is not None
        assert (place.line, place.column) == (4, 61)


MACS = """\
input: "x" input_shape {{ dim: 2 dim: 4 dim: 9 dim: 9 }}
layer {{ name: "it" type: "{}" bottom: "x" top: "y" {} }}
"""


@pytest.mark.parametrize(
    ("kind", "settings", "macs"),
    [
        # Values of the top x kernel x channels of a group.
        ("Convolution", "convolution_param { num_output: 6 kernel_size: 3 group: 2 }",
         2 * 6 * 7 * 7 * 9 * 2),
        # Values of the bottom x kernel x outputs of a group.
        ("Deconvolution", "convolution_param { num_output: 6 kernel_size: 3 group: 2 }",
         2 * 4 * 9 * 9 * 9 * 3),
        ("InnerProduct", "inner_product_param { num_output: 5 }", 2 * 4 * 9 * 9 * 5),
        ("InnerProduct", "inner_product_param { num_output: 5 axis: 3 }", 2 * 4 * 9 * 9 * 5),
        ("Scale", "scale_param { bias_term: true }", 0),
        ("BatchNorm", "", 0),
        ("LRN", "", 0),
        ("Pooling", "pooling_param { kernel_size: 3 }", 0),
        ("PReLU", "", 0),
    ],
)  # fmt: skip
def test_multiply_adds_are_those_of_weights(kind: str, settings: str, macs: int) -> None:
    shaped = found(MACS.format(kind, settings))
    assert shaped.findings == ()
    assert shaped.macs == macs


@pytest.mark.parametrize(
    ("kind", "static", "macs"),
    [
        ("RNN", False, 3 * 2 * 5 * (7 + 5 + 5)),
        ("RNN", True, 3 * 2 * 5 * (7 + 5 + 5) + 2 * 5 * 4),
        ("LSTM", False, 3 * 2 * 20 * (7 + 5)),
        ("LSTM", True, 3 * 2 * 20 * (7 + 5) + 2 * 20 * 4),
    ],
)
def test_recurrent_layers_multiply_at_every_step(kind: str, static: bool, macs: int) -> None:
    text = f"""\
input: "x" input_shape {{ dim: 3 dim: 2 dim: 7 }}
input: "marks" input_shape {{ dim: 3 dim: 2 }}
input: "static" input_shape {{ dim: 2 dim: 4 }}
layer {{ name: "it" type: "{kind}" bottom: "x" bottom: "marks"
  {'bottom: "static"' if static else ""} top: "y" recurrent_param {{ num_output: 5 }} }}
"""
    shaped = found(text)
    assert shaped.findings == ()
    assert shaped.blobs["y"] == (3, 2, 5)
    assert shaped.macs == macs


@pytest.mark.parametrize(
    ("text", "blobs"),
    [
        ('input: "x" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4', {"x": (1, 2, 3, 4)}),
        (
            'input: "x" input: "y" input_dim: [1, 2, 3, 4] input_dim: [5, 6, 7, 8]',
            {"x": (1, 2, 3, 4), "y": (5, 6, 7, 8)},
        ),
        (
            'input: "x" input: "y" input_shape { dim: 1 dim: 2 } input_shape { }',
            {"x": (1, 2), "y": ()},
        ),
        ('input: "x" input_shape { dim: 7 } input_dim: [1, 2, 3, 4]', {"x": (7,)}),
        (
            'input: "x" layer { name: "in" type: "Input" top: "x" '
            "input_param { shape { dim: 7 } } }",
            {"x": (7,)},
        ),
    ],
)
def test_declared_inputs(text: str, blobs: dict[str, Shape]) -> None:
    shaped = found(text)
    assert shaped.blobs == blobs
    assert shaped.findings == ()


def test_an_input_without_a_shape_is_told_and_may_be_given() -> None:
    text = 'input: "x" input: "y" input_dim: [1, 2, 3, 4]'
    shaped = found(text)
    assert shaped.blobs == {"x": (1, 2, 3, 4), "y": None}
    assert list(map(str, shaped.findings)) == [
        "net.prototxt:1:19: error SSDH217 no-input-shape: the input 'y' has no shape: Caffe "
        "leaves it out\n"
        f"  1 | {text}\n"
        "    |                   ^^^\n"
        "hint: give it an input_shape { dim: ... }"
    ]
    assert found(text, inputs={"y": (3,)}).findings == ()


V0 = """\
input: "data" input_dim: [2, 3, 9, 9]
layers { layer { name: "pad1" type: "padding" pad: 1 } bottom: "data" top: "pad1" }
layers { layer { name: "conv1" type: "conv" num_output: 4 kernelsize: 3 stride: 2 }
  bottom: "pad1" top: "conv1" }
layers { layer { name: "pool1" type: "pool" kernelsize: 2 stride: 2 } bottom: "conv1" top: "pool1" }
layers { layer { name: "ip" type: "innerproduct" num_output: 5 } bottom: "pool1" top: "ip" }
"""
V1 = """\
input: "data" input_dim: [2, 3, 9, 9]
layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 stride: 2 pad: 1 } }
layers { name: "pool1" type: POOLING bottom: "conv1" top: "pool1"
  pooling_param { kernel_size: 2 stride: 2 } }
layers { name: "ip" type: INNER_PRODUCT bottom: "pool1" top: "ip"
  inner_product_param { num_output: 5 } }
"""


def test_old_dialects_have_the_shapes_of_their_upgrade() -> None:
    old, newer = found(V0), found(V1)
    assert old.findings == newer.findings == ()
    assert old.blobs == newer.blobs == {
        "data": (2, 3, 9, 9),
        "conv1": (2, 4, 5, 5),
        "pool1": (2, 4, 3, 3),
        "ip": (2, 5),
    }  # fmt: skip
    assert old.params == newer.params == {"conv1": ((4, 3, 3, 3), (4,)), "ip": ((5, 36), (5,))}
    # The padding layer is shown as the text has it; no blob of Caffe is its top.
    assert old.layers[0].tops == ((2, 3, 11, 11),)
    assert (old.memory, old.macs) == (newer.memory, newer.macs)


def test_layers_of_each_phase() -> None:
    text = """\
layer { name: "d" type: "Input" top: "x" input_param { shape { dim: 8 dim: 2 } }
  include { phase: TRAIN } }
layer { name: "d" type: "Input" top: "x" input_param { shape { dim: 3 dim: 2 } }
  include { phase: TEST } }
"""
    assert found(text, "TRAIN").blobs == {"x": (8, 2)}
    assert found(text, "TEST").blobs == {"x": (3, 2)}
    net = Net(parse(text.encode()))
    assert shapes(net, "TEST").of(net.layers[1]).tops == ((3, 2),)


@cache
def lines_of(name: str) -> list[str]:
    return zoo.text(name, "train_val").splitlines()


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["lenet", "cifar10-quick", "squeezenet-1.1", "alexnet"]))
def test_no_broken_net_breaks_the_walk(data: st.DataObject, name: str) -> None:
    lines = lines_of(name)
    fields = [index for index, line in enumerate(lines) if not set("{}") & set(line)]
    for index in data.draw(st.sets(st.sampled_from(fields), min_size=1, max_size=3)):
        number = data.draw(st.sampled_from(["", "0", "-1", "7", "4294967295", "99999999999"]))
        field = lines[index].split(":")[0]
        lines = [*lines[:index], f"{field}: {number}" if number else "", *lines[index + 1 :]]
    try:
        shaped = found("\n".join(lines), data.draw(st.sampled_from(["TRAIN", "TEST"])))
    except SchemaError:
        return  # no Caffe reads such a value
    # What is known is a shape that a blob can have.
    assert all(min(shape, default=0) >= 0 for shape in shaped.blobs.values() if shape)
    assert all(str(finding) for finding in shaped.findings)
