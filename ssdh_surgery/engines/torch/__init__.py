"""The embedded engine: Caffe's nets on PyTorch, with Caffe's own numbers and files."""

import os

# Threads that wait for each other give their core away: where another program runs, small
# layers are hundreds of times faster. OpenMP reads this when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
