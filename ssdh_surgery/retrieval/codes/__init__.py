"""Codes: the arrays, the files that hold them, which of them can be compared, their health."""
