"""Completion in shells: `shells` is called by them, `values` knows what completes which option."""
