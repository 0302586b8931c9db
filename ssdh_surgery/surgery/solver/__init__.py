"""Solvers: retargeted to a net with a hash layer, or written for a net that had none."""
