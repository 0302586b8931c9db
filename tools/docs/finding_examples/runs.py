"""Examples of the findings about runs and machines."""

from __future__ import annotations

from finding_examples.example import (
    TRAIN,
    Append,
    Data,
    Edits,
    Example,
    Machine,
    NotRun,
    Replace,
    Runs,
    Shell,
    Stops,
)
from finding_examples.machines import free_disk, free_memory, gpus
from finding_examples.records import LEVELDB, write_leveldb
from ssdh_surgery import findings as rules

_SOLVER, _NET = "solver.prototxt", "net.prototxt"
_GPU = Replace(_SOLVER, "solver_mode: CPU\n", "solver_mode: GPU\n")
_CPU = Replace(_SOLVER, "solver_mode: GPU\n", "solver_mode: CPU\n")
_LARGE = 1 << 40
_ANY_DISK = NotRun("it needs a disk that is full")
_DAYS = NotRun("it runs for days")
_NO_GPUS = NotRun("it needs a machine with several GPUs")
_TWO = "ssdh train solver.prototxt --gpu 0,1 --dry-run"
_SLOW = Edits(
    (
        Replace(_SOLVER, "max_iter: 40\n", "max_iter: 1000000000\niter_size: 1000\n"),
        Replace(_SOLVER, "stepsize: 30", "stepsize: 900000000"),
        _GPU,
    )
)


EXAMPLES = (
    Example(
        rules.CPU_ONLY_CAFFE,
        (_GPU,),
        Stops("Cannot use GPU in CPU-only Caffe: check mode."),
        (_CPU,),
        "ssdh train solver.prototxt --engine binary",
        "ssdh train solver.prototxt --engine binary --dry-run",
        machine=Machine(
            "The caffe at hand is built for the CPU only.",
            gpus(1, is_cpu_only=True),
            gpus(1, is_cpu_only=True),
        ),
    ),
    Example(
        rules.NO_GPU,
        (_GPU,),
        Stops("Cannot use GPU in CPU-only Caffe: check mode."),
        (_CPU,),
        machine=Machine("The machine has no GPU.", gpus(0, is_cpu_only=True)),
    ),
    Example(
        rules.NO_SUCH_GPU,
        (_GPU, Append(_SOLVER, "device_id: 1\n")),
        NotRun("it needs a machine with a GPU"),
        (Replace(_SOLVER, "device_id: 1", "device_id: 0"),),
        machine=Machine("The machine has one GPU.", gpus(1), gpus(1)),
    ),
    Example(
        rules.EFFECTIVE_BATCH,
        (_GPU,),
        _NO_GPUS,
        (),
        _TWO,
        "ssdh train solver.prototxt --gpu 0 --dry-run",
        machine=Machine("The machine has two GPUs.", gpus(2), gpus(2)),
    ),
    Example(
        rules.INDIVISIBLE_BATCH,
        (_GPU, Replace(_NET, '"train_lmdb" batch_size: 16', '"train_lmdb" batch_size: 15')),
        _NO_GPUS,
        (Replace(_NET, "batch_size: 15", "batch_size: 16"),),
        _TWO,
        machine=Machine(
            "The machine has two GPUs, and the caffe at hand is NVCaffe.",
            gpus(2, is_nvcaffe=True),
            gpus(2, is_nvcaffe=True),
        ),
    ),
    Example(
        rules.SHARED_LEVELDB,
        (
            _GPU,
            Data("`train_leveldb` is a LevelDB of the same records.", write_leveldb),
            Replace(_NET, '"train_lmdb" batch_size: 16 backend: LMDB', LEVELDB),
        ),
        _NO_GPUS,
        (
            Shell("ssdh data build train.txt new_lmdb"),
            Replace(_NET, LEVELDB, '"new_lmdb" batch_size: 16 backend: LMDB'),
        ),
        _TWO,
        machine=Machine("The machine has two GPUs.", gpus(2), gpus(2)),
    ),
    Example(
        rules.SNAPSHOT_TOO_LARGE,
        (),
        _ANY_DISK,
        machine=Machine("The disk has 8 kB free.", free_disk(8192), free_disk(_LARGE)),
    ),
    Example(
        rules.SNAPSHOTS_FILL_DISK,
        (Append(_SOLVER, "snapshot: 1\n"),),
        _ANY_DISK,
        (Replace(_SOLVER, "snapshot: 1\n", "snapshot: 4\n"),),
        machine=Machine("The disk has 164 kB free.", free_disk(40 << 12), free_disk(40 << 12)),
    ),
    Example(
        rules.LATE_SNAPSHOT,
        (_SLOW,),
        _DAYS,
        (Append(_SOLVER, "snapshot: 10000000\n"),),
        machine=Machine("The machine has a GPU.", gpus(1), gpus(1)),
    ),
    Example(
        rules.LATE_STEP,
        (_SLOW,),
        _DAYS,
        (Replace(_SOLVER, "stepsize: 900000000", "stepsize: 300000000"),),
        machine=Machine("The machine has a GPU.", gpus(1), gpus(1)),
    ),
    Example(
        rules.LONG_FIRST_TEST,
        (
            Edits((Replace(_SOLVER, "test_iter: 2\n", "test_iter: 2000000000\n"), _GPU)),
            Replace(_NET, '"test_lmdb" batch_size: 16', '"test_lmdb" batch_size: 128'),
        ),
        _DAYS,
        (Append(_SOLVER, "test_initialization: false\n"),),
        machine=Machine("The machine has a GPU.", gpus(1), gpus(1)),
    ),
    Example(
        rules.NOT_ENOUGH_MEMORY,
        (),
        NotRun("it needs a machine with little memory"),
        machine=Machine("50 kB of memory are free.", free_memory(50_000), free_memory(_LARGE)),
    ),
    Example(
        rules.NO_COMMON_FOLDER,
        (
            Shell("mkdir nets && mv net.prototxt train_lmdb test_lmdb nets/"),
            Replace(_SOLVER, '"net.prototxt"', '"nets/net.prototxt"'),
        ),
        Stops("No such file or directory", TRAIN),
        (
            Edits(
                (
                    Replace("nets/net.prototxt", '"train_lmdb"', '"nets/train_lmdb"'),
                    Replace("nets/net.prototxt", '"test_lmdb"', '"nets/test_lmdb"'),
                )
            ),
        ),
    ),
    Example(
        rules.DIVERGING_RATE,
        (Replace(_SOLVER, "base_lr: 0.1", "base_lr: 100"),),
        Runs("accuracy = 0.25"),
        (Replace(_SOLVER, "base_lr: 100", "base_lr: 0.1"),),
    ),
)
