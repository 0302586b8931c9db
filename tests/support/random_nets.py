"""Small random nets for Hypothesis: prototxt texts, and how their blobs are shaped.

Odd kernels, strides and pads, chains in place, blobs that several layers read, shared weights,
frozen params. What a layer cannot take is left to the engines to refuse.
"""

from dataclasses import dataclass, field

from hypothesis import strategies as st

FILLERS = 'weight_filler { type: "gaussian" std: 0.3 } bias_filler { type: "gaussian" std: 0.3 }'
# Layers of one bottom that keep its shape, in place or not.
IN_PLACE = [
    'type: "ReLU"',
    'type: "ReLU" relu_param { negative_slope: 0.2 }',
    'type: "Sigmoid"',
    'type: "TanH"',
    'type: "ELU" elu_param { alpha: 0.6 }',
    'type: "PReLU"',
    'type: "BNLL"',
    'type: "Exp" exp_param { scale: 0.3 }',
    'type: "Scale" scale_param { bias_term: true filler { type: "gaussian" std: 1 } }',
    'type: "Bias" bias_param { filler { type: "gaussian" std: 1 } }',
    'type: "BatchNorm" param { lr_mult: 0 decay_mult: 0 } param { lr_mult: 0 decay_mult: 0 } '
    "param { lr_mult: 0 decay_mult: 0 }",
]
# Those whose gradient in place is nonsense in Caffe.
NEURONS = [
    *IN_PLACE,
    'type: "Power" power_param { power: 2 scale: 0.5 shift: 0.3 }',
    'type: "Power" power_param { power: 3 shift: 0.1 }',
]
# Those that take images only.
IMAGE_NEURONS = [
    'type: "LRN" lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 }',
    'type: "LRN" lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL alpha: 0.8 }',
    'type: "MVN" mvn_param { eps: 0.1 }',
    'type: "MVN" mvn_param { normalize_variance: false across_channels: true }',
]
# Layers that are not in place, and keep an image an image.
COPIES = [
    'type: "AbsVal"',
    'type: "Softmax"',
    'type: "Tile" tile_param { axis: 1 tiles: 2 }',
]
# Layers that make something else of an image.
LAST = [
    'type: "Reduction" reduction_param { operation: ASUM axis: 2 coeff: 0.5 }',
    'type: "Reduction" reduction_param { operation: MEAN axis: 2 }',
    'type: "Reshape" reshape_param { shape { dim: 0 dim: 1 dim: -1 } }',
    'type: "Flatten"',
    'type: "Flatten" flatten_param { axis: 2 }',
    'type: "SPP" spp_param { pyramid_height: 2 pool: MAX }',
    'type: "SPP" spp_param { pyramid_height: 2 pool: AVE }',
]
PAIRS = [
    'type: "Eltwise" eltwise_param { coeff: 1 coeff: -0.5 }',
    'type: "Eltwise" eltwise_param { operation: PROD }',
    'type: "Eltwise" eltwise_param { operation: MAX }',
    'type: "Concat"',
]
LOSSES = ["EuclideanLoss", "SigmoidCrossEntropyLoss", "SoftmaxWithLoss", "HingeLoss", None]


@dataclass
class _Net:
    layers: list = field(default_factory=list)
    # Blobs that a layer may read, the last one written last, and which of them are images.
    blobs: list = field(default_factory=list)
    images: set = field(default_factory=set)
    # Blobs that are read already: nothing may be written over them.
    read: set = field(default_factory=set)
    # Blobs that share another one's memory in Caffe: a layer in place would write over both.
    views: set = field(default_factory=lambda: {"data"})

    def add(self, body, bottoms, top, is_image=False):
        self.read |= set(bottoms)
        wires = "".join(f' bottom: "{bottom}"' for bottom in bottoms)
        self.layers.append(f'layer {{ name: "l{len(self.layers)}"{wires} top: "{top}" {body} }}')
        if top in self.blobs:
            self.blobs.remove(top)
            self.read.discard(top)
        self.blobs.append(top)
        if is_image:
            self.images.add(top)

    def new(self):
        return f"b{len(self.layers)}"


@st.composite
def _windows(draw, kernels, pads, strides=None):
    kernel = [draw(kernels), draw(kernels)]
    stride = [draw(st.integers(1, strides or size)) for size in kernel]
    pad = [draw(pads), draw(pads)]
    names = zip(("kernel", "stride", "pad"), (kernel, stride, pad), strict=True)
    return " ".join(f"{name}_h: {values[0]} {name}_w: {values[1]}" for name, values in names)


