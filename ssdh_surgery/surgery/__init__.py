"""The verbs: from a view and arguments to a proven change of the text."""
