"""Failures to build a net or solver, or to load weights that do not match."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import rule

NET_RULES = (
    rule(
        "unknown-layer-type",
        r"Unknown layer type: Python\b",
        "the net has a Python layer, and this Caffe was built without them{of_layer}",
        "build Caffe with WITH_PYTHON_LAYER=1",
    ),
    rule(
        "unknown-layer-type",
        r"Unknown layer type: (?P<type>K[12]_EuclideanLoss)",
        "this Caffe has no layer type '{type}'{of_layer}: only the SSDH authors' Caffe has it",
        "express the term with stock layers (Power and Reduction), or choose their Caffe: --caffe",
    ),
    rule(
        "unknown-layer-type",
        r"Unknown layer type: (?P<type>[^\s(]+)(?: \(known types: (?P<known>[^)]*))?",
        "this Caffe has no layer type '{type}'{of_layer}",
        "choose a Caffe that has it: --caffe",
    ),
    rule(
        "unknown-bottom",
        r"Unknown bottom blob '(?P<blob>.*)' \(layer '(?P<layer>.*)', bottom index "
        r"(?P<index>\d+)\)",
        "layer '{layer}' reads the blob '{blob}' (bottom index {index}), which no layer above "
        "writes in this phase",
        "check the name, and the include and exclude rules of the layer that writes it",
    ),
    rule(
        "unknown-bottom",
        r"Unknown blob input (?P<blob>\S+) (?:\(at index \d+\) )?to layer (?P<layer>\S+)",
        "layer '{layer}' reads the blob '{blob}', which no layer above writes in this phase",
        "check the name, and the include and exclude rules of the layer that writes it",
    ),
    rule(
        "duplicate-top",
        r"Top blob '(?P<blob>.*)' produced by multiple sources",
        "two layers write the blob '{blob}' in the same phase",
        "rename one of the tops, or give the layers rules for different phases",
    ),
    rule(
        "duplicate-top",
        r"Duplicate blobs produced by multiple sources",
        "two layers write the same blob in the same phase{of_layer}",
        "rename one of the tops, or give the layers rules for different phases",
    ),
    rule(
        "weights-shape",
        r"Cannot copy param (?P<param>\d+) weights from layer '(?P<layer>.*)'; shape mismatch\.\s+"
        r"Source param shape is (?P<source>[\d ]*?) ?\(\d+\); target param shape is "
        r"(?P<target>[\d ]*?) ?\(\d+\)",
        "param {param} of layer '{layer}' has the shape ({source}) in the weights, but ({target}) "
        "in the net",
        "rename the layer to train it from scratch, or use the net that the weights belong to",
    ),
    rule(
        "weights-shape",
        r"Incompatible number of blobs for layer (?P<layer>.*)",
        "layer '{layer}' has a different number of params in the weights than in the net",
        "rename the layer to train it from scratch, or use the net that the weights belong to",
    ),
    rule(
        "shared-params",
        r"Cannot share param '(?P<param>.*)' owned by layer '(?P<owner>.*)' with layer "
        r"'(?P<layer>.*)'; (?:count|shape) mismatch",
        "layers '{owner}' and '{layer}' share the param '{param}', but its shapes differ",
        "give the two params different names",
    ),
    rule(
        "too-many-params",
        r"Too many params specified for layer (?P<layer>.*)",
        "layer '{layer}' has more param entries than learned blobs",
        "with bias_term: false, it has one",
    ),
    rule(
        "blob-count",
        r"\((?P<wanted>\d+) vs\. (?P<given>\d+)\) (?P<type>\w+) Layer (?P<does>takes|produces) "
        r"(?P<limit>at least |at most )?\d+ (?P<end>bottom|top) blob\(s\)",
        "a {type} layer {does} {limit}{wanted} {end} blob(s), but this one has {given}{of_layer}",
    ),
    rule(
        "top-k",
        r"\((?P<top_k>\d+) vs\. (?P<classes>\d+)\) top_k must be less than or equal to",
        "an Accuracy or ArgMax layer has top_k: {top_k}, but only {classes} classes{of_layer}",
        "lower top_k, or remove the layer",
    ),
    rule(
        "label-count",
        r"\((?P<predictions>\d+) vs\. (?P<labels>\d+)\) Number of labels must match number of "
        r"predictions",
        "there are {predictions} predictions but {labels} labels{of_layer}",
        "the layer needs one label per prediction",
    ),
    rule(
        "input-size",
        r"\((?P<has>\d+) vs\. (?P<given>\d+)\) Input size incompatible with "
        r"(?P<what>inner product parameters|convolution kernel)",
        "the input of a layer does not match its {what}: {has} vs. {given}{of_layer}",
        "train and test images must have the same crop_size",
    ),
    rule(
        "unknown-filler",
        r"Unknown filler name: (?P<filler>.*)",
        "Caffe has no filler '{filler}'{of_layer}",
        "gaussian, xavier, msra, constant, uniform, positive_unitball, bilinear",
    ),
    rule(
        "unknown-policy",
        r"Unknown learning rate policy: (?P<policy>.*)",
        "Caffe has no lr_policy '{policy}'",
        "fixed, step, exp, inv, multistep, poly, sigmoid",
    ),
    rule(
        "unknown-solver-type",
        r"Unknown solver type: (?P<type>[^\s(]+)(?: \(known types: (?P<known>[^)]*))?",
        "this Caffe has no solver type '{type}'",
        "SGD, Nesterov, AdaGrad, RMSProp, AdaDelta, Adam",
    ),
    rule(
        "mixed-dialects",
        r"the definition includes both 'layer' and 'layers' fields",
        "the net mixes 'layer' and 'layers' entries, which Caffe does not accept",
        "write all of them as layer, with the type as a string",
    ),
    rule(
        "test-iter",
        r"test_iter must be specified for each test network",
        "the solver needs one test_iter per test net",
    ),
    rule(
        "blob-too-large",
        r"blob size exceeds INT_MAX",
        "a blob would have more than 2147483647 values{of_layer}",
        "lower batch_size",
    ),
)
