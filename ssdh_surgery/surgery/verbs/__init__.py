"""Verbs on any net: fields, layers, blobs, learning rates, data layers, inputs."""
