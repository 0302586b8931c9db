"""Failures of a solver's fields."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import rule

_NETS = "net train_net train_net_param net_param"

SOLVER_RULES = (
    rule(
        "no-net",
        r"SolverParameter must specify a train net using one of these fields",
        "the solver names no net to train",
        "set net",
    ),
    rule(
        "two-nets",
        r"must not contain more than one of these fields specifying a train_net"
        r"|Both net_param and net_file may not be specified",
        "the solver names more than one net to train",
        "keep one of net, train_net, net_param and train_net_param",
        solver_fields="train_net train_net_param net_param net",
    ),
    rule(
        "test-iter",
        r"(?:\((?P<count>\d+) vs\. (?P<nets>\d+)\) )?test_iter must be specified for each test "
        r"network",
        "the solver needs one test_iter per test net",
        "write test_iter once for each test net",
        solver_fields="test_iter test_net net",
    ),
    rule(
        "test-state",
        r"\((?P<count>\d+) vs\. (?P<nets>\d+)\) test_state must be unspecified or specified once",
        "the solver has {count} test_state for {nets} test nets",
        "write test_state once for each test net, or not at all",
        solver_fields="test_state",
    ),
    rule(
        "test-interval",
        r"Check failed: param_\.test_interval\(\) > 0",
        "the solver has test nets, but no test_interval above 0",
        "set test_interval",
        solver_fields="test_interval test_iter",
    ),
    rule(
        "test-iter",
        r"Check failed: param_\.test_iter\(\) > 0",
        "test_iter must be above 0",
        "set test_iter",
        solver_fields="test_iter",
    ),
    rule(
        "average-loss",
        r"average_loss should be non-negative",
        "average_loss must be 1 or more",
        "remove average_loss, or set it to the number of losses to average",
        solver_fields="average_loss",
    ),
    rule(
        "unknown-policy",
        r"Unknown learning rate policy: (?P<policy>.*)",
        "Caffe has no lr_policy '{policy}'",
        "fixed, step, exp, inv, multistep, poly, sigmoid",
        solver_fields="lr_policy",
    ),
    rule(
        "unknown-policy",
        r"Unknown (?P<what>momentum|larc) policy: (?P<policy>.*)",
        "this Caffe has no {what} policy '{policy}'",
        "remove it, or choose a Caffe that has it: --caffe",
        solver_fields="momentum_policy larc_policy",
    ),
    rule(
        "unknown-regularization",
        r"Unknown regularization (?:type|mode): (?P<type>.*)",
        "Caffe has no regularization_type '{type}'",
        "L1 or L2",
        solver_fields="regularization_type",
    ),
    rule(
        "unknown-solver-type",
        r"Unknown solver type: (?P<type>[^\s(]+)(?: \(known types: (?P<known>[^)]*))?",
        "this Caffe has no solver type '{type}'",
        "SGD, Nesterov, AdaGrad, RMSProp, AdaDelta, Adam",
        solver_fields="type",
    ),
    rule(
        "unknown-solver-type",
        r"Unknown Solver(?:Type|Parameter solver_type): (?P<type>.*)",
        "this Caffe has no solver_type {type}",
        "SGD, NESTEROV, ADAGRAD, RMSPROP, ADADELTA, ADAM",
        solver_fields="solver_type",
    ),
    rule(
        "solver-type-twice",
        r"old solver_type field \(enum\) and new type field",
        "the solver has both type and solver_type",
        "keep type",
        solver_fields="solver_type",
    ),
    rule(
        "momentum",
        r"Momentum cannot be used with (?P<type>\w+)",
        "{type} takes no momentum",
        "set momentum: 0",
        solver_fields="momentum",
    ),
    rule(
        "rms-decay",
        r"rms_decay should lie between 0 and 1",
        "rms_decay must be at least 0 and below 1",
        solver_fields="rms_decay",
    ),
    rule(
        "least-rate",
        r"Check failed: (?:base_lr >= min_lr|min_lr >= 0\.F)",
        "min_lr must be at least 0, and not above base_lr",
        solver_fields="min_lr",
    ),
    rule(
        "stages",
        r"stageiter_size\(\) == this->param_\.stagelr_size\(\)",
        "the solver needs one stagelr for each stageiter",
        solver_fields="stageiter stagelr",
    ),
    rule(
        "evaluation",
        r"Unknown evaluation type: (?P<type>.*)|Missing output_blob (?P<blob>\w+)",
        "eval_type or ap_version of the solver does not suit the outputs of the test net",
        "remove eval_type where the net does not detect objects",
        solver_fields="eval_type ap_version",
    ),
    rule(
        "solver-gpus",
        r"Layer-wise reduce is not supported for nets with shared weights",
        "layer_wise_reduce is on, and layers share params: several GPUs cannot train that",
        "set layer_wise_reduce: false",
        solver_fields="layer_wise_reduce",
    ),
)
