"""Ways to find the nearest codes, behind one small protocol; one module each."""
