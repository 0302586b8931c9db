"""An example of each finding: what causes it, what Caffe does with it, and what mends it."""
