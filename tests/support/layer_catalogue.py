"""One small net for each layer type and setting that the records leave out.

Each case is a net in TRAIN, with `force_backward` where Caffe bears it: inputs `a`, `b`, ...,
then the layer `it` with the tops `out0`, `out1`, ... (a loss has the top `loss`). What the inputs
are filled with is random, between -1 and 1, unless `fill` says otherwise.
"""

from dataclasses import dataclass, field

FILLER = 'type: "gaussian" std: 0.4'


@dataclass(frozen=True)
class Case:
    """A layer: its type and settings, the shapes of its bottoms, its tops."""

    name: str
    body: str
    shapes: tuple
    tops: tuple = ("out0",)
    # Input name -> "labels" (0, 1, 2), "ones" (0 or 1), "positive" (0.1 to 2).
    fill: dict = field(default_factory=dict)
    # Layers for which Caffe ends its process when every bottom shall have a gradient.
    is_forward_only: bool = False

    def values(self, name, shape, random):
        """What an input is filled with."""
        match self.fill.get(name):
            case "labels":
                return random.integers(0, 3, shape)
            case "ones":
                return random.integers(0, 2, shape)
            case "positive":
                return random.uniform(0.1, 2, shape)
            case _:
                return random.uniform(-1, 1, shape)

    @property
    def text(self):
        """The net's prototxt."""
        names = "abc"[: len(self.shapes)]
        lines = [] if self.is_forward_only else ["force_backward: true"]
        for name, shape in zip(names, self.shapes, strict=True):
            dims = " ".join(f"dim: {size}" for size in shape)
            lines.append(
                f'layer {{ name: "{name}" type: "Input" top: "{name}" '
                f"input_param {{ shape {{ {dims} }} }} }}"
            )
        wires = " ".join([f'bottom: "{name}"' for name in names])
        wires += " " + " ".join(f'top: "{top}"' for top in self.tops)
        lines.append(f'layer {{ name: "it" {wires} {self.body} }}')
        return "\n".join(lines) + "\n"


