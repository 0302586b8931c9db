"""Failures to write or resume a snapshot, and of the program itself to start or run."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import rule

SNAPSHOT_RULES = (
    rule(
        "unwritable-snapshot",
        r"Cannot write to snapshot prefix '(?P<prefix>.*)'",
        "snapshots cannot be written to '{prefix}'",
        "create the folder (relative paths start at {cwd}), or change snapshot_prefix",
    ),
    rule(
        "no-snapshot-prefix",
        r"snapshot is specified but snapshot_prefix is not",
        "the solver sets snapshot but not snapshot_prefix",
    ),
    rule(
        "snapshot-failed",
        r"Check failed: proto\.SerializeToOstream\(&output\)",
        "the snapshot {snapshot} could not be written",
        "is the disk full, or was the folder removed?",
    ),
    rule(
        "snapshot-failed",
        r"Couldn't open (?P<file>.*) to save",
        "the snapshot '{file}' could not be written",
        "is the disk full, or was the folder removed?",
    ),
    rule(
        "other-net",
        r"Incorrect length of history blobs",
        "the solverstate belongs to another net or another solver type",
        "resume with the net and the solver type of the original run",
    ),
    rule(
        "snapshot-and-weights",
        r"Give a snapshot to resume training or weights to finetune but not both",
        "caffe takes -snapshot or -weights, not both",
        "a solverstate names its own weights",
    ),
)

PLAIN_RULES = (
    rule(
        "missing-library",
        r"error while loading shared libraries: (?P<library>[^:]+): (?P<reason>.*)",
        "caffe does not start: the library {library} is missing ({reason})",
        "add its folder to LD_LIBRARY_PATH, or rebuild Caffe; ldd lists missing libraries",
    ),
    rule(
        "missing-library",
        r"symbol lookup error: (?P<reason>.*)|version `(?P<version>.*)' not found",
        "caffe is incompatible with the libraries of this system",
        "rebuild Caffe on this system",
    ),
    rule(
        "unknown-flag",
        r"ERROR: unknown command line flag '(?P<flag>.*)'",
        "caffe has no flag '{flag}'",
        "arguments after -- are passed to caffe unchanged; caffe --help lists its flags",
    ),
    rule(
        "protobuf-version",
        r"This program requires version (?P<wanted>\S+) of the Protocol Buffer runtime library, "
        r"but the installed version is (?P<found>\S+?)\.?(?:\s|$)",
        "caffe was built with protobuf {wanted}, but {found} is installed",
        "rebuild Caffe, or put its protobuf first in LD_LIBRARY_PATH",
    ),
    rule(
        "hdf5-version",
        r"HDF5 library version mismatched error",
        "caffe was built with a different version of HDF5 than the one installed",
        "rebuild Caffe, or put its HDF5 first in LD_LIBRARY_PATH",
    ),
    rule(
        "memory",
        r"std::bad_alloc|host allocation of size \d+ failed",
        "the machine does not have enough free memory for this net",
        "lower batch_size (and raise iter_size by the same factor)",
    ),
    rule(
        "bad-gpu",
        r"bad.lexical.cast",
        "caffe cannot parse the GPU numbers passed with -gpu",
        "--gpu takes 0, 0,1, all or none",
    ),
    rule(
        "exception", r"what\(\):\s+(?P<reason>.*)", "caffe was terminated by an exception: {reason}"
    ),
    rule(
        "usage",
        r"caffe: command line brew",
        "caffe printed its usage message and did not train",
        "it takes flags only: check the arguments after --",
    ),
)
