"""Examples of the findings about nets."""

from __future__ import annotations

from finding_examples.example import Append, Edits, Example, NotRun, Replace, Stops, Write
from ssdh_surgery import findings as rules

_NET = "net.prototxt"
_TRAIN_SCALE = "  include { phase: TRAIN }\n  transform_param { scale: 0.00390625 }"

EXAMPLES = (
    Example(
        rules.UNREADABLE_NET,
        (Replace(_NET, 'name: "relu1" type: "ReLU"', 'name: "relu1 type: "ReLU"'),),
        Stops("Failed to parse NetParameter file: net.prototxt"),
        (Replace(_NET, 'name: "relu1 type', 'name: "relu1" type'),),
    ),
    Example(
        rules.UNKNOWN_BOTTOM,
        (Replace(_NET, 'bottom: "conv1" top: "fc"', 'bottom: "conv2" top: "fc"'),),
        Stops("Unknown bottom blob 'conv2' (layer 'fc', bottom index 0)"),
        (Replace(_NET, 'bottom: "conv2" top: "fc"', 'bottom: "conv1" top: "fc"'),),
    ),
    Example(
        rules.DUPLICATE_TOP,
        (
            Append(
                _NET,
                'layer { name: "relu2" type: "ReLU" bottom: "fc" top: "conv1" }\n',
            ),
        ),
        Stops("Top blob 'conv1' produced by multiple sources."),
        (Replace(_NET, 'bottom: "fc" top: "conv1"', 'bottom: "fc" top: "relu2"'),),
    ),
    Example(
        rules.NO_LAYERS,
        (
            Write("test.prototxt", 'name: "colors"\n'),
            Replace(
                "solver.prototxt",
                'net: "net.prototxt"',
                'train_net: "net.prototxt"\ntest_net: "test.prototxt"',
            ),
        ),
        Stops("Check failed: end < layers_.size() (-1 vs. 0)"),
        (Replace("solver.prototxt", '"test.prototxt"', '"net.prototxt"'),),
    ),
    Example(
        rules.FOREIGN_SYNTAX,
        (Replace(_NET, 'layer { name: "relu1"', 'layer\u00a0{ name: "relu1"'),),
        Stops("Failed to parse NetParameter file: net.prototxt"),
        (Replace(_NET, "layer\u00a0{", "layer {"),),
    ),
    Example(
        rules.OTHER_DIALECT,
        (Replace(_NET, 'bottom: "conv1" top: "fc"', 'bottom: "conv1" top: "fc" blobs_lr: 1'),),
        Stops("Failed to parse NetParameter file: net.prototxt"),
        (Replace(_NET, "blobs_lr: 1", "param { lr_mult: 1 }"),),
    ),
    Example(
        rules.UNKNOWN_LAYER_TYPE,
        (Replace(_NET, 'type: "ReLU"', 'type: "Relu"'),),
        Stops("Unknown layer type: Relu"),
        (Replace(_NET, 'type: "Relu"', 'type: "ReLU"'),),
    ),
    Example(
        rules.UNKNOWN_SHAPE,
        (Replace(_NET, '"train_lmdb"', '"/mnt/train_lmdb"'),),
        NotRun("Caffe reads the data, and knows its shape"),
        (Replace(_NET, '"/mnt/train_lmdb"', '"train_lmdb"'),),
        "ssdh -v show net.prototxt",
    ),
    Example(
        rules.ASSUMED_CHANNELS,
        (
            Edits(
                (
                    Replace(_NET, '"train_lmdb"', '"/mnt/train_lmdb"'),
                    Replace(
                        _NET, _TRAIN_SCALE, _TRAIN_SCALE.replace("{ scale", "{ crop_size: 8 scale")
                    ),
                )
            ),
        ),
        NotRun("Caffe reads the data, and knows its shape"),
        (Replace(_NET, '"/mnt/train_lmdb"', '"train_lmdb"'),),
        "ssdh -v show net.prototxt",
    ),
    Example(
        rules.LAYER_SETUP,
        (Replace(_NET, "num_output: 8 kernel_size: 3", "num_output: 8 kernel_size: 3 group: 3"),),
        Stops("Number of output should be multiples of group."),
        (Replace(_NET, "num_output: 8", "num_output: 9"),),
    ),
    Example(
        rules.SHARED_PARAM,
        (
            Edits(
                (
                    Replace(_NET, 'top: "conv1"\n', 'top: "conv1" param { name: "w" }\n'),
                    Replace(_NET, 'top: "fc"\n', 'top: "fc" param { name: "w" }\n'),
                )
            ),
        ),
        Stops("Cannot share param 'w' owned by layer 'conv1' with layer 'fc'; shape mismatch."),
        (Replace(_NET, 'top: "fc" param { name: "w" }', 'top: "fc" param { name: "fc_w" }'),),
    ),
    Example(
        rules.EMPTY_BLOB,
        (
            Append(
                _NET,
                'layer {\n  name: "pool2" type: "Pooling" bottom: "conv1" top: "pool2"\n'
                "  pooling_param { kernel_size: 7 }\n}\n",
            ),
        ),
        Stops("Check failed: data_"),
        (Replace(_NET, "{ kernel_size: 7 }", "{ kernel_size: 6 }"),),
    ),
    Example(
        rules.NO_INPUT_SHAPE,
        (
            Edits(
                (
                    Replace(_NET, 'name: "colors"\n', 'name: "colors"\ninput: "weight"\n'),
                    Replace(
                        _NET,
                        'bottom: "label" top: "loss"',
                        'bottom: "label" bottom: "weight" top: "loss"',
                    ),
                )
            ),
        ),
        Stops("Unknown bottom blob 'weight' (layer 'loss', bottom index 2)"),
        (
            Edits(
                (
                    Replace(_NET, 'input: "weight"\n', ""),
                    Replace(_NET, ' bottom: "weight"', ""),
                )
            ),
        ),
    ),
)
