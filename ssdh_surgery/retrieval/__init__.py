"""Codes, their health, search and measures: what comes after a net; it knows no engine."""
