"""What is known of a net without changing it."""
