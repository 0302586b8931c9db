"""The story of `ssdh train`: check, choose an engine, run it, resume it."""
