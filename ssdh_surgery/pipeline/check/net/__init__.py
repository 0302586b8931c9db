"""SSDH2xx: what Caffe would refuse to build, and what a net cannot learn."""
