"""Indexes of codes: built, changed, described and searched."""
