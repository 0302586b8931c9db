"""Which steps of a net run backward, and to which bottoms: the rules of `caffe.net.gradient_flow`.

With `force_backward` every step runs, to all bottoms that can take a gradient.
"""

from __future__ import annotations

from collections.abc import Sequence

from ssdh_surgery.caffe.net import gradient_flow
from ssdh_surgery.caffe.net.gradient_flow import FlowStep
from ssdh_surgery.engines.torch.net.params import lr_mult
from ssdh_surgery.engines.torch.net.plan import LayerStep


def set_gradient_flow(steps: Sequence[LayerStep], blobs: int, force: bool) -> None:
    """Set `needs_backward` and `propagate_down` of every step and of its layer's params."""
    flow = [_flow_step(step) for step in steps]
    gradient_flow.set_gradient_flow(flow, blobs)
    for step, result in zip(steps, flow, strict=True):
        step.needs_backward = result.needs_backward
        step.propagate_down = result.propagate_down
        step.layer.param_propagate_down = list(result.learns)
    if force:
        for step in steps:
            step.needs_backward = True
            step.propagate_down = [
                needed or step.layer.takes_gradient(index)
                for index, needed in enumerate(step.propagate_down)
            ]
            step.layer.param_propagate_down = [True] * len(step.layer.params)


def _flow_step(step: LayerStep) -> FlowStep:
    layer = step.layer
    learns = [lr_mult(layer, index) != 0 for index in range(len(layer.params))]
    explicit = list(layer.param.propagate_down)
    return FlowStep(step.bottoms, step.tops, step.loss_weights, learns, explicit)
