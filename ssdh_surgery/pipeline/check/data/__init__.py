"""SSDH1xx: what nets read: databases, lists, HDF5 files, means, labels and the range of pixels."""
