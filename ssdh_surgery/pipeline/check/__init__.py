"""Everything that can be known before the first iteration: `check.py` asks one file per family.

SSDH1xx data    SSDH2xx net    SSDH3xx solver    SSDH4xx weights and snapshots
"""
