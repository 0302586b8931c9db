"""The shapes of blobs and params of a net in one phase, and the cost of its layers, without a run.

The rules follow each layer's LayerSetUp and Reshape in BVLC Caffe 1.0, with one file per family.
Unknown shapes (a fork's layer, missing data) are None, and so is every shape computed from them:
nothing is guessed.
"""

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.caffe.shapes.net_shapes import LayerShapes, NetShapes
from ssdh_surgery.caffe.shapes.walk import shapes

__all__ = ["LayerShapes", "NetShapes", "Shape", "shapes"]
