"""Networks generated from compact tables."""
