"""Examples of the findings about what a net and its solver can learn, and about forks."""

from __future__ import annotations

from finding_examples.example import (
    CHECK,
    Append,
    Edits,
    Example,
    NotRun,
    Replace,
    Runs,
    Shell,
    Step,
    Stops,
    Write,
)
from ssdh_surgery import findings as rules

_NET, _SOLVER = "net.prototxt", "solver.prototxt"
_TORCH = f"{CHECK} --engine torch"
_FC = 'name: "fc" type: "InnerProduct" bottom: "conv1" top: "fc"\n'
_FILLER = 'weight_filler { type: "xavier" }'
_WIDE = (
    'name: "wide" type: "InnerProduct" bottom: "conv1" top: "wide"\n'
    f"  inner_product_param {{ num_output: 4096 {_FILLER} }}\n"
)
_ABOVE_WIDE = 'name: "new" type: "InnerProduct" bottom: "wide" top: "fc"\n'
_FROZEN = "  param { lr_mult: 0 } param { lr_mult: 0 }\n"
_ENGINE = NotRun("the embedded engine trains")


def _norm(settings: str = "", more: str = "") -> Step:
    """A BatchNorm layer between the convolution and the ReLU."""
    return Replace(
        _NET,
        'layer { name: "relu1"',
        f'layer {{ name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1"{settings} }}\n'
        f'{more}layer {{ name: "relu1"',
    )


_SCALE_LAYER = (
    'layer {\n  name: "scale1" type: "Scale" bottom: "conv1" top: "conv1"\n'
    "  scale_param { bias_term: true }\n}\n"
)


def _set(old: str, new: str) -> Replace:
    return Replace(_SOLVER, old, new)


