"""The runs of a workspace, or of the current directory."""
