"""Runs of the embedded engine: the trainer, its session, devices, processes and log."""
