"""Judging codes: figures, their protocol, baselines, a classifier, and files of them."""
