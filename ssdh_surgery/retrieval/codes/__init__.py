"""Codes: the arrays, the files that hold them, how they were made, and their health."""
