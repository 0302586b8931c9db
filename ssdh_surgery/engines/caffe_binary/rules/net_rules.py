"""Failures to build a net: its layers, blobs, connections and shared params."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import rule

_READS = "check the name, and the include and exclude rules of the layer that writes it"

NET_RULES = (
    rule(
        "unknown-layer-type",
        r"Unknown layer type: '?Python\b",
        "the net has a Python layer, and this Caffe was built without them{of_layer}",
        "build Caffe with WITH_PYTHON_LAYER=1",
        fields="type",
    ),
    rule(
        "unknown-layer-type",
        r"Unknown layer type: '?(?P<type>ImageData|WindowData|VideoData)\b",
        "this Caffe was built without OpenCV, which a {type} layer needs{of_layer}",
        "build Caffe with USE_OPENCV, or train from an LMDB: ssdh data build",
        fields="type",
    ),
    rule(
        "unknown-layer-type",
        r"Unknown layer type: '?(?P<type>HDF5\w+)\b",
        "this Caffe was built without HDF5, which a {type} layer needs{of_layer}",
        "build Caffe with USE_HDF5, or train from an LMDB",
        fields="type",
    ),
    rule(
        "unknown-layer-type",
        r"Unknown layer type: '?(?P<type>K[12]_EuclideanLoss)",
        "this Caffe has no layer type '{type}'{of_layer}: only the SSDH authors' Caffe has it",
        "express the term with stock layers (Power and Reduction), or choose their Caffe: --caffe",
        fields="type",
    ),
    rule(
        "unknown-layer-type",
        r"Unknown layer type: '?(?P<type>[^\s('][^\s(]*?)'?(?: \(known types: "
        r"(?P<known>[^)]*)|\s|$)",
        "this Caffe has no layer type '{type}'{of_layer}",
        "choose a Caffe that has it: --caffe",
        fields="type",
    ),
    rule(
        "unknown-layer-type",
        r"Layer (?P<layer>.*) has (?:unknown type (?P<number>\S+)|unspecified type)"
        r"|Unknown (?:V1LayerParameter layer type|layer name): (?P<name>.*)",
        "this Caffe does not have the type of a layer, {number}{name}{of_layer}",
        "choose a Caffe that has it: --caffe",
        fields="type",
    ),
    rule(
        "unknown-engine",
        r"Layer (?P<layer>.*) has unknown? engine",
        "layer '{layer}' has an engine that this Caffe lacks",
        "remove engine, or set engine: CAFFE",
        fields="convolution_param.engine pooling_param.engine lrn_param.engine relu_param.engine "
        "softmax_param.engine sigmoid_param.engine tanh_param.engine",
    ),
    rule(
        "engine-dilation",
        r"(?P<engine>CuDNN|MKL\w*) doesn't support the dilated convolution at Layer (?P<layer>.*)",
        "{engine} has no dilated convolution, which layer '{layer}' asks for",
        "set engine: CAFFE in its convolution_param",
        fields="convolution_param.engine convolution_param.dilation",
    ),
    rule(
        "engine-axes",
        r"CuDNN\w+ input must have 2 spatial axes",
        "cuDNN convolves images with 2 spatial axes only{of_layer}",
        "set engine: CAFFE in its convolution_param",
        fields="convolution_param.engine",
    ),
    rule(
        "mixed-precision",
        r"Combination of layer types (?P<types>.*) is not currently supported .*'(?P<layer>.*)'",
        "layer '{layer}' has the types {types}, which this Caffe cannot combine",
        "set forward_type and backward_type to the same",
        fields="forward_type backward_type",
    ),
    rule(
        "unknown-bottom",
        r"Unknown bottom blob '(?P<blob>.*)' \(layer '(?P<layer>.*)', bottom index "
        r"(?P<index>\d+)\)",
        "layer '{layer}' reads the blob '{blob}' (bottom index {index}), which no layer above "
        "writes in this phase",
        _READS,
        fields="bottom",
    ),
    rule(
        "unknown-bottom",
        r"Unknown blob input (?P<blob>\S+) (?:\(at index \d+\) )?to layer ?(?P<layer>\S+)",
        "layer '{layer}' reads the blob '{blob}', which no layer above writes in this phase",
        _READS,
        fields="bottom",
    ),
    rule(
        "duplicate-top",
        r"Top blob '(?P<blob>.*)' produced by multiple sources",
        "two layers write the blob '{blob}' in the same phase",
        "rename one of the tops, or give the layers rules for different phases",
        fields="top",
    ),
    rule(
        "duplicate-top",
        r"Duplicate blobs produced by multiple sources",
        "two layers write the same blob in the same phase{of_layer}",
        "rename one of the tops, or give the layers rules for different phases",
        fields="top",
    ),
    rule(
        "include-and-exclude",
        r"Specify either include rules or exclude rules",
        "a layer has both include and exclude rules{of_layer}",
        "keep one kind",
        fields="exclude",
    ),
    rule(
        "propagate-down",
        r"\((?P<count>\d+) vs\. (?P<bottoms>\d+)\) propagate_down param must be specified",
        "a layer has {bottoms} bottoms, but {count} values of propagate_down{of_layer}",
        "write one for each bottom, or none",
        fields="propagate_down",
    ),
    rule(
        "loss-weights",
        r"\((?P<tops>\d+) vs\. (?P<count>\d+)\) loss_weight must be unspecified or specified once "
        r"per top blob",
        "a layer has {tops} tops, but {count} values of loss_weight{of_layer}",
        "write one for each top, or none",
        fields="loss_weight",
    ),
    rule(
        "shared-params",
        r"Cannot share param '(?P<param>.*)' owned by layer '(?P<owner>.*)' with layer "
        r"'(?P<layer>.*)'; (?:count|shape) mismatch",
        "layers '{owner}' and '{layer}' share the param '{param}', but its shapes differ",
        "give the two params different names",
        fields="param",
    ),
    rule(
        "shared-params",
        r"Shared parameter blobs must have the same (?P<side>\w+)"
        r"|this_blob->shape\(\) == owner_blob->shape\(\)",
        "two layers share a param, but its shapes differ{of_layer}",
        "give the two params different names",
        fields="param",
    ),
    rule(
        "shared-rates",
        r"\((?P<one>\S+) vs\. (?P<other>\S+)\) Shared param '(?P<param>.*)' has mismatched "
        r"(?P<field>lr_mult|decay_mult)",
        "the param '{param}' is shared with {field} {one} and {other}{of_layer}",
        "write the same {field} in each layer that shares it",
        fields="param",
    ),
    rule(
        "too-many-params",
        r"Too many params specified for layer (?P<layer>.*)",
        "layer '{layer}' has more param entries than learned blobs",
        "with bias_term: false, it has one",
        fields="param",
    ),
    rule(
        "too-many-params",
        r"Incorrect (?:blobs lr|param|blob_share_mode) size: should be either 0 or the same as",
        "a layer has another number of params or rates than learned blobs{of_layer}",
        "write one for each learned blob, or none; with bias_term: false, it has one",
        fields="blobs_lr param",
    ),
    rule(
        "blob-count",
        r"\((?P<wanted>\d+) vs\. (?P<given>\d+)\) (?P<type>\w+) Layer (?P<does>takes|produces) "
        r"(?P<limit>at least |at most )?\d+ (?P<end>bottom|top) blob\(s\)",
        "a {type} layer {does} {limit}{wanted} {end} blob(s), but this one has {given}{of_layer}",
        fields="type",
    ),
    rule(
        "blob-count",
        r"\((?P<bottoms>\d+) vs\. (?P<tops>\d+)\) (?P<type>\w+) Layer produces one top blob as "
        r"output for each",
        "a {type} layer has as many tops as bottoms, but this one has {tops} for "
        "{bottoms}{of_layer}",
        fields="type",
    ),
    rule(
        "blob-count",
        r"(?P<type>[\w ]+?) ?[lL]ayer (?:takes|produces) (?:a single|two|no) (?:blobs?|output)",
        "a {type} layer has another number of bottoms or tops{of_layer}",
        fields="type",
    ),
    rule(
        "input-shapes",
        r"Must specify either input_shape OR deprecated input_dim|Incorrect \w+ blob dimension "
        r"specifications|Exactly one input_shape must be specified per input",
        "the inputs of the net need one input_shape each, or four input_dim each",
        "ssdh upgrade writes them as Input layers",
    ),
    rule(
        "empty-net",
        r"Check failed: end < layers_\.size\(\) \(-1 vs\. 0\)",
        "the net has no layers",
        "does net: name a folder, an empty file, or one whose layers have rules for another phase?",
        solver_fields="net train_net",
    ),
    rule(
        "mixed-dialects",
        r"the definition includes both 'layer' and 'layers' fields",
        "the net mixes 'layer' and 'layers' entries, which Caffe does not accept",
        "write all of them as layer, with the type as a string",
    ),
    rule(
        "padding",
        r"Padding layer input to non-convolutional / non-pooling layer type (?P<type>.*)",
        "a padding layer is followed by a layer of the type '{type}': only convolutions and "
        "poolings take padding",
        "ssdh upgrade writes the net in today's dialect",
    ),
    rule(
        "blob-too-large",
        r"blob size exceeds (?:INT|LONG)_MAX",
        "a blob would have more than 2147483647 values{of_layer}",
        "lower batch_size",
    ),
    rule(
        "negative-size",
        r"Check failed: (?:shape\[i\]|num|channels|height|width) >= 0 \((?P<size>-\d+) vs\. 0\)",
        "a blob would have the size {size}{of_layer}: a kernel or crop is larger than the input",
        "check the size of the images, and kernel, pad and stride of the layer",
        fields="convolution_param.kernel_size pooling_param.kernel_size",
    ),
    rule(
        "blob-axes",
        r"Check failed: \S+ <= kMaxBlobAxes \((?P<axes>\d+) vs\. 32\)",
        "a blob would have more than 32 axes{of_layer}",
    ),
    rule(
        "blob-axes",
        r"Check failed: num_axes\(\) <= 4 \((?P<axes>\d+) vs\. 4\)",
        "a layer that knows four axes at most reads a blob of {axes}{of_layer}",
        "reshape the blob above it",
        fields="bottom",
    ),
    rule(
        "axis",
        r"axis (?P<axis>-?\d+) out of range for (?P<axes>\d+)-D Blob with shape (?P<shape>.*)",
        "axis {axis} is asked of a blob with {axes} axes, {shape}{of_layer}",
        "check axis in the layer, and what it reads",
        fields="bottom",
    ),
    rule(
        "blob-without-memory",
        r"Check failed: (?:data_|diff_|shape_data_)\s*$|Syncedmem not initialized",
        "a blob has no memory: it has no values, or too little memory is free{of_layer}",
        "is a batch_size or num_output 0? Else lower batch_size",
    ),
    rule(
        "blob-sizes",
        r"Trying to copy blobs of different sizes",
        "a blob is copied into one of another size{of_layer}",
        "do the layers that share data or params have equal shapes?",
    ),
    rule(
        "python-gpus",
        r"PythonLayer (?:does not support CLI Multi-GPU|is not implemented in Multi-GPU training)",
        "a Python layer cannot be trained on several GPUs{of_layer}",
        "give --gpu one GPU",
        fields="type",
    ),
    rule(
        "python-name",
        r"(?P<what>Layer|Module) name is invalid: (?P<name>.*)",
        "'{name}' is no name of a Python {what}{of_layer}",
        fields="python_param.module python_param.layer",
    ),
)
