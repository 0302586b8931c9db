"""Programs that run a net: the only room that imports caffe, torch or onnxruntime."""
