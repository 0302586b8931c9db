"""Caffe's layers in ONNX: a function per type, from a layer to the names of its tops."""
