"""The hash layer and all that goes with it: recipe, classifier, heads, objective."""
