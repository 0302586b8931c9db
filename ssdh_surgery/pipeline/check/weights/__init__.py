"""SSDH4xx: weights and snapshots: what they hold, and what of it is copied."""
