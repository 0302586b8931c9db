"""Drawings of nets, contact sheets of images, and HTML pages."""