IMAGE = (2, 3, 5, 4)
CASES = [
    Case(
        "accuracy_by_class",
        'type: "Accuracy" accuracy_param { top_k: 2 ignore_label: 1 }',
        ((6, 3), (6,)),
        ("out0", "out1"),
        {"b": "labels"},
        True,
    ),
    Case(
        "accuracy_spatial",
        'type: "Accuracy"',
        ((2, 3, 2, 2), (2, 1, 2, 2)),
        fill={"b": "labels"},
        is_forward_only=True,
    ),
    Case(
        "argmax_axis",
        'type: "ArgMax" argmax_param { axis: 1 top_k: 2 }',
        (IMAGE,),
        is_forward_only=True,
    ),
    Case(
        "argmax_axis_values",
        'type: "ArgMax" argmax_param { axis: -1 out_max_val: true }',
        (IMAGE,),
        is_forward_only=True,
    ),
    Case(
        "argmax_values",
        'type: "ArgMax" argmax_param { top_k: 3 out_max_val: true }',
        (IMAGE,),
        is_forward_only=True,
    ),
    Case(
        "batch_norm_vectors",
        'type: "BatchNorm" batch_norm_param { eps: 0.01 }'
        + " param { lr_mult: 0 decay_mult: 0 }" * 3,
        ((5, 4),),
    ),
    Case(
        "batch_reindex",
        'type: "BatchReindex"',
        ((3, 2, 2), (5,)),
        fill={"b": "labels"},
        is_forward_only=True,
    ),
    Case("bias_of_two", 'type: "Bias" bias_param { axis: 1 }', (IMAGE, (3, 5))),
    Case(
        "bias_all_axes",
        f'type: "Bias" bias_param {{ axis: 2 num_axes: -1 filler {{ {FILLER} }} }}',
        (IMAGE,),
    ),
    Case(
        "bias_scalar", f'type: "Bias" bias_param {{ num_axes: 0 filler {{ {FILLER} }} }}', (IMAGE,)
    ),
    Case("concat_last", 'type: "Concat" concat_param { axis: -1 }', ((2, 3), (2, 1), (2, 4))),
    Case("concat_dim", 'type: "Concat" concat_param { concat_dim: 2 }', (IMAGE, IMAGE)),
    Case(
        "contrastive_legacy",
        'type: "ContrastiveLoss" contrastive_loss_param { margin: 2 legacy_version: true }',
        ((4, 3), (4, 3), (4,)),
        ("loss",),
        {"c": "ones"},
    ),
    Case(
        "conv_1d",
        f'type: "Convolution" convolution_param {{ num_output: 3 kernel_size: 3 '
        f"stride: 2 pad: 1 weight_filler {{ {FILLER} }} }}",
        ((2, 3, 7),),
    ),
    Case(
        "conv_3d",
        f'type: "Convolution" convolution_param {{ num_output: 2 kernel_size: 2 '
        f"kernel_size: 3 kernel_size: 1 dilation: 2 pad: 1 weight_filler {{ {FILLER} }} }}",
        ((1, 2, 5, 6, 4),),
    ),
    Case(
        "conv_axis_2",
        f'type: "Convolution" convolution_param {{ axis: 2 num_output: 3 '
        f"kernel_size: 2 weight_filler {{ {FILLER} }} }}",
        ((2, 2, 3, 5),),
    ),
    Case(
        "conv_two_bottoms",
        f'type: "Convolution" convolution_param {{ num_output: 2 '
        f"kernel_size: 2 weight_filler {{ {FILLER} }} bias_filler {{ {FILLER} }} }}",
        (IMAGE, IMAGE),
        ("out0", "out1"),
    ),
    Case(
        "conv_beyond_the_edge",
        f'type: "Convolution" convolution_param {{ num_output: 2 '
        f"kernel_size: 4 stride: 3 weight_filler {{ {FILLER} }} }}",
        ((1, 2, 3, 6),),
    ),
    Case(
        "crop_channels",
        'type: "Crop" crop_param { axis: 1 offset: 1 }',
        ((2, 4, 5, 5), (1, 2, 3, 3)),
    ),
    Case(
        "deconv_group",
        f'type: "Deconvolution" convolution_param {{ num_output: 4 group: 2 '
        f"kernel_size: 3 stride: 2 pad: 1 dilation: 2 weight_filler {{ {FILLER} }} }}",
        ((1, 2, 4, 3),),
    ),
    Case(
        "eltwise_max_three",
        'type: "Eltwise" eltwise_param { operation: MAX }',
        (IMAGE,) * 3,
        fill={"a": "labels", "b": "labels", "c": "labels"},
    ),
    Case(
        "eltwise_sum_three",
        'type: "Eltwise" eltwise_param { coeff: 1 coeff: -2 coeff: 0.5 }',
        (IMAGE,) * 3,
    ),
    Case(
        "embed",
        f'type: "Embed" embed_param {{ num_output: 4 input_dim: 3 '
        f"weight_filler {{ {FILLER} }} bias_filler {{ {FILLER} }} }} propagate_down: false",
        ((5, 2),),
        fill={"a": "labels"},
        is_forward_only=True,
    ),
    Case("euclidean_two_shapes", 'type: "EuclideanLoss"', ((3, 4), (3, 4, 1, 1)), ("loss",)),
    Case("exp_e", 'type: "Exp" exp_param { scale: 0.5 shift: 0.3 }', ((3, 4),)),
    Case("filter", 'type: "Filter"', ((4, 3), (4, 2), (4,)), ("out0", "out1"), {"c": "ones"}, True),
    Case("flatten_middle", 'type: "Flatten" flatten_param { axis: 1 end_axis: 2 }', (IMAGE,)),
    Case("hinge_l1", 'type: "HingeLoss"', ((5, 3), (5,)), ("loss",), {"b": "labels"}),
    Case(
        "im2col",
        'type: "Im2col" convolution_param { kernel_size: 3 stride: 2 pad: 1 dilation: 2 }',
        ((2, 2, 6, 7),),
    ),
    Case(
        "ip_negative_axis",
        f'type: "InnerProduct" inner_product_param {{ num_output: 3 axis: -1 '
        f"bias_term: false weight_filler {{ {FILLER} }} }}",
        (IMAGE,),
    ),
    Case(
        "log",
        'type: "Log" log_param { base: 2 scale: 1.5 shift: 0.2 }',
        ((3, 4),),
        fill={"a": "positive"},
    ),
    Case("lrn_one", 'type: "LRN" lrn_param { local_size: 1 alpha: 0.7 }', (IMAGE,)),
    Case(
        "lrn_within_beta",
        'type: "LRN" lrn_param { norm_region: WITHIN_CHANNEL local_size: 5 alpha: 2 beta: 0.4 }',
        ((1, 2, 6, 5),),
    ),
    Case(
        "multinomial",
        'type: "MultinomialLogisticLoss"',
        ((4, 3), (4, 1, 1, 1)),
        ("loss",),
        {"a": "positive", "b": "labels"},
    ),
    Case("mvn_across", 'type: "MVN" mvn_param { across_channels: true eps: 0.5 }', (IMAGE,)),
    Case("mvn_mean_only", 'type: "MVN" mvn_param { normalize_variance: false }', (IMAGE,)),
    Case(
        "parameter",
        'type: "Parameter" parameter_param { shape { dim: 2 dim: 3 } }',
        (),
        is_forward_only=True,
    ),
    Case(
        "pooling_mask",
        'type: "Pooling" pooling_param { kernel_size: 2 stride: 1 pad: 1 }',
        (IMAGE,),
        ("out0", "out1"),
    ),
    Case("pooling_global_max", 'type: "Pooling" pooling_param { global_pooling: true }', (IMAGE,)),
    Case(
        "pooling_kernel_beyond",
        'type: "Pooling" pooling_param { pool: AVE kernel_size: 3 stride: 2 }',
        ((1, 2, 2, 6),),
    ),
    Case(
        "pooling_pad_above_half",
        'type: "Pooling" pooling_param { pool: MAX kernel_h: 3 '
        "kernel_w: 2 pad_h: 2 pad_w: 1 stride_h: 2 stride_w: 1 }",
        (IMAGE,),
    ),
    Case("power_zero", 'type: "Power" power_param { power: 0 shift: 2 }', ((3, 4),)),
    Case("power_scale_zero", 'type: "Power" power_param { power: 3 scale: 0 shift: 2 }', ((3, 4),)),
    Case(
        "power_root",
        'type: "Power" power_param { power: 0.5 scale: 2 }',
        ((3, 4),),
        fill={"a": "positive"},
    ),
    Case(
        "power_negative",
        'type: "Power" power_param { power: -1 scale: 2 shift: 0.5 }',
        ((3, 4),),
        fill={"a": "positive"},
    ),
    Case(
        "prelu_shared",
        f'type: "PReLU" prelu_param {{ channel_shared: true filler {{ {FILLER} }} }}',
        (IMAGE,),
    ),
    Case("reduction_sum", 'type: "Reduction" reduction_param { axis: -2 coeff: 2 }', (IMAGE,)),
    Case(
        "reshape_part",
        'type: "Reshape" reshape_param { axis: 1 num_axes: 2 shape { dim: -1 } }',
        (IMAGE,),
    ),
    Case(
        "reshape_insert",
        'type: "Reshape" reshape_param { axis: -1 num_axes: 0 shape { dim: 1 dim: 1 } }',
        ((2, 3),),
    ),
    Case("scale_of_two", 'type: "Scale" scale_param { axis: 0 }', (IMAGE, (2, 3))),
    Case(
        "scale_of_two_bias",
        f'type: "Scale" scale_param {{ axis: 1 bias_term: true bias_filler {{ {FILLER} }} }}',
        (IMAGE, (3,)),
    ),
    Case(
        "scale_all_axes",
        f'type: "Scale" scale_param {{ axis: 1 num_axes: -1 filler {{ {FILLER} }} }}',
        (IMAGE,),
    ),
    Case(
        "scale_scalar",
        f'type: "Scale" scale_param {{ num_axes: 0 bias_term: true filler {{ {FILLER} }} }}',
        (IMAGE,),
    ),
    Case("silence", 'type: "Silence"', (IMAGE, (2,)), ()),
    Case("slice_equal", 'type: "Slice" slice_param { axis: 3 }', (IMAGE,), ("out0", "out1")),
    Case(
        "slice_dim",
        'type: "Slice" slice_param { slice_dim: 2 slice_point: 1 }',
        (IMAGE,),
        ("out0", "out1"),
    ),
    Case("softmax_axis", 'type: "Softmax" softmax_param { axis: 2 }', (IMAGE,)),
    Case(
        "softmax_loss_full",
        'type: "SoftmaxWithLoss" loss_param { normalization: FULL ignore_label: 1 }',
        ((2, 3, 2, 2), (2, 2, 2)),
        ("loss",),
        {"b": "labels"},
    ),
    Case(
        "softmax_loss_batch",
        'type: "SoftmaxWithLoss" loss_param { normalize: false }',
        ((2, 3, 2, 2), (2, 2, 2)),
        ("loss",),
        {"b": "labels"},
    ),
    Case("spp_one", 'type: "SPP" spp_param { pyramid_height: 1 pool: AVE }', (IMAGE,)),
    Case("spp_three", 'type: "SPP" spp_param { pyramid_height: 3 pool: MAX }', ((2, 2, 9, 8),)),
    Case(
        "threshold",
        'type: "Threshold" threshold_param { threshold: 0.2 }',
        ((3, 4),),
        is_forward_only=True,
    ),
    Case("tile_last", 'type: "Tile" tile_param { axis: -1 tiles: 3 }', (IMAGE,)),
]
