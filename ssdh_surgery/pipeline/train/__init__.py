"""The second story: check, choose an engine, run it, and say how to resume."""
