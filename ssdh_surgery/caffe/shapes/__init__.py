"""Blob and param shapes of a net in one phase, and what its layers cost, without running it.

The rules are those of each layer's LayerSetUp and Reshape in BVLC Caffe 1.0; a file per
family. What is not known (a fork's layer, data that is not at hand) is None, and so is
everything above it: nothing is guessed.
"""

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.caffe.shapes.net_shapes import LayerShapes, NetShapes
from ssdh_surgery.caffe.shapes.walk import shapes

__all__ = ["LayerShapes", "NetShapes", "Shape", "shapes"]
