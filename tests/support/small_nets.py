"""Texts of small nets, and what opens and fills them."""

import numpy as np

from ssdh_surgery.engines.open_net import open_net


def input_layer(name, *shape):
    dims = " ".join(f"dim: {size}" for size in shape)
    return (
        f'layer {{ name: "{name}" type: "Input" top: "{name}" '
        f"input_param {{ shape {{ {dims} }} }} }}\n"
    )


def product(name, bottom, outputs=2, settings=""):
    """An InnerProduct layer without bias whose top has its name."""
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" '
        f"{settings} inner_product_param {{ num_output: {outputs} bias_term: false "
        'weight_filler { type: "gaussian" } } }\n'
    )


LOSS = 'layer { name: "loss" type: "EuclideanLoss" bottom: "b" bottom: "like" top: "loss" }\n'
# x [3, 4] -> a [3, 2] -> b [3, 2], and an input like b.
CHAIN = input_layer("x", 3, 4) + product("a", "x") + product("b", "a") + input_layer("like", 3, 2)


def opened(text, folder, phase="TRAIN", **settings):
    """A net of the embedded engine from its text."""
    path = folder / "net.prototxt"
    path.write_text(text)
    return open_net(path, phase=phase, engine="torch", **settings)


def filled(net, seed=0):
    """The net with random inputs."""
    random = np.random.default_rng(seed)
    for name in net.inputs:
        net.blobs[name].data[...] = random.uniform(-1, 1, net.blobs[name].shape)
    return net
