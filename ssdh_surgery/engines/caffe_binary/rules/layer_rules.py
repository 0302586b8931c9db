"""Failures of a layer's settings: kernels, axes, fillers, and shapes that do not fit together."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import rule

_KERNEL = (
    "convolution_param.kernel_size pooling_param.kernel_size convolution_param.kernel_h "
    "pooling_param.kernel_h"
)
_PAD = "convolution_param.pad pooling_param.pad convolution_param.pad_h pooling_param.pad_h"
_STRIDE = "convolution_param.stride pooling_param.stride convolution_param.stride_h"
_FILLER = (
    "inner_product_param.weight_filler convolution_param.weight_filler scale_param.filler "
    "inner_product_param.bias_filler convolution_param.bias_filler"
)

LAYER_RULES = (
    rule(
        "kernel",
        r"Filter dimensions (?:cannot be zero|must be nonzero)",
        "the kernel of a layer has a size of 0{of_layer}",
        "set kernel_size",
        fields=_KERNEL,
    ),
    rule(
        "kernel",
        r"Filter size is kernel_size OR kernel_h and kernel_w|Either kernel_size or kernel_h/w "
        r"should be specified|For non-square filters both kernel_h and kernel_w are required",
        "a layer needs kernel_size, or both kernel_h and kernel_w{of_layer}",
        "write one of them",
        fields=_KERNEL,
    ),
    rule(
        "kernel",
        r"(?P<field>kernel_size|pad|stride|dilation) must be specified once, or once per spatial "
        r"dimension",
        "a layer has another number of values of {field} than spatial axes{of_layer}",
        "write {field} once",
        fields="convolution_param.kernel_size convolution_param.pad convolution_param.stride",
    ),
    rule(
        "kernel",
        r"(?P<field>kernel_h|pad_h|stride_h) & \w+ can only be used for 2D",
        "{field} is for images with 2 spatial axes{of_layer}",
        fields="convolution_param.kernel_h convolution_param.pad_h convolution_param.stride_h",
    ),
    rule(
        "pad",
        r"pad is pad OR pad_h and pad_w are required|Either pad or pad_h/w should be specified",
        "a layer has pad, pad_h and pad_w in a mixture{of_layer}",
        "write pad, or both pad_h and pad_w",
        fields=_PAD,
    ),
    rule(
        "pad",
        r"Check failed: pad_(?P<side>[hw])_ < kernel_[hw]_ \((?P<pad>\d+) vs\. (?P<kernel>\d+)\)",
        "pad is {pad}, and must be less than the kernel's {kernel}{of_layer}",
        "lower pad",
        fields=_PAD,
    ),
    rule(
        "pad",
        r"Padding implemented only for average and max pooling",
        "stochastic pooling takes no pad{of_layer}",
        "remove pad",
        fields=_PAD,
    ),
    rule(
        "stride",
        r"Stride is stride OR stride_h and stride_w are required|Either stride or stride_h/w "
        r"should "
        r"be specified|Stride dimensions must be nonzero",
        "a layer needs a stride above 0, as stride or as both stride_h and stride_w{of_layer}",
        "write stride, or both stride_h and stride_w",
        fields=_STRIDE,
    ),
    rule(
        "global-pooling",
        r"With Global_pooling: true",
        "a layer with global_pooling: true has a kernel, a pad or a stride{of_layer}",
        "remove them: it pools all of its input",
        fields="pooling_param.kernel_size pooling_param.global_pooling",
    ),
    rule(
        "pooling-size",
        r"Check failed: \(pooled_(?P<side>height|width)_ - 1\) \* stride_\w_ < \w+ \+ pad_\w_ "
        r"\((?P<one>-?\d+) vs\. (?P<other>-?\d+)\)",
        "a pooling would begin outside of its input's {side}{of_layer}",
        "lower stride or pad",
        fields=_STRIDE,
    ),
    rule(
        "pooling-method",
        r"Unknown pooling method",
        "this Caffe does not have the pooling method of a layer{of_layer}",
        "MAX, AVE; STOCHASTIC without cuDNN",
        fields="pooling_param.pool",
    ),
    rule(
        "group",
        r"Check failed: (?:channels_|CHANNELS_) % (?:group_|GROUP_) == 0",
        "the channels of a convolution's input are not a multiple of group{of_layer}",
        "change group",
        fields="convolution_param.group",
    ),
    rule(
        "group",
        r"Number of output should be multiples of group",
        "num_output of a convolution is not a multiple of group{of_layer}",
        "change one of the two",
        fields="convolution_param.group convolution_param.num_output",
    ),
    rule(
        "num-output",
        r"Check failed: (?:num_output_?|NUM_OUTPUT_) > 0|num_output must be positive",
        "num_output is 0, or not set{of_layer}",
        "set num_output",
        fields="convolution_param.num_output inner_product_param.num_output "
        "recurrent_param.num_output convolution_param",
    ),
    rule(
        "four-axes",
        r"\((?P<axes>4) vs\. (?P<has>\d+)\) Input must have 4 axes",
        "a layer needs images (num, channels, height, width), and reads a blob of {has} "
        "axes{of_layer}",
        "does it come after an InnerProduct or Flatten layer?",
        fields="bottom",
    ),
    rule(
        "input-size",
        r"\((?P<has>\d+) vs\. (?P<given>\d+)\) Input size incompatible with "
        r"(?P<what>inner product parameters|convolution kernel)",
        "the input of a layer does not match its {what}: {has} vs. {given}{of_layer}",
        "train and test images must have the same crop_size",
        fields="bottom",
    ),
    rule(
        "equal-inputs",
        r"All inputs must have the same shape\.|Inputs must have same \w+",
        "the inputs of a convolution differ in shape{of_layer}",
        fields="bottom",
    ),
    rule(
        "concat",
        r"\((?P<one>\d+) vs\. (?P<other>\d+)\) All inputs must have the same (?P<what>shape, "
        r"except "
        r"at concat_axis|#axes)",
        "the bottoms of a Concat layer differ outside of its axis: {one} and {other}{of_layer}",
        "check pad, stride and kernel of the branches, or set axis",
        fields="bottom",
    ),
    rule(
        "axis",
        r"(?P<field>concat|slice)_dim out of range|axis must (?:not be less than 0|be less than or "
        r"equal to the number)|crop axis bigger than input dim",
        "the axis of a layer is not one of its input's{of_layer}",
        "axis counts from 0; 1 are the channels",
        fields="concat_param.axis slice_param.axis argmax_param.axis crop_param.axis",
    ),
    rule(
        "axis-twice",
        r"Either axis or (?P<field>concat_dim|slice_dim) should be specified",
        "a layer has both axis and {field}{of_layer}",
        "keep axis",
        fields="concat_param.concat_dim slice_param.slice_dim",
    ),
    rule(
        "eltwise",
        r"Check failed: bottom\[0\]->shape\(\) == bottom\[i\]->shape\(\) bottom\[0\]: (?P<one>.*), "
        r"bottom\[\d+\]: (?P<other>.*)",
        "the bottoms of an Eltwise layer differ in shape: {one} and {other}{of_layer}",
        "check the branches that end here: num_output, pad, stride",
        fields="bottom",
    ),
    rule(
        "eltwise",
        r"Check failed: (?:bottom\[i\]->shape\(\) == bottom\[0\]->shape\(\)"
        r"|(?:num|channels|height|width) == bottom\[i\]->(?:num|channels|height|width)\(\))",
        "the bottoms of an Eltwise layer differ in shape{of_layer}",
        "check the branches that end here: num_output, pad, stride",
        fields="bottom",
    ),
    rule(
        "eltwise-coefficients",
        r"Eltwise [lL]ayer (?:takes one coefficient per bottom|only takes coefficients for "
        r"summation)",
        "an Eltwise layer takes one coeff for each bottom, and only for SUM{of_layer}",
        fields="eltwise_param.coeff",
    ),
    rule(
        "slice",
        r"Number of top blobs \((?P<tops>\d+)\) should evenly divide input (?P<what>[\w ]*?) ?"
        r"\( ?(?P<size>\d+)\)",
        "a Slice layer cannot cut {size} into {tops} equal parts{of_layer}",
        "set slice_point, or another number of tops",
        fields="slice_param.slice_point top",
    ),
    rule(
        "slice",
        r"Check failed: (?:slice_point_\.size\(\) == top\S*size\(\) - 1|slice_point_\[i\] > prev"
        r"|top\S*size\(\) <= \w+) \((?P<one>\d+) vs\. (?P<other>\d+)\)",
        "a Slice layer needs one slice_point less than tops, each above the last: {one} and "
        "{other}{of_layer}",
        fields="slice_param.slice_point",
    ),
    rule(
        "reshape",
        r"bottom count \((?P<count>\d+)\) must be divisible by the product of the specified "
        r"dimensions \((?P<product>\d+)\)",
        "a Reshape layer cannot cut {count} values into groups of {product}{of_layer}",
        "check the dims of its shape",
        fields="reshape_param.shape",
    ),
    rule(
        "reshape",
        r"\((?P<top>\d+) vs\. (?P<bottom>\d+)\) output count must match input count",
        "the shape of a Reshape layer has {top} values, its bottom {bottom}{of_layer}",
        "write -1 for one of the dims",
        fields="reshape_param.shape",
    ),
    rule(
        "reshape",
        r"new shape contains (?:multiple -1 dims|a 0, but)|start_axis <= bottom\[0\]->num_axes\(\)"
        r"|end_axis = axis \+ num_axes is out of range|num_axes must be >= 0, or -1",
        "the shape of a Reshape layer does not fit its bottom{of_layer}",
        "one dim may be -1 (what is left), and 0 copies the bottom's",
        fields="reshape_param.shape",
    ),
    rule(
        "in-place",
        r"(?P<type>\w+) Layer does not allow in-place computation",
        "a {type} layer cannot write over its bottom{of_layer}",
        "give its top another name",
        fields="top",
    ),
    rule(
        "scale-shape",
        r"dimension mismatch between bottom\[0\]->shape\((?P<axis>\d+)\) and (?P<what>scale|bias)->"
        r"shape\(\d+\)|(?P<past>scale|bias) blob's shape extends past bottom\[0\]'s shape",
        "the second bottom of a Scale or Bias layer does not fit the first{of_layer}",
        "check axis, and the shapes of the two",
        fields="scale_param.axis bias_param.axis bottom",
    ),
    rule(
        "local-size",
        r"LRN only supports odd values for local_size",
        "local_size of an LRN layer must be odd{of_layer}",
        fields="lrn_param.local_size",
    ),
    rule(
        "batch-norm-rates",
        r"Cannot configure batch normalization statistics as layer parameters",
        "a BatchNorm layer has an lr_mult other than 0: this Caffe learns no statistics{of_layer}",
        "write three times param {{ lr_mult: 0 decay_mult: 0 }}, or no param",
        fields="param",
    ),
    rule(
        "channels",
        r"Check failed: bottom\[0\]->shape\(1\) == channels_ \((?P<one>\d+) vs\. (?P<other>\d+)\)",
        "a BatchNorm layer has statistics of {other} channels, and reads {one}{of_layer}",
        "rename the layer, or use the net that the weights belong to",
        fields="bottom",
    ),
    rule(
        "channels",
        r"Negative slope size is inconsistent with prototxt config|Scale size is inconsistent with",
        "channel_shared of a layer does not fit its weights{of_layer}",
        fields="prelu_param.channel_shared norm_param.channel_shared",
    ),
    rule(
        "unknown-filler",
        r"Unknown filler name: (?P<type>.*)",
        "Caffe has no filler '{type}'{of_layer}",
        "gaussian, xavier, msra, constant, uniform, positive_unitball, bilinear",
        fields=_FILLER,
    ),
    rule(
        "filler-shape",
        r"Blob must be 4 dim\.|Filter must be square|Sparsity not supported by this Filler"
        r"|Check failed: sparse >= -1",
        "a filler does not suit the weights that it fills{of_layer}",
        "bilinear fills square kernels; sparse is for gaussian",
        fields=_FILLER,
    ),
    rule(
        "filler-range",
        r"Check failed: sigma > 0 \((?P<std>\S+) vs\. 0\)",
        "the std of a gaussian filler is {std}, and must be above 0{of_layer}",
        'set std, or type: "constant"',
        fields=_FILLER,
    ),
    rule(
        "filler-range",
        r"Check failed: a <= b \((?P<least>\S+) vs\. (?P<most>\S+)\)",
        "a uniform filler goes from {least} to {most}{of_layer}",
        "min must not be above max",
        fields=_FILLER,
    ),
    rule(
        "empty-param",
        r"Check failed: (?:count|dim|blob->count\(\)|blob_count) *$",
        "a layer has weights without values{of_layer}",
        "is num_output 0, or its input empty?",
        fields="inner_product_param.num_output convolution_param.num_output",
    ),
    rule(
        "base",
        r"base must be strictly positive|(?:NaN|Inf) result: (?:1/)?log\(base\)",
        "the base of an Exp or Log layer must be above 0 (or -1 for e){of_layer}",
        fields="exp_param.base log_param.base",
    ),
    rule(
        "crop-layer",
        r"the crop for dimension (?P<axis>\d+) is out.of.bounds with size (?P<size>\d+) and offset "
        r"(?P<offset>\d+)|number of offset values specified must be equal",
        "a Crop layer cuts outside of its first bottom{of_layer}",
        "check offset, axis, and the sizes of the two bottoms",
        fields="crop_param.offset crop_param.axis",
    ),
    rule(
        "embed",
        r"EmbedLayer (?P<field>input_dim|num_output) must be positive|Check failed: index < K_ "
        r"\((?P<index>\d+) vs\. (?P<size>\d+)\)|non-integer input",
        "an Embed layer needs whole numbers below its input_dim{of_layer}",
        fields="embed_param.input_dim",
    ),
    rule(
        "tile",
        r"Number of tiles must be",
        "a Tile layer needs a number of tiles above 0{of_layer}",
        "set tiles",
        fields="tile_param.tiles",
    ),
    rule(
        "dropout",
        r"Check failed: threshold_ [<>] [01]\.",
        "dropout_ratio must be above 0 and below 1{of_layer}",
        fields="dropout_param.dropout_ratio",
    ),
    rule(
        "recurrent",
        r"bottom\[(?P<index>[01])\] must have (?:exactly|at least) 2 axes -- \(#timesteps, #streams"
        r"|input number of timesteps changed|Check failed: T_ == bottom",
        "a recurrent layer reads sequences (timesteps, streams, ...), and a second blob "
        "(timesteps, "
        "streams) that marks their beginnings{of_layer}",
        fields="bottom",
    ),
)
