"""What people look at: nets drawn."""
