"""Optimisations of a net for `GraphNet.run`: passes over its plan, one per file.

A pass may replace steps by others that write the same blobs, or change the memory layout of
params. Results that a user can see change by no more than the order of additions does. Layer by
layer (`forward_steps`), a net still runs as planned.
"""
