"""Measures of retrieval: metrics, protocols, and what codes are compared with."""
