"""`debug_info`: mean absolute values of blobs, params and diffs, in Caffe's words.

Passes with debug output run layer by layer. Caffe's lines on params in the forward pass are
omitted: those on the update contain the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.net.graph_net import GraphNet, Pass
from ssdh_surgery.engines.torch.solver.solver_nets import Say


def debug_pass(net: GraphNet, say: Say) -> Pass:
    """Run a forward and a backward pass with debug output; gradients are accumulated."""
    last = len(net.steps) - 1
    loss = net.forward_steps(0, last)
    blobs = net.plan.blobs
    for step in net.steps:
        for number in step.tops:
            say(
                "net.cpp:593",
                f"    [Forward] Layer {step.layer.name}, top blob {blobs[number].name} data: "
                f"{_mean(blobs[number].tensor):g}",
            )
    net.backward_steps(last, 0)
    for step in reversed(net.steps):
        for number, needed in zip(step.bottoms, step.propagate_down, strict=True):
            if step.needs_backward and needed:
                say(
                    "net.cpp:619",
                    f"    [Backward] Layer {step.layer.name}, bottom blob {blobs[number].name} "
                    f"diff: {_mean(blobs[number].diff_tensor):g}",
                )
    _say_norms(net, say)
    outputs = {blobs[number].name: blobs[number].tensor for number in net.plan.outputs}
    return Pass(torch.tensor(loss), outputs)


def _say_norms(net: GraphNet, say: Say) -> None:
    tensors = [param.tensor for param in net.learnable_params]
    data = [tensor.detach() for tensor in tensors]
    diffs = [tensor.grad for tensor in tensors if tensor.grad is not None]
    ones, twos = ([_norm(group, order) for group in (data, diffs)] for order in (1, 2))
    say(
        "net.cpp:719",
        f"    [Backward] All net params (data, diff): L1 norm = ({ones[0]:g}, {ones[1]:g}); "
        f"L2 norm = ({twos[0]:g}, {twos[1]:g})",
    )


def say_update(net: GraphNet, say: Say) -> None:
    """Log the params before an update, and their gradients."""
    for param in net.learnable_params:
        name = param.name or str(param.index)
        diff = 0.0 if param.tensor.grad is None else _mean(param.tensor.grad)
        say(
            "net.cpp:649",
            f"    [Update] Layer {param.layer}, param {name} data: {_mean(param.tensor):g}; "
            f"diff: {diff:g}",
        )


def _mean(tensor: Tensor) -> float:
    return float(tensor.detach().abs().mean()) if tensor.numel() else 0.0


def _norm(tensors: Iterable[Tensor], order: int) -> float:
    norms = [torch.linalg.vector_norm(tensor, order) for tensor in tensors]
    return float(torch.linalg.vector_norm(torch.stack(norms), order)) if norms else 0.0
