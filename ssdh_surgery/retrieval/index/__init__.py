"""Indexes: codes that can be searched, in a file or in a table of PostgreSQL."""
