"""Where a net's data layers get their batches from, one file per kind of source."""
