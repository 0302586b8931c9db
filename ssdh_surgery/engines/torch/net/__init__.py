"""Nets on PyTorch: the plan of steps, the gradient's flow, params and weights."""
