"""Solvers: fitted to a net that has a hash layer, or written for one that had none."""
