"""The embedded engine's solver (in Caffe's sense), one part per file."""
