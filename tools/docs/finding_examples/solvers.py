"""Examples of the findings about solvers."""

from __future__ import annotations

from finding_examples.example import Append, Edits, Example, Replace, Runs, Shell, Stops
from ssdh_surgery import findings as rules

_SOLVER = "solver.prototxt"
# After the last iteration, as `snapshot` is 0.
_WRITE = Stops("Check failed: proto.SerializeToOstream(&output)")

EXAMPLES = (
    Example(
        rules.NO_NET,
        (Replace(_SOLVER, 'net: "net.prototxt"\n', ""),),
        Stops("SolverParameter must specify a train net"),
        (Append(_SOLVER, 'net: "net.prototxt"\n'),),
    ),
    Example(
        rules.NO_MAX_ITER,
        (Replace(_SOLVER, "max_iter: 40\n", ""),),
        Runs(),
        (Append(_SOLVER, "max_iter: 40\n"),),
    ),
    Example(
        rules.NO_BASE_LR,
        (Replace(_SOLVER, "base_lr: 0.1\n", ""),),
        Runs("Iteration 20, lr = 0"),
        (Append(_SOLVER, "base_lr: 0.1\n"),),
    ),
    Example(
        rules.UNREADABLE_SOLVER,
        (Replace(_SOLVER, "solver_mode: CPU", "solver_mode: TPU"),),
        Stops('Unknown enumeration value of "TPU" for field "solver_mode".'),
        (Replace(_SOLVER, "solver_mode: TPU", "solver_mode: CPU"),),
    ),
    Example(
        rules.TEST_ITER_COUNT,
        (
            Replace(
                _SOLVER,
                'net: "net.prototxt"\ntest_iter: 2\n',
                'train_net: "net.prototxt"\ntest_net: "net.prototxt"\ntest_iter: 2\ntest_iter: 2\n',
            ),
        ),
        Stops("test_iter must be specified for each test network."),
        (Replace(_SOLVER, "test_iter: 2\ntest_iter: 2\n", "test_iter: 2\n"),),
    ),
    Example(
        rules.NO_TEST_INTERVAL,
        (Replace(_SOLVER, "test_interval: 20\n", ""),),
        Stops("Check failed: param_.test_interval() > 0"),
        (Append(_SOLVER, "test_interval: 20\n"),),
    ),
    Example(
        rules.NO_SNAPSHOT_FOLDER,
        (Replace(_SOLVER, '"colors"', '"snapshots/colors"'),),
        _WRITE,
        (Shell("mkdir -p snapshots"),),
    ),
    Example(
        rules.SNAPSHOT_FOLDER_READ_ONLY,
        (
            # Not even root may write there.
            Replace(_SOLVER, '"colors"', '"/proc/sys/colors"'),
        ),
        _WRITE,
        (Replace(_SOLVER, '"/proc/sys/colors"', '"colors"'),),
    ),
    Example(
        rules.NO_SNAPSHOTS,
        (Append(_SOLVER, "snapshot_after_train: false\n"),),
        Runs(),
        (Append(_SOLVER, "snapshot: 20\n"),),
    ),
    Example(
        rules.SOLVER_REFUSED,
        (Replace(_SOLVER, 'lr_policy: "step"', 'lr_policy: "stepp"'),),
        Stops("Unknown learning rate policy: stepp"),
        (Replace(_SOLVER, 'lr_policy: "stepp"', 'lr_policy: "step"'),),
    ),
    Example(
        rules.VANISHING_RATE,
        (
            Edits(
                (
                    Replace(_SOLVER, "gamma: 0.1\n", ""),
                    Replace(_SOLVER, "stepsize: 30", "stepsize: 10"),
                )
            ),
        ),
        Runs("Iteration 20, lr = 0"),
        (Append(_SOLVER, "gamma: 0.1\n"),),
    ),
    Example(
        rules.CONSTANT_RATE,
        (Replace(_SOLVER, "stepsize: 30", "stepsize: 300"),),
        Runs("Iteration 30, lr = 0.1"),
        (Replace(_SOLVER, "stepsize: 300", "stepsize: 30"),),
    ),
    Example(
        rules.FOREIGN_SOLVER_FIELD,
        (Append(_SOLVER, "min_lr: 0.0001\n"),),
        Stops('Message type "caffe.SolverParameter" has no field named "min_lr".'),
        (Replace(_SOLVER, "min_lr: 0.0001\n", ""),),
    ),
)
