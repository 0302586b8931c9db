"""Changes and their proofs: edits, promises, and the gate that compares the two."""
