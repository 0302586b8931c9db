"""The second story: check, launch the engine, follow it, and say how to go on."""
