"""The first story: a train net, its test nets and its solver get a hash layer."""
