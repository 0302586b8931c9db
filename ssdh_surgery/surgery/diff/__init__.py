"""The semantic difference of two nets or two solvers."""
