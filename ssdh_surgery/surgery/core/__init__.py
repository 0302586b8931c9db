"""Changes and their proof: edits, promises, and the gate that compares them."""
