"""Commands: one module each, which parses options, calls the pipeline, and prints."""
