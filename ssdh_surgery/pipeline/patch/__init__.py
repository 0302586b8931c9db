"""The story of `ssdh patch`: a train net, its test nets and its solver get a hash layer."""
