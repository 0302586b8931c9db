"""Editing the nets of a user: a draft, what is done to it, and the file that results."""
