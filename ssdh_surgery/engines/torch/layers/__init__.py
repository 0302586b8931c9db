"""Caffe's layers in PyTorch, one file per family; `net/registry.py` maps types to classes."""
