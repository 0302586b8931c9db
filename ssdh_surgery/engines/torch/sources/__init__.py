"""The batch sources of data layers, one file per kind."""
