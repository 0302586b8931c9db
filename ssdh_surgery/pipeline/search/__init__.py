"""Indexes of codes: built, changed and searched."""
