"""The meaning: read-only views of nets, solvers and weights."""
