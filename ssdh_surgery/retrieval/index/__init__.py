"""Indexes: searchable codes, in a file or in a table of PostgreSQL."""
