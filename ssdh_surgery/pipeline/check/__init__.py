"""Everything that can be known before the first iteration; `check.py` asks all families.

`data/` has SSDH1xx, `net/` SSDH2xx, `solver/` SSDH3xx, `weights/` SSDH4xx and `run/` SSDH5xx: a
file per kind of finding, each with `findings(subject)`.
"""
