"""Read-only views of nets and solvers: layers, blobs, phases, heads."""
