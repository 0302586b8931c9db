"""The hash layer: its recipe, its classifier, the heads of the net, the objective."""