_TWO_NETS = _set('net: "net.prototxt"', 'train_net: "net.prototxt"\ntest_net: "test.prototxt"')
EXAMPLES = (
    Example(
        rules.FOREIGN_NET_FIELD,
        (Replace(_NET, _FC, _FC.rstrip() + " forward_type: FLOAT\n"),),
        Stops('Message type "caffe.LayerParameter" has no field named "forward_type".'),
        (Replace(_NET, " forward_type: FLOAT", ""),),
    ),
    Example(
        rules.ENGINE_LACKS_LAYER,
        (Replace(_NET, 'type: "ReLU"', 'type: "Normalize"'),),
        _ENGINE,
        (Replace(_NET, 'type: "Normalize"', 'type: "ReLU"'),),
        _TORCH,
    ),
    Example(
        rules.ENGINE_LACKS_FIELD,
        (Replace(_NET, _FC, _FC.rstrip() + " forward_type: FLOAT\n"),),
        _ENGINE,
        (Replace(_NET, " forward_type: FLOAT", ""),),
        _TORCH,
    ),
    Example(
        rules.PYTHON_MODULE,
        (
            Write("halving.py", "import caffe\n\nclass Halving(caffe.Layer):\n    ...\n"),
            Replace(
                _NET,
                'type: "ReLU" bottom: "conv1" top: "conv1" }',
                'type: "Python" bottom: "conv1" top: "conv1"\n'
                '  python_param { module: "halving" layer: "Halving" } }',
            ),
        ),
        NotRun("`make caffe` builds a Caffe without Python layers"),
        (
            Replace(
                _NET,
                'type: "Python" bottom: "conv1" top: "conv1"\n'
                '  python_param { module: "halving" layer: "Halving" } }',
                'type: "ReLU" bottom: "conv1" top: "conv1" }',
            ),
        ),
    ),
    Example(
        rules.NO_STATISTICS,
        (_norm(" batch_norm_param { use_global_stats: true }", _SCALE_LAYER),),
        Runs(),
        (Replace(_NET, " batch_norm_param { use_global_stats: true }", ""),),
    ),
    Example(
        rules.FEW_STATISTICS,
        (
            Replace(
                _NET,
                'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc"',
                'layer { name: "bn1" type: "BatchNorm" bottom: "fc" top: "bn1" }\n'
                'layer {\n  name: "scale1" type: "Scale" bottom: "bn1" top: "bn1"\n'
                "  scale_param { bias_term: true }\n}\n"
                'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "bn1"',
            ),
            Replace(_NET, '"train_lmdb" batch_size: 16', '"train_lmdb" batch_size: 1'),
        ),
        Runs(),
        (Replace(_NET, '"train_lmdb" batch_size: 1', '"train_lmdb" batch_size: 16'),),
    ),
    Example(
        rules.NO_SCALE,
        (_norm(),),
        Runs(),
        (Replace(_NET, 'layer { name: "relu1"', f'{_SCALE_LAYER}layer {{ name: "relu1"'),),
    ),
    Example(
        rules.EQUAL_UNITS,
        (
            Edits(
                (
                    Replace(
                        _NET, 'kernel_size: 3 weight_filler { type: "xavier" }', "kernel_size: 3"
                    ),
                    Replace(
                        _NET, 'num_output: 4 weight_filler { type: "xavier" }', "num_output: 4"
                    ),
                )
            ),
        ),
        Runs("accuracy = 0.25"),
        (
            Replace(_NET, "kernel_size: 3", 'kernel_size: 3 weight_filler { type: "xavier" }'),
            Replace(_NET, "num_output: 4", 'num_output: 4 weight_filler { type: "xavier" }'),
        ),
    ),
    Example(
        rules.NOTHING_LEARNS,
        (
            Edits(
                (
                    Replace(
                        _NET,
                        'bottom: "data" top: "conv1"\n',
                        f'bottom: "data" top: "conv1"\n{_FROZEN}',
                    ),
                    Replace(_NET, _FC, _FC + _FROZEN),
                )
            ),
        ),
        Runs(),
        (Replace(_NET, _FC + _FROZEN, _FC),),
    ),
    Example(
        rules.NO_GRADIENT,
        (
            Append(
                _NET,
                'layer {\n  name: "fc2" type: "InnerProduct" bottom: "conv1" top: "fc2"\n'
                '  inner_product_param { num_output: 4 weight_filler { type: "xavier" } }\n}\n',
            ),
        ),
        Runs(),
        (
            Append(
                _NET,
                'layer { name: "loss2" type: "SoftmaxWithLoss" bottom: "fc2" bottom: "label" }\n',
            ),
        ),
    ),
    Example(
        rules.LOSS_WITHOUT_EFFECT,
        (
            Append(
                _NET,
                'layer { name: "loss2" type: "EuclideanLoss" bottom: "data" bottom: "data" }\n',
            ),
        ),
        Runs(),
        (Replace(_NET, 'bottom: "data" bottom: "data" }', 'bottom: "conv1" bottom: "conv1" }'),),
    ),
    Example(
        rules.NO_BACKWARD,
        (
            Replace(
                _NET,
                'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc"',
                'layer {\n  name: "bits" type: "Threshold" bottom: "fc" top: "bits"\n'
                "}\n"
                'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "bits"',
            ),
        ),
        Stops("Not Implemented Yet"),
        (Replace(_NET, 'bottom: "bits"', 'bottom: "fc"'),),
    ),
    Example(
        rules.NO_LOSS,
        (
            Replace(
                _NET, 'type: "SoftmaxWithLoss"', 'type: "SoftmaxWithLoss" include { phase: TEST }'
            ),
        ),
        Runs("Iteration 40, loss = 0"),
        (Replace(_NET, 'Loss" include { phase: TEST }', 'Loss"'),),
    ),
    Example(
        rules.INCOMPLETE_OBJECTIVE,
        (
            Shell("ssdh patch net.prototxt --bits 8 --objective ssdh"),
            Replace("net_ssdh.prototxt", "  loss_weight: 0.5\n", ""),
        ),
        Runs(command="caffe train --solver=solver_ssdh.prototxt"),
        (
            Replace(
                "net_ssdh.prototxt", 'top: "fire_rate"\n', 'top: "fire_rate"\n  loss_weight: 0.5\n'
            ),
        ),
        "ssdh check solver_ssdh.prototxt --weights colors.caffemodel",
    ),
    Example(
        rules.FEW_BITS,
        (Shell("ssdh patch net.prototxt --bits 1"),),
        Runs(command="caffe train --solver=solver_ssdh.prototxt"),
        (Shell("ssdh patch net.prototxt --bits 8 --force"),),
        "ssdh check solver_ssdh.prototxt --weights colors.caffemodel",
    ),
    Example(
        rules.BITS_START_EQUAL,
        (Shell("ssdh patch net.prototxt --bits 8"),),
        Runs(command="caffe train --solver=solver_ssdh.prototxt"),
        (Shell("ssdh patch net.prototxt --bits 8 --bias 0 --force"),),
        "ssdh check solver_ssdh.prototxt --weights colors.caffemodel",
    ),
    Example(
        rules.SATURATED_BITS,
        (Shell("ssdh patch net.prototxt --bits 8 --filler gaussian:100"),),
        Runs(command="caffe train --solver=solver_ssdh.prototxt"),
        (Shell("ssdh patch net.prototxt --bits 8 --filler gaussian:0.005 --force"),),
        "ssdh check solver_ssdh.prototxt --weights colors.caffemodel",
    ),
    Example(
        rules.UNTRAINED_TEST_LAYER,
        (Shell("""sed 's/name: "fc"/name: "scores"/' net.prototxt > test.prototxt"""), _TWO_NETS),
        Runs(),
        (Shell("cp net.prototxt test.prototxt"),),
    ),
    Example(
        rules.TEST_SHAPES,
        (Shell("sed 's/num_output: 8/num_output: 6/' net.prototxt > test.prototxt"), _TWO_NETS),
        Stops("Cannot share param 0 weights from layer 'conv1'; shape mismatch."),
        (Shell("cp net.prototxt test.prototxt"),),
    ),
    Example(
        rules.TWICE_NORMALIZED,
        (
            Replace(
                _NET,
                'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc"',
                'layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }\n'
                'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "prob"',
            ),
        ),
        Runs(),
        (
            Replace(
                _NET,
                'type: "SoftmaxWithLoss" bottom: "prob"',
                'type: "SoftmaxWithLoss" bottom: "fc"',
            ),
        ),
    ),
    Example(
        rules.FOREIGN_SOLVER_VALUE,
        (_set('lr_policy: "step"', 'lr_policy: "plateau"'),),
        Stops("Unknown learning rate policy: plateau"),
        (_set('lr_policy: "plateau"', 'lr_policy: "step"'),),
    ),
    Example(
        rules.ZERO_RATE,
        (_set("base_lr: 0.1", "base_lr: 0"),),
        Runs("Iteration 30, lr = 0"),
        (_set("base_lr: 0", "base_lr: 0.1"),),
    ),
    Example(
        rules.WRONG_RATE,
        (_set("base_lr: 0.1", "base_lr: -0.1"),),
        Runs("Iteration 0, lr = -0.1"),
        (_set("base_lr: -0.1", "base_lr: 0.1"),),
    ),
    Example(
        rules.HIGH_MOMENTUM,
        (_set("momentum: 0.9", "momentum: 9"),),
        Runs("nan"),
        (_set("momentum: 9", "momentum: 0.9"),),
    ),
    Example(
        rules.WEIGHT_DECAY,
        (Append(_SOLVER, "weight_decay: 5\n"),),
        Runs(),
        (_set("weight_decay: 5", "weight_decay: 0.0005"),),
    ),
    Example(
        rules.ZERO_CLIP,
        (Append(_SOLVER, "clip_gradients: 0\n"),),
        Runs(),
        (_set("clip_gradients: 0", "clip_gradients: 10"),),
    ),
    Example(
        rules.ZERO_DELTA,
        (
            Edits(
                (
                    _set("momentum: 0.9\n", ""),
                    Append(_SOLVER, 'type: "AdaGrad"\ndelta: 0\n'),
                )
            ),
        ),
        Runs("nan"),
        (_set("delta: 0", "delta: 1e-8"),),
    ),
    Example(
        rules.STEPVALUE_ORDER,
        (
            _set(
                '"step"\ngamma: 0.1\nstepsize: 30\n',
                '"multistep"\ngamma: 0.1\nstepvalue: 30\nstepvalue: 20\n',
            ),
        ),
        Runs("MultiStep Status: Iteration 31, step = 2"),
        (_set("stepvalue: 30\nstepvalue: 20", "stepvalue: 20\nstepvalue: 30"),),
    ),
    Example(
        rules.RISING_RATE,
        (_set("gamma: 0.1", "gamma: 10"),),
        Runs("Iteration 30, lr = 1"),
        (_set("gamma: 10", "gamma: 0.1"),),
    ),
    Example(
        rules.SILENT_RUN,
        (_set("display: 10\n", ""),),
        Runs(),
        (Append(_SOLVER, "display: 10\n"),),
    ),
    Example(
        rules.EMPTY_TEST,
        (_set("test_iter: 2", "test_iter: 0"),),
        Runs(),
        (_set("test_iter: 0", "test_iter: 2"),),
    ),
    Example(
        rules.NEW_LAYER_RATES,
        (Shell("ssdh patch net.prototxt --bits 8"),),
        Runs(
            command="caffe train --solver=solver_ssdh.prototxt --weights=colors.caffemodel",
        ),
        (),
        "ssdh check solver_ssdh.prototxt --weights colors.caffemodel",
        "ssdh check solver.prototxt --weights colors.caffemodel",
    ),
    Example(
        rules.SLOW_NEW_LAYER,
        (
            _set("base_lr: 0.1", "base_lr: 0.001"),
            Replace(_NET, _FC, f"{_WIDE}}}\nlayer {{\n  {_ABOVE_WIDE}"),
        ),
        Runs(command="caffe train --solver=solver.prototxt --weights=colors.caffemodel"),
        (_set("base_lr: 0.001", "base_lr: 0.01"),),
        f"{CHECK} --weights colors.caffemodel",
    ),
)
