"""Writes that survive a kill: locks, hidden temporary names, renames and their journal.

`staged_file` is the first file to read: one file, written under a hidden name and renamed.
"""
