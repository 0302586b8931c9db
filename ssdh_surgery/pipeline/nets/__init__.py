"""Questions about nets that several commands ask: heads, shapes, states, trained files."""
