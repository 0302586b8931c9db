"""Weights and solver states: the files, numpy, and what a net copies of them."""
