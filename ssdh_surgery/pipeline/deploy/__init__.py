"""The last story: the deploy net gets the hash layer that was trained."""
