"""What is said of snapshots that cannot be written, and of a program that cannot run at all."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.rule import rule

SNAPSHOT_RULES = (
    rule(
        "unwritable-snapshot",
        r"Cannot write to snapshot prefix '(?P<prefix>.*)'",
        "no snapshot can be written to '{prefix}'",
        "make the folder (it is looked for in {cwd}), or set snapshot_prefix",
    ),
    rule(
        "no-snapshot-prefix",
        r"snapshot is specified but snapshot_prefix is not",
        "the solver has snapshot, but no snapshot_prefix",
    ),
    rule(
        "snapshot-failed",
        r"Check failed: proto\.SerializeToOstream\(&output\)",
        "the snapshot {snapshot} could not be written",
        "is the disk full, or the folder gone?",
    ),
    rule(
        "snapshot-failed",
        r"Couldn't open (?P<file>.*) to save",
        "the snapshot '{file}' could not be written",
        "is the disk full, or the folder gone?",
    ),
    rule(
        "other-net",
        r"Incorrect length of history blobs",
        "the solverstate is of another net or another kind of solver",
        "resume with the net and the solver type of the first run",
    ),
    rule(
        "snapshot-and-weights",
        r"Give a snapshot to resume training or weights to finetune but not both",
        "caffe takes -snapshot or -weights, not both",
        "a solverstate brings its own weights",
    ),
)

PLAIN_RULES = (
    rule(
        "missing-library",
        r"error while loading shared libraries: (?P<library>[^:]+): (?P<reason>.*)",
        "caffe does not start: the library {library} is missing ({reason})",
        "add its folder to LD_LIBRARY_PATH, or build Caffe again; ldd lists what is missing",
    ),
    rule(
        "missing-library",
        r"symbol lookup error: (?P<reason>.*)|version `(?P<version>.*)' not found",
        "caffe does not fit the libraries of this system",
        "build Caffe again on this system",
    ),
    rule(
        "unknown-flag",
        r"ERROR: unknown command line flag '(?P<flag>.*)'",
        "caffe has no flag '{flag}'",
        "what stands after -- goes to caffe as it is; caffe --help lists its flags",
    ),
    rule(
        "protobuf-version",
        r"This program requires version (?P<wanted>\S+) of the Protocol Buffer runtime library, "
        r"but the installed version is (?P<found>\S+?)\.?(?:\s|$)",
        "caffe was built with protobuf {wanted}, and finds {found}",
        "build Caffe again, or put its protobuf first in LD_LIBRARY_PATH",
    ),
    rule(
        "hdf5-version",
        r"HDF5 library version mismatched error",
        "caffe was built with another version of HDF5 than it finds",
        "build Caffe again, or put its HDF5 first in LD_LIBRARY_PATH",
    ),
    rule(
        "memory",
        r"std::bad_alloc|host allocation of size \d+ failed",
        "the machine has too little free memory for this net",
        "lower batch_size (and raise iter_size as much)",
    ),
    rule(
        "bad-gpu",
        r"bad.lexical.cast",
        "caffe cannot read the numbers that it was given for -gpu",
        "--gpu takes 0, 0,1, all or none",
    ),
    rule("exception", r"what\(\):\s+(?P<reason>.*)", "caffe ended with an exception: {reason}"),
    rule(
        "usage",
        r"caffe: command line brew",
        "caffe printed its usage and did not train",
        "it takes no words beside its flags: look at what stands after --",
    ),
)
