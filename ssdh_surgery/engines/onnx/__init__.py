"""Nets as ONNX models, built straight from the text and its weights, and ONNX Runtime to run them.

The numbers are BVLC Caffe's, in phase TEST. `registry.py` says which layer types there are;
`layers/` has a file for each family; `model.py` builds; `net.py` runs with pycaffe's manners.
"""
