"""The commands as Python functions: typed values in and out; nothing is printed."""