@st.composite
def _convolution(draw):
    windows = draw(_windows(st.integers(1, 4), st.integers(0, 3), strides=3))
    group = draw(st.sampled_from([1, 1, 2]))
    outputs = group * draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["Convolution", "Convolution", "Deconvolution"]))
    frozen = draw(st.sampled_from(["", "", "param { lr_mult: 0 }"]))
    bias = draw(st.sampled_from(["", "bias_term: false"]))
    dilation = draw(st.integers(1, 2))
    return (
        f'type: "{kind}" {frozen} convolution_param {{ num_output: {outputs} group: {group} '
        f"dilation: {dilation} {windows} {bias} {FILLERS} }}"
    )


@st.composite
def _pooling(draw):
    method = draw(st.sampled_from(["MAX", "AVE"]))
    if draw(st.integers(0, 5)) == 0:
        return f'type: "Pooling" pooling_param {{ pool: {method} global_pooling: true }}'
    # A stride beyond the kernel can leave a last window empty, where Caffe writes anywhere.
    windows = draw(_windows(st.integers(1, 4), st.integers(0, 2)))
    return f'type: "Pooling" pooling_param {{ pool: {method} {windows} }}'


@st.composite
def _inner_product(draw):
    # Of a few sizes, so that now and then two layers share their weights.
    outputs = draw(st.integers(2, 3))
    shared = draw(st.sampled_from(["", 'param { name: "w" } param { name: "b" }']))
    return (
        f'type: "InnerProduct" {shared} inner_product_param {{ num_output: {outputs} {FILLERS} }}'
    )


@st.composite
def nets(draw):
    """The text of a net with the inputs `data` and perhaps `label`."""
    net = _Net()
    sizes = [draw(st.integers(1, 3)), draw(st.integers(1, 4))]
    sizes += [draw(st.integers(2, 10)) for _ in range(2)]
    dims = " ".join(f"dim: {size}" for size in sizes)
    net.layers.append(
        f'layer {{ name: "in" type: "Input" top: "data" input_param {{ shape {{ {dims} }} }} }}'
    )
    net.blobs.append("data")
    net.images.add("data")
    for _ in range(draw(st.integers(1, 6))):
        _add_layer(draw, net)
    head = ["force_backward: true"] if draw(st.booleans()) else []
    _add_loss(draw, net, sizes[0])
    return "\n".join([*head, *net.layers])


def _add_layer(draw, net):
    bottom = draw(st.sampled_from(net.blobs[-2:]))
    is_image = bottom in net.images
    neurons = NEURONS + (IMAGE_NEURONS if is_image else [])
    match draw(st.sampled_from(["windows", "windows", "in place", "copy", "pair", "last"])):
        case "windows" if is_image:
            net.add(draw(st.one_of(_convolution(), _pooling())), [bottom], net.new(), True)
        case "in place" if bottom not in net.read and bottom not in net.views:
            net.add(draw(st.sampled_from(IN_PLACE)), [bottom], bottom, is_image)
        case "pair":
            other = net.new()
            net.add(draw(st.sampled_from(neurons)), [bottom], other, is_image)
            bottoms = [bottom, draw(st.sampled_from([bottom, other]))]
            propagate = draw(
                st.sampled_from(["", "", "propagate_down: true propagate_down: false"])
            )
            net.add(f"{draw(st.sampled_from(PAIRS))} {propagate}", bottoms, net.new(), is_image)
        case "last":
            last = st.one_of(_inner_product(), st.sampled_from(LAST if is_image else COPIES[:2]))
            net.views.add(net.new())
            net.add(draw(last), [bottom], net.new())
        case _:
            net.add(draw(st.sampled_from(neurons + COPIES)), [bottom], net.new(), is_image)


def _add_loss(draw, net, items):
    loss, bottom = draw(st.sampled_from(LOSSES)), net.blobs[-1]
    if loss in ("EuclideanLoss", "SigmoidCrossEntropyLoss"):
        net.add('type: "Power" power_param { scale: 0.1 shift: 0.4 }', [bottom], "like")
        net.add(
            f'type: "{loss}" loss_weight: 0.7 propagate_down: true propagate_down: false',
            [bottom, "like"],
            "loss",
        )
    elif loss:
        net.add(
            f'type: "InnerProduct" inner_product_param {{ num_output: 3 {FILLERS} }}',
            [bottom],
            "scores",
        )
        net.layers.append(
            'layer { name: "labels" type: "Input" top: "label" '
            f"input_param {{ shape {{ dim: {items} }} }} }}"
        )
        net.add(f'type: "{loss}"', ["scores", "label"], "loss")
