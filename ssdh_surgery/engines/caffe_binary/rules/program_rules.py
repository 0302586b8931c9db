"""Failures of the program itself to start or to run: libraries, flags, memory, Python."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import rule

PLAIN_RULES = (
    rule(
        "python-import",
        r"(?:ModuleNotFound|Import)Error: No module named '?(?P<module>[\w.]+)'?",
        "a Python layer cannot import '{module}'{of_layer}",
        "caffe finds modules in PYTHONPATH: add the folder of {module}.py to it, and use the "
        "Python "
        "that caffe was built with",
        fields="python_param.module",
    ),
    rule(
        "python-layer",
        r"AttributeError: '?module'?(?: object)?(?: '(?P<module>[\w.]+)')? has no attribute "
        r"'(?P<name>\w+)'",
        "the module of a Python layer has no '{name}'{of_layer}",
        "layer of python_param names a class of the module",
        fields="python_param.layer",
    ),
    rule(
        "python",
        r"^(?P<error>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Iteration|Interrupt|\.error)\b.*)",
        "Python code failed: {error}{of_layer}",
        "the lines above it in the log are the traceback: ssdh -v train prints them",
        fields="python_param.module",
    ),
    rule(
        "python",
        r"error_already_set",
        "a Python layer failed{of_layer}",
        "its traceback is in the log",
        fields="python_param.module",
    ),
    rule(
        "heap",
        r"malloc\(\): .*|malloc_consolidate\(\).*|(?:free|realloc|munmap_chunk)\(\): invalid .*"
        r"|double free .*|corrupted (?:size|double-linked|unsorted|list) ?.*|\*\*\* glibc "
        r"detected.*"
        r"|\*\*\* Error in `.*': .*|stack smashing detected.*|heap corruption.*",
        "caffe wrote outside of its memory",
        "labels outside the classifier's num_output do that: ssdh check names them; so does a list "
        "without labels, or a Caffe that was built for other libraries",
    ),
    rule(
        "old-weights",
        r"CHECK failed: \(index\) < \((?:size\(\)|current_size_)\)",
        "a layer has fewer blobs in the weights than in the net",
        "they are of an older Caffe or of another net: rename the layer to train it from scratch",
    ),
    rule(
        "missing-library",
        r"error while loading shared libraries: (?P<library>[^:]+): (?P<reason>.*)",
        "caffe does not start: the library {library} is missing ({reason})",
        "add its folder to LD_LIBRARY_PATH, or rebuild Caffe; ldd lists missing libraries",
    ),
    rule(
        "missing-library",
        r"(?:MKL FATAL ERROR: )?Cannot load (?P<library>(?:/\S*/)?lib\S+?)(?: or "
        r"(?P<other>\S+?))?\.?$",
        "caffe cannot load the library {library}",
        "add its folder to LD_LIBRARY_PATH, or build Caffe with another BLAS",
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
        "bad-flag",
        r"ERROR: illegal value '(?P<value>.*)' specified for \w+ flag '(?P<flag>.*)'"
        r"|Invalid signal effect \"(?P<effect>.*)\"|phase must be \"TRAIN\" or \"TEST\"",
        "caffe cannot read the value of a flag: {flag} {value}{effect}",
        "arguments after -- are passed to caffe unchanged; caffe --help lists its flags",
    ),
    rule(
        "no-solver",
        r"Need a solver definition to train",
        "caffe was started without a solver",
        'a script around caffe must pass its arguments on: "$@"',
    ),
    rule(
        "unknown-action",
        r"Unknown action: (?P<action>.*)",
        "this program has no action '{action}'",
        "is it caffe, and of 2014 or later?",
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
        "threads",
        r"(?:OpenBLAS blas_thread_init: pthread_create.*|Thread (?:execution|exception|joining)\b.*"
        r"|(?:Pthread execution failed.*)|thread_resource_error.*)"
        r"(?P<reason>Resource temporarily unavailable)?",
        "caffe cannot start or end a thread",
        "check the number of processes that you may start (ulimit -u) and OPENBLAS_NUM_THREADS",
    ),
    rule(
        "memory",
        r"std::bad_alloc|host allocation of size \d+ failed|Cannot allocate memory"
        r"|tried to allocate too many memory regions|DefaultCPUAllocator",
        "the machine does not have enough free memory for this net",
        "lower batch_size (and raise iter_size by the same factor)",
        fields="data_param.batch_size image_data_param.batch_size",
    ),
    rule(
        "disk",
        r"No space left on device",
        "no space is left on a disk",
        "df -h lists the disks; LMDBs, snapshots and logs take most of it",
    ),
    rule(
        "bad-gpu",
        r"bad.lexical.cast",
        "caffe cannot parse the GPU numbers passed with -gpu",
        "--gpu takes 0, 0,1, all or none",
    ),
    rule(
        "signal-handler",
        r"Cannot (?:un)?install SIG\w+ handler|Tried to hookup signal handlers more than once",
        "caffe cannot handle the signals that stop it",
        "is it started by a program that blocks signals?",
    ),
    rule(
        "not-implemented",
        r"Not Implemented Yet",
        "a layer cannot do what the net asks of it: this Caffe has no code for it{of_layer}",
        "a gradient that is not needed is turned off by propagate_down: false",
        fields="type",
    ),
    rule(
        "missing-program",
        r"(?P<program>[^\s:]+): (?:command )?not found$|(?P<path>\S+): No such file or directory$"
        r"|exec: (?P<name>[^:]+): not found",
        "the script that is called caffe starts a program that is not there: {program}{path}{name}",
        "check the paths in the script",
    ),
    rule(
        "exception",
        r"what\(\):\s+(?P<reason>.*)",
        "caffe was terminated by an exception: {reason}",
    ),
    rule(
        "usage",
        r"caffe: command line brew",
        "caffe printed its usage message and did not train",
        "it takes flags only: check the arguments after --",
    ),
)
