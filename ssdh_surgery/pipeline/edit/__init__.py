"""Editing nets and solvers: a draft, the verbs of the method on it, and the resulting file."""
