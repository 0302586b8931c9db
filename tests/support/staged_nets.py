"""Nets with stages and levels, each with a solver that selects them; all classify by `cls`."""

from __future__ import annotations

DATA = """\
layer { name: "NAME" type: "DummyData" top: "data" top: "label" RULES
  dummy_data_param {
    shape { dim: 4 dim: 3 dim: 8 dim: 8 } shape { dim: 4 }
    data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
"""
SOLVER = """\
base_lr: 0.01 lr_policy: "fixed" max_iter: 4 snapshot: 4 snapshot_prefix: "snap" solver_mode: CPU
"""
NET = 'net: "net.prototxt"\n'


def data(name: str, rules: str = "") -> str:
    return DATA.replace("NAME", name).replace("RULES", rules)


def product(name: str, bottom: str, outputs: int, rules: str = "") -> str:
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" {rules}\n'
        f'  inner_product_param {{ num_output: {outputs} weight_filler {{ type: "xavier" }} }} }}\n'
    )


def judge(name: str, kind: str, bottom: str, rules: str = "") -> str:
    label = "" if kind == "Softmax" else 'bottom: "label"'
    return (
        f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" {label} top: "{name}" '
        f"{rules} }}\n"
    )


def tests(*states: str) -> str:
    """The fields of a solver that tests once in each state."""
    listed = "".join(f"test_iter: 1 test_state {{ {state} }}\n" for state in states)
    return f"test_interval: 2 {listed}"


TRUNK = product("feat", "data", 12)
HEAD = product("cls", "feat", 5)
LOSS = judge("loss", "SoftmaxWithLoss", "cls")
# As NVIDIA DIGITS keeps a net: for training, validation and use in one file.
ALL_IN_ONE = (
    data("train-data", 'include { stage: "train" }')
    + data("val-data", 'include { stage: "val" }')
    + TRUNK
    + HEAD
    + judge("loss", "SoftmaxWithLoss", "cls", 'exclude { stage: "deploy" }')
    + judge("acc", "Accuracy", "cls", 'include { stage: "val" }')
    + judge("prob", "Softmax", "cls", 'include { stage: "deploy" }')
)
_DEEP = 'include { stage: "deep" }'
# A net whose classifier and loss are in a stage.
DEEPER = (
    data("data", "include { phase: TRAIN }")
    + product("embed", "data", 16)
    + product("feat", "embed", 12, _DEEP)
    + product("cls", "feat", 5, _DEEP)
    + judge("loss", "SoftmaxWithLoss", "cls", _DEEP)
)
_TRAIN_VAL = 'train_state { stage: "train" }\n' + tests('stage: "val"')

# The text of each net with that of its solver.
STAGED = {
    "stages": (ALL_IN_ONE, NET + _TRAIN_VAL),
    "a deeper stage": (DEEPER, NET + 'train_state { stage: "deep" }'),
    "not_stage": (
        data("train-data", 'include { not_stage: "val" }')
        + data("val-data", 'include { stage: "val" }')
        + TRUNK + HEAD + LOSS,
        NET + tests('stage: "val"'),
    ),
    "min_level": (
        data("data") + TRUNK
        + product("cls", "feat", 5, "include { min_level: 1 }")
        + judge("loss", "SoftmaxWithLoss", "cls", "include { min_level: 1 }"),
        NET + "train_state { level: 1 }",
    ),
    "max_level": (
        data("train-data", "include { max_level: 0 }")
        + data("val-data", "exclude { max_level: 0 }")
        + TRUNK + HEAD + LOSS,
        NET + tests("level: 1"),
    ),
    "several tests": (
        data("train-data", "include { phase: TRAIN }")
        + data("data-a", 'include { phase: TEST stage: "on-train" }')
        + data("data-b", 'include { phase: TEST stage: "on-test" }')
        + TRUNK + HEAD + LOSS
        + judge("acc", "Accuracy", "cls", "include { phase: TEST }"),
        NET + tests('stage: "on-train"', 'stage: "on-test"'),
    ),
    "two stages at once": (
        data("data") + product("feat", "data", 12, 'include { stage: "factored" }')
        + product("cls", "feat", 5, 'include { stage: "classify" }')
        + judge("loss", "SoftmaxWithLoss", "cls", 'include { stage: "classify" }'),
        NET + 'train_state { stage: "factored" stage: "classify" }',
    ),
    "train_net and test_net": (
        ALL_IN_ONE,
        'train_net: "net.prototxt" test_net: "net.prototxt"\n' + _TRAIN_VAL,
    ),
    "a state of the net": ('state { stage: "deep" }\n' + DEEPER, NET),
    "a phase of the net": (
        "state { phase: TEST }\n" + data("data", "include { phase: TEST }") + TRUNK + HEAD + LOSS,
        NET,
    ),
}  # fmt: skip
