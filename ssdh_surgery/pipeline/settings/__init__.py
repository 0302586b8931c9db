"""Settings of a patch: their names, their values, and where each comes from."""
