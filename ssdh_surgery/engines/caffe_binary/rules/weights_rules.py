"""Failures to load weights or a snapshot, or to write them."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import rule

_RENAME = "rename the layer to train it from scratch, or use the net that the weights belong to"
_DISK = "is the disk full, or was the folder removed?"

WEIGHTS_RULES = (
    rule(
        "weights-shape",
        r"Cannot (?:copy|share) param (?P<param>\d+) weights from layer '(?P<layer>.*)'; shape "
        r"mismatch\.\s+Source param shape is (?P<source>[\d ]*?) ?\(\d+\); target param shape is "
        r"(?P<target>[\d ]*?) ?\(\d+\)",
        "param {param} of layer '{layer}' has the shape ({source}) in the weights, but ({target}) "
        "in the net",
        _RENAME,
        fields="name",
    ),
    rule(
        "weights-shape",
        r"Cannot load blob from hdf5; shape mismatch\.\s+Source shape is (?P<source>[\d ]*?) ?"
        r"\(\d+\);? ?target shape is (?P<target>[\d ]*?) ?\(\d+\)",
        "a param of the shape ({source}) in the weights has the shape ({target}) in the net",
        _RENAME,
    ),
    rule(
        "weights-shape",
        r"shape mismatch \(reshape not set\)|target_blobs\[j\]->(?P<side>\w+)\(\) == source_\S+ *"
        r"(?:\((?P<target>\d+) vs\. (?P<source>\d+)\))?",
        "a layer has another shape in the weights than in the net",
        _RENAME,
    ),
    rule(
        "weights-shape",
        r"Incorrect (?P<what>weight|bias) shape: expected shape (?P<target>[\d ]*?) ?\(\d+\)"
        r"; instead, shape was (?P<source>[\d ]*)",
        "the {what} of a convolution has the shape ({source}) in the weights, but ({target}) in "
        "the "
        "net{of_layer}",
        _RENAME,
    ),
    rule(
        "weights-shape",
        r"Incompatible number of blobs for layer (?P<layer>.*)",
        "layer '{layer}' has a different number of params in the weights than in the net",
        _RENAME,
        fields="name",
    ),
    rule(
        "weights-shape",
        r"Incorrect number of weight blobs",
        "a convolution has a different number of params in the weights than in the net{of_layer}",
        "does bias_term differ?",
        fields="convolution_param.bias_term",
    ),
    rule(
        "empty-blob",
        r"Check failed: count_ == proto\.\w+_size\(\) \((?P<count>\d+) vs\. 0\)",
        "{last_file} holds no values",
        "compute or download it again",
    ),
    rule(
        "empty-blob",
        r"Check failed: count_ == proto\.\w+_size\(\) \((?P<count>\d+) vs\. (?P<size>\d+)\)",
        "{last_file} holds {size} values in a place for {count}",
        "it is damaged, or of another Caffe: compute or download it again",
    ),
    rule(
        "damaged-file",
        r"Error reading (?P<what>weights|history) from (?P<file>.*)",
        "'{file}' holds no {what} of Caffe's",
        "it is another HDF5 file, or incomplete",
    ),
    rule(
        "other-state",
        r"(?:state\.history_size\(\)|state_history_size) == history_\.size\(\) \(0 vs\. \d+\)",
        "the file to resume from holds no solver's state",
        "weights are loaded with --weights; a state is a .solverstate",
    ),
    rule(
        "other-net",
        r"(?:\((?P<has>\d+) vs\. (?P<needs>\d+)\) )?Incorrect length of history blobs",
        "the solverstate belongs to another net or another solver type",
        "resume with the net and the solver type of the original run",
        solver_fields="type solver_type net train_net",
    ),
    rule(
        "unwritable-snapshot",
        r"Cannot write to snapshot prefix '(?P<prefix>.*)'",
        "snapshots cannot be written to '{prefix}'",
        "create the folder (relative paths start at {cwd}), or change snapshot_prefix",
        solver_fields="snapshot_prefix",
    ),
    rule(
        "no-snapshot-prefix",
        r"snapshot is specified but snapshot_prefix is not",
        "the solver sets snapshot but not snapshot_prefix",
        "set snapshot_prefix",
        solver_fields="snapshot",
    ),
    rule(
        "snapshot-failed",
        r"Check failed: proto\.SerializeToOstream\(&output\)",
        "the snapshot {snapshot} could not be written",
        _DISK,
        solver_fields="snapshot_prefix",
    ),
    rule(
        "snapshot-failed",
        r"Couldn't open (?P<file>.*) to save|Error saving (?:weights|solver state) to "
        r"(?P<other>.*)\."
        r"|Failed to (?:make|save|write) .*dataset",
        "the snapshot '{file}{other}' could not be written",
        _DISK,
        solver_fields="snapshot_prefix",
    ),
    rule(
        "snapshot-format",
        r"Unsupported snapshot format",
        "this Caffe does not have the snapshot_format of the solver",
        "BINARYPROTO or HDF5",
        solver_fields="snapshot_format",
    ),
    rule(
        "snapshot-and-weights",
        r"Give a snapshot to resume training or weights to finetune but not both",
        "caffe takes -snapshot or -weights, not both",
        "a solverstate names its own weights",
    ),
)
