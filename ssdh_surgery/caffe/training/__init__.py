"""What the values of a solver mean: the learning rate, the types of solvers, what Caffe refuses.

`refusals` is the first file to read.
"""
