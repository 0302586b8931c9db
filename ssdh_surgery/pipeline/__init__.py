"""The stories: one file per thing that a user sets out to do."""
