"""Caffe's messages: the schema, the three dialects, and a syntax tree read as a message."""
