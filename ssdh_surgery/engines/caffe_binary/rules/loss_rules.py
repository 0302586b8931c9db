"""Failures of losses and accuracies: labels out of range, bottoms that do not fit together."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import rule

LOSS_RULES = (
    rule(
        "labels",
        r"Check failed: label_value < \S+ \((?P<label>-?\d+) vs\. (?P<classes>\d+)\)",
        "a label is {label}, but the classifier has {classes} outputs: 0 to one less{of_layer}",
        "number the labels from 0, or set num_output to their number: ssdh check names the records",
    ),
    rule(
        "labels",
        r"Check failed: label_value >= 0 \((?P<label>-?\d+) vs\. 0\)",
        "a label is {label}: labels are counted from 0{of_layer}",
        "a label that is very low was no number, or nan: ssdh check names the records",
    ),
    rule(
        "top-k",
        r"\((?P<top_k>\d+) vs\. (?P<classes>\d+)\) top_k must be less than or equal to",
        "an Accuracy or ArgMax layer has top_k: {top_k}, but only {classes} classes{of_layer}",
        "lower top_k, or remove the layer",
        fields="accuracy_param.top_k argmax_param.top_k",
    ),
    rule(
        "top-k",
        r"top k must not be less than 1",
        "an ArgMax layer needs a top_k of 1 or more{of_layer}",
        fields="argmax_param.top_k",
    ),
    rule(
        "label-count",
        r"\((?P<predictions>\d+) vs\. (?P<labels>\d+)\) Number of labels must match number of "
        r"predictions",
        "there are {predictions} predictions but {labels} labels{of_layer}",
        "the layer needs one label per prediction",
        fields="bottom",
    ),
    rule(
        "loss-inputs",
        r"\((?P<one>\d+) vs\. (?P<other>\d+)\) (?:The data and label should have the same"
        r"|Inputs must have the same dimension|SIGMOID_CROSS_ENTROPY_LOSS layer inputs must have "
        r"the "
        r"same count|Each bottom should have the same 0th dimension)",
        "the bottoms of a loss or accuracy differ in size: {one} and {other}{of_layer}",
        "scores and labels must have equal batches; a loss over vectors needs labels of their "
        "width",
        fields="bottom",
    ),
    rule(
        "loss-inputs",
        r"Check failed: bottom\[0\]->(?P<side>num|channels|height|width)\(\) == "
        r"bottom\[1\]->\w+\(\) "
        r"\((?P<one>\d+) vs\. (?P<other>\d+)\)",
        "the bottoms of a layer differ in {side}: {one} and {other}{of_layer}",
        fields="bottom",
    ),
    rule(
        "loss-inputs",
        r"Check failed: bottom\[(?P<index>[012])\]->(?P<side>channels|height|width)\(\) == 1 "
        r"\((?P<size>\d+) vs\. 1\)",
        "bottom {index} of a loss must have one value per item, and has {side} {size}{of_layer}",
        "labels are one number per item",
        fields="bottom",
    ),
    rule(
        "label-gradient",
        r"(?P<type>\w+) ?Layer cannot backpropagate to (?:the "
        r")?(?P<what>label|infogain|prior|filter "
        r"index) inputs",
        "a {type} layer has no gradient for its {what}, which depends on learned params{of_layer}",
        "labels come from a data layer: are the bottoms swapped? Else propagate_down: false",
        fields="bottom",
    ),
    rule(
        "normalization",
        r"Unknown normalization mode|normalize is deprecated\. use",
        "this Caffe does not have the normalization of a loss{of_layer}",
        "FULL, VALID, BATCH_SIZE or NONE",
        fields="loss_param.normalization loss_param.normalize",
    ),
    rule(
        "infogain",
        r"Infogain matrix source must be specified|H must be (?P<size>\w+)|infogain->\w+\(\) == ",
        "an InfogainLoss layer needs a matrix of classes x classes{of_layer}",
        "set infogain_loss_param.source to a binaryproto of that size",
        fields="infogain_loss_param.source infogain_loss_param",
    ),
)
