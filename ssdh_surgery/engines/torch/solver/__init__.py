"""The solver of the embedded engine: what Caffe calls a solver, one part per file."""
