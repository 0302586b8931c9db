"""The user's own Caffe: its executable, its tools, pycaffe, and why a run failed."""
