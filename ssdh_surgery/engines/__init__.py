"""Engines run nets: the user's own Caffe, the embedded engine on PyTorch, and ONNX Runtime."""
