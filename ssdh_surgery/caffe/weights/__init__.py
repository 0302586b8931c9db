"""Weights and solver states: their files, numpy arrays, and what a net copies from them."""
