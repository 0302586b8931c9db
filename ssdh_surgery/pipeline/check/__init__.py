"""What can be known before the first iteration: a file per family of findings.

SSDH1xx data    SSDH2xx net    SSDH3xx solver    SSDH4xx weights
"""
