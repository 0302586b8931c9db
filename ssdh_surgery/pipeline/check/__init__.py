"""What can be known before the first iteration: a file per family of findings."""
