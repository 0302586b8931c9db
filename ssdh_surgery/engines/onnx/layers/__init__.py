"""What layers are in ONNX: a function for each type, from its message to the names of its tops."""
