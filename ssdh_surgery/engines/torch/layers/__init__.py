"""Caffe's layers in PyTorch, one file per family; `registry.py` says which class is which type."""
