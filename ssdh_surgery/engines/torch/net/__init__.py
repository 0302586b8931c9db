"""Nets on PyTorch: the plan of steps, its graph, params and weights."""
