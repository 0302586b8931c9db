"""SSDH3xx: what Caffe would refuse of a solver, and rates that teach nothing."""
