"""Nets as ONNX models, built directly from the text and its weights, and run by ONNX Runtime.

Results are those of BVLC Caffe in phase TEST. `registry.py` lists the supported layer types,
`layers/` has one file per family, `model.py` builds the model, and `onnx_net.py` runs it with
pycaffe's interface.
"""
